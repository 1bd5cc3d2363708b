"""A network as a table: a line for each layer, beside a drawing of how they are connected."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnnvis_caffe.text import tables
from cnnvis_caffe.text.gutter import Gutter

Report = Mapping[str, Any]

#: A run of this many layers whose names begin alike, up to a "/", is shown as a group.
_GROUP_FROM = 4


def network_table(network: Report, width: int | None = None) -> list[str]:
    """Return one line for each layer.

    Parameters
    ----------
    network : dict
        The part "network" of a report.
    width : int, optional
        Longer lines are cut.

    Returns
    -------
    list of str
    """
    layers = network["layers"]
    gutter = Gutter([_drawn_sources(layers, index) for index in range(len(layers))])
    room = max(map(len, gutter.lines), default=0) + 1 if gutter.is_branching else 0
    groups = _groups([layer["name"] for layer in layers])
    batch = network["batch"]
    rows = [[f"{'':<{room}}layer", "type", "shape", "params", "madds", "sees", "reads"]]
    for index, layer in enumerate(layers):
        group = groups[index]
        if group is not None and (index == 0 or groups[index - 1] != group):
            members = [layers[i] for i, other in enumerate(groups) if other == group]
            name, *cells = _group_row(group[0], members, batch)
            rows.append([f"{gutter.between[index]:<{room}}{name}", *cells])
        name, *cells = _layer_row(layer, group[0] if group else "", batch)
        rows.append([f"{gutter.lines[index] if room else '':<{room}}{name}", *cells])
    return tables.table(rows, "<<<>>><", width=width, flexible=1)


def _drawn_sources(layers: Sequence[Report], index: int) -> list[int]:
    """The layers that a layer reads, but for labels: their line would run beside everything."""
    return [source for source, top in layers[index]["reads"] if top == 0 or layers[source]["bottoms"]]


def _groups(names: Sequence[str]) -> list[tuple[str, int] | None]:
    """For each layer the run of layers it belongs to, if that is long enough."""
    prefixes = [name.rpartition("/")[0] for name in names]
    result: list[tuple[str, int] | None] = [None] * len(names)
    start = 0
    for index in range(1, len(names) + 1):
        if index == len(names) or prefixes[index] != prefixes[start]:
            if prefixes[start] and index - start >= _GROUP_FROM:
                result[start:index] = [(prefixes[start], start)] * (index - start)
            start = index
    return result


def _group_row(name: str, members: Sequence[Report], batch: int | None) -> list[str]:
    """What the layers of a group come to."""
    params = sum(layer["n_parameters"] for layer in members)
    costs = [layer["multiply_adds"] for layer in members]
    cost = None if None in costs else sum(costs)
    return [f"{name}/", tables.plural(len(members), "layer"), "", _or_blank(params, tables.count), _cost(cost, batch)]


def _layer_row(layer: Report, group: str, batch: int | None) -> list[str]:
    """One layer."""
    name = layer["name"]
    if group:
        name = f"  {_without(name, group)}"
    first = layer["tops"][0] if layer["tops"] else None
    in_place = layer["tops"] and all(top["in_place"] for top in layer["tops"])
    words = [layer["type"], layer["settings"], "in place" if in_place else ""]
    return [
        name,
        tables.cut(" ".join(word for word in words if word), 44),
        "" if first is None else _shape(first, batch),
        _params(layer),
        _cost(layer["multiply_adds"], batch),
        _field(layer),
        _flow(layer, group),
    ]


def _shape(top: Report, batch: int | None) -> str:
    """The shape for one image, or what is known of it: 64x?x?."""
    lengths, part = top["shape"], top["shape_in_part"]
    if lengths is None and part is not None:
        return "x".join("?" if length is None else str(length) for length in part[1:])
    return _of_one(lengths, batch)


def _of_one(lengths: Sequence[int] | None, batch: int | None) -> str:
    """The shape for one image, or the whole shape where the first axis does not count images."""
    if lengths and len(lengths) > 1 and lengths[0] == batch:
        return tables.shape(lengths[1:])
    return "1" if lengths == [batch] else tables.shape(lengths)


def _params(layer: Report) -> str:
    """Number of parameters; in brackets where they belong to another layer."""
    owners = {param["shared_with"] for param in layer["parameters"]} - {None}
    if owners and not layer["n_parameters"]:
        return f"({sum(param['count'] for param in layer['parameters']):,})"
    return _or_blank(layer["n_parameters"], tables.count)


def _or_blank(value: int, show: Callable[[int], str]) -> str:
    """A number, or nothing for 0."""
    return show(value) if value else ""


def _cost(cost: int | None, batch: int | None) -> str:
    """Multiply-adds of one image."""
    if cost is None:
        return "?"
    return tables.short(cost / (batch or 1)) if cost else ""


def _field(layer: Report) -> str:
    """Size and stride of the receptive field; the largest, where there are several inputs."""
    fields = layer["receptive_fields"]
    if not fields or not layer["bottoms"]:
        return ""
    field = max(fields, key=lambda field: math.prod(field["size"]))
    if field["whole"]:
        return "all?" if field["assumed"] else "all"
    steps = "x".join(dict.fromkeys(tables.step(stride) for stride in field["stride"]))
    return f"{tables.shape(field['size'])}{'/' if steps else ''}{steps}"


def _flow(layer: Report, group: str) -> str:
    """What a layer reads, and what it writes where that has not the layer's name."""
    tops = layer["tops"]
    bottoms = ", ".join(_without(name, group) for name in layer["bottoms"])
    if [top["name"] for top in tops] == [layer["name"]] or (tops and all(top["in_place"] for top in tops)):
        text = bottoms
    else:
        text = f"{bottoms} -> {', '.join(_without(top['name'], group) for top in tops) or 'nothing'}".lstrip()
    weights = [top["loss_weight"] for top in tops]
    if any(weights):
        shown = ", ".join(f"{weight:g}" for weight in weights)
        text += "  [loss]" if weights == [1.0] else f"  [loss, weight {shown}]"
    owners = sorted({param["shared_with"] for param in layer["parameters"]} - {None})
    return text + (f"  [parameters of {', '.join(owners)}]" if owners else "")


