"""Makers of layers that compute: element-wise, scaling, linear, normalising, pooling. Each gives whether it could."""

from __future__ import annotations

import math

from choices import FILL, filler, may_be_in_place, param_fills
from net_writer import NetWriter, count_of


def neuron(net: NetWriter) -> bool:
    """A layer that keeps the shape and has no parameters."""
    bottom = net.pick()
    if not bottom:
        return False
    number = net.random.choice([0.1, 0.5, 1, -0.5])
    bodies = {
        "ReLU": net.random.choice(["", f"relu_param {{ negative_slope: {abs(number)} }}"]),
        "Sigmoid": "",
        "TanH": "",
        "ELU": f"elu_param {{ alpha: {abs(number)} }}",
        "BNLL": "",
        "AbsVal": "",
        "Swish": f"swish_param {{ beta: {number} }}",
        "Clip": "clip_param { min: -1 max: 1.5 }",
        "Power": f"power_param {{ power: {net.random.choice([1, 1, 2])} scale: {number} shift: 0.5 }}",
        "Exp": "exp_param { base: 2 scale: 0.1 }",
        "Dropout": f"dropout_param {{ dropout_ratio: {net.random.choice([0.1, 0.5, 0.7])} }}",
    }
    kind = net.random.choices(list(bodies), [8, 3, 2, 1, 1, 1, 1, 1, 2, 1, 5])[0]
    in_place = may_be_in_place(net, bottom) and (kind != "AbsVal" or net.mistake())
    net.add(kind, [bottom], [bottom.shape], bodies[kind], in_place=in_place)
    return True


def prelu(net: NetWriter) -> bool:
    bottom = net.pick(lambda top: 2 <= len(top.shape) <= 4)
    if not bottom:
        return False
    shared = net.chance(0.3)
    net.add(
        "PReLU",
        [bottom],
        [bottom.shape],
        "prelu_param { channel_shared: true }" if shared else "",
        params=[[] if shared else [bottom.shape[1]]],
        fills=[FILL],
        in_place=may_be_in_place(net, bottom),
    )
    return True


def scale_or_bias(net: NetWriter) -> bool:
    bottom = net.pick(lambda top: len(top.shape) > 1)
    if not bottom:
        return False
    kind = net.random.choice(["Scale", "Bias"])
    in_place = may_be_in_place(net, bottom)
    has_bias = kind == "Scale" and net.chance(0.5)
    bias = " bias_term: true" if has_bias else ""
    axis = net.random.choice([1, 1, 1, 1, 1, 0, -1])
    other = net.pick(lambda top: top.shape == bottom.shape[: len(top.shape)], [bottom]) if net.chance(0.3) else None
    if other:
        params = [other.shape] if has_bias else []
        net.add(
            kind,
            [bottom, other],
            [bottom.shape],
            f"{kind.lower()}_param {{ axis: 0{bias} }}",
            params=params,
            fills=[FILL] * len(params),
            in_place=in_place,
        )
        return True
    n_axes = net.random.choice([1, 1, 1, 0, -1])
    first = axis % len(bottom.shape)
    shape = bottom.shape[first:] if n_axes == -1 else bottom.shape[first : first + n_axes]
    net.add(
        kind,
        [bottom],
        [bottom.shape],
        f"{kind.lower()}_param {{ axis: {axis} num_axes: {n_axes}{bias} }}",
        params=[shape] * (1 + has_bias),
        fills=[FILL] * (1 + has_bias),
        in_place=in_place,
    )
    return True


