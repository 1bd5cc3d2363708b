"""Two snapshots or two models beside each other, as a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.readings.by_class import activation_by_class, measure_of
from cnnvis_caffe.readings.comparison import Comparison, LayerRow, NeuronRow, Side
from cnnvis_caffe.records.chart import Axis, Chart, Series
from cnnvis_caffe.scene.chart import chart_shapes
from cnnvis_caffe.scene.lettering import cap_height, shorten, shorten_end, text_width
from cnnvis_caffe.scene.page import cut_patch, fit
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Shape, Style, Target, Text, straight
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import class_name, counted, figure, percent

#: Sizes of the page in scene units.
PAGE = SimpleNamespace(
    width=1120.0,
    head=60.0,
    side_height=56.0,
    section_gap=32.0,
    section_head=28.0,
    row=24.0,
    table_head=22.0,
    chart=220.0,
    n_layers=24,  # in the table; those that changed most of more
    n_neurons=12,
    n_patches=5,
    patch=40.0,
    matrix=14.0,
    gap=4.0,
    name=190.0,
)


def build_compare(comparison: Comparison, *, theme: Theme = LIGHT) -> Scene:
    """Lay out a comparison: both beside each other, layer by layer, then the neurons that changed most.

    Parameters
    ----------
    comparison : Comparison
    theme : Theme, optional

    Returns
    -------
    Scene
        With targets of the kinds "column", "neuron", "image" and "point". For "image", `index` is 0 for the first
        side and 1 for the second.
    """
    page = _ComparisonPage(comparison, theme)
    shapes = tuple(page.shapes())
    title = f"{comparison.first.name} and {comparison.second.name}"
    return Scene(PAGE.width, page.bottom + SIZES.margin, theme.ground, shapes, title, page.words(), comparison.notes)


class _ComparisonPage:
    """A page while it is laid out from top to bottom."""

    def __init__(self, comparison: Comparison, theme: Theme) -> None:
        self.comparison, self.theme = comparison, theme
        self.left, self.right = SIZES.margin, PAGE.width - SIZES.margin
        self.colours = (
            (theme.classes[4], theme.classes[5]) if theme.name == "light" else (theme.positive, theme.negative)
        )
        self.bottom = 0.0

    def shapes(self) -> Iterator[Shape]:
        """Everything, from top to bottom."""
        yield from self.head()
        yield from self.table()
        yield from self.charts()
        yield from self.neurons()

    def text(self, name: str, x: float, y: float, text: str, size: float = SIZES.small, **more: object) -> Text:
        """A line of text."""
        more.setdefault("colour", self.theme.muted)
        return Text(f"compare/{name}", x, y, text, size, **more)  # type: ignore[arg-type]

    def section(self, name: str, title: str, note: str = "") -> Iterator[Shape]:
        """The head of a section."""
        self.bottom += PAGE.section_gap
        baseline = self.bottom + cap_height(SIZES.head)
        yield self.text(f"{name}/title", self.left, baseline, title, SIZES.head, weight="bold", colour=self.theme.ink)
        start = self.left + text_width(title, SIZES.head, "bold") + 8
        note = shorten_end(note, self.right - start, SIZES.small)
        if note:
            yield self.text(f"{name}/note", start, baseline, note)
        self.bottom += PAGE.section_head

    def head(self) -> Iterator[Shape]:
        """Both sides with their colours, what they were measured on, and how well they do."""
        half = (self.right - self.left - PAGE.section_gap) / 2
        for number, side in enumerate((self.comparison.first, self.comparison.second)):
            x = self.left + number * (half + PAGE.section_gap)
            y = SIZES.margin + cap_height(SIZES.title)
            yield Rectangle(
                f"compare/side/{number}", x, SIZES.margin - 3, 4, PAGE.head - 12, Style(fill=self.colours[number]), 2.0
            )
            name = shorten(side.name, half - 16, SIZES.title, "bold")
            yield self.text(f"side/{number}/name", x + 14, y, name, SIZES.title, weight="bold", colour=self.theme.ink)
            data = side.analysis.data
            parts = [
                "" if side.analysis.title in side.name else side.analysis.title,
                f"{data.source}, {counted(data.n_images, 'image')}",
            ]
            line = shorten_end(" · ".join(part for part in parts if part), half - 16, SIZES.small)
            yield self.text(f"side/{number}/line", x + 14, y + 18, line)
            words = f"error {percent(side.snapshot.error)} · loss {figure(side.snapshot.loss)}"
            yield self.text(f"side/{number}/figures", x + 14, y + 36, words, colour=self.theme.ink)
        self.bottom = SIZES.margin + PAGE.head - 12
        for number, note in enumerate(self.comparison.notes):
            self.bottom += 20
            line = shorten_end(note[0].upper() + note[1:] + ".", self.right - self.left, SIZES.small)
            yield self.text(f"note/{number}", self.left, self.bottom, line)

    def table(self) -> Iterator[Shape]:
        """One row for each layer, with bars where it changed."""
        rows = list(self.comparison.layers)
        note = ""
        if len(rows) > PAGE.n_layers:
            strongest = sorted(rows, key=lambda row: -_amount(row))[: PAGE.n_layers]
            note = f"the {PAGE.n_layers} of {len(rows)} layers that changed most"
            rows = [row for row in rows if row in strongest]
        yield from self.section("layers", "What changed by layer", note)
        columns = _columns(rows)
        widths = (self.right - self.left - PAGE.name) / max(len(columns), 1)
        y = self.bottom + cap_height(SIZES.small)
        yield self.text("layers/head", self.left, y, "layer")
        for number, (title, _, _) in enumerate(columns):
            x = self.left + PAGE.name + (number + 1) * widths
            yield self.text(f"layers/head/{number}", x, y, title, anchor="end")
        y = self.bottom + PAGE.table_head - 4
        yield Path("compare/layers/line", straight([(self.left, y), (self.right, y)]), Style(stroke=self.theme.line))
        y += 4
        middle = cap_height(SIZES.small) / 2
        largest = [
            max((abs(bar(row)) for row in rows if bar is not None and np.isfinite(bar(row))), default=0.0)
            for _, _, bar in columns
        ]
        for row in rows:
            at = y + PAGE.row / 2
            target = Target("column", row.shown or row.layer)
            name = shorten(row.layer, PAGE.name - 8, SIZES.small)
            yield self.text(f"layer/{row.layer}", self.left, at + middle, name, colour=self.theme.ink, target=target)
            for number, (_, words, bar) in enumerate(columns):
                x = self.left + PAGE.name + (number + 1) * widths
                text = words(row)
                if bar is not None and largest[number] > 0 and np.isfinite(bar(row)):
                    room = widths - SIZES.margin - text_width("0.0000", SIZES.small) - 8
                    length = room * abs(bar(row)) / largest[number]
                    start = x - text_width("0.0000", SIZES.small) - 8 - room
                    yield Rectangle(
                        f"compare/layer/{row.layer}/{number}/bar", start, at - 4, max(length, 0.5), 8,
                        Style(fill=self.theme.neutral, opacity=0.7), 1.0, target,
                    )  # fmt: skip
                yield self.text(
                    f"layer/{row.layer}/{number}", x, at + middle, text, anchor="end", colour=self.theme.ink
                )
            y += PAGE.row
        self.bottom = y

    def charts(self) -> Iterator[Shape]:
        """Mean |weight| and dead neurons, or the gradient, along the layers, one line for each side."""
        rows = self.comparison.layers
        charts = []
        for title, name, unit in (
            ("Mean |weight| by layer", "mean_abs_weight", ""),
            ("Dead neurons by layer", "dead_share", "%"),
            ("Average gradient by layer", "mean_abs_gradient", ""),
        ):
            values = np.array([getattr(row, name) for row in rows], np.float64).reshape(-1, 2)
            if np.isfinite(values).any() and (unit != "%" or np.nanmax(values) > 0):
                charts.append(self._chart(title, values, unit))
        charts = charts[:2]
        if not charts:
            return
        self.bottom += PAGE.section_gap
        each = (self.right - self.left - (len(charts) - 1) * PAGE.section_gap) / len(charts)
        for number, chart in enumerate(charts):
            x = self.left + number * (each + PAGE.section_gap)
            yield from chart_shapes(chart, x, self.bottom, each, PAGE.chart, self.theme, name=f"compare/chart/{number}")
        self.bottom += PAGE.chart

    def _chart(self, title: str, values: np.ndarray, unit: str) -> Chart:
        """A chart with a line for each side."""
        layers = tuple(row.layer for row in self.comparison.layers)
        x = np.arange(len(layers), dtype=np.float64)
        sides = self.comparison.first, self.comparison.second
        series = tuple(
            Series(
                side.name, x, np.ascontiguousarray(values[:, number]), layers, (side.snapshot.label,) * len(x), number
            )
            for number, side in enumerate(sides)
        )
        known = values[np.isfinite(values)]
        is_log = not unit and known.min() > 0 and known.max() / known.min() > 100
        return Chart(title, Axis("layer", labels=layers), Axis(title, unit, bool(is_log)), series)

    def neurons(self) -> Iterator[Shape]:
        """The neurons that changed most, each with its strongest patches and its classes in both."""
        rows = self.comparison.neurons[: PAGE.n_neurons]
        if not rows:
            return
        note = "cosine distance of the mean activations by class; strongest patches, and means by class, in both"
        yield from self.section("neurons", "Neurons that changed most", note)
        height = PAGE.patch + 12
        half = (self.right - self.left - PAGE.name) / 2
        for row in rows:
            yield from self.neuron(row, half, height)
            self.bottom += height

    def neuron(self, row: NeuronRow, half: float, height: float) -> Iterator[Shape]:
        """One neuron in both."""
        name = f"compare/neuron/{row.node}/{row.neuron}"
        y, theme = self.bottom, self.theme
        target = Target("neuron", row.node, (row.neuron,))
        node = shorten(row.node, PAGE.name - 60, SIZES.small)
        yield self.text(f"{name[8:]}/node", self.left, y + 16, node, target=target)
        yield self.text(
            f"{name[8:]}/number", self.left + text_width(node + " ", SIZES.small), y + 16, str(row.neuron),
            weight="bold", colour=theme.ink, target=target,
        )  # fmt: skip
        words = f"distance {figure(row.distance, 2)}"
        if np.isfinite(row.top_shared):
            words += f" · {percent(round(row.top_shared, 2))} shared"
        yield self.text(f"{name[8:]}/words", self.left, y + 34, words)
        for number, side in enumerate((self.comparison.first, self.comparison.second)):
            x = self.left + PAGE.name + number * half
            yield Rectangle(f"{name}/{number}", x - 10, y, 3, PAGE.patch, Style(fill=self.colours[number]), 1.5)
            yield from self.patches(f"{name}/{number}", side, number, row, x, y)
            start = x + PAGE.n_patches * (PAGE.patch + PAGE.gap) + 12
            yield from self.matrix(f"{name}/{number}", side, number, row, start, y, x + half - start - SIZES.margin)

    def patches(self, name: str, side: Side, number: int, row: NeuronRow, x: float, y: float) -> Iterator[Shape]:
        """The strongest patches of a neuron in one of the two."""
        features = side.snapshot.features[row.node]
        for place, index in enumerate(features.top_image[row.neuron][: PAGE.n_patches].tolist()):
            left = x + place * (PAGE.patch + PAGE.gap)
            images = side.analysis.images
            if index < 0 or index not in images:
                style = Style(stroke=self.theme.line)
                yield Rectangle(f"{name}/patch/{place}", left, y, PAGE.patch, PAGE.patch, style, SIZES.corner)
                continue
            patch = cut_patch(images[index], features.top_box[row.neuron][place], self.theme)
            height, width = fit(patch, PAGE.patch)
            target = Target("image", row.node, (index,), index=number)
            yield Bitmap(
                f"{name}/patch/{place}", left + (PAGE.patch - width) / 2, y + (PAGE.patch - height) / 2, width, height,
                patch, target=target,
            )  # fmt: skip

    def matrix(
        self, name: str, side: Side, number: int, row: NeuronRow, x: float, y: float, width: float
    ) -> Iterator[Shape]:
        """Its activations by class as a row of cells, in the colours of both sides, and its strongest class.

        Cells and words go by the measure that tells classes apart in this layer.
        """
        measure = measure_of(side.analysis, row.node)
        both = [
            np.nan_to_num(activation_by_class(one.snapshot.features[row.node], measure)[row.neuron].astype(np.float64))
            for one in (self.comparison.first, self.comparison.second)
        ]
        mean = both[number]
        largest = max(np.abs(one).max(initial=0.0) for one in both) or 1.0
        if any((one < 0).any() for one in both):
            pixels = self.theme.contribution.pixels(0.5 + 0.5 * mean[None] / largest)
        else:
            pixels = self.theme.activation.pixels(mean[None] / largest)
        cells = min(width, PAGE.matrix * len(mean))
        target = Target("neuron", row.node, (row.neuron,))
        yield Bitmap(
            f"{name}/matrix", x, y + 4, cells, PAGE.matrix, pixels, is_smooth=False, target=target,
            rows=(row.neuron,), columns=tuple(range(len(mean))),
        )  # fmt: skip
        frame = Style(stroke=self.theme.line)
        yield Rectangle(f"{name}/matrix/frame", x, y + 4, cells, PAGE.matrix, frame, target=target)
        best = row.best[number]
        words = (
            f"most for {class_name(side.analysis, best)}, {measure} {figure(float(mean[best]))}"
            if best >= 0
            else f"for no {side.analysis.data.column}"
            if mean.any()
            else f"zero for all {side.analysis.data.columns}"
        )
        yield self.text(f"{name[8:]}/best", x, y + PAGE.patch - 3, shorten_end(words, width, SIZES.small))

    def words(self) -> str:
        """The comparison in words."""
        first, second = self.comparison.first, self.comparison.second
        most = sorted(self.comparison.layers, key=lambda row: -_amount(row))[:3]
        names = ", ".join(row.layer for row in most if _amount(row) > 0)
        errors = [f"{side.name}: error {percent(side.snapshot.error)}" for side in (first, second)]
        return "; ".join(errors) + "." + (f" Changed most: {names}." if names else "")


def _amount(row: LayerRow) -> float:
    """How much a layer changed, to choose by."""
    values = [value for value in (row.weight_change, row.distance) if np.isfinite(value)]
    return max(values, default=0.0)


_Words = Callable[[LayerRow], str]
_Bar = Callable[[LayerRow], float]


def _columns(rows: list[LayerRow]) -> list[tuple[str, _Words, _Bar | None]]:
    """Titles of the table's columns with what they say and how long their bars are; only those that say something."""

    def both(name: str, shape: Callable[[float], str]) -> _Words:
        def words(row: LayerRow) -> str:
            left, right = getattr(row, name)
            if not np.isfinite([left, right]).any():
                return "–"
            return shape(left) if shape(left) == shape(right) else f"{shape(left)} → {shape(right)}"

        return words

    def one(name: str) -> _Bar:
        return lambda row: getattr(row, name)

    def widths(row: LayerRow) -> str:
        left, right = row.n_neurons
        return str(left) if left == right else f"{left or '–'} → {right or '–'}"

    found: list[tuple[str, _Words, _Bar | None]] = [("neurons", widths, None)]
    for title, name, shape in (
        ("mean |weight|", "mean_abs_weight", figure),
        ("mean |gradient|", "mean_abs_gradient", figure),
        ("dead", "dead_share", percent),
    ):
        if any(np.isfinite(getattr(row, name)).any() for row in rows):
            found.append((title, both(name, shape), None))
    shares: tuple[tuple[str, str, Callable[[float], str]], ...] = (
        ("connections changed", "weight_change", percent),
        ("activation distance", "distance", lambda value: figure(value, 2)),
        ("top images shared", "top_shared", percent),
    )
    for title, name, written in shares:
        if any(np.isfinite(getattr(row, name)) for row in rows):
            bar = one(name)
            found.append((title, lambda row, bar=bar, written=written: written(_short(bar(row))), bar))  # type: ignore[misc]
    return found


def _short(value: float) -> float:
    """The value with three decimals, so that columns of shares stay narrow."""
    return value if not np.isfinite(value) else float(np.round(value, 3))
