"""Writes the report of `inspect` as text. Everything comes from the report, so `--json` says the same."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from cnnvis_caffe.text import tables
from cnnvis_caffe.text.network_table import network_table, network_totals

Report = Mapping[str, Any]

_WIDTH = 110
_POINT: dict[str, Any] = {
    "initial_indent": "  ",
    "subsequent_indent": "    ",
    "break_long_words": False,
    "break_on_hyphens": False,
}
_GENERATIONS = {"V0": "V0, of 2013", "V1": "V1, of 2014", "V2": "the current format"}


def render(report: Report, width: int | None = None) -> list[str]:
    """Return the lines that describe a report of `inspect_file`.

    Parameters
    ----------
    report : dict
    width : int, optional
        Longer lines of the table of layers are cut.

    Returns
    -------
    list of str
    """
    lines = [f"{report['file']}: {_what(report)}"]
    sections: list[list[str]] = []
    if "network" in report:
        sections.append(network_table(report["network"], width))
        sections.append(network_totals(report["network"]))
    if "solver" in report:
        sections += _solver(report["solver"])
    if "solverstate" in report:
        sections.append(_solver_state(report["solverstate"]))
    if "mean" in report:
        sections.append(_mean(report["mean"]))
    sections.append(_listed("What the upgrade changed", report.get("format", {}).get("upgrades", ())))
    sections += _unknown_fields(report)
    if "network" in report:
        network = report["network"]
        sections.append(_listed("Unknown layer types", _unknown_types(network["unknown_types"])))
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
        return (
            "HDF5 (without a network; give its prototxt, with this file as --weights)"
            if "has_diffs" in form
            else "HDF5"
        )
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
    return [f"{title}:", *_points(items)] if items else []


def _points(items: Sequence[str]) -> list[str]:
    """Points, on as many lines as they need."""
    return [line for item in items for line in textwrap.wrap(f"- {item}", _WIDTH, **_POINT)]


def _unknown_fields(report: Report) -> list[list[str]]:
    """Fields and values that Caffe 1.0 does not have: those of known forks, and those that nobody knows."""
    fields = report.get("format", {}).get("unknown_fields", ())
    of_forks: dict[str, list[Report]] = {}
    unknown: dict[str, list[Report]] = {}
    texts = [field for field in fields if isinstance(field, str)]
    for field in fields:
        if isinstance(field, str):
            continue
        if field["is_of_fork"]:
            of_forks.setdefault(f"{field['name']} in {field['message']}", []).append(field)
        elif field["value"]:
            unknown.setdefault(f"{field['name']} of {field['message']} has no value {field['value']}", []).append(field)
        else:
            hint = f"; did you mean {' or '.join(map(repr, field['near']))}?" if field["near"] else ""
            unknown.setdefault(f"{field['message']} has no field {field['name']!r}{hint}", []).append(field)
    return [
        _listed("Settings of forks of Caffe (Caffe 1.0 refuses the file)", _with_lines(of_forks)),
        _listed("Unknown fields and values (Caffe 1.0 refuses the file)", texts + _with_lines(unknown)),
    ]


def _with_lines(groups: dict[str, list[Report]]) -> list[str]:
    """What is the same said once, with the lines where it stands."""
    result = []
    for text, items in groups.items():
        column = f", column {items[0]['column']}" if len(items) == 1 else ""
        result.append(f"{_lines(items)}{column}: {text}")
    return result


def _lines(items: Sequence[Report], most: int = 8) -> str:
    """Where things stand, and how many there are where not all lines are named."""
    numbers = list(dict.fromkeys(item["line"] for item in items if item["line"]))
    if not numbers:
        return tables.plural(len(items), "time")
    shown = ", ".join(map(str, numbers[:most]))
    more = f" and {len(numbers) - most} more" if len(numbers) > most else ""
    return f"line{'s' * (len(numbers) > 1)} {shown}{more}"


def _unknown_types(items: Sequence[Report]) -> list[str]:
    """Layer types that neither Caffe nor a known fork has, each once."""
    groups: dict[str, list[Report]] = {}
    for item in items:
        groups.setdefault(item["type"], []).append(item)
    result = []
    for name, layers in groups.items():
        near = layers[0]["near"]
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
        result.append(f"{name!r}, {tables.plural(len(layers), 'layer')} ({_lines(layers)}){hint}")
    return result


# -- weights ---------------------------------------------------------------------------------------------------------


def _fit(fit: Report) -> list[str]:
    """Whether weights fit, and where not."""
    by_status: dict[str, list[Report]] = {}
    for layer in fit["layers"]:
        by_status.setdefault(layer["status"], []).append(layer)
    matches, differs = by_status.get("matches", []), by_status.get("differs", [])
    n_wanted = len(matches) + len(differs) + len(by_status.get("missing", []))
    if differs:
        verdict = f"do not fit, and Caffe refuses them: {tables.plural(len(differs), 'layer')} of other shape"
    elif not matches and "not compared" in by_status:
        verdict = "cannot be compared: no layer with parameters has a known shape"
    elif not matches:
        verdict = "would change nothing: no layer with parameters has the same name"
    elif len(matches) == n_wanted:
        verdict = f"fit: all {tables.plural(n_wanted, 'layer')} with parameters match"
    else:
        verdict = f"fit in part: {len(matches)} of {n_wanted} layers with parameters match"
    items = []
    for status in ("differs", "missing", "not compared", "ignored"):
        items += [f"{layer['name']}: {status}, {layer['reason']}" for layer in by_status.get(status, [])]
    return [f"Weights {fit['file']} {verdict}", *_points(items)]


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
    defaults = [
        f"{name} {_value(value)}" for name, value in solver["defaults"].items() if name not in ("type", "solver_type")
    ]
    text = f"Not given, and so as Caffe has it: {', '.join(defaults)}"
    return [tables.table(rows, "<<"), textwrap.wrap(text, _WIDTH, subsequent_indent="  ")]


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
