"""The study's numbers: collected from the files of the runs, judged beside the paper, compared with expected.json."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from case_studies.common.verdict import compare
from case_studies.leaky_relu import plan
from case_studies.leaky_relu.networks import SLOPES, name_of
from case_studies.leaky_relu.paper import ASSUMPTIONS, OPEN_QUESTIONS, TABLE_3
from case_studies.leaky_relu.training import failed

#: How far a mean error may move, in points, before it counts as drift; two standard errors if that is more.
LEAST_DRIFT = 0.5
OBSERVED = ("step", "disconnected", "rectifiers")
Run = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """One row of Table 3, ours.

    Attributes
    ----------
    slope : float
    errors : tuple of float
        In percent, of the runs that did not fail.
    n_failed : int
    """

    slope: float
    errors: tuple[float, ...]
    n_failed: int

    @property
    def n_runs(self) -> int:
        """Seeds that were trained."""
        return len(self.errors) + self.n_failed

    @property
    def mean(self) -> float:
        """Of the errors; NaN without any."""
        return sum(self.errors) / len(self.errors) if self.errors else math.nan

    @property
    def std(self) -> float:
        """With n - 1; 0 for one."""
        if len(self.errors) < 2:
            return 0.0
        return math.sqrt(sum((error - self.mean) ** 2 for error in self.errors) / (len(self.errors) - 1))


@dataclass(frozen=True)
class Results:
    """All that is there.

    Attributes
    ----------
    runs : dict of float to dict of float to list of Run
        By width and slope.
    short : dict of (str, float, float) to list of Run
        The map's, by filler, learning rate and slope.
    observations : dict of str to dict
        By width as text, then by name of the net.
    costs : dict of float to dict
        By width.
    """

    runs: dict[float, dict[float, list[Run]]]
    short: dict[tuple[str, float, float], list[Run]]
    observations: dict[str, Any]
    costs: dict[float, dict[str, Any]]

    def cells(self, width: float) -> dict[float, Cell]:
        """Table 3 at a width, by slope."""
        table = self.runs.get(width, {})
        return {slope: _cell(slope, table.get(slope, [])) for slope in SLOPES}

    def all_runs(self) -> list[Run]:
        """Those of the tables and of the map."""
        long = [run for table in self.runs.values() for runs in table.values() for run in runs]
        return long + [run for runs in self.short.values() for run in runs]


def _cell(slope: float, runs: Sequence[Run]) -> Cell:
    """Of some runs."""
    good = tuple(100 * run["test_error"] for run in runs if not failed(run))
    return Cell(slope, good, len(runs) - len(good))


def collect(results: Path) -> Results:
    """Read the files of the runs.

    Parameters
    ----------
    results : Path
        Folder with ``width_<w>/<net>_seed_<n>.json``, ``map/``, ``observations_width_<w>.json`` and
        ``cost_width_<w>.json``.
    """
    runs: dict[float, dict[float, list[Run]]] = {}
    for folder in sorted(results.glob("width_*")):
        table = runs.setdefault(float(folder.name.partition("_")[2]), {})
        for slope in SLOPES:
            table[slope] = [_read(path) for path in sorted(folder.glob(f"{name_of(slope)}_seed_*.json"))]
    short: dict[tuple[str, float, float], list[Run]] = {}
    for training in plan.failure_map(range(1, plan.MAP_SEEDS + 1)):
        path = results / f"{training.name}.json"
        variant = training.variant
        cell = short.setdefault((variant.filler, variant.rate, variant.slope), [])
        if path.exists():
            cell.append(_read(path))
    observations = {_width_of(path): _read(path) for path in sorted(results.glob("observations_width_*.json"))}
    costs = {float(_width_of(path)): _read(path) for path in sorted(results.glob("cost_width_*.json"))}
    return Results(runs, short, observations, costs)


def _read(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text())


def _width_of(path: Path) -> str:
    """The width in a file's name."""
    return path.stem.rpartition("_")[2]


