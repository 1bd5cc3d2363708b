"""Draws feature maps by their strongest patches and projections, over the snapshots, and by images made for them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.records.experiments import Maximized
from cnnvis_caffe.records.feature_sheet import FeatureSheet, FeatureView
from cnnvis_caffe.scene.lettering import cap_height, shorten, shorten_end, text_width
from cnnvis_caffe.scene.page import fit
from cnnvis_caffe.scene.shapes import Bitmap, Rectangle, Scene, Shape, Style, Text
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import counted, figure

#: Sizes in scene units.
PAGE = SimpleNamespace(
    head=64.0,
    patch=32.0,  # side of a patch in a block of the montage
    patch_gap=2.0,
    pair_gap=8.0,  # between the patches of a feature map and their projections
    block_gap=24.0,
    label=18.0,
    n_columns=4,
    tile=64.0,  # side of a picture over the snapshots
    tile_gap=8.0,
    name=92.0,  # width of the names before the rows
    column_head=20.0,
    made=96.0,  # side of an image that was made for a neuron
    n_made=8,  # of these in a row
)
#: Patches of more pixels are smoothed when they are drawn.
_SMALL = 32


def feature_sheet_scene(sheet: FeatureSheet, theme: Theme = LIGHT) -> Scene:
    """Lay out a layer: for each feature map the strongest patches, and their projections beside them.

    Parameters
    ----------
    sheet : FeatureSheet
        Of one snapshot.
    theme : Theme, optional

    Returns
    -------
    Scene
    """
    n_across = int(np.ceil(np.sqrt(max(len(view.patches) for view in sheet.views))))
    n_down = int(np.ceil(max(len(view.patches) for view in sheet.views) / n_across))
    half = n_across * (PAGE.patch + PAGE.patch_gap) - PAGE.patch_gap
    width = 2 * half + PAGE.pair_gap
    height = PAGE.label + n_down * (PAGE.patch + PAGE.patch_gap)
    n_columns = min(PAGE.n_columns, len(sheet.views))
    page_width = max(2 * SIZES.margin + n_columns * (width + PAGE.block_gap) - PAGE.block_gap, 480.0)
    what = f"{sheet.node}, {sheet.views[0].snapshot}: {counted(len(sheet.views), 'feature map')} of {sheet.n_neurons}"
    line = f"{what}; left the patches with the strongest responses, right what a deconvnet gives back"
    shapes = list(_head(sheet.title, line, page_width, theme))
    for place, view in enumerate(sheet.views):
        x = SIZES.margin + place % n_columns * (width + PAGE.block_gap)
        y = SIZES.margin + PAGE.head + place // n_columns * (height + PAGE.block_gap)
        shapes += _label(f"{view.neuron}", f"neuron {view.neuron}", figure(view.responses[0]), x, y, width, theme)
        for side, pictures in enumerate((view.patches, view.projections)):
            for rank, pixels in enumerate(pictures):
                at_x = x + side * (half + PAGE.pair_gap) + rank % n_across * (PAGE.patch + PAGE.patch_gap)
                at_y = y + PAGE.label + rank // n_across * (PAGE.patch + PAGE.patch_gap)
                shapes += _tile(f"{view.neuron}/{side}/{rank}", pixels, at_x, at_y, PAGE.patch, theme)
    n_rows = -(-len(sheet.views) // n_columns)
    page_height = 2 * SIZES.margin + PAGE.head + n_rows * (height + PAGE.block_gap) - PAGE.block_gap
    words = "; ".join(f"neuron {view.neuron}: strongest response {figure(view.responses[0])}" for view in sheet.views)
    return Scene(page_width, page_height, theme.ground, tuple(shapes), f"Features of {sheet.node}", words)


def evolution_scene(sheet: FeatureSheet, theme: Theme = LIGHT) -> Scene:
    """Lay out feature maps over the snapshots: a row for each, with the projection over its patch.

    Parameters
    ----------
    sheet : FeatureSheet
        With all snapshots of each neuron.
    theme : Theme, optional

    Returns
    -------
    Scene
    """
    snapshots = list(dict.fromkeys(view.snapshot for view in sheet.views))
    neurons = list(dict.fromkeys(view.neuron for view in sheet.views))
    row = 2 * PAGE.tile + PAGE.patch_gap + PAGE.label
    left = SIZES.margin + PAGE.name
    page_width = max(left + len(snapshots) * (PAGE.tile + PAGE.tile_gap) - PAGE.tile_gap + SIZES.margin, 480.0)
    line = f"{sheet.node}: the strongest response at each snapshot, projected back; below it the patch of the image"
    shapes = list(_head(sheet.title, line, page_width, theme))
    top = SIZES.margin + PAGE.head
    for column, label in enumerate(snapshots):
        x = left + column * (PAGE.tile + PAGE.tile_gap)
        text = shorten(label, PAGE.tile, SIZES.small, "bold")
        base = top + cap_height(SIZES.small)
        shapes.append(Text(f"snapshot/{column}", x, base, text, SIZES.small, theme.ink, weight="bold"))
    for place, neuron in enumerate(neurons):
        y = top + PAGE.column_head + place * (row + PAGE.tile_gap)
        base = y + PAGE.tile / 2
        shapes.append(Text(f"neuron/{neuron}", SIZES.margin, base, f"neuron {neuron}", SIZES.text, theme.ink))
        for view in (one for one in sheet.views if one.neuron == neuron):
            x = left + snapshots.index(view.snapshot) * (PAGE.tile + PAGE.tile_gap)
            shapes += _step(view, x, y, theme)
    page_height = top + PAGE.column_head + len(neurons) * (row + PAGE.tile_gap) + SIZES.margin - PAGE.tile_gap
    words = f"{counted(len(neurons), 'feature map')} over {counted(len(snapshots), 'snapshot')}"
    return Scene(page_width, page_height, theme.ground, tuple(shapes), f"Evolution of {sheet.node}", words)


def maximized_scene(found: Maximized, theme: Theme = LIGHT) -> Scene:
    """Lay out images that were made for the neurons of a layer.

    Parameters
    ----------
    found : Maximized
    theme : Theme, optional

    Returns
    -------
    Scene
    """
    side = PAGE.made
    n_columns = min(PAGE.n_made, len(found.neurons))
    page_width = max(2 * SIZES.margin + n_columns * (side + PAGE.tile_gap) - PAGE.tile_gap, 480.0)
    what = f"{found.node}: images made for {counted(len(found.neurons), 'neuron')} of {found.n_neurons}"
    line = f"{what} in {counted(found.n_steps, 'step')} uphill; below each its number and response"
    shapes = list(_head(found.title, line, page_width, theme))
    row = side + PAGE.label + PAGE.tile_gap
    for place, (neuron, picture) in enumerate(zip(found.neurons, found.pictures)):
        x = SIZES.margin + place % n_columns * (side + PAGE.tile_gap)
        y = SIZES.margin + PAGE.head + place // n_columns * row
        shapes += _tile(f"{neuron}", picture, x, y, side, theme)
        response = figure(float(found.activations[place]))
        shapes += _label(f"{neuron}", f"{neuron}", response, x, y + side + 4, side, theme)
    page_height = 2 * SIZES.margin + PAGE.head + -(-len(found.neurons) // n_columns) * row
    words = "; ".join(f"neuron {one}: {figure(float(a))}" for one, a in zip(found.neurons, found.activations))
    return Scene(page_width, page_height, theme.ground, tuple(shapes), f"Images made for {found.node}", words)


def _step(view: FeatureView, x: float, y: float, theme: Theme) -> Iterator[Shape]:
    """A feature map at one snapshot."""
    name = f"{view.neuron}/{view.snapshot}"
    if not view.patches:
        middle = x + PAGE.tile / 2, y + PAGE.tile
        yield Text(f"text/{name}", *middle, "constant", SIZES.small, theme.muted, "middle")
        return
    yield from _tile(f"{name}/projection", view.projections[0], x, y, PAGE.tile, theme)
    below = y + PAGE.tile + PAGE.patch_gap
    yield from _tile(f"{name}/patch", view.patches[0], x, below, PAGE.tile, theme)
    base = below + PAGE.tile + 4 + cap_height(SIZES.small)
    yield Text(f"text/{name}", x, base, figure(view.responses[0]), SIZES.small, theme.muted)


def _head(title: str, line: str, width: float, theme: Theme) -> Iterator[Shape]:
    """Title and what is shown, on two lines where it is long."""
    room = width - 2 * SIZES.margin
    y = SIZES.margin + cap_height(SIZES.title)
    yield Text("title", SIZES.margin, y, shorten(title or "network", room, SIZES.title, "bold"), SIZES.title, theme.ink,
               weight="bold")  # fmt: skip
    for number, text in enumerate(_wrapped(line, room)[:2]):
        yield Text(f"line/{number}", SIZES.margin, y + 20 + 16 * number, text, SIZES.text, theme.muted)


def _wrapped(text: str, room: float) -> list[str]:
    """Words on lines."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, SIZES.text) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return [shorten_end(one, room, SIZES.text) for one in lines]


def _label(name: str, text: str, value: str, x: float, y: float, width: float, theme: Theme) -> Iterator[Shape]:
    """Which feature map a block shows, and its strongest response."""
    base = y + cap_height(SIZES.small)
    yield Text(f"label/{name}", x, base, text, SIZES.small, theme.ink, weight="bold")
    yield Text(f"label/{name}/value", x + width, base, value, SIZES.small, theme.muted, "end")


def _tile(name: str, pixels: np.ndarray, x: float, y: float, side: float, theme: Theme) -> Iterator[Shape]:
    """A patch or projection in a square."""
    height, width = fit(pixels, side)
    at_x, at_y = x + (side - width) / 2, y + (side - height) / 2
    is_smooth = max(pixels.shape[:2]) > _SMALL
    yield Bitmap(f"tile/{name}", at_x, at_y, width, height, pixels, is_smooth=is_smooth)
    yield Rectangle(f"frame/{name}", at_x, at_y, width, height, Style(stroke=theme.frame, stroke_width=SIZES.frame))


