"""Answers what is asked about images: what a network does with them, why, and the picture that they light up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Union

import numpy as np

from cnnvis_caffe.drawing.pictures import ViewDrawer
from cnnvis_caffe.explanation.live import LiveNetwork, open_live, snapshot_file
from cnnvis_caffe.readings.drive import drives, flow, flow_shares
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.records.explanation import Explanation, GivenImage, Reaction
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.lit import light_up
from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.scene.theme import theme_named
from cnnvis_caffe.viewer.model.pictures import wished_size
from cnnvis_caffe.viewer.model.stoppable import Stoppable

#: Where a square lies: y0, x0, y1, x1 in pixels of the network's input, half open.
Square = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class NetworkChoice:
    """The network that images are put into.

    Attributes
    ----------
    analysis : Analysis
        That says which network, and how its images are prepared.
    snapshot : Snapshot
    places : tuple of str
        Folders or files where the model and its weights are now.
    may_run_code : bool
        Whether the user lets the code of Python layers run.
    """

    analysis: Analysis
    snapshot: Snapshot
    places: tuple[str, ...] = ()
    may_run_code: bool = False


@dataclass(frozen=True, eq=False)
class ReactionRequest:
    """Asks what the network does with an image, whole or with a square hidden."""

    network: NetworkChoice
    given: GivenImage
    square: Square | None = None
    fill: str = "grey"
    progress: Stoppable = field(default_factory=Stoppable)


@dataclass(frozen=True, eq=False)
class ExplanationRequest:
    """Asks why a neuron responds to an image, by one method; an empty neuron is the most probable class."""

    network: NetworkChoice
    given: GivenImage
    reaction: Reaction
    neuron: str
    method: str
    progress: Stoppable = field(default_factory=Stoppable)


@dataclass(frozen=True, eq=False)
class LightsRequest:
    """Asks for the network's picture as one image lights it, or as two images differ."""

    network: NetworkChoice
    view: View
    aggregation: Aggregation
    size: tuple[float, float]
    first: Reaction
    second: Reaction | None = None
    progress: Stoppable = field(default_factory=Stoppable)


ImageRequest = Union[ReactionRequest, ExplanationRequest, LightsRequest]


@dataclass(frozen=True, eq=False)
class Lights:
    """A picture of the network as images light it.

    Attributes
    ----------
    scene : Scene
    display : object
        As the window paints it; None where nobody does.
    drive : dict of str to ndarray of shape (n_neurons,), float32
        By node; of the first image, less that of the second where there are two.
    """

    scene: Scene
    display: Any
    drive: dict[str, np.ndarray]


class _GivenDrawer(ViewDrawer):
    """Draws views of which the aggregation is there already."""

    given: Aggregation | None = None

    def aggregate(self, view: View) -> Aggregation:
        """Return what is given."""
        return self.given if self.given is not None else super().aggregate(view)


class ImageWorker:
    """Answers one request after the other; one thread at a time.

    Parameters
    ----------
    prepare : callable, optional
        Makes of a scene what the window paints it from, so that this too happens beside the window.
    """

    def __init__(self, prepare: Callable[[Scene], Any] | None = None) -> None:
        self._prepare = prepare
        self._live: tuple[NetworkChoice, LiveNetwork] | None = None
        self._drawer: _GivenDrawer | None = None
        self._shares: dict[int, np.ndarray] = {}
        self._unlit: tuple[tuple, Scene, Callable[[str, str], np.ndarray]] | None = None

    def __call__(self, request: ImageRequest) -> Reaction | Explanation | Lights:
        """Answer."""
        if isinstance(request, LightsRequest):
            return self._light(request)
        live = self._network(request)
        if isinstance(request, ReactionRequest):
            return live.react(request.given, request.square, request.fill)
        return live.explain(request.reaction, request.given, request.neuron, request.method, request.progress)

    def _network(self, request: ReactionRequest | ExplanationRequest) -> LiveNetwork:
        """The network, opened when it is needed first, with the weights of the snapshot."""
        wanted = request.network
        if self._live is None or self._live[0].analysis is not wanted.analysis:
            live = open_live(
                wanted.analysis, wanted.snapshot, places=wanted.places, allow_python_layers=wanted.may_run_code,
                progress=request.progress,
            )  # fmt: skip
        else:
            live = self._live[1]
            if self._live[0].snapshot is not wanted.snapshot:
                live.use_weights(snapshot_file(wanted.analysis, wanted.snapshot, wanted.places))
        self._live = wanted, live
        return live

    def _light(self, request: LightsRequest) -> Lights:
        """The picture of the view's learned features, lit."""
        analysis, snapshot = request.network.analysis, request.network.snapshot
        drive = {name: np.clip(values, 0.0, None) for name, values in drives(analysis, snapshot, request.first).items()}
        if request.second is not None:
            other = drives(analysis, snapshot, request.second)
            drive = {name: values - other[name] for name, values in drive.items()}
        scene, relations = self._picture(request)
        theme = theme_named(request.view.theme)
        strengths = {name: np.abs(values) for name, values in drive.items()}

        def flowing(target: Target) -> float:
            if target.node not in strengths:
                return 0.0
            if id(target) not in self._shares:  # the target lives as long as the picture, whose shares these are
                relation = relations(target.node, target.other_node)
                found = flow_shares(target.members, target.other_members, target.sign, relation)
                self._shares[id(target)] = found
            return flow(strengths[target.node], target.members, self._shares[id(target)])

        # Channels of the image are no neurons.
        neurons = {name: values for name, values in drive.items() if name != analysis.data.input_name}
        lit = light_up(scene, theme, neurons, flowing, has_signs=request.second is not None)
        return Lights(lit, self._prepare(lit) if self._prepare is not None else None, drive)

    def _picture(self, request: LightsRequest) -> tuple[Scene, Callable[[str, str], np.ndarray]]:
        """The picture before it is lit, and what gives the strengths between its columns; the last one is kept."""
        analysis, view = request.network.analysis, replace(request.view, facet="features", facets=())
        key = (id(request.aggregation), view, request.size)
        if self._drawer is None or self._drawer.analysis is not analysis:
            self._drawer, self._unlit = _GivenDrawer(analysis), None
        if self._unlit is None or self._unlit[0] != key:
            self._drawer.given = request.aggregation
            size = wished_size(request.aggregation, request.size)
            drawn = self._drawer.draw(view, size=size, has_title=False, has_legend=False)
            self._shares = {}
            self._unlit = key, drawn.scene, self._drawer.relations(view, request.aggregation)
        return self._unlit[1:]

