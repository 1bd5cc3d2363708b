"""Rules that say which part of its bottoms each position of a layer's top depends on.

A rule takes the layer, set up (layers whose code is not here: only its `type`), and the shapes of its bottoms and tops.
It returns one `LayerField` for each pair of a top and a bottom that it depends on. A bottom of which only the shape
matters is left out.

"The same place" is the same index on every axis but the first. The first axis counts images and is left out: where a
layer mixes images, the rule gives the part of each image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cnnvis_caffe.records.dag import Channels, LayerField, Window

Shape = tuple[int, ...]
#: Layer, shapes of its bottoms and of its tops.
FieldRule = Callable[[Any, Sequence[Shape], Sequence[Shape]], "list[LayerField]"]

SAME = Window()
SAME_CHANNEL = Channels()
ALL_CHANNELS = Channels("all")


def _n_spatial(shape: Shape) -> int:
    """Number of axes from axis 2 on."""
    return max(0, len(shape) - 2)


def _everything(top: int, bottom: int, shape: Shape, channels: Channels = ALL_CHANNELS) -> LayerField:
    """All positions."""
    return LayerField(top, bottom, channels, (None,) * _n_spatial(shape))


def _same(top: int, bottom: int, shape: Shape) -> LayerField:
    """The same place and channel."""
    return LayerField(top, bottom, SAME_CHANNEL, (SAME,) * _n_spatial(shape))


def _mixed_from(axis: int, shape: Shape, top: int = 0) -> LayerField:
    """The same place on the axes before one, everything from there on."""
    channels = SAME_CHANNEL if axis > 1 else ALL_CHANNELS
    return LayerField(top, 0, channels, tuple(SAME if a < axis else None for a in range(2, len(shape))))


def _mixed_along(axis: int, shape: Shape) -> LayerField:
    """The same place but for one axis, of which everything is seen."""
    channels = ALL_CHANNELS if axis == 1 else SAME_CHANNEL
    return LayerField(0, 0, channels, tuple(None if a == axis else SAME for a in range(2, len(shape))))


# -- rules -------------------------------------------------------------------------------------------------------


def nothing(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Layers that have no bottoms, or no tops."""
    return []


