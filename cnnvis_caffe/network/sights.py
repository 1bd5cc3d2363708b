"""What a position of a layer's top sees of its bottoms, for every layer type: the one table of it.

"The same place" is the same index on every axis but the first, which counts images and is left out here: where a
layer mixes images, its window is that of each of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.records.dag import Channels, Sight, Window

Shape = tuple[int, ...]
Rule = Callable[[Any, Sequence[Shape], Sequence[Shape]], "list[Sight]"]

SAME = Window()
SAME_CHANNEL = Channels()
ALL_CHANNELS = Channels("all")


def sights(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> tuple[Sight, ...]:
    """Say what each position of each top of a layer sees of each bottom.

    Parameters
    ----------
    layer : Layer
        Set up; of type Python or a type that Caffe does not have, only with its `type`.
    bottoms, tops : sequence of tuple of int
        Shapes.

    Returns
    -------
    tuple of Sight
        Without the pairs of a top and a bottom of which nothing but the shape matters.
    """
    return tuple(RULES.get(layer.type, _unknown)(layer, bottoms, tops))


def _n_spatial(shape: Shape) -> int:
    """Number of axes from axis 2 on."""
    return max(0, len(shape) - 2)


def _everything(top: int, bottom: int, shape: Shape, channels: Channels = ALL_CHANNELS) -> Sight:
    """All positions."""
    return Sight(top, bottom, channels, (None,) * _n_spatial(shape))


def _same(top: int, bottom: int, shape: Shape) -> Sight:
    """The same place and channel."""
    return Sight(top, bottom, SAME_CHANNEL, (SAME,) * _n_spatial(shape))


def _mixed_from(axis: int, shape: Shape, top: int = 0) -> Sight:
    """The same place on the axes before one, everything from there on."""
    channels = SAME_CHANNEL if axis > 1 else ALL_CHANNELS
    return Sight(top, 0, channels, tuple(SAME if a < axis else None for a in range(2, len(shape))))


def _mixed_along(axis: int, shape: Shape) -> Sight:
    """The same place but for one axis, of which everything is seen."""
    channels = ALL_CHANNELS if axis == 1 else SAME_CHANNEL
    return Sight(0, 0, channels, tuple(None if a == axis else SAME for a in range(2, len(shape))))


# -- rules -------------------------------------------------------------------------------------------------------


def _nothing(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Layers that have no bottoms, or no tops."""
    return []