def convolution(net: NetWriter) -> bool:
    bottom = net.pick(lambda top: len(top.shape) == 4)
    if not bottom:
        return False
    random = net.random
    batch, channels, height, width = bottom.shape
    kind = random.choices(["Convolution", "Deconvolution"], [6, 1])[0]
    n_out, kernel = random.choice([2, 3, 4, 6]), random.choice([1, 2, 3])
    stride, pad, dilation = random.choice([1, 1, 2]), random.choice([0, 0, 1]), random.choice([1, 1, 1, 2])
    group = 2 if channels % 2 == 0 and n_out % 2 == 0 and net.chance(0.3) else 1
    extent = dilation * (kernel - 1) + 1
    if kind == "Convolution":
        sizes = [(length + 2 * pad - extent) // stride + 1 for length in (height, width)]
        weights = [n_out, channels // group, kernel, kernel]
    else:
        sizes = [stride * (length - 1) + extent - 2 * pad for length in (height, width)]
        weights = [channels, n_out // group, kernel, kernel]
    if min(sizes) < 1 or max(sizes) > 12:
        return False
    bias = net.chance(0.7)
    bottoms = [bottom]
    if net.chance(0.12):
        other = net.pick(lambda top: top.shape == bottom.shape)
        bottoms += [other] if other else []
    body = (
        f"convolution_param {{ num_output: {n_out} kernel_size: {kernel} stride: {stride} pad: {pad} "
        f"dilation: {dilation} group: {group} bias_term: {str(bias).lower()} "
        f"{filler(net, 'weight_filler')} {filler(net, 'bias_filler')} }}"
    )
    net.add(
        kind,
        bottoms,
        [[batch, n_out, *sizes]] * len(bottoms),
        body,
        params=[weights, [n_out]][: 1 + bias],
        fills=param_fills(net, 1 + bias),
    )
    return True


def inner_product(net: NetWriter) -> bool:
    bottom = net.pick(lambda top: len(top.shape) > 1)
    if not bottom:
        return False
    axis = net.random.choice([1, 1, 1, 1, -1])
    n_in, n_out = count_of(bottom.shape[axis:]), net.random.choice([2, 3, 4])
    counts = [count_of(shape) for shape in net.shared.values()]
    shareable = [count // n_in for count in counts if count % n_in == 0 and count // n_in <= 8]
    if shareable and net.chance(0.5):
        n_out = net.random.choice(shareable)
    transpose, bias = net.chance(0.15), net.chance(0.7)
    body = (
        f"inner_product_param {{ num_output: {n_out} axis: {axis} transpose: {str(transpose).lower()} "
        f"bias_term: {str(bias).lower()} {filler(net, 'weight_filler')} {filler(net, 'bias_filler')} }}"
    )
    shape = [n_in, n_out] if transpose else [n_out, n_in]
    net.add(
        "InnerProduct",
        [bottom],
        [[*bottom.shape[:axis], n_out]],
        body,
        params=[shape, [n_out]][: 1 + bias],
        fills=param_fills(net, 1 + bias),
    )
    return True


def batch_norm(net: NetWriter) -> bool:
    bottom = net.pick(lambda top: len(top.shape) > 1)
    if not bottom:
        return False
    channels = bottom.shape[1]
    stats = net.random.choice(["", "", f"use_global_stats: {net.random.choice(['true', 'false'])}"])
    net.add(
        "BatchNorm",
        [bottom],
        [bottom.shape],
        f"batch_norm_param {{ {stats} moving_average_fraction: 0.9 eps: 0.01 }}",
        params=[[channels], [channels], [1]],
        fills=["uniform -1 1", "uniform 0.5 2", "values 1"],
        in_place=may_be_in_place(net, bottom),
        lr_zero_only=not net.mistake(),
    )
    return True


def normalisation(net: NetWriter) -> bool:
    """LRN, MVN or Softmax."""
    kind = net.random.choice(["LRN", "MVN", "Softmax"])
    bottom = net.pick(lambda top: len(top.shape) == 4 or (kind == "Softmax" and len(top.shape) > 1))
    if not bottom:
        return False
    region = net.random.choice(["ACROSS_CHANNELS", "WITHIN_CHANNEL"])
    body = {
        "LRN": f"lrn_param {{ local_size: 3 alpha: 0.5 beta: 0.75 norm_region: {region} }}",
        "MVN": f"mvn_param {{ across_channels: {net.random.choice(['true', 'false'])} eps: 0.1 }}",
        "Softmax": f"softmax_param {{ axis: {net.random.choice([1, 1, -1])} }}",
    }[kind]
    net.add(kind, [bottom], [bottom.shape], body, in_place=kind == "Softmax" and may_be_in_place(net, bottom))
    return True


def pooling(net: NetWriter) -> bool:
    bottom = net.pick(lambda top: len(top.shape) == 4)
    if not bottom:
        return False
    random = net.random
    kernel, stride, pool = random.choice([2, 3]), random.choice([1, 2]), random.choice(["MAX", "AVE"])
    pad = random.choice([0, 0, 1])
    if net.chance(0.12):
        net.add(
            "Pooling", [bottom], [[*bottom.shape[:2], 1, 1]], f"pooling_param {{ pool: {pool} global_pooling: true }}"
        )
        return True
    sizes = []
    for length in bottom.shape[2:]:
        size = math.ceil((length + 2 * pad - kernel) / stride) + 1
        sizes.append(size - (pad > 0 and (size - 1) * stride >= length + pad))
    if min(bottom.shape[2:]) + 2 * pad < kernel:
        return False
    shapes = [[*bottom.shape[:2], *sizes]] * (2 if pool == "MAX" and net.chance(0.1) else 1)
    tops = net.add(
        "Pooling",
        [bottom],
        shapes,
        f"pooling_param {{ pool: {pool} kernel_size: {kernel} stride: {stride} pad: {pad} }}",
    )
    for mask in tops[1:]:
        mask.has_weight = True  # changed in place, it would point outside of the image
    return True
