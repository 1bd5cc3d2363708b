"""Rules that say in a few words what is special about a layer: "64 of 7x7/2 pad 3".

A rule takes the LayerParameter and returns words; empty ones are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

SettingsRule = Callable[[Any], "list[str]"]


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


def convolution(layer: Any) -> list[str]:
    """Give count and size of the filters, and how they move; for Im2col only the windows."""
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


def pooling(layer: Any) -> list[str]:
    """Give what is taken of each window, and its size."""
    param = layer.pooling_param
    method = {0: "max", 1: "average", 2: "stochastic"}[param.pool]
    if param.global_pooling:
        return [f"{method} of all"]
    pad = _named("pad", _pair(param, "pad", 0))
    rounded = "rounded down" if param.round_mode == 1 or not param.ceil_mode else ""
    return [f"{method} {_kernel(param)}{_stride(param)}", pad, rounded]


def lrn(layer: Any) -> list[str]:
    """Give how many neighbours normalise each other."""
    size = layer.lrn_param.local_size
    return [f"within {size}x{size}" if layer.lrn_param.norm_region == 1 else f"across {size} channels"]


def inner_product(layer: Any) -> list[str]:
    """Give the number of outputs."""
    param = layer.inner_product_param
    return [str(param.num_output), "" if param.bias_term else "no bias", _axis(param, 1)]


def eltwise(layer: Any) -> list[str]:
    """Give the operation."""
    param = layer.eltwise_param
    coefficients = " ".join(f"{value:g}" for value in param.coeff)
    return [{0: "product", 1: "sum", 2: "maximum"}[param.operation], _named("coefficients", coefficients)]


def slice_(layer: Any) -> list[str]:
    """Give where it cuts."""
    param = layer.slice_param
    points = " ".join(map(str, param.slice_point))
    return [_named("at", points), _axis(param, 1)]


def reshape(layer: Any) -> list[str]:
    """Give the new shape."""
    param = layer.reshape_param
    return ["to " + "x".join(map(str, param.shape.dim)), _axis(param, 0)]


def crop(layer: Any) -> list[str]:
    """Give what is cut off before."""
    param = layer.crop_param
    return [_named("offset", " ".join(map(str, param.offset))), _axis(param, 2)]


def power(layer: Any) -> list[str]:
    """Give what differs from the identity."""
    param = layer.power_param
    defaults = (("power", 1), ("scale", 1), ("shift", 0))
    return [_named(name, f"{getattr(param, name):g}") for name, usual in defaults if getattr(param, name) != usual]


def batch_norm(layer: Any) -> list[str]:
    """Give whose statistics are used, where the phase does not say it."""
    param = layer.batch_norm_param
    if not param.HasField("use_global_stats"):
        return []
    return ["stored statistics" if param.use_global_stats else "the batch's statistics"]


def accuracy(layer: Any) -> list[str]:
    """Give how many guesses count."""
    return [f"top {layer.accuracy_param.top_k}"]


def recurrent(layer: Any) -> list[str]:
    """Give the number of outputs."""
    param = layer.recurrent_param
    return [str(param.num_output), "states exposed" if param.expose_hidden else ""]


def reduction(layer: Any) -> list[str]:
    """Give what becomes of the values."""
    param = layer.reduction_param
    return [{1: "sum", 2: "sum of absolutes", 3: "sum of squares", 4: "mean"}[param.operation], _axis(param, 0)]


def nothing(layer: Any) -> list[str]:
    """Leave the settings out."""
    return []


def axis(field: str, usual: int = 1) -> SettingsRule:
    """Return a rule that gives the axis, where it is not the usual one."""
    return lambda layer: [_axis(getattr(layer, field), usual)]


def source(field: str) -> SettingsRule:
    """Return a rule that gives the file or folder that the data comes from."""
    return lambda layer: [getattr(layer, field).source]


def arg_max(layer: Any) -> list[str]:
    """Give how many guesses are named."""
    return [f"top {layer.argmax_param.top_k}"]


def clip(layer: Any) -> list[str]:
    """Give the range."""
    return [f"{layer.clip_param.min:g} to {layer.clip_param.max:g}"]


def contrastive_loss(layer: Any) -> list[str]:
    """Give the margin."""
    return [f"margin {layer.contrastive_loss_param.margin:g}"]


def dropout(field: str) -> SettingsRule:
    """Return a rule that gives the share of values that become zero."""
    return lambda layer: [f"{getattr(layer, field).dropout_ratio:g}"]


def embed(layer: Any) -> list[str]:
    """Give the number of rows, and how long they are."""
    return [f"{layer.embed_param.input_dim} to {layer.embed_param.num_output}"]


def permute(layer: Any) -> list[str]:
    """Give the new order of the axes."""
    return [" ".join(map(str, layer.permute_param.order))]


def python(layer: Any) -> list[str]:
    """Give the class that does the work."""
    return [f"{layer.python_param.module}.{layer.python_param.layer}"]


def relu(layer: Any) -> list[str]:
    """Give the slope of a leaky one."""
    slope = layer.relu_param.negative_slope
    return [f"slope {slope:g}" if slope else ""]


def scale(layer: Any) -> list[str]:
    """Give whether it adds a bias."""
    return ["with bias" if layer.scale_param.bias_term else "", _axis(layer.scale_param, 1)]


def spp(layer: Any) -> list[str]:
    """Give the number of levels."""
    return [f"{layer.spp_param.pyramid_height} levels"]


def tile(layer: Any) -> list[str]:
    """Give how often the blob is repeated."""
    return [f"{layer.tile_param.tiles} times", _axis(layer.tile_param, 1)]
