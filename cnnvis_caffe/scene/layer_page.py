"""The page of a layer or of a cluster: all its neurons, kernels, weights, activations by class, redundant groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.readings.by_class import activation_by_class, measure_of, strongest_classes
from cnnvis_caffe.readings.dead import dead_neurons
from cnnvis_caffe.readings.redundant import redundant_groups
from cnnvis_caffe.records.analysis import Analysis, LayerFeatures, Node, Snapshot
from cnnvis_caffe.scene.lettering import cap_height, shorten, text_width
from cnnvis_caffe.scene.page import PAGE, Page, fit
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Shape, Style, Target, straight
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import class_name, counted, figure, percent, whole

#: Sizes of this page in scene units, beside those of all pages.
TILE = SimpleNamespace(
    side=44.0,  # of a neuron's patch, and of a kernel
    gap=8.0,
    caption=15.0,  # its number below
    histogram=96.0,
    row=14.0,  # of the matrix, with names
    least_row=2.0,
    most_rows=900.0,  # height of the matrix at most
    name=84.0,
    with_names=11.0,  # lower rows have no number beside them
)


def build_layer_page(
    analysis: Analysis,
    snapshot: Snapshot | str,
    node: str,
    neurons: Sequence[int] = (),
    *,
    named: str = "",
    theme: Theme = LIGHT,
) -> Scene:
    """Lay out the page of a layer, or of some of its neurons.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot or str
        Or its label; the last one if it is empty.
    node : str
        One with features.
    neurons : sequence of int, optional
        Those of a cluster; all if left out.
    named : str, optional
        What they are together, such as "cluster 3".
    theme : Theme, optional

    Returns
    -------
    Scene
        With targets of the kinds "neuron" and "class".

    Raises
    ------
    CnnvisError
        If there is no such snapshot, node or neuron.
    """
    shown = snapshot if isinstance(snapshot, Snapshot) else analysis.snapshot(snapshot)
    n = shown.features_of(node).n_neurons
    chosen = np.unique(np.asarray(neurons, np.int64)) if len(neurons) else np.arange(n)
    if chosen[0] < 0 or chosen[-1] >= n:
        wrong = chosen[-1] if chosen[0] >= 0 else chosen[0]
        raise CnnvisError(f"layer {node!r} has the neurons 0 to {n - 1}, not {wrong}")
    page = _LayerPage(analysis, shown, theme, node, chosen, named)
    return page.scene(tuple(page.shapes()), f"{node}, {page.named_or_all}", page.description())


@dataclass
class _LayerPage(Page):
    """The page while it is laid out."""

    node: str
    neurons: np.ndarray
    named: str

    prefix, width = "layer", PAGE.narrow

    def __post_init__(self) -> None:
        self.features: LayerFeatures = self.snapshot.features[self.node]
        self.layer: Node = self.analysis.node(self.node)
        self.measure = measure_of(self.analysis, self.node)
        self.by_class = activation_by_class(self.features, self.measure)
        self.strongest = strongest_classes(self.analysis, self.snapshot, self.node)
        dead = dead_neurons(self.analysis, self.snapshot, self.node)
        self.dead = np.zeros(self.features.n_neurons, bool) if dead is None else dead
        own = set(self.neurons.tolist())
        groups = redundant_groups(self.snapshot, self.node)
        self.groups = [group for group in ([n for n in group if n in own] for group in groups) if len(group) > 1]

    @property
    def is_whole(self) -> bool:
        """Whether all neurons of the layer are shown."""
        return len(self.neurons) == self.features.n_neurons

    @property
    def named_or_all(self) -> str:
        """What the neurons are together."""
        return self.named or ("all neurons" if self.is_whole else counted(len(self.neurons), "neuron"))

    def shapes(self) -> Iterator[Shape]:
        """Everything, from top to bottom."""
        layer = self.layer
        owner = self.analysis.node(layer.owner) if layer.owner else layer
        line = [
            f"{owner.type} {owner.settings}".strip() + ("" if owner is layer else f" + {layer.type}"),
            f"{whole(len(self.neurons))} of {counted(self.features.n_neurons, 'neuron')}",
            self.snapshot.label,
            f"{self.analysis.data.source}, {counted(self.analysis.data.n_images, 'image')}",
        ]
        yield from self.headline(self.node, self.named_or_all, line)
        yield from self.fact_row(self.facts())
        yield from self.patches()
        yield from self.kernels(owner)
        if self.is_whole:
            yield from self.weights(owner)
        yield from self.matrix()
        yield from self.redundant()

    def facts(self) -> list[tuple[str, str, Target | None]]:
        """What one asks for first."""
        n, n_dead = len(self.neurons), int(self.dead[self.neurons].sum())
        spare = sum(len(group) - 1 for group in self.groups)
        mean = self.features.overall_mean[self.neurons].astype(np.float64)
        strongest = self.strongest[self.neurons]
        names = "–"
        if (strongest >= 0).any():
            counts = np.bincount(strongest[strongest >= 0])
            best = int(counts.argmax())
            names = f"{class_name(self.analysis, best)} ({counts[best]})"
        facts: list[tuple[str, str, Target | None]] = [
            ("neurons", whole(n), None),
            ("never fire", f"{n_dead} ({percent(n_dead / n)})" if n_dead else "0", None),
            ("do what another does", f"{spare} in {counted(len(self.groups), 'group')}" if spare else "0", None),
            ("mean activation", figure(float(mean.mean())), None),
            (f"strongest for most, by {self.measure}", names, None),
        ]
        return facts

    def order(self) -> np.ndarray:
        """The neurons by mean activation, the largest first; those that never fire last."""
        mean = self.features.overall_mean[self.neurons].astype(np.float64)
        return self.neurons[np.lexsort((self.neurons, -mean, self.dead[self.neurons]))]

    def grid(self, name: str, neurons: Sequence[int], x: float, y: float, width: float) -> Iterator[Shape]:
        """Patches of neurons in rows, each with its number below; ends where `bottom` says."""
        known = self.snapshot.thumbnails
        patches = known[self.node] if self.node in known else ()  # noqa: SIM401
        per_row = max(int((width + TILE.gap) // (TILE.side + TILE.gap)), 1)
        step = TILE.side + TILE.caption + TILE.gap
        for place, neuron in enumerate(neurons):
            row, column = divmod(place, per_row)
            left, top = x + column * (TILE.side + TILE.gap), y + row * step
            target = Target("neuron", self.node, (int(neuron),))
            patch = patches[neuron] if neuron < len(patches) else np.zeros((0, 0, 3), np.uint8)
            if patch.size:
                height, wide = fit(patch, TILE.side)
                at = left + (TILE.side - wide) / 2, top + (TILE.side - height) / 2
                yield Bitmap(f"layer/{name}/{neuron}", *at, wide, height, patch, target=target)
            else:
                style = Style(stroke=self.theme.dead)
                yield Rectangle(f"layer/{name}/{neuron}", left, top, TILE.side, TILE.side, style, target=target)
            if self.dead[neuron]:
                cross = straight([(left, top + TILE.side), (left + TILE.side, top)])
                yield Path(f"layer/{name}/{neuron}/dead", cross, Style(stroke=self.theme.dead), target=target)
            middle = left + TILE.side / 2
            yield self.text(f"{name}/{neuron}/number", middle, top + TILE.side + 11, str(neuron), SIZES.tiny,
                            anchor="middle", target=target)  # fmt: skip
        n_rows = -(-len(neurons) // per_row)
        self.bottom = y + n_rows * step - TILE.gap

    def patches(self) -> Iterator[Shape]:
        """All neurons by the patch that each responds to most."""
        y = self.bottom + PAGE.section_gap
        note = "the patch that each responds to most; the largest mean activation first"
        if self.dead[self.neurons].any():
            note += ", crossed out: never fires"
        title = f"All {counted(len(self.neurons), 'neuron')}" if len(self.neurons) > 1 else "Its neuron"
        yield from self.section("patches", title, self.left, y, self.right - self.left, note)
        yield from self.grid("patch", self.order().tolist(), self.left, y + PAGE.section_head, self.right - self.left)

    def kernels(self, owner: Node) -> Iterator[Shape]:
        """The kernels of a layer that reads the images, as images."""
        known = self.snapshot.kernels
        if owner.name not in known:
            return
        found = np.asarray(known[owner.name])
        pictures = kernel_pictures(found, self.analysis.data.channel_order, self.theme)
        if pictures is None or len(pictures) != self.features.n_neurons:
            return
        y = self.bottom + PAGE.section_gap
        kind = "grey is zero" if found.shape[1] == 3 else "blue adds, orange takes away"
        note = f"{found.shape[3]}×{found.shape[2]} weights; {kind}; one scale for all, the largest 1% cut"
        yield from self.section("kernels", "Kernels", self.left, y, self.right - self.left, note)
        y += PAGE.section_head
        per_row = max(int((self.right - self.left + TILE.gap) // (TILE.side + TILE.gap)), 1)
        step = TILE.side + TILE.caption + TILE.gap
        for place, neuron in enumerate(self.order().tolist()):
            row, column = divmod(place, per_row)
            x, top = self.left + column * (TILE.side + TILE.gap), y + row * step
            height, wide = fit(pictures[neuron], TILE.side)
            target = Target("neuron", self.node, (neuron,))
            name = f"layer/kernel/{neuron}"
            yield Bitmap(name, x, top, wide, height, pictures[neuron], is_smooth=False, target=target)
            yield self.text(f"kernel/{neuron}/number", x + TILE.side / 2, top + TILE.side + 11, str(neuron), SIZES.tiny,
                            anchor="middle", target=target)  # fmt: skip
        self.bottom = y + -(-len(self.neurons) // per_row) * step - TILE.gap

    def weights(self, owner: Node) -> Iterator[Shape]:
        """The histogram of the layer's weights."""
        y = self.bottom + PAGE.section_gap
        known = self.snapshot.weight_counts
        if owner.name not in known:
            return
        found = known[owner.name]
        n, width = int(found.counts.sum()), self.right - self.left
        edges = np.linspace(found.low, found.high, len(found.counts) + 1)
        middles = (edges[1:] + edges[:-1]) / 2
        below = int(found.counts[middles < 0].sum())
        note = f"{counted(n, 'weight')} of {owner.name}, about {percent(round(below / max(n, 1), 3))} below zero"
        yield from self.section("weights", "Weights", self.left, y, width, note)
        top = y + PAGE.section_head
        base, step = top + TILE.histogram, width / len(found.counts)
        most = int(found.counts.max()) or 1
        for place, (count, middle) in enumerate(zip(found.counts.tolist(), middles.tolist())):
            if count:
                height = max(count / most * TILE.histogram, 0.5)
                fill = Style(fill=self.theme.positive if middle > 0 else self.theme.negative)
                x = self.left + place * step
                yield Rectangle(f"layer/weights/{place}", x + 0.5, base - height, max(step - 1, 0.5), height, fill)
        rule = straight([(self.left, base), (self.right, base)])
        yield Path("layer/weights/base", rule, Style(stroke=self.theme.neutral))
        span = (found.high - found.low) or 1.0
        if found.low < 0 < found.high:
            zero = self.left + -found.low / span * width
            yield Path("layer/weights/zero", straight([(zero, base), (zero, base + 5)]), Style(stroke=self.theme.ink))
            yield self.text("weights/zero/text", zero, base + 17, "0", anchor="middle")
        yield self.text("weights/low", self.left, base + 17, figure(found.low))
        yield self.text("weights/high", self.right, base + 17, figure(found.high), anchor="end")
        yield self.text("weights/most", self.right, top + 2, f"highest bar: {counted(most, 'weight')}", anchor="end")
        self.bottom = base + 17

    def matrix(self) -> Iterator[Shape]:
        """Activations by class with names: neurons from top to bottom by their strongest class."""
        data, y = self.analysis.data, self.bottom + PAGE.section_gap
        if not data.n_classes:
            return
        strongest = np.where(self.strongest < 0, data.n_classes, self.strongest)[self.neurons]
        values = np.nan_to_num(self.by_class[self.neurons].astype(np.float64))
        rows = self.neurons[np.lexsort((self.neurons, -values.max(1), strongest))]
        values = np.nan_to_num(self.by_class[rows].astype(np.float64))
        largest = float(np.abs(values).max()) or 1.0
        is_signed = bool((values < 0).any())
        colours, shares = (
            (self.theme.contribution, values / largest / 2 + 0.5)
            if is_signed
            else (self.theme.activation, values / largest)
        )
        note = f"{self.measure} activation, up to {figure(largest)}; by the {data.column} that each answers to most"
        yield from self.section("matrix", f"Activation by {data.column}", self.left, y, self.right - self.left, note)
        height = float(np.clip(TILE.most_rows / len(rows), TILE.least_row, TILE.row))
        left = self.left + (52.0 if height >= TILE.with_names else 0.0)
        room = self.right - left
        cell = min(room / data.n_classes, 84.0)
        names = [class_name(self.analysis, c) for c in range(data.n_classes)]
        has_names = cell >= TILE.with_names
        longest = max(text_width(name, SIZES.small) for name in names)
        is_turned = longest > cell - 4
        above = (min(longest, TILE.name) if is_turned else SIZES.small) + 8 if has_names else 0.0
        top = y + PAGE.section_head + above
        yield Bitmap(
            "layer/matrix", left, top, cell * data.n_classes, height * len(rows), colours.pixels(shares),
            is_smooth=False, target=Target("column", self.node), rows=tuple(rows.tolist()),
            columns=tuple(range(data.n_classes)),
        )  # fmt: skip
        frame = Style(stroke=self.theme.frame)
        yield Rectangle("layer/matrix/frame", left, top, cell * data.n_classes, height * len(rows), frame)
        drop = cap_height(SIZES.small) / 2
        if has_names:
            for c, name in enumerate(names):
                target, x = Target("class", self.node, (c,)), left + (c + 0.5) * cell
                if is_turned:
                    text = shorten(name, TILE.name, SIZES.small)
                    yield self.text(f"matrix/class/{c}", x + drop, top - 6, text, angle=-90, target=target)
                else:
                    yield self.text(f"matrix/class/{c}", x, top - 6, name, anchor="middle", target=target)
        if height >= TILE.with_names:
            for place, neuron in enumerate(rows.tolist()):
                at, target = top + (place + 0.5) * height + drop, Target("neuron", self.node, (neuron,))
                colour = self.theme.muted if self.dead[neuron] else self.theme.ink
                yield self.text(f"matrix/neuron/{neuron}", left - 8, at, str(neuron), anchor="end", colour=colour,
                                target=target)  # fmt: skip
        self.bottom = top + height * len(rows)

    def redundant(self) -> Iterator[Shape]:
        """Groups of neurons that do the same, each with its patches."""
        y, width = self.bottom + PAGE.section_gap, self.right - self.left
        if self.node not in self.snapshot.similarity:
            return
        spare = sum(len(group) - 1 for group in self.groups)
        note = f"{spare} of {counted(len(self.neurons), 'neuron')} could go: similarity and correlation above 0.95"
        note = note if self.groups else "none: no two have similarity and correlation above 0.95"
        yield from self.section("redundant", "Groups that do the same", self.left, y, width, note)
        self.bottom = y + PAGE.section_head - TILE.gap
        for number, group in enumerate(self.groups):
            top = self.bottom + 2 * TILE.gap
            yield self.text(f"redundant/{number}/n", self.left, top + TILE.side / 2, counted(len(group), "neuron"))
            yield from self.grid(f"redundant/{number}", group, self.left + 84, top, width - 84)

    def description(self) -> str:
        """The page in words."""
        n_dead = int(self.dead[self.neurons].sum())
        return (
            f"{self.node}, {self.named_or_all}: {counted(len(self.neurons), 'neuron')}, {n_dead} never fire, "
            f"{counted(len(self.groups), 'group')} of neurons that do the same."
        )


def kernel_pictures(kernels: np.ndarray, channel_order: str, theme: Theme = LIGHT) -> np.ndarray | None:
    """Return kernels as images.

    Parameters
    ----------
    kernels : ndarray of shape (n, channels, h, w), float
    channel_order : str
        Of the images that they read.
    theme : Theme, optional

    Returns
    -------
    ndarray of shape (n, h, w, 3), uint8, or None
        Colours with zero as grey where they read colours; the sign as colour where they read one channel. None for
        other numbers of channels. One scale for all; the largest 1% of the weights are cut.
    """
    n_channels = kernels.shape[1]
    values = np.where(np.isfinite(kernels), kernels, 0.0).astype(np.float64)
    # A few weights that are far larger than all others would leave the rest grey.
    largest = float(np.quantile(np.abs(values), 0.99)) or float(np.abs(values).max(initial=0.0)) or 1.0
    values = np.clip(values / largest, -1.0, 1.0)
    if n_channels == 1:
        return theme.contribution.pixels(values[:, 0] / 2 + 0.5)
    if n_channels != 3:
        return None
    if channel_order == "BGR":
        values = values[:, ::-1]
    return np.rint((values / 2 + 0.5) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
