"""Damage files for all readers, and write what came of it.

    python -m benchmarks.fuzzing [--mutations N] [--seed N] [--reader NAME] [--out docs/reliability.md]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.fuzzing.readers import READERS
from benchmarks.fuzzing.run import Figures, fuzz, shares
from benchmarks.sections import write_section

_TITLE = "# Reliability"
_TEXT = """\
What damaged and hostile files do. `python -m benchmarks.fuzzing --mutations {asked} --out docs/reliability.md` wrote
this part. It takes small sound files of every kind that is read, damages each copy in one to three ways (bits flipped,
ranges lost, repeated, overwritten or exchanged, integers and numbers made absurd) and reads it whole, in a process that
may take 1 GB more than its libraries. A file that is read, or is refused by one error of ours, is right. What is wrong:
another exception, a dead process, more than 5 s of processor time, more than 1 GB.

{n} files in {minutes:.0f} minutes, seed {seed}: {n_wrong} were wrong.

| reader | files | read | refused | wrong | slowest | process at most |
|---|---|---|---|---|---|---|
{rows}

`make test` damages a few hundred files of every kind in the same way, and `make test MARKERS=slow` more of them. The
table of readers is `benchmarks/fuzzing/readers.py`; a module that opens files and is in no row of it fails a test.
"""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mutations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--reader", action="append", choices=[*READERS], help="only this one; several times for more")
    parser.add_argument(
        "--folder", type=Path, help="where the figures are kept, and files that something is wrong with: a later run "
        "of some readers takes the figures of the others from there",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, help="the page to write in")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="fuzzing-"))
    counts, kept = shares(arguments.mutations), folder / "figures.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    for name in arguments.reader or READERS:
        started = time.monotonic()
        figures = fuzz(name, counts[name], folder / name.replace(" ", "-"), arguments.seed)
        known[name] = {**vars(figures), "minutes": (time.monotonic() - started) / 60}
        kept.write_text(json.dumps(known, indent=1))
        print(_row(name, figures), flush=True)
        for what, n in figures.failures.items():
            print(f"    {n} x {what}: {figures.examples[what]}", flush=True)
    minutes = sum(told.pop("minutes") for told in known.values())
    all_figures = {name: Figures(**{**known[name], "outcomes": Counter(known[name]["outcomes"])}) for name in known}
    n_wrong = sum(sum(figures.failures.values()) for figures in all_figures.values())
    if arguments.out:
        rows = "\n".join(_row(name, all_figures[name]) for name in READERS if name in all_figures)
        n = sum(figures.n for figures in all_figures.values())
        said = {"asked": arguments.mutations, "n": n, "minutes": minutes, "seed": arguments.seed}
        write_section(arguments.out, _TITLE, _TEXT.format(**said, n_wrong=n_wrong or "none", rows=rows))
    return 1 if n_wrong else 0


def _row(name: str, figures: Figures) -> str:
    """A row of the table."""
    read, refused = figures.outcomes["read"], figures.outcomes["refused"]
    wrong = sum(figures.failures.values())
    numbers = (name, figures.n, read, refused, wrong, f"{figures.slowest:.2f} s", f"{figures.peak / 1e6:.0f} MB")
    return f"| {' | '.join(map(str, numbers))} |"


if __name__ == "__main__":
    sys.exit(main())