def pointwise(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Each value depends on the values at its place in all bottoms."""
    return [_same(t, b, shape) for t in range(len(tops)) for b, shape in enumerate(bottoms)]


def whole(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Each value depends on all of every bottom."""
    return [_everything(t, b, shape) for t in range(len(tops)) for b, shape in enumerate(bottoms)]


def unknown(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Nobody knows what the layer looks at."""
    return [
        LayerField(sight.top, sight.bottom, sight.channels, sight.axes, is_known=False)
        for sight in whole(layer, bottoms, tops)
    ]


def convolution(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Convolution and Deconvolution: each top its own bottom, through windows and groups of channels."""
    groups = Channels("groups", layer.n_out // layer.group, layer.n_channels // layer.group)
    return [_windowed(layer.windows, t, shape, groups, layer.transposed) for t, shape in enumerate(bottoms)]


def im2col(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Like a convolution; which tap of the window a channel shows is left out."""
    groups = Channels("groups", math.prod(layer.windows.kernel), 1)
    return [_windowed(layer.windows, 0, bottoms[0], groups, False)]


def _windowed(windows: Any, index: int, shape: Shape, groups: Channels, transposed: bool) -> LayerField:
    """A top that sees the bottom of the same index through windows behind the axis of the channels."""
    axes: list[Window | None] = []
    for a in range(2, len(shape)):
        spatial = a - windows.axis - 1
        if spatial < 0:
            axes.append(None if a == windows.axis else SAME)
        else:
            kernel, stride, pad, dilation = (
                sizes[spatial] for sizes in (windows.kernel, windows.stride, windows.pad, windows.dilation)
            )
            axes.append(Window(kernel, stride, pad, dilation, transposed))
    channels = groups if windows.axis == 1 else SAME_CHANNEL if windows.axis > 1 else ALL_CHANNELS
    return LayerField(index, index, channels, tuple(axes))


def pooling(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Windows in each channel; also the places of the maxima depend on them."""
    if layer.param.pooling_param.global_pooling:
        return [_everything(t, 0, bottoms[0], SAME_CHANNEL) for t in range(len(tops))]
    return [LayerField(t, 0, SAME_CHANNEL, _pooled(layer.pool)) for t in range(len(tops))]


def _pooled(pool: Any) -> tuple[Window, ...]:
    """Windows of a pooling."""
    return tuple(Window(k, s, p) for k, s, p in zip(pool.kernel, pool.stride, pool.pad))


def lrn(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Neighbouring channels, or neighbouring positions."""
    if layer.is_across:
        return [LayerField(0, 0, Channels("near", size=layer.size // 2), (SAME, SAME))]
    return [LayerField(0, 0, SAME_CHANNEL, _pooled(layer.pool))]


def batch_norm(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """With the batch's own statistics, everything in a channel."""
    from cnnvis_caffe.formats import schema  # here: most readers of the table draw, and do without protobuf

    param = layer.param.batch_norm_param
    is_global = param.use_global_stats if param.HasField("use_global_stats") else layer.phase == schema.TEST
    return pointwise(layer, bottoms, tops) if is_global else [_everything(0, 0, bottoms[0], SAME_CHANNEL)]


def mvn(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Everything in a channel, or everything."""
    channels = ALL_CHANNELS if layer.param.mvn_param.across_channels else SAME_CHANNEL
    return [_everything(0, 0, bottoms[0], channels)]


def softmax(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """One axis is mixed, as a rule that of the channels."""
    return [_mixed_along(layer.param.softmax_param.axis % max(len(bottoms[0]), 1), bottoms[0])]


def arg_max(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """One axis is mixed, or all."""
    param = layer.param.argmax_param
    if not param.HasField("axis"):
        return whole(layer, bottoms, tops)
    return [_mixed_along(param.axis % max(len(bottoms[0]), 1), bottoms[0])]


def inner_product(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """All axes from one on are mixed."""
    return [_mixed_from(layer.param.inner_product_param.axis % max(len(bottoms[0]), 1), bottoms[0])]


def reduction(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """All axes from one on are mixed."""
    return [_mixed_from(layer.param.reduction_param.axis % max(len(bottoms[0]), 1), bottoms[0])]


def operand(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Scale and Bias: the second bottom is laid over the first, from some axis on."""
    result = [_same(0, 0, bottoms[0])]
    if len(bottoms) > 1:
        param = layer.param.scale_param if layer.type == "Scale" else layer.param.bias_param
        begins_with_images = len(bottoms[1]) > 0 and param.axis % max(len(bottoms[0]), 1) == 0
        result.append(_same(0, 1, bottoms[1]) if begins_with_images else _everything(0, 1, bottoms[1]))
    return result


def concat(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Each bottom is seen by its part of the top."""
    axis, begin, result = layer.concat_axis, 0, []
    for index, shape in enumerate(bottoms):
        part = begin, begin + shape[axis]
        channels = Channels("from", offset=-begin, within=part) if axis == 1 else SAME_CHANNEL
        joined = Window(pad=begin, within=part)
        axes = tuple(joined if a == axis else SAME for a in range(2, len(shape)))
        result.append(LayerField(0, index, channels, axes))
        begin = part[1]
    return result


def slice_(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Each top sees its part of the bottom."""
    axis, begin, result = layer.slice_axis, 0, []
    for index, length in enumerate(layer.lengths):
        channels = Channels("from", offset=begin) if axis == 1 else SAME_CHANNEL
        axes = tuple(Window(pad=-begin) if a == axis else SAME for a in range(2, len(bottoms[0])))
        result.append(LayerField(index, 0, channels, axes))
        begin += length
    return result


def crop(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """A part of the first bottom; of the second only the shape counts."""
    offsets = [piece.start for piece in layer.part]
    channels = Channels("from", offset=offsets[1]) if len(offsets) > 1 else ALL_CHANNELS
    return [LayerField(0, 0, channels, tuple(Window(pad=-offset) for offset in offsets[2:]))]


def tile(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Along one axis, the place modulo its length."""
    shape = bottoms[0]
    axis = layer.param.tile_param.axis % max(len(shape), 1)
    channels = Channels("tiled", size=shape[1]) if axis == 1 else SAME_CHANNEL
    axes = tuple(Window(period=shape[a]) if a == axis else SAME for a in range(2, len(shape)))
    return [LayerField(0, 0, channels, axes)]


def reshaped(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """Flatten and Reshape: an axis is told apart as long as neither it nor what follows it has changed."""
    bottom, top = bottoms[0], tops[0]

    def is_kept(axis: int) -> bool:
        """Whether the index on an axis is the same before and after."""
        return axis < min(len(bottom), len(top)) and bottom[axis] == top[axis] and _after(axis)

    def _after(axis: int) -> bool:
        """Whether as many values follow."""
        return math.prod(bottom[axis + 1 :]) == math.prod(top[axis + 1 :])

    axes = tuple(SAME if is_kept(a) else None for a in range(2, len(bottom)))
    return [LayerField(0, 0, SAME_CHANNEL if is_kept(1) else ALL_CHANNELS, axes)]


def picked(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """BatchReindex and Filter: images are picked by the last bottom."""
    last = len(bottoms) - 1
    result = [_everything(t, last, bottoms[last]) for t in range(len(tops))]
    return result + [_same(t, t, bottoms[t]) for t in range(len(tops))]


def axpy(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """A factor for each channel, and two blobs value by value."""
    return [_everything(0, 0, bottoms[0], SAME_CHANNEL), _same(0, 1, bottoms[1]), _same(0, 2, bottoms[2])]


def normalize(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """All channels of a place, or of all places."""
    if not layer.by_place:
        return [_everything(top, 0, bottoms[0]) for top in range(len(tops))]
    return [replace(_mixed_along(1, bottoms[0]), top=top) for top in range(len(tops))]


def shuffled(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[LayerField]:
    """The same place of another channel."""
    return [_mixed_along(1, bottoms[0])]