def row(*cells: object) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def verdict(cell: Cell, relu: Cell, width: float) -> str:
    """Judge a row of Table 3.

    Parameters
    ----------
    cell, relu : Cell
        The row, and that of slope 0.
    width : float
        At full width errors are compared with the paper's; a narrower net has errors of its own, and is asked
        whether the slope does to it what it did to the paper's.
    """
    paper = TABLE_3[cell.slope]
    if not cell.n_runs:
        return "not attempted"
    if cell.n_failed or paper is None:
        fails_too = paper is None and cell.n_failed * 2 > cell.n_runs
        return f"{'reproduced' if fails_too else 'not reproduced'}: {cell.n_failed} of {cell.n_runs} fail"
    if width == 1:
        return compare(paper[0], cell.errors, "error").verdict
    if cell.slope == 0:
        return "what the others are compared with"
    return _against(cell, relu)


def _against(cell: Cell, relu: Cell) -> str:
    """Whether a slope is better than ReLU, as in the paper, beyond two standard errors."""
    if len(cell.errors) < 2 or len(relu.errors) < 2:
        return "one seed has no spread to judge by"
    spread = math.sqrt(cell.std**2 / len(cell.errors) + relu.std**2 / len(relu.errors))
    difference = cell.mean - relu.mean
    if difference < -2 * spread:
        return "reproduced: better than ReLU"
    return "not reproduced: worse than ReLU" if difference > 2 * spread else "not clear: within the spread"


def expected(results: Results) -> dict[str, Any]:
    """What expected.json says."""
    tables = {}
    for width in sorted(results.runs):
        cells = results.cells(width)
        tables[f"{width:g}"] = {
            f"{slope:g}": {
                "paper": TABLE_3[slope][0] if TABLE_3[slope] else "fails",  # type: ignore[index]
                "mean": None if math.isnan(cell.mean) else round(cell.mean, 3),
                "std": round(cell.std, 3),
                "n_seeds": cell.n_runs,
                "n_failed": cell.n_failed,
                "verdict": verdict(cell, cells[0.0], width),
            }
            for slope, cell in cells.items()
        }
    shares = {
        f"{filler} rate {rate:g} slope {slope:g}": [sum(map(failed, runs)), len(runs)]
        for (filler, rate, slope), runs in results.short.items()
    }
    return {
        "tables": tables,
        "failed_of_runs": shares,
        "observations": {
            width: {name: {key: seen[key] for key in OBSERVED} for name, seen in nets.items()}
            for width, nets in results.observations.items()
        },
        "assumptions": list(ASSUMPTIONS),
        "open_questions": list(OPEN_QUESTIONS),
    }


def drift(results: Results, before: Mapping[str, Any]) -> list[str]:
    """Say what has moved since expected.json was written."""
    lines = []
    now = expected(results)
    for width, table in before["tables"].items():
        for slope, old in table.items():
            new = now["tables"].get(width, {}).get(slope)
            where = f"width {width}, slope {slope}"
            if not old["n_seeds"]:
                continue
            if new is None or new["n_seeds"] < old["n_seeds"]:
                lines.append(f"{where}: {new['n_seeds'] if new else 0} runs, expected {old['n_seeds']}")
            elif new["n_failed"] != old["n_failed"] and new["n_seeds"] == old["n_seeds"]:
                lines.append(f"{where}: {new['n_failed']} failed, expected {old['n_failed']}")
            elif old["mean"] is not None and new["mean"] is not None:
                n_good = max(1, min(run["n_seeds"] - run["n_failed"] for run in (old, new)))
                allowed = max(LEAST_DRIFT, 2 * math.sqrt((old["std"] ** 2 + new["std"] ** 2) / n_good))
                if abs(new["mean"] - old["mean"]) > allowed:
                    lines.append(f"{where}: {new['mean']:.2f}%, expected {old['mean']:.2f} ± {allowed:.2f}")
    return [*lines, *_drift_of_observations(now["observations"], before["observations"])]


def _drift_of_observations(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Observations that are gone, or whose dead neurons or step are others."""
    lines = []
    for width, nets in before.items():
        for name, old in nets.items():
            new = now.get(width, {}).get(name)
            where = f"width {width}, {name}"
            if new is None:
                lines.append(f"{where}: no observations")
                continue
            if (new["step"]["from"], new["step"]["to"]) != (old["step"]["from"], old["step"]["to"]):
                lines.append(f"{where}: the sharpest step goes to {new['step']['to']}, expected {old['step']['to']}")
            for rectifier, row in old["rectifiers"].items():
                if new["rectifiers"][rectifier]["dead"] != row["dead"]:
                    lines.append(f"{where}: {new['rectifiers'][rectifier]['dead']} dead in {rectifier}, "
                                 f"expected {row['dead']}")  # fmt: skip
    return lines
