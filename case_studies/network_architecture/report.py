"""The study's tables: collected from the files of the runs, judged beside the paper, written as Markdown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from case_studies.common.verdict import Comparison, compare
from case_studies.network_architecture import readings
from case_studies.network_architecture.observations import REDUNDANT_ABOVE
from case_studies.network_architecture.paper import ASSUMPTIONS, NETS, OPEN_QUESTIONS, TABLE_1, TABLE_2, TITLES

#: How far a mean may move before it counts as drift: two standard errors, and at least this much.
LEAST_DRIFT = {"error": 0.10, "train_loss": 1e-3, "test_loss": 3e-3}
KEYS = {"error": ("test_error", 100.0), "train_loss": ("train_loss", 1.0), "test_loss": ("test_loss", 1.0)}

VERDICTS = (
    "Ours: mean ± standard deviation over the seeds. Verdicts: *reproduced* if the paper's value lies within two",
    "standard deviations, *close* within 0.15 points of error or a quarter of a loss.",
)

Table = dict[str, Any]


def collect(results: Path) -> Table:
    """Read the files of the runs.

    Parameters
    ----------
    results : Path
        Folder with ``<net>_seed_<n>.json`` and ``observations.json``.

    Returns
    -------
    dict
        "cells": net and quantity to Comparison; "runs": what the files say; "observations".
    """
    runs: dict[str, list[dict[str, Any]]] = {net: [] for net in NETS}
    for path in sorted(results.glob("*_seed_*.json")):
        match = re.fullmatch(r"(.+)_seed_\d+", path.stem)
        if match and match[1] in runs:
            runs[match[1]].append({**json.loads(path.read_text()), "file": path.name})
    cells: dict[tuple[str, str], Comparison] = {}
    for net in NETS:
        paper = dict(zip(KEYS, TABLE_2.get(net) or (TABLE_1[net][0],)))
        for quantity, (key, factor) in KEYS.items():
            values = [factor * run[key] for run in runs[net]]
            kind = "error" if quantity == "error" else "loss"
            cells[net, quantity] = compare(paper.get(quantity, math.nan), values, kind)
    observations = results / "observations.json"
    return {
        "cells": cells,
        "runs": runs,
        "observations": json.loads(observations.read_text()) if observations.exists() else {},
        "readings": readings.collect(results / "readings"),
    }


def expected(table: Table) -> Table:
    """What expected.json says: for each cell the paper's value, ours, and the verdict."""
    cells = {
        f"{net}.{quantity}": {
            "paper": None if math.isnan(cell.paper) else cell.paper,
            "mean": cell.mean,
            "std": cell.std,
            "n_seeds": len(cell.values),
            "verdict": cell.verdict if not math.isnan(cell.paper) else "not in the paper",
        }
        for (net, quantity), cell in table["cells"].items()
    }
    return {
        "cells": cells,
        "observations": table["observations"],
        "readings": {
            name: {"error": run["test_error"], "positive": (run["positive_kernels"] or {}).get("all")}
            for name, run in table["readings"].items()
        },
        "assumptions": list(ASSUMPTIONS),
        "open_questions": list(OPEN_QUESTIONS),
    }


def drift(table: Table, before: Mapping[str, Any]) -> list[str]:
    """Say which means have moved since expected.json was written."""
    lines = []
    for (net, quantity), cell in table["cells"].items():
        old = before["cells"].get(f"{net}.{quantity}")
        if old is None or not cell.values:
            lines.append(f"{net} {quantity}: no value to compare")
            continue
        error = 2 * math.sqrt((old["std"] ** 2 + cell.std**2) / max(1, min(old["n_seeds"], len(cell.values))))
        allowed = max(LEAST_DRIFT[quantity], error)
        if not abs(cell.mean - old["mean"]) <= allowed:
            lines.append(f"{net} {quantity}: {cell.mean:.4g}, expected {old['mean']:.4g} ± {allowed:.2g}")
    return lines


