"""Measure everything beside the peers and write docs/performance.md.

    python -m benchmarks.report [--rounds 10] [--json FILE]
    python -m benchmarks.report --from FILE       # write it again from figures of before

The figures of every round are kept in the JSON file. Which peers take part, benchmarks/speed.py says.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import opening, speed
from benchmarks.machine import machine
from benchmarks.peers import ROOT, real_caffe_command
from cnnvis_caffe import __version__

REPORT = ROOT / "docs" / "performance.md"
FIGURES = ROOT / "build" / "performance.json"

TEXT = """\
# Performance

Written by `python -m benchmarks.report`; do not edit. {date}, version {version}.

{machine}.{peers}

## What we promise, and whether it holds

{limits}

The figures are of each peer's fastest round; in brackets, those of its median round, which other work on the machine
may have slowed down. {noise}

## Running nets

{speed}
Every peer gives the same outputs and gradients; this is checked before it is measured. One iteration is what a script
does: a new batch goes in, forward runs, every output is read; in training also the labels go in, gradients are cleared
and backward runs. "PyTorch by hand" is the same net as a module, in the fastest of contiguous and channels-last, with
and without inference mode. The peers run in turns, in processes of their own where they have to; a round's figure is
the median of its iterations.

## Opening weights

{opening}
Each load is in a fresh process with the file in the system's cache. Seconds are those of `net.copy_from` in the net
already built. Beside them, by how much the process has grown afterwards and at most meanwhile, in multiples of the
parameters ({param_mb:.0f} MB), over the built net: with fillers, this already holds parameters; without, it does not.

## How to measure again

```
export CNNVIS_REAL_CAFFE="..."       # a command that runs another one where `import caffe` is real Caffe
export CNNVIS_OPENCV4_PYTHON=...     # a Python with opencv-python-headless<5: later ones do not read Caffe's files
python -m benchmarks.report          # eight minutes on two quiet cores
python -m benchmarks.speed --net lenet --pass forward
make benchmark                       # ours alone, with pytest-benchmark: --benchmark-autosave, --benchmark-compare
```

Without one of the two variables, that peer is left out. Differences below a twentieth mean nothing on a machine that is
shared, and ratios of different machines do not compare: how many threads a peer uses well is a part of them.
"""


@dataclass(frozen=True)
class Limit:
    """A promise: a figure, of the fastest rounds and of the median ones, and what it must be."""

    title: str
    fastest: float
    median: float
    allowed: float
    at_least: bool = True

    def holds(self, figure: float) -> bool:
        return figure >= self.allowed if self.at_least else figure <= self.allowed

    def row(self) -> str:
        verdict = "yes" if self.holds(self.fastest) else "**no**"
        if self.holds(self.fastest) != self.holds(self.median):
            verdict += ", but not by the median" if self.holds(self.fastest) else ", but by the median"
        bound = f"{'≥' if self.at_least else '≤'} {self.allowed:g}×"
        return f"| {self.title} | {bound} | {self.fastest:.2f}× ({self.median:.2f}×) | {verdict} |"


def limits(figures: dict[str, Any]) -> Iterator[Limit]:
    """Every promise for which there are figures."""

    def both(figure: Callable[[Callable[[list[float]], float]], float]) -> tuple[float, float]:
        return figure(min), figure(statistics.median)

    rows, loads = figures["speed"], figures["opening"]
    if speed.ratios(rows, "caffe"):
        mean = both(lambda of: statistics.geometric_mean(speed.ratios(rows, "caffe", of)))
        yield Limit("Real Caffe's time over ours, geometric mean of all nets", *mean, 4)
        yield Limit("… and the least of them", *both(lambda of: min(speed.ratios(rows, "caffe", of))), 3)
    slowest = both(lambda of: max(1 / ratio for ratio in speed.ratios(rows, "torch", of)))
    yield Limit("Our time over hand-written PyTorch's, the worst net", *slowest, 1.1, at_least=False)
    if speed.ratios(rows, "opencv"):
        yield Limit("OpenCV 4's time over ours, the least", *both(lambda of: min(speed.ratios(rows, "opencv", of))), 1)
    for case, title in opening.CASES.items():
        if "ratio" in opening.summary(loads, case):
            ratio = both(lambda of, case=case: opening.summary(loads, case, of)["ratio"])
            yield Limit(f"Real Caffe's time to load weights over ours, {title}", *ratio, 5)
        growth = opening.summary(loads, case)["ours_highest"]
        yield Limit(f"Growth while loading over the parameters, {title}", growth, growth, 1.3, at_least=False)


def write(figures: dict[str, Any], path: Path) -> None:
    """Write the report."""
    lines = ["| | limit | measured | holds |", "|---|--:|--:|---|", *(limit.row() for limit in limits(figures))]
    text = TEXT.format(
        **{key: figures[key] for key in ("date", "version", "machine")},
        peers="".join(f" {peer}." for peer in figures["peers"]),
        limits="\n".join(lines),
        noise=_noise(figures["speed"]),
        speed=speed.table(figures["speed"]),
        opening=opening.table(figures["opening"]),
        param_mb=figures["opening"]["param_bytes"] / 1e6,
    )
    path.write_text(text, "utf-8")


def _noise(rows: list[dict[str, Any]]) -> str:
    """How far rounds of the same thing lie apart."""
    spreads = [statistics.median(times) / min(times) - 1 for row in rows for times in row["ms_per_image"].values()]
    return (
        f"The median round took {statistics.median(spreads):.0%} longer than the fastest for half of the figures, "
        f"{max(spreads):.0%} for the noisiest."
    )


def peer_versions() -> list[str]:
    """Which real Caffe and which OpenCV take part."""
    caffe, opencv = real_caffe_command(), os.environ.get("CNNVIS_OPENCV4_PYTHON")
    found = []
    for title, module, python in (
        ("Real Caffe", "caffe", [*caffe, "python3"] if caffe else None),
        ("OpenCV", "cv2", [opencv] if opencv else None),
    ):
        if python:
            words = [*python, "-c", f"import {module}; print({module}.__version__)"]
            done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True)
            found.append(f"{title} {done.stdout.split()[-1]}")
    return found


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run everything."""
    return {
        "date": datetime.date.today().isoformat(),
        "version": __version__,
        "machine": machine(),
        "peers": peer_versions(),
        "opening": opening.measure(arguments.opening_rounds, arguments.patience),
        "speed": speed.measure_all(arguments),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    speed.add_arguments(parser)
    opening.add_arguments(parser)
    parser.add_argument("--from", dest="saved", type=Path, help="figures of before, instead of measuring")
    parser.add_argument("--json", type=Path, default=FIGURES, help="where the figures go")
    parser.add_argument("--to", type=Path, default=REPORT, help="where the report goes")
    arguments = parser.parse_args()
    if arguments.saved:
        figures = json.loads(arguments.saved.read_text("utf-8"))
    else:
        figures = measure(arguments)
        arguments.json.parent.mkdir(exist_ok=True)
        arguments.json.write_text(json.dumps(figures, indent=1), "utf-8")
    write(figures, arguments.to)
    print(arguments.to.read_text("utf-8"))


if __name__ == "__main__":
    main()
