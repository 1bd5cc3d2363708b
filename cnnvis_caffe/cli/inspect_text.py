"""What `inspect` says about a file, as text. Everything comes from the report, so `--json` says the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnvis_caffe.cli import tables
from cnnvis_caffe.cli.gutter import Gutter

Report = Mapping[str, Any]

#: A run of this many layers whose names begin alike, up to a "/", is shown as a group.
_GROUP_FROM = 4
_GENERATIONS = {"V0": "V0, of 2013", "V1": "V1, of 2014", "V2": "the current format"}


def render(report: Report) -> list[str]:
    """Return the lines that describe a report of `inspect_file`.

    Parameters
    ----------
    report : dict

    Returns
    -------
    list of str
    """
    lines = [f"{report['file']}: {_what(report)}"]
    sections: list[list[str]] = []
    if "network" in report:
        sections.append(_network_table(report["network"]))
        sections.append(_totals(report["network"]))
    if "solver" in report:
        sections += _solver(report["solver"])
    if "solverstate" in report:
        sections.append(_solver_state(report["solverstate"]))
    if "mean" in report:
        sections.append(_mean(report["mean"]))
    sections.append(_listed("What the upgrade changed", report.get("format", {}).get("upgrades", ())))
    sections.append(_unknown_fields(report))
    if "network" in report:
        network = report["network"]
        sections.append(_listed("Unknown layer types", [_unknown_type(item) for item in network["unknown_types"]]))
        sections.append(_listed("Assumed or not known", [*network["notes"], *network["problems"]]))
    sections.append(_listed("Problems", report.get("problems", ())))
    sections += [_fit(fit) for fit in report.get("fits", ())]
    sections += [_weights(weights) for weights in report.get("weights", ())]
    for section in sections:
        if section:
            lines += ["", *section]
    return lines


def _what(report: Report) -> str:
    """Which kind of file, of which format."""
    form = report.get("format", {})
    kind = report["kind"]
    if kind == "network":
        network = report["network"]
        name = f" {network['name']!r}" if network["name"] else ""
        return f"network{name}, prototxt in {_GENERATIONS[form['generation']]}, shown for phase {network['phase']}"
    if kind == "solver":
        return "solver, prototxt"
    if kind == "mean":
        return f"mean image {tables.shape(report['mean']['shape'])}, {tables.size(report['bytes'])}"
    if kind == "solverstate":
        return f"solver state, {_container(form)}, {tables.size(report['bytes'])}"
    return f"weights, {_container(form)}, {tables.size(report['bytes'])}"


def _container(form: Report) -> str:
    """How a binary file is written."""
    if form["container"] == "hdf5":
        return "HDF5 (without a network; give its prototxt, with this file as --weights)" if "has_diffs" in form else "HDF5"
    words = ["binary"]
    if form.get("generation"):
        words.append(f"layers in {_GENERATIONS[form['generation']]}")
    if form.get("legacy_shapes"):
        words.append("shapes as num, channels, height, width")
    if form.get("has_diffs"):
        words.append("with gradients")
    return ", ".join(words)


def _listed(title: str, items: Sequence[str]) -> list[str]:
    """A title with points below; nothing without points."""
    return [f"{title}:", *(f"  - {item}" for item in items)] if items else []


def _unknown_fields(report: Report) -> list[str]:
    """Fields that Caffe does not know."""
    fields = report.get("format", {}).get("unknown_fields", ())
    items = []
    for field in fields:
        if isinstance(field, str):
            items.append(field)
            continue
        hint = f"; did you mean {' or '.join(map(repr, field['near']))}?" if field["near"] else ""
        place = f"line {field['line']}, column {field['column']}"
        items.append(f"{place}: {field['message']} has no field {field['name']!r}{hint}")
    return _listed("Unknown fields, left out (Caffe refuses the file)" if items else "", items)


def _unknown_type(item: Report) -> str:
    """A layer type that Caffe does not know."""
    line = f"line {item['line']}: " if item["line"] else ""
    hint = f"; did you mean {' or '.join(map(repr, item['near']))}?" if item["near"] else ""
    return f"{line}layer {item['layer']!r} has type {item['type']!r}{hint} (cnnvis-caffe inspect --layer-types)"


# -- networks --------------------------------------------------------------------------------------------------------


def _network_table(network: Report) -> list[str]:
    """One line for each layer."""
    layers = network["layers"]
    gutter = Gutter([_drawn_sources(layers, index) for index in range(len(layers))])
    groups = _groups([layer["name"] for layer in layers])
    batch = network["batch"]
    rows = [["", "layer", "type", "shape", "params", "mult-adds", "sees", "step", "reads"]]
    for index, layer in enumerate(layers):
        group = groups[index]
        if group is not None and (index == 0 or groups[index - 1] != group):
            members = [layers[i] for i, other in enumerate(groups) if other == group]
            rows.append([gutter.between[index], *_group_row(group[0], members, batch)])
        rows.append([gutter.lines[index], *_layer_row(layer, group[0] if group else "", batch)])
    if not gutter.is_branching:
        rows = [row[1:] for row in rows]
    return tables.table(rows, "<<<<>>>><"[len("<<<<>>>><") - len(rows[0]) :])


def _drawn_sources(layers: Sequence[Report], index: int) -> list[int]:
    """The layers that a layer reads, but for labels: their line would run beside everything."""
    return [
        source
        for source, top in layers[index]["reads"]
        if top == 0 or layers[source]["bottoms"]
    ]


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
    return [
        name,
        _cut(f"{layer['type']} {layer['settings']}".rstrip(), 44),
        "" if first is None else _of_one(first["shape"], batch),
        _params(layer),
        _cost(layer["multiply_adds"], batch),
        *_field(layer),
        _flow(layer, group),
    ]


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


def _or_blank(value: int, show: Any) -> str:
    """A number, or nothing for 0."""
    return show(value) if value else ""


def _cost(cost: int | None, batch: int | None) -> str:
    """Multiply-adds of one image."""
    if cost is None:
        return "?"
    return tables.short(cost / (batch or 1)) if cost else ""


def _field(layer: Report) -> tuple[str, str]:
    """Size and stride of the receptive field; the largest, where there are several inputs."""
    fields = layer["receptive_fields"]
    if not fields or not layer["bottoms"]:
        return "", ""
    field = max(fields, key=lambda field: _area(field["size"]))
    if field["whole"]:
        return "all?" if field["assumed"] else "all", ""
    steps = list(dict.fromkeys(tables.step(stride) for stride in field["stride"]))
    return tables.shape(field["size"]), "x".join(steps)


def _area(lengths: Sequence[int]) -> int:
    """Product of lengths."""
    area = 1
    for length in lengths:
        area *= length
    return area


def _flow(layer: Report, group: str) -> str:
    """What a layer reads, and what it writes where that has not the layer's name."""
    tops = layer["tops"]
    bottoms = ", ".join(_without(name, group) for name in layer["bottoms"])
    if tops and all(top["in_place"] for top in tops):
        text = f"{bottoms} (in place)"
    elif [top["name"] for top in tops] == [layer["name"]]:
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


