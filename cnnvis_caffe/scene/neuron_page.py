"""The page of one neuron: what it responds to, to which classes, what it reads and what reads it, how it came about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.readings.by_class import (
    MEASURES,
    activation_by_class,
    active_share,
    measure_of,
    over_images,
    strongest_class,
    strongest_few,
)
from cnnvis_caffe.readings.connections import incoming, origin, outgoing
from cnnvis_caffe.readings.dead import dead_neurons
from cnnvis_caffe.records.analysis import Analysis, LayerFeatures, Node, Snapshot
from cnnvis_caffe.records.chart import Axis, Chart, Series
from cnnvis_caffe.scene.chart import chart_shapes
from cnnvis_caffe.scene.lettering import cap_height, shorten, text_width
from cnnvis_caffe.scene.page import PAGE, Page, cut_patch, fit
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Shape, Style, Target, straight
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import class_name, counted, figure, percent

#: Sizes of this page in scene units, beside those of all pages.
TILE = SimpleNamespace(
    side=104.0,  # of a patch and of its image
    n=9,
    caption=34.0,
    n_kin=8,
    n_classes=16,  # shown; the strongest of more
    range_height=64.0,
    history_height=176.0,
)


def build_neuron_page(
    analysis: Analysis,
    snapshot: Snapshot | str,
    node: str,
    neuron: int,
    *,
    theme: Theme = LIGHT,
    projections: Mapping[int, np.ndarray] | None = None,
) -> Scene:
    """Lay out the page of a neuron.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot or str
        Or its label; the last one if it is empty.
    node : str
        One with features.
    neuron : int
        From 0.
    theme : Theme, optional
    projections : mapping of int to ndarray of shape (H, W, 3), uint8, optional
        By image index: what of its strongest images a deconvnet gives back, as `analysis.deconvolution` makes them.

    Returns
    -------
    Scene
        With targets of the kinds "image", "neuron", "class" and "point".

    Raises
    ------
    CnnvisError
        If there is no such snapshot, node or neuron.
    """
    shown = snapshot if isinstance(snapshot, Snapshot) else analysis.snapshot(snapshot)
    page = _NeuronPage(analysis, shown, theme, node, neuron, projections or {})
    return page.scene(tuple(page.shapes()), f"{node}, neuron {neuron}", page.description(), page.notes())


@dataclass
class _NeuronPage(Page):
    """The page while it is laid out."""

    node: str
    neuron: int
    projections: Mapping[int, np.ndarray]

    prefix = "neuron"

    def __post_init__(self) -> None:
        self.features: LayerFeatures = self.snapshot.features_of(self.node)
        if not 0 <= self.neuron < self.features.n_neurons:
            raise CnnvisError(
                f"layer {self.node!r} has the neurons 0 to {self.features.n_neurons - 1}, not {self.neuron}"
            )
        self.layer: Node = self.analysis.node(self.node)

    def shapes(self) -> Iterator[Shape]:
        """Everything, from top to bottom."""
        yield from self.head()
        yield from self.facts()
        yield from self.responses()
        top = self.bottom + PAGE.section_gap
        third = (self.right - self.left - 2 * PAGE.section_gap) / 3
        yield from self.classes(self.left, top, third)
        bottom = self.bottom
        column = self.left + third + PAGE.section_gap
        reads = incoming(self.analysis, self.snapshot, self.node, self.neuron, TILE.n_kin)
        readers = outgoing(self.analysis, self.snapshot, self.node, self.neuron, TILE.n_kin)
        none, note = "Nothing: several layers are added, or none is there.", "mean signed weight"
        yield from self.neuron_bars("incoming", "Reads", note, reads, (column, top, third), none)
        bottom = max(bottom, self.bottom)
        none, right = "Nothing: no layer with weights reads it.", column + third + PAGE.section_gap
        yield from self.neuron_bars("outgoing", "Is read by", note, readers, (right, top, third), none)
        bottom = max(bottom, self.bottom)
        top = bottom + PAGE.section_gap
        yield from self.range(self.left, top, third)
        yield from self.history(column, top, self.right - column)
        if len(self.analysis.snapshots) > 1:
            self.bottom = top + PAGE.section_head + TILE.history_height

    def head(self) -> Iterator[Shape]:
        """Which neuron this is, and of what."""
        owner = self.analysis.node(self.layer.owner) if self.layer.owner else self.layer
        number = f"neuron {self.neuron}"
        line = [
            self.analysis.title,
            f"{owner.type} {owner.settings}".strip() + ("" if owner is self.layer else f" + {self.layer.type}"),
            counted(self.layer.n_neurons, "neuron"),
            self.field(),
            self.snapshot.label,
            f"{self.analysis.data.source}, {counted(self.analysis.data.n_images, 'image')}",
        ]
        yield from self.headline(self.node, number, line)
        if self.is_dead():
            y = SIZES.margin + cap_height(SIZES.title)
            at = self.left + text_width(self.node, SIZES.title, "bold") + text_width(number, SIZES.title) + 24
            text = "never fires on these data"
            width = text_width(text, SIZES.small, "bold") + 16
            height = SIZES.title + 2
            yield Rectangle(
                "neuron/dead", at, y - cap_height(SIZES.title) - 3, width, height,
                Style(stroke=self.theme.negative, stroke_width=1.0), SIZES.corner,
            )  # fmt: skip
            yield self.text("dead/text", at + 8, y - 1, text, weight="bold", colour=self.theme.negative)

    def field(self) -> str:
        """How much of the image the neuron sees."""
        height, width = self.layer.field_px
        if not height:
            return ""
        if self.is_whole():
            return "sees the whole image"
        return f"receptive field {height}×{width} px"

    def is_whole(self) -> bool:
        """Whether its patches are the whole image."""
        _, height, width = self.analysis.data.input_shape
        return not self.layer.positions or self.layer.field_px >= (height, width)

    def is_dead(self) -> bool:
        """Whether its rectifier never sees anything above 0."""
        dead = dead_neurons(self.analysis, self.snapshot, self.node)
        return dead is not None and bool(dead[self.neuron])

    def before(self) -> LayerFeatures | None:
        """Features of the rectifier's input."""
        if self.layer.role != "rectifier" or self.layer.sources[0] not in self.snapshot.features:
            return None
        found = self.snapshot.features[self.layer.sources[0]]
        return found if found.n_neurons == self.features.n_neurons else None

    def facts(self) -> Iterator[Shape]:
        """The figures that one asks for first."""
        features, n = self.features, self.neuron
        active = float(active_share(self.analysis, features)[n])
        measure, by_class = self.by_class()
        best = strongest_class(by_class)
        order = np.argsort(-features.overall_mean, kind="stable")
        rank = int(np.flatnonzero(order == n)[0]) + 1
        facts: list[tuple[str, str, Target | None]] = [
            ("mean activation", figure(float(features.overall_mean[n])), None),
            ("rank in the layer", f"{rank} of {features.n_neurons}", None),
            ("largest", figure(float(features.overall_maximum[n])), None),
            ("images with any activation", percent(active), None),
            (f"strongest by {measure}", class_name(self.analysis, best) if best >= 0 else "–", None),
        ]
        twin = self.twin()
        if twin is not None:
            facts.append(("most like", f"{twin[0]} ({figure(twin[1], 2)})", Target("neuron", self.node, (twin[0],))))
        yield from self.fact_row(facts)

    def twin(self) -> tuple[int, float] | None:
        """The neuron of the layer whose activations are most like its own, with the cosine similarity."""
        if self.node not in self.snapshot.similarity or self.features.n_neurons < 2:
            return None
        row = np.array(self.snapshot.similarity[self.node][self.neuron], np.float64)
        row[self.neuron] = -np.inf
        row[~np.isfinite(row)] = -np.inf
        best = int(row.argmax())
        return (best, float(row[best])) if np.isfinite(row[best]) and row[best] > 0 else None

    def responses(self) -> Iterator[Shape]:
        """Its strongest patches, and under each the image that it comes from with its box."""
        top = self.bottom + PAGE.section_gap
        whole = self.is_whole()
        note = "strongest response of each image" + ("" if whole else "; the box shows where in the image it lies")
        if self.projections:
            note += "; the grey pictures are deconvolutions: what of the image comes back from its activation"
        yield from self.section("responses", "What it responds to", self.left, top, self.right - self.left, note)
        y = top + PAGE.section_head
        images = [int(index) for index in self.features.top_image[self.neuron][: TILE.n]]
        strengths = self.features.top_response[self.neuron]
        # What a rectifier turned to zero is no response, even where there are too few others to fill the row.
        found = [n for n, index in enumerate(images) if index >= 0 and (strengths[n] != 0 or strengths[0] <= 0)]
        if not found:
            yield self.text(
                "responses/none", self.left, y + SIZES.text, "Nothing: it is constant over all images.", SIZES.text
            )
            self.bottom = y + PAGE.row
            return
        width = (self.right - self.left - (TILE.n - 1) * PAGE.gap) / TILE.n
        side = min(width, TILE.side)
        for number in found:
            yield from self.response(number, images[number], self.left + number * (width + PAGE.gap), y, side, whole)
        if len(found) < len(images):
            x = self.left + len(found) * (width + PAGE.gap)
            yield self.text("responses/end", x, y + SIZES.text, "Nothing else makes it respond.", SIZES.text)
        n_pictures = (1 if whole else 2) + bool(self.projections)
        self.bottom = y + n_pictures * (side + 8) - 8 + TILE.caption

    def response(self, number: int, index: int, x: float, y: float, side: float, whole: bool) -> Iterator[Shape]:
        """One patch with its image, class and strength."""
        name, theme = f"neuron/response/{number}", self.theme
        images = self.analysis.images
        image = images[index] if index in images else None  # noqa: SIM401, read when it is asked for
        box = self.features.top_box[self.neuron][number]
        target = Target("image", self.node, (index,), index=number)
        if image is None:
            yield Rectangle(f"{name}/missing", x, y, side, side, Style(fill=theme.line), SIZES.corner, target)
            yield self.text(f"response/{number}/missing", x + side / 2, y + side / 2, "not kept", anchor="middle")
        else:
            if not whole:
                patch = cut_patch(image, box, theme)
                height, width = fit(patch, side)
                yield Bitmap(
                    f"{name}/patch",
                    x + (side - width) / 2,
                    y + (side - height) / 2,
                    width,
                    height,
                    patch,
                    target=target,
                )
                y += side + 8
            if self.projections:
                yield from self.projection(f"{name}/projection", index, box, x, y, side, target, whole=whole)
                y += side + 8
            height, width = fit(image, side)
            left, top = x + (side - width) / 2, y + (side - height) / 2
            yield Bitmap(f"{name}/image", left, top, width, height, image, 1.0 if whole else 0.85, target=target)
            if not whole:
                yield self.box(name, box, image.shape[:2], left, top, height / image.shape[0])
        y += side + 14
        label = self.analysis.image_class.get(index)
        label = None if label is None or label < 0 else label
        title = "" if label is None else class_name(self.analysis, label)
        response = figure(float(self.features.top_response[self.neuron][number]))
        yield self.text(
            f"response/{number}/class", x, y, shorten(title, side, SIZES.small, "bold"),
            weight="bold", colour=theme.ink, target=Target("class", "", () if label is None else (label,)),
        )  # fmt: skip
        yield self.text(f"response/{number}/value", x, y + 15, response)
        room = side - text_width(response, SIZES.small) - 6
        number_text = f"#{index}"
        if text_width(number_text, SIZES.tiny) <= room:
            yield self.text(
                f"response/{number}/index", x + side, y + 15, number_text, SIZES.tiny, anchor="end", target=target
            )

    def projection(
        self, name: str, index: int, box: np.ndarray, x: float, y: float, side: float, target: Target, *, whole: bool
    ) -> Iterator[Shape]:
        """What a deconvnet gives back of an image, as much of it as the patch shows."""
        found = self.projections.get(index)
        if found is None:
            return
        pixels = found if whole else cut_patch(found, box, self.theme)
        height, width = fit(pixels, side)
        yield Bitmap(name, x + (side - width) / 2, y + (side - height) / 2, width, height, pixels, target=target)

    def box(
        self, name: str, box: np.ndarray, shape: tuple[int, ...], left: float, top: float, scale: float
    ) -> Rectangle:
        """The receptive field on the image, as much of it as lies inside."""
        y0, x0, y1, x1 = (float(value) for value in box)
        y0, x0, y1, x1 = max(y0, 0.0), max(x0, 0.0), min(y1, float(shape[0])), min(x1, float(shape[1]))
        return Rectangle(
            f"{name}/box", left + x0 * scale, top + y0 * scale, max(x1 - x0, 0) * scale, max(y1 - y0, 0) * scale,
            Style(stroke=self.theme.selection, stroke_width=SIZES.selection),
        )  # fmt: skip

    def classes(self, x: float, y: float, width: float) -> Iterator[Shape]:
        """Bars of the activation by class, and the share of images with any activation."""
        word, mean = self.by_class()
        share, peak = self.features.active_share[self.neuron], self.features.peak[self.neuron]
        order, note, with_peak = self.shown_classes(word, mean, peak)
        yield from self.section("classes", f"Activation by {self.analysis.data.column}", x, y, width, note)
        y += PAGE.section_head + 8
        names = [class_name(self.analysis, int(c)) for c in order]
        name_width = min(PAGE.name_most, max(text_width(name, SIZES.small) for name in names)) + 8
        values, peaks = np.nan_to_num(mean[order]).astype(float), np.nan_to_num(peak[order]).astype(float)
        low, high = min(0.0, values.min()), max(0.0, values.max(), peaks.max() if with_peak else 0.0)
        left, right = x + name_width, x + width - 2 * PAGE.value
        scale = (right - left) / ((high - low) or 1.0)
        zero, *ends = (left + (np.array([0.0, *values]) - low) * scale).tolist()
        marks = (left + (peaks - low) * scale).tolist()
        middle = cap_height(SIZES.small) / 2
        yield self.text("classes/mean", right + PAGE.value, y - 4, word, SIZES.tiny, anchor="end")
        yield self.text("classes/share", x + width, y - 4, "active", SIZES.tiny, anchor="end")
        for row, c in enumerate(order.tolist()):
            at = y + row * PAGE.row + PAGE.row / 2
            target = Target("class", self.node, (c,))
            text = shorten(names[row], name_width - 8, SIZES.small)
            ink = self.theme.ink
            yield self.text(f"class/{c}", left - 8, at + middle, text, anchor="end", colour=ink, target=target)
            if not np.isfinite(mean[c]):
                yield self.text(f"class/{c}/none", left, at + middle, "no images")
                continue
            yield from self.class_bar(c, at, zero, ends[row], marks[row] if with_peak else None, target)
            yield self.text(f"class/{c}/mean", right + PAGE.value, at + middle, figure(values[row]), anchor="end")
            active = percent(round(float(share[c]), 3))
            yield self.text(f"class/{c}/share", x + width, at + middle, active, anchor="end")
        bottom = y + len(order) * PAGE.row
        yield Path("neuron/classes/zero", straight([(zero, y), (zero, bottom)]), Style(stroke=self.theme.neutral))
        self.bottom = bottom

    def shown_classes(self, word: str, mean: np.ndarray, peak: np.ndarray) -> tuple[np.ndarray, str, bool]:
        """The classes that have a bar, the words above them, and whether the bars have marks at the peaks."""
        n_classes = len(mean)
        order = np.arange(n_classes)
        note = MEASURES[word]
        # A peak that is many times the mean would leave nothing of the bars.
        with_peak = bool(self.layer.positions) and word == "mean" and 0 < np.nanmax(peak) <= 4 * np.nanmax(np.abs(mean))
        if with_peak:
            note = "mean, and a mark at the peak"
        if n_classes > TILE.n_classes:
            order = np.argsort(-np.nan_to_num(mean, nan=-np.inf), kind="stable")[: TILE.n_classes]
            note = f"strongest {TILE.n_classes} of {n_classes}; {note}"
        return order, note, with_peak

    def class_bar(
        self, c: int, at: float, zero: float, end: float, mark: float | None, target: Target
    ) -> Iterator[Shape]:
        """The bar of a class from zero to its mean, and the mark at its peak."""
        colour = self.theme.positive if end >= zero else self.theme.negative
        yield Rectangle(
            f"neuron/class/{c}/bar", min(zero, end), at - PAGE.bar / 2, max(abs(end - zero), 0.5), PAGE.bar,
            Style(fill=colour), 1.0, target,
        )  # fmt: skip
        if mark is not None:
            points = straight([(mark, at - PAGE.bar / 2), (mark, at + PAGE.bar / 2)])
            style = Style(stroke=self.theme.muted, stroke_width=1.5)
            yield Path(f"neuron/class/{c}/peak", points, style, target=target)

    def by_class(self) -> tuple[str, np.ndarray]:
        """Which activation tells the classes apart, and the activation by class."""
        measure = measure_of(self.analysis, self.node)
        return measure, activation_by_class(self.features, measure)[self.neuron]

    def range(self, x: float, y: float, width: float) -> Iterator[Shape]:
        """The range of its input, or of itself, with mean and spread, and where zero lies."""
        before, theme = self.before(), self.theme
        features = before or self.features
        title = "Input of the rectifier" if before is not None else "Range"
        yield from self.section("range", title, x, y, width, "over all images and positions")
        low, high = float(features.minimum[self.neuron]), float(features.overall_maximum[self.neuron])
        mean, spread = float(features.overall_mean[self.neuron]), float(np.sqrt(max(features.variance[self.neuron], 0)))
        y += PAGE.section_head
        self.bottom = y + TILE.range_height
        if not np.isfinite([low, high, mean, spread]).all():
            yield self.text("range/none", x, y + SIZES.text, "Not known.", SIZES.text)
            return
        start, end = min(low, 0.0), max(high, 0.0)
        span = (end - start) or 1.0

        def place(value: float) -> float:
            return x + (value - start) / span * width

        at = y + 16
        yield Rectangle(
            "neuron/range/all", place(low), at - 4, max(place(high) - place(low), 1), 8, Style(fill=theme.line), 2.0
        )
        if high > 0 and low < 0:
            style = Style(fill=theme.positive, opacity=0.35)
            yield Rectangle("neuron/range/above", place(0), at - 4, place(high) - place(0), 8, style, 2.0)
        left, right = place(max(mean - spread, low)), place(min(mean + spread, high))
        yield Rectangle("neuron/range/spread", left, at - 7, max(right - left, 1), 14, Style(stroke=theme.muted), 2.0)
        marks = straight([(place(mean), at - 9), (place(mean), at + 9)])
        yield Path("neuron/range/mean", marks, Style(stroke=theme.ink, stroke_width=SIZES.selection))
        zero = straight([(place(0), at - 14), (place(0), at + 14)])
        yield Path("neuron/range/zero", zero, Style(stroke=theme.neutral))
        baseline = at + 14 + 12
        yield self.text("range/low", x, baseline, figure(start))
        yield self.text("range/high", x + width, baseline, figure(end), anchor="end")
        taken = x + text_width(figure(start), SIZES.small) + 6, x + width - text_width(figure(end), SIZES.small) - 6
        if taken[0] < place(0) - 4 and place(0) + 4 < taken[1]:
            yield self.text("range/zero/text", place(0), baseline, "0", anchor="middle")
        words = f"mean {figure(mean)} ± {figure(spread)}"
        if before is not None:
            words += " · never above zero" if high <= 0 else " · never below zero" if low >= 0 else ""
        yield self.text("range/words", x, baseline + 18, words, colour=theme.ink)

    def history(self, x: float, y: float, width: float) -> Iterator[Shape]:
        """Activation and mean |weight| over the snapshots."""
        if len(self.analysis.snapshots) < 2:
            yield from self.section("history", "History", x, y, width, "")
            yield self.text(
                "history/none", x, y + PAGE.section_head + SIZES.text,
                "One snapshot only. Give several to analyze to see what became of it in training.", SIZES.text,
            )  # fmt: skip
            return
        each = (width - PAGE.section_gap) / 2
        for number, chart in enumerate(neuron_history(self.analysis, self.node, self.neuron, self.snapshot)):
            yield from chart_shapes(
                chart, x + number * (each + PAGE.section_gap), y, each, PAGE.section_head + TILE.history_height,
                self.theme, name=f"neuron/history/{number}",
            )  # fmt: skip

    def description(self) -> str:
        """The page in words."""
        measure, values = self.by_class()
        best = [f"{class_name(self.analysis, c)} ({figure(float(values[c]))})" for c in strongest_few(values)]
        names = ", ".join(best) or "none"
        ends = incoming(self.analysis, self.snapshot, self.node, self.neuron, 3)
        reads = ", ".join(f"{one.node} {one.neuron} ({figure(one.weight)})" for one in ends)
        dead = " It never fires on these data." if self.is_dead() else ""
        strongest = f"Strongest {self.analysis.data.columns} by {measure}: {names}."
        reads = f" Reads most: {reads}." if reads else ""
        return f"Neuron {self.neuron} of {self.node}. {strongest}{dead}{reads}"

    def notes(self) -> tuple[str, ...]:
        """What must be said beside the page."""
        small = self.analysis.data.n_images < 500
        return (f"only {self.analysis.data.n_images} images were analysed",) if small else ()


