"""Measure everything beside the peers, keep the figures of this kind of processor, and write docs/performance.md.

    python -m benchmarks.report                   # everything anew
    python -m benchmarks.report --piece lenet     # only this; the other figures are those of before
    python -m benchmarks.report --write           # the page only

The figures of every round are kept in build/, so that a report can be measured in pieces. Once all pieces are there,
what the page shows goes into benchmarks/processors/, one file for each kind of processor. Which peers take part,
benchmarks/speed.py says.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import opening, speed
from benchmarks.machine import instructions, machine, slug
from benchmarks.nets import NETS
from benchmarks.peers import HERE, ROOT, real_caffe_command
from cnnvis_caffe import __version__

REPORT = ROOT / "docs" / "performance.md"
ROUNDS = ROOT / "build" / "performance.json"
PROCESSORS = HERE / "processors"
PIECES = ("opening", *NETS)

TEXT = """\
# Performance

Written by `python -m benchmarks.report`; do not edit. One section for each kind of processor that was measured; times
and ratios of different machines do not compare.

{processors}## What the numbers are

The numbers are of each peer's fastest round; in brackets, those of its median round, which other work on the machine
may have slowed down.

Every peer gives the same outputs and gradients; this is checked before it is measured. One iteration is what a script
does: a new batch goes in, forward runs, every output is read; in training also the labels go in, gradients are cleared
and backward runs. "PyTorch by hand" is the same net as a module, in the fastest of contiguous and channels-last, with
and without inference mode. The peers run in turns, in processes of their own where they have to; a round's value is
the median of its iterations.

The matrix rate is that of the product of two float32 matrices of 2048 by 2048, measured in the same run. A net's share
of it counts the multiplications and additions of its convolutions and inner products only.

Each load of weights is in a fresh process with the file in the system's cache. Seconds are those of `net.copy_from` in
the net already built. Beside them, by how much the process has grown afterwards and at most meanwhile, in multiples of
the parameters, over the built net: with fillers, this already holds parameters; without, it does not.

## How to measure again

```
export CNNVIS_REAL_CAFFE="..."       # a command that runs another one where `import caffe` is real Caffe
export CNNVIS_OPENCV4_PYTHON=...     # a Python with opencv-python-headless<5: later ones do not read Caffe's files
python -m benchmarks.report          # eight minutes on two quiet cores
python -m benchmarks.report --piece lenet          # one net: the others keep their numbers
python -m benchmarks.speed --net lenet --pass forward
make benchmark                       # ours alone, with pytest-benchmark: --benchmark-autosave, --benchmark-compare
```

Without one of the two variables, that peer is left out. Differences below a twentieth mean nothing on a machine that is
shared, and how many threads a peer uses well is a part of every ratio.
"""

PROCESSOR = """\
## {title}

{date}, version {version}. {machine}.{peers}{matrix}

{limits}

{noise}

{speed}
{opening}
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

    rows, loads = list(figures["speed"].values()), figures["opening"]
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


def summary(figures: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of all rounds' figures of one processor."""
    rows, loads = list(figures["speed"].values()), figures["opening"]
    return {
        **{key: figures[key] for key in ("date", "version", "machine", "instructions", "peers")},
        "matrix_gflops": max(row["matrix_gflops"] for row in rows),
        "limits": [asdict(limit) for limit in limits(figures)],
        "noise": _noise(rows),
        "speed": [speed.summary(row) for row in rows],
        "opening": {case: opening.summary(loads, case) for case in opening.CASES},
    }


def write(folder: Path, path: Path) -> None:
    """Write the page from the summaries of all processors."""
    summaries = [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json"))]
    path.write_text(TEXT.format(processors="".join(_section(one) for one in summaries)), "utf-8")


def _section(one: dict[str, Any]) -> str:
    """The section of one processor."""
    rows = ["| | limit | measured | holds |", "|---|--:|--:|---|", *(Limit(**limit).row() for limit in one["limits"])]
    usual, most = one["noise"]
    rate = one["matrix_gflops"]
    return PROCESSOR.format(
        **{key: one[key] for key in ("date", "version", "machine")},
        title=f"{one['machine'].split(',')[0]} with {one['instructions']}",
        peers="".join(f" {peer}." for peer in one["peers"]),
        matrix=f" Matrix rate: {rate:.0f} GFLOP/s." if rate else " Its matrix rate was not measured.",
        limits="\n".join(rows),
        noise=f"The median round took {usual:.0%} longer than the fastest for half of the numbers, {most:.0%} for the "
        "noisiest.",
        speed=speed.table(one["speed"], rate),
        opening=opening.table(one["opening"]),
    )


def _noise(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """By how much the median round is longer than the fastest, for half of the figures and for the noisiest."""
    spreads = [statistics.median(times) / min(times) - 1 for row in rows for times in row["ms_per_image"].values()]
    return statistics.median(spreads), max(spreads)


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


def measure(piece: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one piece; return its part of the figures."""
    if piece == "opening":
        return {"opening": opening.measure(arguments.opening_rounds, arguments.patience)}
    net = NETS[piece]
    return {
        "speed": {
            f"{piece} {one}": speed.measure(net, one, arguments.rounds, arguments.seconds, arguments.patience)
            for one in net.passes
        }
    }


def measure_pieces(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure what is asked for beside the figures of before, and keep all rounds after each piece."""
    figures: dict[str, Any] = {"speed": {}}
    if arguments.piece and arguments.rounds_file.exists():
        figures = json.loads(arguments.rounds_file.read_text("utf-8"))
    figures.update(
        date=datetime.date.today().isoformat(),
        version=__version__,
        machine=machine(),
        instructions=instructions(),
        peers=peer_versions(),
    )
    for piece in arguments.piece or PIECES:
        measured = measure(piece, arguments)
        figures["speed"].update(measured.pop("speed", {}))
        figures.update(measured)
        arguments.rounds_file.parent.mkdir(exist_ok=True)
        arguments.rounds_file.write_text(json.dumps(figures, indent=1), "utf-8")
    return figures


def missing(figures: dict[str, Any]) -> list[str]:
    """Pieces that were not measured yet."""
    nets = [name for name, net in NETS.items() if any(f"{name} {one}" not in figures["speed"] for one in net.passes)]
    return nets if "opening" in figures else ["opening", *nets]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    speed.add_round_arguments(parser)
    opening.add_arguments(parser)
    parser.add_argument("--piece", action="append", choices=PIECES, help="measure only this; may be repeated")
    parser.add_argument("--write", action="store_true", help="measure nothing, write the page again")
    parser.add_argument("--rounds-file", type=Path, default=ROUNDS, help="where the figures of all rounds are kept")
    parser.add_argument("--processors", type=Path, default=PROCESSORS, help="folder with a file for each processor")
    parser.add_argument("--to", type=Path, default=REPORT, help="where the report goes")
    arguments = parser.parse_args()
    if not arguments.write:
        figures = measure_pieces(arguments)
        left = missing(figures)
        if left:
            print(f"Kept in {arguments.rounds_file}; still to be measured before the page: {', '.join(left)}")
            return
        text = json.dumps(summary(figures), indent=1) + "\n"
        (arguments.processors / f"{slug()}.json").write_text(text, "utf-8")
    write(arguments.processors, arguments.to)
    print(arguments.to.read_text("utf-8"))


if __name__ == "__main__":
    main()
