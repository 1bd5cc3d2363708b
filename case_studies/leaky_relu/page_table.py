"""RESULTS.md: Table 3 beside the paper's."""

from __future__ import annotations

from case_studies.leaky_relu.paper import TABLE_3
from case_studies.leaky_relu.report import Cell, Results, row, verdict

COMMAND = "python -m case_studies.leaky_relu.run"
#: Why a cell of Table 3 has no value, by width.
NOT_TRAINED = {
    1.0: "not trained: 4.1 million images a run need a GPU",
    0.5: "not trained: needs a GPU",
    0.25: "not trained yet",
}


def lines(results: Results, width: float) -> list[str]:
    """Table 3 at a width."""
    cells = results.cells(width)
    is_full = width == 1
    title = "full width" if is_full else f"{width:g} of the width, a study of its own"
    heads = ["slope", "paper %", *([] if is_full else ["paper, from ReLU"]), "ours %"]
    heads += [*([] if is_full else ["ours, from ReLU"]), "seeds", "failed", "verdict"]
    text = [f"## Table 3 at {title}", "", row(*heads), "|--:|" + "--:|" * (len(heads) - 2) + "---|"]
    for slope, cell in cells.items():
        paper, values = _paper(slope), [_value(cell, width)]
        if not is_full:
            paper += [_paper_difference(slope)]
            values += [_difference(cell, cells[0.0])]
        failures = cell.n_failed if cell.n_runs else "not trained"
        text.append(row(f"{slope:g}", *paper, *values, cell.n_runs, failures, verdict(cell, cells[0.0], width)))
    return [*text, "", *_legend(is_full), "", _summary(cells, width), ""]


def _paper(slope: float) -> list[str]:
    """What the paper has."""
    value = TABLE_3[slope]
    return ["fails"] if value is None else [f"{value[0]:.2f} ± {value[1]:.2f}"]


def _paper_difference(slope: float) -> str:
    """From the paper's ReLU, in points."""
    value, relu = TABLE_3[slope], TABLE_3[0.0]
    assert relu is not None
    if value is None:
        return "fails"
    return f"{value[0] - relu[0]:+.2f}" if slope else "0"


def _value(cell: Cell, width: float) -> str:
    """Mean and spread, or why there is none."""
    if not cell.n_runs:
        return NOT_TRAINED[width]
    if not cell.errors:
        return "all runs failed"
    return f"{cell.mean:.2f}" + (f" ± {cell.std:.2f}" if len(cell.errors) > 1 else "")


def _difference(cell: Cell, relu: Cell) -> str:
    """From our ReLU, in points."""
    if not cell.errors or not relu.errors:
        return "not trained" if not cell.n_runs or not relu.n_runs else "failed"
    return f"{cell.mean - relu.mean:+.2f}" if cell.slope else "0"


def _legend(is_full: bool) -> list[str]:
    """How to read the verdicts."""
    if is_full:
        return [
            "Ours: mean ± standard deviation over the seeds. Verdicts: *reproduced* if the paper's value lies within",
            "two standard deviations, *close* within 0.15 points; where the paper fails, if most of ours fail.",
        ]
    return [
        "Ours: mean ± standard deviation over the seeds that did not fail. A narrower net, trained for a shorter time,",
        "has errors of its own: a verdict says whether the slope does to it what it did to the paper's net, beyond two",
        "standard errors of the difference.",
    ]


def _summary(cells: dict[float, Cell], width: float) -> str:
    """Whether a small slope helps, and where training fails, in a sentence."""
    relu, good = cells[0.0], [cell for cell in cells.values() if cell.errors and cell.slope]
    if not relu.errors or not good:
        options = " --device cuda --minutes N" if width == 1 else ""
        return f"**No verdict yet**: `{COMMAND}{options}` trains what is missing."
    best = min(good, key=lambda cell: cell.mean)
    better = sum(cell.mean < relu.mean for cell in good)
    n_failed = {slope: cells[slope].n_failed for slope in (0.25, 0.3)}
    n_runs = {slope: cells[slope].n_runs for slope in (0.25, 0.3)}
    fails = ", ".join(f"{n_failed[slope]} of {n_runs[slope]} runs at slope {slope:g} failed" for slope in n_failed)
    return (
        f"**{better} of {len(good)} slopes have a lower mean error than ReLU** ({relu.mean:.2f}%); the best is "
        f"{best.slope:g} with {best.mean:.2f}% (the paper's: 0.15). Where the paper's training fails: {fails}."
    )