def neuron_history(analysis: Analysis, node: str, neuron: int, snapshot: Snapshot | None = None) -> tuple[Chart, Chart]:
    """Return what became of a neuron over the snapshots: its activation, and its weights.

    Parameters
    ----------
    analysis : Analysis
    node : str
    neuron : int
    snapshot : Snapshot, optional
        Whose strongest class is followed; the last one by default.

    Returns
    -------
    (Chart, Chart)
        Activation (of all images, and of its strongest class), by the measure that the page
        uses for this layer; mean |weight| of what it reads.
    """
    snapshots = analysis.snapshots
    known = all(one.iteration is not None for one in snapshots)
    x = np.array([one.iteration if known else i for i, one in enumerate(snapshots)], np.float64)
    labels = tuple(one.label for one in snapshots)
    axis = Axis("iteration" if known else "snapshot", labels=() if known else labels)
    overall, strongest, weight = (np.full(len(snapshots), np.nan) for _ in range(3))
    measure = measure_of(analysis, node)
    best = -1
    at = snapshot or snapshots[-1]
    if node in at.features:
        best = strongest_class(activation_by_class(at.features[node], measure)[neuron])
    for number, one in enumerate(snapshots):
        if node in one.features and neuron < one.features[node].n_neurons:
            values = activation_by_class(one.features[node], measure)[neuron]
            if measure == "mean":
                overall[number] = one.features[node].overall_mean[neuron]
            else:
                overall[number] = over_images(values[None], analysis.data.class_count)[0]
            strongest[number] = values[best] if best >= 0 else np.nan
        found = origin(analysis, one, node, neuron)
        if found is not None and found[0].name in one.connections:
            weight[number] = one.connections[found[0].name].abs_weight[found[1]].mean()
    nodes = (node,) * len(x)
    lines = [Series("all images", x, overall, nodes, labels, 0)]
    if best >= 0:
        lines.append(Series(class_name(analysis, best), x, strongest, nodes, labels, 1))
    weights = Series("what it reads", x, weight, nodes, labels, 0)
    return (
        Chart(f"{measure.capitalize()} activation", axis, Axis(f"{measure} activation"), tuple(lines)),
        Chart("Mean |weight|", axis, Axis("mean |weight|"), (weights,), empty="It reads no weights of its own."),
    )