def _cut(text: str, length: int) -> str:
    """Text that is not too long."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _totals(network: Report) -> list[str]:
    """What all layers come to."""
    batch = network["batch"]
    splits = f" (and {tables.plural(network['n_splits'], 'Split')} that Caffe puts in)" if network["n_splits"] else ""
    rows = [["layers", f"{network['n_layers']}{splits}"]]
    rows.append(["parameters", f"{tables.count(network['parameters'])}{_bytes_of(network['parameters'])}"])
    rows.append(["multiply-adds", f"{tables.short(network['multiply_adds_per_image'])} an image"])
    memory = network["memory"]
    if memory is not None:
        images = f"a batch of {batch}" if batch else "one pass"
        rows.append(["memory", f"{tables.size(memory['forward'])} for forward of {images}, "
                               f"{tables.size(memory['forward_backward'])} with backward"])  # fmt: skip
    for name in ("inputs", "outputs"):
        blobs = [f"{blob['name']} {tables.shape(blob['shape'])}" for blob in network[name]]
        rows.append([name, ", ".join(blobs) or "none"])
    if network["left_out"]:
        rows.append(["left out", f"not in this phase: {', '.join(network['left_out'])}"])
    return [
        *tables.table(rows, "<<"),
        "",
        "Shapes and multiply-adds are those of one image. A layer sees that many input pixels (all: the whole image),",
        "one position of its blob and the next are step pixels apart. It writes a blob of its own name unless -> says so.",
    ]


def _bytes_of(n_values: int | None) -> str:
    """The size of float32 values."""
    return "" if n_values is None else f" ({tables.size(4 * n_values)})"


# -- weights ---------------------------------------------------------------------------------------------------------


def _fit(fit: Report) -> list[str]:
    """Whether weights fit, and where not."""
    by_status: dict[str, list[Report]] = {}
    for layer in fit["layers"]:
        by_status.setdefault(layer["status"], []).append(layer)
    matches, differs = by_status.get("matches", []), by_status.get("differs", [])
    n_wanted = len(matches) + len(differs) + len(by_status.get("missing", []))
    if differs:
        verdict = f"do not fit, Caffe refuses them: {tables.plural(len(differs), 'layer')} differ"
        verdict += "s" * (len(differs) == 1)
    elif not matches:
        verdict = "nothing would be loaded, as no layer with parameters has the same name"
    elif len(matches) == n_wanted:
        verdict = f"fit: all {tables.plural(n_wanted, 'layer')} with parameters match"
    else:
        verdict = f"fit in part: {len(matches)} of {n_wanted} layers with parameters match"
    words = {
        "differs": "differs",
        "missing": "not in the file, keeps what its fillers give",
        "ignored": "not in the network, ignored",
    }
    items = [
        f"{layer['name']}: {words[layer['status']] if layer['status'] == 'differs' else ''}"
        for layer in ()
    ]
    for status in ("differs", "missing", "ignored"):
        items += [f"{layer['name']}: {status}, {layer['reason']}" for layer in by_status.get(status, [])]
    return [f"Weights {fit['file']}: {verdict}", *(f"  - {item}" for item in items)]


def _weights(weights: Report) -> list[str]:
    """Statistics of the arrays of a weights file."""
    rows = [["parameter", "shape", "mean", "spread", "least", "most", "zeros", "NaN", "inf"]]
    for layer in weights["layers"]:
        for index, param in enumerate(layer["parameters"]):
            name = f"{layer['name']}[{index}]"
            rows.append([name, "shared"] if param is None else _array_row(name, param))
    title = f"{tables.count(weights['n_parameters'])} parameters in {weights['file']}"
    return [f"{title}:", *tables.table(_without_empty(rows), "<<>>>>>>>"[: len(rows[0])])]


def _array_row(name: str, array: Report) -> list[str]:
    """One array."""
    s = array["statistics"]
    numbers = [tables.number(s[key]) for key in ("mean", "std", "minimum", "maximum")]
    shares = [tables.share(s[key], s["count"]) for key in ("n_zero", "n_nan", "n_infinite")]
    return [name, tables.shape(array["shape"]), *numbers, *shares]


def _without_empty(rows: list[list[str]]) -> list[list[str]]:
    """Rows with 0 for what never occurs, in columns that would be empty."""
    width = len(rows[0])
    for column in range(width - 3, width):
        if not any(len(row) > column and row[column] for row in rows[1:]):
            for row in rows[1:]:
                if len(row) > column:
                    row[column] = "0"
    return rows


# -- the rest --------------------------------------------------------------------------------------------------------


def _solver(solver: Report) -> list[list[str]]:
    """A solver's settings."""
    rows = [["type", solver["type"]], ["learning rate", solver["learning_rate"]]]
    for net in solver["nets"]:
        rows.append(["network", f"{net['file']}{'' if net['found'] else ' (not found from here)'}"])
    if solver["inline_nets"]:
        rows.append(["network", f"{solver['inline_nets']} written in the solver itself"])
    told = {"type", "net", "train_net", "test_net", "net_param", "train_net_param", "test_net_param"}
    for name, value in solver["settings"].items():
        if name not in told:
            rows.append([name, _value(value)])
    defaults = [f"{name} {_value(value)}" for name, value in solver["defaults"].items() if name not in ("type", "solver_type")]
    return [tables.table(rows, "<<"), ["Defaults: " + ", ".join(defaults)]]