def _pointwise(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Each value depends on the values at its place in all bottoms."""
    return [_same(t, b, shape) for t in range(len(tops)) for b, shape in enumerate(bottoms)]


def _whole(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Each value depends on all of every bottom."""
    return [_everything(t, b, shape) for t in range(len(tops)) for b, shape in enumerate(bottoms)]


def _unknown(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Nobody knows what the layer looks at."""
    return [
        Sight(sight.top, sight.bottom, sight.channels, sight.axes, is_known=False)
        for sight in _whole(layer, bottoms, tops)
    ]


def _convolution(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Convolution and Deconvolution: each top its own bottom, through windows and groups of channels."""
    groups = Channels("groups", layer.n_out // layer.group, layer.n_channels // layer.group)
    return [_windowed(layer.windows, t, shape, groups, layer.transposed) for t, shape in enumerate(bottoms)]


def _im2col(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Like a convolution; which tap of the window a channel shows is left out."""
    groups = Channels("groups", math.prod(layer.windows.kernel), 1)
    return [_windowed(layer.windows, 0, bottoms[0], groups, False)]


def _windowed(windows: Any, index: int, shape: Shape, groups: Channels, transposed: bool) -> Sight:
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
    return Sight(index, index, channels, tuple(axes))


def _pooling(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Windows in each channel; also the places of the maxima depend on them."""
    if layer.param.pooling_param.global_pooling:
        return [_everything(t, 0, bottoms[0], SAME_CHANNEL) for t in range(len(tops))]
    return [Sight(t, 0, SAME_CHANNEL, _pooled(layer.pool)) for t in range(len(tops))]


def _pooled(pool: Any) -> tuple[Window, ...]:
    """Windows of a pooling."""
    return tuple(Window(k, s, p) for k, s, p in zip(pool.kernel, pool.stride, pool.pad))


def _lrn(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Neighbouring channels, or neighbouring positions."""
    if layer.is_across:
        return [Sight(0, 0, Channels("near", size=layer.size // 2), (SAME, SAME))]
    return [Sight(0, 0, SAME_CHANNEL, _pooled(layer.pool))]


def _batch_norm(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """With the batch's own statistics, everything in a channel."""
    param = layer.param.batch_norm_param
    is_global = param.use_global_stats if param.HasField("use_global_stats") else layer.phase == schema.TEST
    return _pointwise(layer, bottoms, tops) if is_global else [_everything(0, 0, bottoms[0], SAME_CHANNEL)]


def _mvn(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Everything in a channel, or everything."""
    channels = ALL_CHANNELS if layer.param.mvn_param.across_channels else SAME_CHANNEL
    return [_everything(0, 0, bottoms[0], channels)]


def _softmax(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """One axis is mixed, as a rule that of the channels."""
    return [_mixed_along(layer.param.softmax_param.axis % max(len(bottoms[0]), 1), bottoms[0])]


def _arg_max(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """One axis is mixed, or all."""
    param = layer.param.argmax_param
    if not param.HasField("axis"):
        return _whole(layer, bottoms, tops)
    return [_mixed_along(param.axis % max(len(bottoms[0]), 1), bottoms[0])]


def _inner_product(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """All axes from one on are mixed."""
    return [_mixed_from(layer.param.inner_product_param.axis % max(len(bottoms[0]), 1), bottoms[0])]


def _reduction(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """All axes from one on are mixed."""
    return [_mixed_from(layer.param.reduction_param.axis % max(len(bottoms[0]), 1), bottoms[0])]


def _operand(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Scale and Bias: the second bottom is laid over the first, from some axis on."""
    result = [_same(0, 0, bottoms[0])]
    if len(bottoms) > 1:
        param = layer.param.scale_param if layer.type == "Scale" else layer.param.bias_param
        begins_with_images = len(bottoms[1]) > 0 and param.axis % max(len(bottoms[0]), 1) == 0
        result.append(_same(0, 1, bottoms[1]) if begins_with_images else _everything(0, 1, bottoms[1]))
    return result


def _concat(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Each bottom is seen by its part of the top."""
    axis, begin, result = layer.concat_axis, 0, []
    for index, shape in enumerate(bottoms):
        part = begin, begin + shape[axis]
        channels = Channels("from", offset=-begin, within=part) if axis == 1 else SAME_CHANNEL
        joined = Window(pad=begin, within=part)
        axes = tuple(joined if a == axis else SAME for a in range(2, len(shape)))
        result.append(Sight(0, index, channels, axes))
        begin = part[1]
    return result


def _slice(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Each top sees its part of the bottom."""
    axis, begin, result = layer.slice_axis, 0, []
    for index, length in enumerate(layer.lengths):
        channels = Channels("from", offset=begin) if axis == 1 else SAME_CHANNEL
        axes = tuple(Window(pad=-begin) if a == axis else SAME for a in range(2, len(bottoms[0])))
        result.append(Sight(index, 0, channels, axes))
        begin += length
    return result


def _crop(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """A part of the first bottom; of the second only the shape counts."""
    offsets = [piece.start for piece in layer.part]
    channels = Channels("from", offset=offsets[1]) if len(offsets) > 1 else ALL_CHANNELS
    return [Sight(0, 0, channels, tuple(Window(pad=-offset) for offset in offsets[2:]))]


def _tile(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Along one axis, the place modulo its length."""
    shape = bottoms[0]
    axis = layer.param.tile_param.axis % max(len(shape), 1)
    channels = Channels("tiled", size=shape[1]) if axis == 1 else SAME_CHANNEL
    axes = tuple(Window(period=shape[a]) if a == axis else SAME for a in range(2, len(shape)))
    return [Sight(0, 0, channels, axes)]


def _reshaped(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """Flatten and Reshape: an axis is told apart as long as neither it nor what follows it has changed."""
    bottom, top = bottoms[0], tops[0]

    def is_kept(axis: int) -> bool:
        """Whether the index on an axis is the same before and after."""
        return axis < min(len(bottom), len(top)) and bottom[axis] == top[axis] and _after(axis)

    def _after(axis: int) -> bool:
        """Whether as many values follow."""
        return math.prod(bottom[axis + 1 :]) == math.prod(top[axis + 1 :])

    axes = tuple(SAME if is_kept(a) else None for a in range(2, len(bottom)))
    return [Sight(0, 0, SAME_CHANNEL if is_kept(1) else ALL_CHANNELS, axes)]


def _picked(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """BatchReindex and Filter: images are picked by the last bottom."""
    last = len(bottoms) - 1
    result = [_everything(t, last, bottoms[last]) for t in range(len(tops))]
    return result + [_same(t, t, bottoms[t]) for t in range(len(tops))]


def _axpy(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """A factor for each channel, and two blobs value by value."""
    return [_everything(0, 0, bottoms[0], SAME_CHANNEL), _same(0, 1, bottoms[1]), _same(0, 2, bottoms[2])]


def _normalize(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """All channels of a place, or of all places."""
    if not layer.by_place:
        return [_everything(top, 0, bottoms[0]) for top in range(len(tops))]
    return [replace(_mixed_along(1, bottoms[0]), top=top) for top in range(len(tops))]


def _shuffled(layer: Any, bottoms: Sequence[Shape], tops: Sequence[Shape]) -> list[Sight]:
    """The same place of another channel."""
    return [_mixed_along(1, bottoms[0])]


_POINTWISE = (
    "AbsVal", "BN", "BNLL", "Clip", "Dropout", "ELU", "Eltwise", "Embed", "Exp", "Log", "PReLU", "Power", "ReLU",
    "ReLU6", "Sigmoid", "SpatialDropout", "Split", "Swish", "TanH", "Threshold",
)  # fmt: skip
_NOTHING = (
    "ContinuationIndicator", "Data", "DummyData", "HDF5Data", "HDF5Output", "ImageData", "Input", "MemoryData",
    "Parameter", "PriorBox", "Silence", "WindowData",
)  # fmt: skip
_WHOLE = (
    "Accuracy", "BoxAnnotatorOHEM", "CTCGreedyDecoder", "CTCLoss", "CenterLoss", "ContrastiveLoss", "CtcLoss",
    "DetectionEvaluate", "DetectionOutput", "EuclideanLoss", "HingeLoss", "InfogainLoss", "Interp", "LSTM", "LSTMUnit",
    "Lstm", "MarginInnerProduct", "MultiBoxLoss", "MultinomialLogisticLoss", "PSROIPooling", "Permute", "RNN",
    "ROIPooling", "Reorg", "Reverse", "SPP", "SigmoidCrossEntropyLoss", "SmoothL1Loss", "SmoothL1LossOHEM",
    "SoftmaxWithLoss", "SoftmaxWithLossOHEM", "Transpose", "Upsample", "WarpCTCLoss",
)  # fmt: skip

RULES: dict[str, Rule] = {
    **dict.fromkeys(_POINTWISE, _pointwise),
    **dict.fromkeys(_NOTHING, _nothing),
    **dict.fromkeys(_WHOLE, _whole),
    "ArgMax": _arg_max,
    "Axpy": _axpy,
    "BatchNorm": _batch_norm,
    "BatchReindex": _picked,
    "Bias": _operand,
    "Concat": _concat,
    "Convolution": _convolution,
    "Crop": _crop,
    "Deconvolution": _convolution,
    "Filter": _picked,
    "Flatten": _reshaped,
    "Im2col": _im2col,
    "InnerProduct": _inner_product,
    "LRN": _lrn,
    "MVN": _mvn,
    "Normalize": _normalize,
    "Pooling": _pooling,
    "Python": _unknown,
    "Reduction": _reduction,
    "Reshape": _reshaped,
    "Scale": _operand,
    "ShuffleChannel": _shuffled,
    "Slice": _slice,
    "Softmax": _softmax,
    "Tile": _tile,
}
