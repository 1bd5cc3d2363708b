"""What is special about a layer, in a few words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def describe(layer: Any) -> str:
    """Return the settings of a layer that a reader wants to know.

    Parameters
    ----------
    layer : LayerParameter

    Returns
    -------
    str
        Such as "64 of 7x7/2 pad 3" (64 filters of 7x7 with stride 2); empty where there is nothing to say.
    """
    rule = _RULES.get(layer.type)
    return " ".join(words for words in rule(layer) if words) if rule else ""


def _pair(param: Any, field: str, default: int) -> str:
    """A size that is given once, for each axis, or as height and width: 3, 3x5; empty for the default."""
    stem = "kernel" if field == "kernel_size" else field
    given = getattr(param, field)
    sizes: Sequence[int]
    if param.HasField(f"{stem}_h") or param.HasField(f"{stem}_w"):
        sizes = [getattr(param, f"{stem}_h"), getattr(param, f"{stem}_w")]
    else:
        sizes = list(given) if not isinstance(given, int) else [given]
    if all(size == default for size in sizes):
        return ""
    return str(sizes[0]) if len(set(sizes)) == 1 else "x".join(map(str, sizes))


def _kernel(param: Any) -> str:
    """Size of a window: 3x3, 1x7, 3x3x3."""
    size = _pair(param, "kernel_size", 0)
    return size if "x" in size or not size else f"{size}x{size}"


def _stride(param: Any) -> str:
    """A stride other than 1, as papers write it: /2."""
    stride = _pair(param, "stride", 1)
    return f"/{stride}" if stride else ""


def _named(name: str, value: object) -> str:
    """The word and the value, if there is one."""
    return f"{name} {value}" if value not in ("", None) else ""


def _convolution(layer: Any) -> list[str]:
    param = layer.convolution_param
    count = f"{param.num_output} of " if layer.type != "Im2col" else ""
    holes = [param.hole] * 2 if param.HasField("hole") else [param.hole_h, param.hole_w]  # DeepLab's name for it
    dilation = _repeated(param.dilation or holes, 1)
    return [
        f"{count}{_kernel(param) or '1x1'}{_stride(param)}",
        _named("pad", _pair(param, "pad", 0)),
        _named("dilation", dilation),
        f"group {param.group}" if param.group != 1 else "",
        "no bias" if not param.bias_term and count else "",
        _axis(param, 1),
    ]


def _repeated(values: Sequence[int], default: int) -> str:
    """A size for each axis; empty for the default."""
    if all(value == default for value in values):
        return ""
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))


def _axis(param: Any, default: int) -> str:
    """An axis other than the usual one."""
    return f"axis {param.axis}" if param.axis != default else ""


def _pooling(layer: Any) -> list[str]:
    param = layer.pooling_param
    method = {0: "max", 1: "average", 2: "stochastic"}[param.pool]
    if param.global_pooling:
        return [f"{method} of all"]
    pad = _named("pad", _pair(param, "pad", 0))
    rounded = "rounded down" if param.round_mode == 1 or not param.ceil_mode else ""
    return [f"{method} {_kernel(param)}{_stride(param)}", pad, rounded]


def _lrn(layer: Any) -> list[str]:
    size = layer.lrn_param.local_size
    return [f"within {size}x{size}" if layer.lrn_param.norm_region == 1 else f"across {size} channels"]


def _inner_product(layer: Any) -> list[str]:
    param = layer.inner_product_param
    return [str(param.num_output), "" if param.bias_term else "no bias", _axis(param, 1)]


def _eltwise(layer: Any) -> list[str]:
    param = layer.eltwise_param
    coefficients = " ".join(f"{value:g}" for value in param.coeff)
    return [{0: "product", 1: "sum", 2: "maximum"}[param.operation], _named("coefficients", coefficients)]


def _data(layer: Any) -> list[str]:
    param = {
        "Data": layer.data_param,
        "ImageData": layer.image_data_param,
        "WindowData": layer.window_data_param,
        "HDF5Data": layer.hdf5_data_param,
    }[layer.type]
    return [param.source]


def _slice(layer: Any) -> list[str]:
    param = layer.slice_param
    points = " ".join(map(str, param.slice_point))
    return [_named("at", points), _axis(param, 1)]


def _reshape(layer: Any) -> list[str]:
    param = layer.reshape_param
    return ["to " + "x".join(map(str, param.shape.dim)), _axis(param, 0)]


def _crop(layer: Any) -> list[str]:
    param = layer.crop_param
    return [_named("offset", " ".join(map(str, param.offset))), _axis(param, 2)]


def _power(layer: Any) -> list[str]:
    param = layer.power_param
    defaults = (("power", 1), ("scale", 1), ("shift", 0))
    return [_named(name, f"{getattr(param, name):g}") for name, usual in defaults if getattr(param, name) != usual]


def _batch_norm(layer: Any) -> list[str]:
    param = layer.batch_norm_param
    if not param.HasField("use_global_stats"):
        return []
    return ["stored statistics" if param.use_global_stats else "the batch's statistics"]


def _accuracy(layer: Any) -> list[str]:
    return [f"top {layer.accuracy_param.top_k}"]


def _recurrent(layer: Any) -> list[str]:
    param = layer.recurrent_param
    return [str(param.num_output), "states exposed" if param.expose_hidden else ""]


def _reduction(layer: Any) -> list[str]:
    param = layer.reduction_param
    return [{1: "sum", 2: "sum of absolutes", 3: "sum of squares", 4: "mean"}[param.operation], _axis(param, 0)]


_RULES: dict[str, Callable[[Any], list[str]]] = {
    "Accuracy": _accuracy,
    "ArgMax": lambda layer: [f"top {layer.argmax_param.top_k}"],
    "BatchNorm": _batch_norm,
    "Bias": lambda layer: [_axis(layer.bias_param, 1)],
    "Clip": lambda layer: [f"{layer.clip_param.min:g} to {layer.clip_param.max:g}"],
    "Concat": lambda layer: [_axis(layer.concat_param, 1)],
    "ContrastiveLoss": lambda layer: [f"margin {layer.contrastive_loss_param.margin:g}"],
    "Convolution": _convolution,
    "Crop": _crop,
    "Data": _data,
    "Deconvolution": _convolution,
    "Dropout": lambda layer: [f"{layer.dropout_param.dropout_ratio:g}"],
    "Eltwise": _eltwise,
    "Embed": lambda layer: [f"{layer.embed_param.input_dim} to {layer.embed_param.num_output}"],
    "Flatten": lambda layer: [_axis(layer.flatten_param, 1)],
    "HDF5Data": _data,
    "Im2col": _convolution,
    "ImageData": _data,
    "InnerProduct": _inner_product,
    "LRN": _lrn,
    "LSTM": _recurrent,
    "Permute": lambda layer: [" ".join(map(str, layer.permute_param.order))],
    "Pooling": _pooling,
    "Power": _power,
    "Python": lambda layer: [f"{layer.python_param.module}.{layer.python_param.layer}"],
    "RNN": _recurrent,
    "ReLU": lambda layer: [f"slope {layer.relu_param.negative_slope:g}" if layer.relu_param.negative_slope else ""],
    "Reduction": _reduction,
    "Reshape": _reshape,
    "SPP": lambda layer: [f"{layer.spp_param.pyramid_height} levels"],
    "Scale": lambda layer: ["with bias" if layer.scale_param.bias_term else "", _axis(layer.scale_param, 1)],
    "Slice": _slice,
    "Softmax": lambda layer: [_axis(layer.softmax_param, 1)],
    "SoftmaxWithLoss": lambda layer: [_axis(layer.softmax_param, 1)],
    "SpatialDropout": lambda layer: [f"{layer.spatial_dropout_param.dropout_ratio:g}"],
    "Tile": lambda layer: [f"{layer.tile_param.tiles} times", _axis(layer.tile_param, 1)],
    "WindowData": _data,
}