def _without(name: str, group: str) -> str:
    """A name within its group."""
    return name[len(group) + 1 :] if group and name.startswith(f"{group}/") else name


def network_totals(network: Report) -> list[str]:
    """What all layers come to."""
    batch = network["batch"]
    splits = f" (and {tables.plural(network['n_splits'], 'Split')} that Caffe puts in)" if network["n_splits"] else ""
    rows = [["layers", f"{network['n_layers']}{splits}"]]
    at_least = "" if network["all_shapes_known"] else "at least "
    rows.append(["parameters", f"{at_least}{network['parameters']:,} ({tables.size(4 * network['parameters'])})"])
    cost = network["multiply_adds_per_image"]
    rows.append(["multiply-adds", "not known" if cost is None else f"{tables.short(cost)} an image"])
    memory = network["memory"]
    if memory is not None:
        images = f"a batch of {batch}" if batch else "one pass"
        rows.append(["memory", f"{tables.size(memory['forward'])} for forward of {images}, "
                               f"{tables.size(memory['forward_backward'])} with backward"])  # fmt: skip
    for name in ("inputs", "outputs"):
        blobs = [f"{blob['name']} {tables.shape(blob['shape'])}" for blob in network[name]]
        rows.append([name, ", ".join(blobs) or "none"])
    if network["left_out"]:
        rows.append(["left out", f"by their rules: {', '.join(network['left_out'])}"])
    return [
        *tables.table(rows, "<<"),
        "",
        "Shapes and multiply-adds (madds) are those of one image. Sees 19x19/8: a position of the blob sees 19 by 19",
        "pixels of the input, the next one those 8 pixels further; all: the whole image. What a layer writes has the",
        "layer's name, unless it works in place or -> says otherwise.",
    ]