def markdown(table: Table, *, quick: bool = False) -> str:
    """The report as Markdown."""
    cells = table["cells"]
    lines = ["# Network architecture: results", ""]
    lines += [
        "Written by `python -m case_studies.network_architecture.run`; every figure comes from a file in `results/`."
    ]
    if quick:
        lines += ["", "**A quick run: it shows that all works, not what the networks reach.**"]
    lines += [
        "",
        "## Table 1: depth",
        "",
        "| | conv layers | paper % | ours % | seeds | verdict |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for net, (_, n_layers) in TABLE_1.items():
        cell = cells[net, "error"]
        row = [TITLES[net], n_layers, f"{cell.paper:.2f}", _value(cell, ".2f"), len(cell.values), cell.verdict]
        lines.append(_row(row))
    lines += ["", "## Table 2: width", ""]
    heads = [f"{title}: paper | ours | verdict" for title in ("error %", "training loss", "testing loss")]
    lines += [_row(["", *heads])]
    lines += ["|---|--:|--:|---|--:|--:|---|--:|--:|---|"]
    for net in TABLE_2:
        row = [TITLES[net]]
        for quantity, form in (("error", ".2f"), ("train_loss", ".2e"), ("test_loss", ".2e")):
            cell = cells[net, quantity]
            row += [format(cell.paper, form), _value(cell, form), cell.verdict]
        lines.append(_row(row))
    lines += ["", *VERDICTS]
    lines += _observation_lines(table["observations"])
    lines += readings.lines(table["readings"])
    lines += ["", "## Assumptions", ""] + [f"- {text}" for text in ASSUMPTIONS]
    lines += ["", "## Open questions", ""] + [f"- {text}" for text in OPEN_QUESTIONS]
    runs = [run for runs in table["runs"].values() for run in runs]
    minutes = sum(run["seconds"] for run in runs) / 60
    lines += ["", f"Training took {minutes:.0f} minutes, added up over {len(runs)} runs of a process with one thread."]
    return "\n".join(lines) + "\n"


def _row(cells: list[object]) -> str:
    """A row of a table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def _value(cell: Comparison, form: str) -> str:
    """Mean and spread."""
    if not cell.values:
        return "–"
    return format(cell.mean, form) + (f" ± {cell.std:{form}}" if len(cell.values) > 1 else "")


def _observation_lines(found: Mapping[str, Any]) -> list[str]:
    """What the expert saw, as numbers."""
    if not found:
        return []
    lines = ["", "## Observation 1: most weights of DeepLeNet's first group are positive (Figure 4)", ""]
    lines += ["| | layer | positive weights % | positive connections (kernel means) % |", "|---|---|--:|--:|"]
    for net in ("lenet", "deep_lenet"):
        for layer, row in found["positive"][net].items():
            name = "**all of these**" if layer == "all" else layer
            lines.append(f"| {TITLES[net]} | {name} | {_percent(row['weights'])} | {_percent(row['connections'])} |")
    lines += ["", found["positive"]["verdict"], "", "![DeepLeNet's first group](figures/figure_4a.svg)",
              "![LeNet's first layer](figures/figure_4b.svg)"]  # fmt: skip
    lines += ["", "## Observation 2: many neurons of LeNet ×4's first layer are very similar (Figure 5)", ""]
    heads = [f"with a partner above {limit}" for limit in REDUNDANT_ABOVE]
    lines += [_row(["", "neurons of conv1", *heads]), "|---|--:|" + "--:|" * len(heads)]
    for net, row in found["redundant"]["nets"].items():
        counts = [f"{count:.1f} ({100 * count / row['n_neurons']:.0f}%)" for count in row["redundant"]]
        lines.append(_row([TITLES[net], row["n_neurons"], *counts]))
    lines += ["", found["redundant"]["verdict"], "", "![LeNet ×4's first layer](figures/figure_5.svg)"]
    return lines


def _percent(values: list[float]) -> str:
    """Mean over seeds."""
    return f"{100 * sum(values) / len(values):.0f}"
