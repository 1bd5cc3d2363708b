"""Holds what a user asks about images, what is known already, and what is to be found out next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.errors import Cancelled
from cnnvis_caffe.readings.drive import LEAST_IMAGES
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.explanation import METHODS, Explanation, GivenImage, Reaction
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.neuron_page import cut_patch
from cnnvis_caffe.scene.reaction import N_BEST, BestPatch, ExplainedRow
from cnnvis_caffe.scene.theme import LIGHT, Theme
from cnnvis_caffe.text.words import counted, figure, percent, probability
from cnnvis_caffe.viewer.model.image_worker import (
    ExplanationRequest,
    ImageRequest,
    Lights,
    LightsRequest,
    NetworkChoice,
    ReactionRequest,
    Square,
)
from cnnvis_caffe.viewer.model.listeners import Listeners

#: The quickest first, so that something is seen at once.
METHODS_SHOWN = ("activation", *METHODS)
LETTERS = ("A", "B")
#: Answers that are kept, for images and neurons that are looked at again.
_MOST_KEPT = 256
#: The square is so much of the image's smaller side, and changes by this factor.
SQUARE_PART, SQUARE_STEP = 4, 1.25

@dataclass(frozen=True)
class AnswerRow:
    """One answer of the network, as a bar.

    Attributes
    ----------
    name : str
    whole : float
        On the whole image, as a length in [0, 1]; of image A.
    now : float
        With the square where it is; NaN without a square.
    other : float
        On image B; NaN without one.
    text : str
        The number that counts now.
    """

    name: str
    whole: float
    now: float
    other: float
    text: str


class ImageQuestions:
    """What is asked about one image, or about two that are compared.

    Every change is told to `changed`; whoever listens asks `next_request` and hands the answer to `take` or `fail`.

    Attributes
    ----------
    changed : listeners of ()
    given : list of GivenImage or None
        Image A and image B.
    neuron : str
        Such as ``conv2:17``; empty for the most probable class.
    square : tuple of int or None
        In pixels of the network's input; hides a part of image A.
    fill : str
        What the square shows.
    lit_by : {"A", "B", "difference"}
    problem : str
        What is wrong, in one sentence; empty for nothing.
    """

    def __init__(self) -> None:
        self.changed = Listeners()
        self.given: list[GivenImage | None] = [None, None]
        self.network: NetworkChoice | None = None
        self.neuron, self.problem = "", ""
        self.square: Square | None = None
        self.square_size, self.fill = 0, "grey"
        self.lit_by = "A"
        self._seen: tuple[View, Aggregation, tuple[float, float]] | None = None
        self._kept: OrderedDict[Hashable, Reaction | Explanation] = OrderedDict()
        self._failed: dict[Hashable, str] = {}
        self._lights: tuple[Hashable, Lights] | None = None
        self._last_hidden: Reaction | None = None

    # -- what is asked

    def choose_network(self, network: NetworkChoice | None) -> None:
        """Put the images into another network, or into other weights of it."""
        self.network = network
        self._kept.clear()
        self._failed.clear()
        self._lights = self._last_hidden = None
        self._changed()

    def look_at(self, given: GivenImage | None, place: int = 0) -> None:
        """Choose image A (0) or B (1); None takes B away."""
        self.given[place] = given
        self._failed.clear()
        if place == 0:
            self.square = self._last_hidden = None
        self.lit_by = "A" if self.given[1] is None else "difference"
        self._changed()

    def choose_neuron(self, neuron: str) -> None:
        """Explain a neuron; empty for the most probable class."""
        self.neuron = neuron
        self._changed()

    def light_by(self, which: str) -> None:
        """Light the picture by image A or B, or by what differs."""
        self.lit_by = which
        self._changed()

    def show_in(self, view: View, aggregation: Aggregation, size: tuple[float, float]) -> None:
        """Say which picture is to be lit, and the room for it."""
        if self._seen is None or self._seen[1] is not aggregation or (view, size) != (self._seen[0], self._seen[2]):
            self._seen = view, aggregation, size
            self._changed()

    def hide_at(self, y: float, x: float) -> None:
        """Put the middle of the square at a place of image A, in pixels; it is cut off at the edges."""
        reaction = self.reaction(0)
        if reaction is None:
            return
        height, width = reaction.image.pixels.shape[:2]
        size = self.square_size or max(min(height, width) // SQUARE_PART, 1)
        y0, x0 = round(y - size / 2), round(x - size / 2)
        inside = max(y0, 0), max(x0, 0), min(y0 + size, height), min(x0 + size, width)
        self._set_square(inside if inside[0] < inside[2] and inside[1] < inside[3] else None)

    def move_square(self, down: int, right: int) -> None:
        """Move the square by some pixels; it begins in the middle."""
        reaction = self.reaction(0)
        if reaction is None:
            return
        height, width = reaction.image.pixels.shape[:2]
        if self.square is None:
            self.hide_at(height / 2, width / 2)
            return
        y0, x0, y1, x1 = self.square
        y, x = (y0 + y1) / 2 + down, (x0 + x1) / 2 + right
        self.hide_at(min(max(y, 0.0), float(height)), min(max(x, 0.0), float(width)))

    def resize_square(self, steps: float) -> None:
        """Make the square larger or smaller, where it is."""
        reaction = self.reaction(0)
        if reaction is None:
            return
        height, width = reaction.image.pixels.shape[:2]
        size = self.square_size or max(min(height, width) // SQUARE_PART, 1)
        changed = round(size * SQUARE_STEP**steps)
        if changed == size:
            changed += 1 if steps > 0 else -1
        self.square_size = min(max(changed, 1), min(height, width))
        if self.square is not None:
            y0, x0, y1, x1 = self.square
            self.hide_at((y0 + y1) / 2, (x0 + x1) / 2)

    def fill_with(self, fill: str) -> None:
        """Choose what the square shows."""
        self.fill = fill
        self._changed()

    def show_whole(self) -> None:
        """Take the square away."""
        self._set_square(None)

    def _set_square(self, square: Square | None) -> None:
        if square != self.square:
            self.square = square
            self._last_hidden = self._last_hidden if square is not None else None
            self._changed()

    def _changed(self) -> None:
        self.problem = next((self._failed[key] for key, _ in self._wanted() if key in self._failed), "")
        self.changed.emit()

    # -- what is to be found out

    def next_request(self) -> ImageRequest | None:
        """Return what is to be found out next; None where everything is known, or cannot be."""
        for key, request in self._wanted():
            if not self._is_known(key) and key not in self._failed:
                return request
        return None

    def is_wanted(self, request: ImageRequest) -> bool:
        """Return whether the answer to a request is still of use."""
        key = _key_of(request)
        return any(key == other for other, _ in self._wanted())

    @staticmethod
    def is_long(request: ImageRequest) -> bool:
        """Return whether a request is stopped when something else is wanted; others are over in a moment."""
        return isinstance(request, ExplanationRequest)

    def take(self, request: ImageRequest, answer: Reaction | Explanation | Lights) -> None:
        """Take an answer, also one that came late."""
        if request.network is not self.network:
            return
        if isinstance(answer, Lights):
            self._lights = _key_of(request), answer
        else:
            self._kept[_key_of(request)] = answer
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        if isinstance(request, ReactionRequest) and isinstance(answer, Reaction) and request.square is not None:
            self._last_hidden = answer if request.given is self.given[0] and self.square is not None else None
        self._changed()

    def fail(self, request: ImageRequest, error: BaseException) -> None:
        """Take an error; what was cancelled is asked again when it is wanted again."""
        if request.network is self.network and not isinstance(error, Cancelled):
            self._failed[_key_of(request)] = str(error)
            self._changed()

    def _is_known(self, key: Hashable) -> bool:
        return key in self._kept or (self._lights is not None and self._lights[0] == key)

    def _wanted(self) -> Iterator[tuple[Hashable, ImageRequest]]:
        """Everything that the page shows, the most urgent first."""
        network = self.network
        for place, given in enumerate(self.given):
            if network is None or given is None:
                continue
            yield _with_key(ReactionRequest(network, given))
            if place == 0 and self.square is not None:
                yield _with_key(ReactionRequest(network, given, self.square, self.fill))
        lit = self._lit()
        if network is not None and self._seen is not None and lit is not None:
            yield _with_key(LightsRequest(network, *self._seen, *lit))
        for place, given in enumerate(self.given):
            reaction = self.reaction(place)
            if network is None or given is None or reaction is None or not self.explains:
                continue
            for method in METHODS_SHOWN:
                yield _with_key(ExplanationRequest(network, given, reaction, self.neuron, method))

    def _lit(self) -> tuple[Reaction, Reaction | None] | None:
        """Reactions that light the picture; None before the first is there."""
        first, second = self.hidden_reaction or self.reaction(0), self.reaction(1)
        if self.lit_by == "B" and second is not None:
            return second, None
        if first is None or (self.lit_by == "difference" and second is None):
            return None
        return first, second if self.lit_by == "difference" else None

    # -- what is known

    def reaction(self, place: int) -> Reaction | None:
        """Return what the network does with image A (0) or B (1) as a whole; None before that is known."""
        given = self.given[place]
        if given is None or self.network is None:
            return None
        found = self._kept.get(_key_of(ReactionRequest(self.network, given)))
        return found if isinstance(found, Reaction) else None

    @property
    def hidden_reaction(self) -> Reaction | None:
        """Return what it does with the part of image A hidden; where that is on its way, the one before."""
        given = self.given[0]
        if given is None or self.network is None or self.square is None:
            return None
        found = self._kept.get(_key_of(ReactionRequest(self.network, given, self.square, self.fill)))
        return found if isinstance(found, Reaction) else self._last_hidden

    @property
    def explains(self) -> bool:
        """Return whether there is something to explain: a neuron, or a class."""
        reaction = self.reaction(0)
        return bool(self.neuron) or (reaction is not None and reaction.kind in ("classes", "labels", "numbers"))

    @property
    def lights(self) -> Lights | None:
        """Return the picture that was lit last."""
        return self._lights[1] if self._lights is not None else None

    def answer_rows(self, most: int) -> list[AnswerRow]:
        """Return the largest answers of image A, as many as have room.

        Parameters
        ----------
        most : int
        """
        whole = self.reaction(0)
        if whole is None or not len(whole.answers):
            return []
        now, other = self.hidden_reaction, self.reaction(1)
        counts = [one.answers for one in (whole, now, other) if one is not None]
        # What is large in any of them is shown; the order is that of the whole image, so that rows stay where they are.
        by_size = np.argsort(-np.max(counts, 0), kind="stable")[:most]
        order = by_size[np.argsort(-whole.answers[by_size], kind="stable")]
        scale = 1.0 if whole.kind != "numbers" else float(np.abs(counts).max()) or 1.0
        rows = []
        for number in order.tolist():
            values = [float("nan") if one is None else float(one.answers[number]) for one in (whole, now, other)]
            name = whole.names[number].split(",")[0].strip() if number < len(whole.names) else str(number)
            shown = values[1] if now is not None else values[0]
            text = figure(shown) if whole.kind == "numbers" else probability(shown)
            lengths = [value if np.isnan(value) else min(abs(value) / scale, 1.0) for value in values]
            rows.append(AnswerRow(name or str(number), lengths[0], lengths[1], lengths[2], text))
        return rows

    def explained_rows(self) -> list[ExplainedRow]:
        """Return what is known of each image by each method."""
        rows = []
        for place, given in enumerate(self.given):
            reaction = self.reaction(place)
            if self.network is None or given is None or reaction is None or not self.explains:
                continue
            keys = [
                _key_of(ExplanationRequest(self.network, given, reaction, self.neuron, method))
                for method in METHODS_SHOWN
            ]
            found = [self._kept.get(key) for key in keys]
            known = tuple(one if isinstance(one, Explanation) else None for one in found)
            rows.append(ExplainedRow(reaction.image, LETTERS[place] if self.given[1] is not None else "", known))
        return rows

    def best_patches(self, theme: Theme = LIGHT) -> list[BestPatch]:
        """Return the patches of the analysis that the explained neuron responds to most.

        Parameters
        ----------
        theme : Theme, optional
            For what lies outside of the images.
        """
        node, _, number = self._explained_neuron().rpartition(":")
        if self.network is None or not node or node not in self.network.snapshot.features:
            return []
        features, images = self.network.snapshot.features[node], self.network.analysis.images
        found = []
        neuron = int(number)
        for image, box, response in zip(
            features.top_image[neuron][:N_BEST].tolist(), features.top_box[neuron], features.top_response[neuron]
        ):
            if image in images:
                found.append(BestPatch(cut_patch(np.asarray(images[image]), box, theme), float(response)))
        return found

    def _explained_neuron(self) -> str:
        """The neuron; of a class the one that scores it."""
        reaction = self.reaction(0)
        if self.neuron or self.network is None or reaction is None or not len(reaction.answers):
            return self.neuron
        score = self.network.analysis.data.score_name
        return f"{score}:{int(reaction.answers.argmax())}" if score else ""

    # -- words

    @property
    def title(self) -> str:
        """Return what is explained."""
        if self.neuron:
            node, _, number = self.neuron.rpartition(":")
            return f"{node} · neuron {number}"
        reaction = self.reaction(0)
        if reaction is None or not len(reaction.answers):
            return "Click a neuron to see what it makes of the image"
        best = int(reaction.answers.argmax())
        name = reaction.names[best].split(",")[0].strip() if best < len(reaction.names) else ""
        return f"class {best} ({name})" if name and name != str(best) else f"class {best}"

    @property
    def line(self) -> str:
        """Return how strongly the images drive it."""
        parts = []
        for place, letter in enumerate(LETTERS):
            said = self._drive_of(place)
            if said:
                parts.append(f"{letter}: {said}" if self.given[1] is not None else said)
        if not self.neuron and parts:
            parts.append("the most probable one; click a neuron for another")
        return " · ".join(parts)

    def _drive_of(self, place: int) -> str:
        """The activation on an image, by the strongest that the analysis saw."""
        reaction, network = self.reaction(place), self.network
        node, _, number = self._explained_neuron().rpartition(":")
        if reaction is None or network is None or node not in reaction.peaks:
            return ""
        peak = float(reaction.peaks[node][int(number)])
        features = network.snapshot.features.get(node)
        most = float(features.overall_maximum[int(number)]) if features is not None else 0.0
        said = f"activation {figure(peak)}"
        if most > 0 and network.analysis.data.n_images >= LEAST_IMAGES:
            return f"{said}, {percent(max(peak, 0.0) / most)} of the largest on {self.yardstick}"
        return said

    @property
    def square_words(self) -> str:
        """Return which part is hidden, else how to hide one."""
        if self.square is None:
            return "Drag over the image to hide a part"
        y0, x0, y1, x1 = self.square
        return f"{y1 - y0}×{x1 - x0} px hidden"

    @property
    def preparation_words(self) -> str:
        """Return the size that image A has for the network, and what was done to it."""
        reaction = self.reaction(0)
        if reaction is None:
            return ""
        height, width = reaction.image.pixels.shape[:2]
        return f"{width}×{height} px, {reaction.preparation}"

    @property
    def lit_words(self) -> str:
        """Return what the brightness of the picture means."""
        if self.network is None or self.reaction(0) is None:
            return ""
        if self.network.analysis.data.n_images < LEAST_IMAGES:
            what = "largest in its layer"
        else:
            what = f"largest on {self.yardstick}"
        if self.lit_by == "difference":
            return f"Blue: A drives it more · orange: B drives it more · by the {what}"
        return f"Brightness: the neuron's activation by the {what}"

    @property
    def yardstick(self) -> str:
        """Return what activations are compared with."""
        if self.network is None:
            return ""
        return f"the {counted(self.network.analysis.data.n_images, 'image')} of the analysis"


def _with_key(request: ImageRequest) -> tuple[Hashable, ImageRequest]:
    return _key_of(request), request


def _key_of(request: ImageRequest) -> Hashable:
    """What makes a request the same as another one."""
    if isinstance(request, ReactionRequest):
        return "reaction", id(request.given), request.square, request.fill if request.square is not None else ""
    if isinstance(request, ExplanationRequest):
        return "explanation", id(request.given), request.neuron, request.method
    seen = request.view, id(request.aggregation), request.size
    return "lights", id(request.first), id(request.second), seen
