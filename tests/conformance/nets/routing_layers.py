"""Makers of layers that route values, and of those that have none below them. Each gives whether it could."""

from __future__ import annotations

from choices import FILL, dims, filler, must_have_gradients, param_fills
from net_writer import NetWriter, count_of


def eltwise(net: NetWriter) -> bool:
    first = net.pick()
    if not first:
        return False
    others = [net.pick(lambda top: top.shape == first.shape) for _ in range(net.random.choice([1, 1, 2]))]
    bottoms = [first, *(other for other in others if other)]
    operation = net.random.choice(["SUM", "SUM", "PROD", "MAX"])
    coeff = ""
    if operation == "SUM" and net.chance(0.4):
        coeff = " ".join(f"coeff: {net.random.choice([1, -1, 0.5])}" for _ in bottoms)
    in_place = (
        net.chance(0.08)
        and not first.n_readers
        and not first.has_weight
        and all(other is not first for other in others)
    )
    net.add("Eltwise", bottoms, [first.shape], f"eltwise_param {{ operation: {operation} {coeff} }}", in_place=in_place)
    return True


def concat(net: NetWriter) -> bool:
    first = net.pick(lambda top: len(top.shape) > 0)
    if not first:
        return False
    axis = min(net.random.choice([1, 1, 0]), len(first.shape) - 1)
    bottoms = [first]
    for _ in range(net.random.choice([0, 1, 1, 2])):
        other = net.pick(lambda top: agree_but_for(axis, top.shape, first.shape))
        bottoms += [other] if other else []
    shape = list(first.shape)
    shape[axis] = sum(bottom.shape[axis] for bottom in bottoms)
    net.add("Concat", bottoms, [shape], f"concat_param {{ axis: {axis} }}")
    return True


def agree_but_for(axis: int, first: list[int], second: list[int]) -> bool:
    """Whether two shapes can be joined along an axis."""
    return len(first) == len(second) and all(i == axis or first[i] == second[i] for i in range(len(first)))


def slice(net: NetWriter) -> bool:
    bottom = net.pick(lambda top: len(top.shape) > 1 and top.shape[1] > 1)
    if not bottom:
        return False
    channels = bottom.shape[1]
    if net.chance(0.1):
        lengths, body = [channels], ""
    elif net.chance(0.5) and channels % 2 == 0:
        lengths, body = [channels // 2] * 2, "slice_param { axis: 1 }"
    else:
        point = net.random.randrange(1, channels)
        lengths, body = [point, channels - point], f"slice_param {{ axis: 1 slice_point: {point} }}"
    net.add("Slice", [bottom], [[bottom.shape[0], length, *bottom.shape[2:]] for length in lengths], body)
    return True


def split(net: NetWriter) -> bool:
    bottom = net.pick()
    if not bottom:
        return False
    net.add("Split", [bottom], [bottom.shape] * net.random.choice([1, 2, 3]))
    return True


def reshape(net: NetWriter) -> bool:
    bottom = net.pick(lambda top: len(top.shape) > 1)
    if not bottom:
        return False
    rows, rest = bottom.shape[0], count_of(bottom.shape[1:])
    if net.chance(0.5):
        axis = net.random.randrange(1, len(bottom.shape))
        shape = [*bottom.shape[:axis], count_of(bottom.shape[axis:])]
        net.add("Flatten", [bottom], [shape], f"flatten_param {{ axis: {axis} }}")
    elif rest % 2 == 0:
        net.add(
            "Reshape", [bottom], [[rows, 2, rest // 2, 1]], "reshape_param { shape { dim: 0 dim: 2 dim: -1 dim: 1 } }"
        )
    else:
        net.add("Reshape", [bottom], [[rows, rest]], "reshape_param { shape { dim: -1 } axis: 1 }")
    return True


def other_routing(net: NetWriter) -> bool:
    """Tile, Reduction, ArgMax, Crop, Im2col or SPP."""
    kind = net.random.choices(["Tile", "Reduction", "ArgMax", "Crop", "Im2col", "SPP"], [3, 3, 1, 3, 2, 2])[0]
    if kind == "ArgMax" and must_have_gradients(net):
        return False
    bottom = net.pick(lambda top: len(top.shape) == 4 if kind in ("Crop", "Im2col", "SPP") else len(top.shape) > 1)
    if not bottom:
        return False
    shape = list(bottom.shape)
    if kind == "Tile":
        shape[1] *= 2
        net.add(kind, [bottom], [shape], "tile_param { axis: 1 tiles: 2 }")
    elif kind == "Reduction":
        operation = net.random.choice(["SUM", "ASUM", "SUMSQ", "MEAN"])
        net.add(kind, [bottom], [shape[:1]], f"reduction_param {{ operation: {operation} axis: 1 coeff: 0.5 }}")
    elif kind == "ArgMax":
        shape[1] = 1
        net.add(kind, [bottom], [shape], "argmax_param { axis: 1 }")
    elif kind == "SPP":
        if any(length == 1 for length in shape[2:]):
            return False
        net.add(kind, [bottom], [[shape[0], shape[1] * 5]], "spp_param { pyramid_height: 2 }")
    elif kind == "Im2col":
        if min(shape[2:]) < 2:
            return False
        net.add(
            kind,
            [bottom],
            [[shape[0], shape[1] * 4, shape[2] - 1, shape[3] - 1]],
            "convolution_param { kernel_size: 2 }",
        )
    else:
        small = net.pick(
            lambda top: len(top.shape) == 4 and top.shape[2] <= shape[2] and top.shape[3] <= shape[3], [bottom]
        )
        if not small:
            return False
        net.add(kind, [bottom, small], [[*shape[:2], *small.shape[2:]]], "crop_param { axis: 2 }")
    return True


def source(net: NetWriter) -> bool:
    """A layer without bottoms: data from a generator, or a parameter."""
    shape = list(net.tops[0].shape)
    if not shape:
        return False
    if net.chance(0.3):
        net.add(
            "Parameter", [], [shape], f"parameter_param {{ shape {{ {dims(shape)} }} }}", params=[shape], fills=[FILL]
        )
    elif len(shape) == 4 and net.chance(0.4):
        old = " ".join(f"{field}: {n}" for field, n in zip(("num", "channels", "height", "width"), shape))
        net.add("DummyData", [], [shape], f"dummy_data_param {{ {old} {filler(net, 'data_filler')} }}")
    else:
        net.add(
            "DummyData", [], [shape], f"dummy_data_param {{ shape {{ {dims(shape)} }} {filler(net, 'data_filler')} }}"
        )
    return True


def embed(net: NetWriter) -> bool:
    labels = [top for top in net.tops if top.n_labels]
    if not labels or must_have_gradients(net):
        return False
    bias = net.chance(0.5)
    body = (
        f"num_output: 3 input_dim: {labels[0].n_labels} bias_term: {str(bias).lower()} {filler(net, 'weight_filler')}"
    )
    net.add(
        "Embed",
        labels[:1],
        [[*labels[0].shape, 3]],
        f"embed_param {{ {body} }}",
        params=[[labels[0].n_labels, 3], [3]][: 1 + bias],
        fills=param_fills(net, 1 + bias),
    )
    return True
