"""docs/gpu.md from the figures of `benchmarks.gpu`, and the short table that it prints last."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
#: So many failed tests are named on the page.
MOST_FAILED = 40
REQUIREMENTS = ROOT / "benchmarks" / "gpu_requirements.txt"

Figures = Mapping[str, Any]

TEXT = """\
# On a GPU

Written by `python -m benchmarks.gpu`; do not edit. {date}, version {version}.

{state}

```text
{device}
```

{machine}{cudnn}.

## Tests

{tests}
{parts}
## Run it

On a machine with a CUDA device:

```text
make gpu                                     # installs first; or, where everything is there: python -m benchmarks.gpu
```

It runs every test marked `gpu` (at most three minutes), then what is measured (at most four), goes on past what fails,
prints a short table last, and writes this page. A GPU that cannot be used is one error that says why. Where
`CNNVIS_REAL_CAFFE_GPU` names a command that runs another one with a real Caffe built with CUDA
([docker/README.md](../docker/README.md)), layers are compared with its numbers on the GPU.

A machine without network needs Python 3.10 or newer, PyTorch with CUDA, and these packages
([gpu_requirements.txt](../benchmarks/gpu_requirements.txt)), carried there as wheels; no Qt and no cairo:

{requirements}

```text
# Where there is a network, for the other machine's Python:
pip download -r benchmarks/gpu_requirements.txt --dest wheels --only-binary=:all: --python-version 3.12 \\
  --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64
# There; what is there already stays as it is:
pip install --no-index --find-links wheels -r benchmarks/gpu_requirements.txt
python -m benchmarks.gpu --out FOLDER              # gpu.md, gpu.json and gpu.log, each below 16 MiB
# At home, to write this page:
python -m benchmarks.gpu --from FOLDER/gpu.json
```
"""

REAL = "Everything on this page ran on this GPU."
PRETENDED = """\
**Nothing of this project has run on a real GPU yet: none was at hand.** What follows ran on a pretended one
(`tests/helpers/pretended_gpu`): tensors that say they are on a GPU, refuse what CUDA refuses, and are computed on
the CPU. It finds most mistakes; it says nothing about speed, nor about what CUDA's kernels round differently."""


def page(figures: Figures) -> str:
    """The whole page."""
    return TEXT.format(
        date=figures["date"],
        version=figures["version"],
        state=PRETENDED if figures["pretended"] else REAL,
        device="\n".join(figures["device"]),
        machine=figures["machine"],
        cudnn=f", cuDNN {figures['cudnn']}" if figures["cudnn"] else "",
        tests="\n".join(_tests(figures["tests"], figures.get("caffe", ""))),
        parts="\n".join(_parts(figures)),
        requirements=", ".join(requirements()),
    )


def requirements() -> list[str]:
    """Packages that have to be there."""
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def _caffe(outcome: str) -> Iterator[str]:
    """With whose numbers the layers were compared."""
    if outcome == "done":
        yield "Layers are compared with what real Caffe computed on this GPU, those apart that draw random masks.\n"
    elif outcome:
        yield f"Real Caffe could not be asked on this GPU ({_one_line(outcome)}); layers are compared with its CPU's.\n"
    else:
        yield "Layers are compared with what real Caffe computes on a CPU.\n"


def _tests(results: Sequence[Figures], caffe: str = "") -> Iterator[str]:
    """Table of files, and what failed, was skipped or warned about."""
    if not results:
        yield "Left out in this run."
        return
    yield from _caffe(caffe)
    yield "| file | passed | failed | skipped | not run | seconds |\n|---|--:|--:|--:|--:|--:|"
    for result in results:
        counts = [result["passed"], len(result["failed"]), sum(result["skipped"].values()), result["not_run"]]
        yield f"| {result['path']} | {' | '.join(map(str, counts))} | {result['seconds']:.0f} |"
    yield f"\n{_sums(results)}."
    for title, key in (("Skipped", "skipped"), ("Warnings", "warnings")):
        texts = collections.Counter()
        for result in results:
            texts.update(result[key])
        if texts:
            yield f"\n{title}:\n"
            yield from (f"- {n}: {_one_line(text)}" for text, n in texts.most_common())
    failed = [(test, message) for result in results for test, message in result["failed"].items()]
    if failed:
        yield "\nFailed:\n"
        yield from (f"- `{test}`: {_one_line(message)}" for test, message in failed[:MOST_FAILED])
        if len(failed) > MOST_FAILED:
            yield f"- and {len(failed) - MOST_FAILED} more, which gpu.json names"


def _sums(results: Sequence[Figures]) -> str:
    passed = sum(result["passed"] for result in results)
    failed = sum(len(result["failed"]) for result in results)
    skipped = sum(sum(result["skipped"].values()) for result in results)
    not_run = sum(result["not_run"] for result in results)
    return f"{passed} passed, {failed} failed, {skipped} skipped, {not_run} not run"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300].replace("<", "&lt;")


def _parts(figures: Figures) -> Iterator[str]:
    """The section of each part."""
    for part in figures["parts"]:
        yield f"\n## {part['title']}\n"
        if part["outcome"] != "done":
            yield f"**It did not come to its end: {part['outcome']}.**\n"
        if figures["pretended"] and part["is_speed"]:
            yield "It ran through; its figures mean something on a real GPU alone."
        else:
            yield part["text"].strip() or "It wrote nothing."
    yield ""


def short_table(figures: Figures) -> str:
    """A line for each thing that ran."""
    rows = [("tests", _sums(figures["tests"]) if figures["tests"] else "left out")]
    rows += [(part["title"], f"{part['outcome']}, {part['seconds']:.0f} s") for part in figures["parts"]]
    width = max(len(title) for title, _ in rows)
    return "\n".join(f"{title:{width}}  {said}" for title, said in rows)


def is_good(figures: Figures) -> bool:
    """Say whether everything that was to run came to its end and nothing failed."""
    tests_are = all(not result["failed"] and not result["not_run"] for result in figures["tests"])
    return tests_are and all(part["outcome"] == "done" for part in figures["parts"])