def _value(value: Any) -> str:
    """A setting as text on one line."""
    if isinstance(value, list):
        return ", ".join(_value(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else " ".join(str(value).split())


def _solver_state(state: Report) -> list[str]:
    """How far training had come."""
    learned = state["learned_net"]
    if learned is None:
        weights = "not named"
    elif state["learned_net_found"] is None:
        weights = f"{learned} (not found)"
    else:
        found = state["learned_net_found"]
        weights = learned if found == learned else f"{learned} (found as {found})"
    meaning = f" ({state['meaning']})" if state["meaning"] else ""
    rows = [
        ["iteration", tables.count(state["iteration"])],
        ["steps of the learning rate", str(state["current_step"])],
        ["weights", weights],
        ["history", f"{tables.plural(len(state['history']), 'array')}{meaning}"],
    ]
    arrays = [["array", "shape", "mean", "spread", "least", "most", "zeros", "NaN", "inf"]]
    arrays += [_array_row(str(index), array) for index, array in enumerate(state["history"])]
    return [*tables.table(rows, "<<"), "", *tables.table(_without_empty(arrays), "><>>>>>>>")]


def _mean(mean: Report) -> list[str]:
    """Channels of a mean image."""
    rows = [["channel", "mean", "spread", "least", "most", "zeros", "NaN", "inf"]]
    for index, channel in enumerate(mean["channels"]):
        row = _array_row(str(index), {"shape": [], "statistics": channel})
        rows.append([row[0], *row[2:]])
    return tables.table(_without_empty(rows), ">>>>>>>>")
