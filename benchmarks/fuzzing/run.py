"""Reads damaged files in processes of their own, and says what came of it."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fuzzing.readers import READERS
from benchmarks.fuzzing.worker import case
from cnnvis_caffe.processes import environment, python_words


@dataclass
class Figures:
    """What came of the damaged files of one reader.

    Attributes
    ----------
    n : int
        How many there were.
    outcomes : Counter of str
        "read", "refused", and what must not be: "foreign: ...", "slow: ...", "crash: ...".
    slowest : float
        Seconds of processor time of the slowest.
    peak : int
        Largest memory of the process, with its libraries, in bytes.
    examples : dict of str to str
        For each outcome that must not be, the file that has it.
    """

    n: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    peak: int = 0
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def failures(self) -> dict[str, int]:
        """What must not be, and how often it was."""
        return {what: n for what, n in self.outcomes.items() if what not in ("read", "refused")}


def fuzz(name: str, n: int, folder: Path, seed: int = 1) -> Figures:
    """Damage files of one kind and read them.

    Parameters
    ----------
    name : str
        A reader.
    n : int
        How many files.
    folder : Path
        Where they lie; files that something is wrong with are kept there.
    seed : int, default=1

    Returns
    -------
    Figures
    """
    figures = Figures(n)
    folder.mkdir(parents=True, exist_ok=True)
    first = 0
    while first < n:
        words = (name, str(seed), str(first), str(n), str(folder))
        command = python_words("benchmarks.fuzzing.worker", *words, folders=[Path(__file__).resolve().parents[2]])
        run = subprocess.run(command, env=environment(), capture_output=True, text=True, errors="replace")
        lines = run.stdout.splitlines()
        number, told, rest = first - 1, True, []
        for line in lines:
            if line.isdigit():
                number, told = int(line), False
            elif line.startswith("{"):
                told = True
                _take(figures, json.loads(line), folder, number, seed)
            else:
                rest.append(line)
        if number < first:
            raise RuntimeError(f"{name}: {run.stderr[-2000:]}{run.stdout[-2000:]}")
        if not told:
            _note(figures, f"crash: {rest[0] if rest else run.returncode}", folder, number, seed)
            (folder / f"{number}.txt").write_text("\n".join(rest))
        first = number + 1
    return figures


def _take(figures: Figures, told: dict, folder: Path, number: int, seed: int) -> None:
    """Count what a worker tells."""
    if "peak" in told:
        figures.peak = max(figures.peak, told["peak"])
        return
    figures.slowest = max(figures.slowest, told["seconds"])
    _note(figures, told["outcome"], folder, number, seed)


def _note(figures: Figures, outcome: str, folder: Path, number: int, seed: int) -> None:
    """Count an outcome, and keep the first file that has one that must not be."""
    figures.outcomes[outcome] += 1
    if outcome not in ("read", "refused") and outcome not in figures.examples:
        contents = [path.read_bytes() for path in sorted((folder / "originals").iterdir())]
        kept = folder / f"case-{seed}-{number}"
        kept.write_bytes(case(contents, seed, number))
        figures.examples[outcome] = str(kept)


def shares(n: int) -> dict[str, int]:
    """Return how many of so many files each reader gets."""
    total = sum(reader.weight for reader in READERS.values())
    return {name: max(1, round(n * reader.weight / total)) for name, reader in READERS.items()}
