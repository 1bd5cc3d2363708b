"""What a GPU has to prove, in one command: every test marked gpu, then what is measured; the result is docs/gpu.md.

    python -m benchmarks.gpu                    # on a machine with a CUDA device; `make gpu` does it as well
    python -m benchmarks.gpu --out FOLDER       # gpu.md, gpu.json and gpu.log go there, and nothing elsewhere
    python -m benchmarks.gpu --pretend          # on a pretended one: finds most mistakes, says nothing about speed
    python -m benchmarks.gpu --from gpu.json    # write docs/gpu.md again, from a result that came from elsewhere

Tests take less than three minutes and measurements less than four, or they are stopped. A part that fails is reported
and the next one begins. benchmarks/gpu_requirements.txt says what has to be installed: PyTorch with CUDA and a few
packages; no Qt, no cairo, no network.

CNNVIS_REAL_CAFFE_GPU may name a command that runs another one where `import caffe` is a real Caffe built with CUDA
(docker/README.md). It is asked first, at most ten minutes, and our layers are then compared with its GPU's numbers.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import gpu_page
from benchmarks.child import run_child
from benchmarks.gpu_tests import gpu_files, run_tests
from cnnvis_caffe import __version__
from cnnvis_caffe.processes import python_words

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "gpu"
REPORT = ROOT / "docs" / "gpu.md"
#: At most so much of a part's output is kept.
LOG_BYTES = 2_000_000

TEST_SECONDS = 175
MEASURE_SECONDS = 235
CAFFE_SECONDS = 600
#: A pretended device may be many times slower.
PRETENDED_TEST_SECONDS = 540


@dataclass(frozen=True)
class Part:
    """Something that is measured: a module that writes its section of the page to the file given by ``--to``.

    `seconds` is what it may take, `quick` what it is told on a pretended device. What it has written by the time that
    it fails or is stopped, counts.
    """

    title: str
    module: str
    arguments: tuple[str, ...] = ()
    seconds: float = 60
    quick: tuple[str, ...] = ()
    pretends: bool = False  # by itself, on any machine


PARTS = (
    Part("What is asked of the GPU", "benchmarks.gpu_counts", seconds=60, pretends=True),
    Part("Training", "benchmarks.gpu_training", ("--seconds", "150"), 170, ("--net", "lenet", "--iterations", "2")),
)


def main() -> None:
    """Test, measure, print and write; exit with 1 where something failed."""
    arguments = _arguments()
    out = arguments.out or OUT
    figures = json.loads(arguments.saved.read_text("utf-8")) if arguments.saved else run(arguments, out)
    report = arguments.report or (out / "gpu.md" if arguments.out or figures["pretended"] else REPORT)
    report.write_text(gpu_page.page(figures), "utf-8")
    print(f"\n{gpu_page.short_table(figures)}\n\n{report}")
    sys.exit(not gpu_page.is_good(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="the folder for everything that is written")
    parser.add_argument("--report", type=Path, help="where the page goes, if elsewhere")
    parser.add_argument("--pretend", action="store_true", help="use a pretended device")
    parser.add_argument("--from", dest="saved", type=Path, help="figures of before, instead of running anything")
    parser.add_argument("--test", dest="files", type=Path, action="append", help="only this file; may be repeated")
    parser.add_argument("--no-tests", action="store_true")
    parser.add_argument("--no-measurements", action="store_true")
    return parser.parse_args()


def run(arguments: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Run everything; figures and what was said go to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cnnvis_caffe.gpu.") as name:
        folder = Path(name)
        figures: dict[str, Any] = {
            "pretended": arguments.pretend,
            **_about(arguments.pretend, folder),
            "tests": [],
            "parts": [],
        }
        if not arguments.no_tests:
            files = [path.resolve() for path in arguments.files or gpu_files()]
            os.environ.update({"CUDA_VISIBLE_DEVICES": ""} if arguments.pretend else {})  # fixtures pretend then
            figures["caffe"] = _ask_real_caffe(out, folder)
            seconds = PRETENDED_TEST_SECONDS if arguments.pretend else TEST_SECONDS
            print(f"{len(files)} files with tests, at most {seconds} s ...", flush=True)
            figures["tests"] = [asdict(result) for result in run_tests(files, folder, seconds)]
        if not arguments.no_measurements:
            figures["parts"] = list(_measure(arguments.pretend, folder))
        _keep_logs(folder, out / "gpu.log")
    (out / "gpu.json").write_text(json.dumps(figures, indent=1), "utf-8")
    return figures


def _module(name: str, pretend: bool, *arguments: str) -> list[str]:
    """The words that run a module, on a pretended device if so asked."""
    return python_words(*(["benchmarks.pretended"] if pretend else []), name, *arguments, folders=[ROOT])


def _about(pretend: bool, folder: Path) -> dict[str, Any]:
    """Date, device, driver and versions; the program ends where no GPU can be used."""
    to, log = folder / "device.json", folder / "device.log"
    outcome = run_child(_module("benchmarks.gpu_device", pretend, str(to)), log, 120)
    if outcome != "done":
        sys.exit(f"python -m benchmarks.gpu_device: {outcome}\n{log.read_text('utf-8', 'replace')}")
    about = json.loads(to.read_text("utf-8"))
    print("\n".join(about["device"]), flush=True)
    if about["why_not"]:
        sys.exit(f"benchmarks.gpu: no GPU can be used: {about['why_not']}; --pretend runs it on a pretended one")
    return {"date": datetime.date.today().isoformat(), "version": __version__, **about}


def _ask_real_caffe(out: Path, folder: Path) -> str:
    """Let a real Caffe on a GPU record the layers' cases, and tests compare with these; what came of it."""
    command = shlex.split(os.environ.get("CNNVIS_REAL_CAFFE_GPU", ""))
    if not command:
        return ""
    print(f"Real Caffe on the GPU, at most {CAFFE_SECONDS} s ...", flush=True)
    recorded, log = out.resolve() / "caffe", folder / "caffe.log"
    words = [*command, "python3", "tests/recorders/record_layers.py", "--gpu", "--to", str(recorded)]
    outcome = run_child(words, log, CAFFE_SECONDS)
    if outcome == "done":
        os.environ["CNNVIS_GPU_RECORDINGS"] = str(recorded)
        return outcome
    lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return ": ".join([outcome, *lines[-1:]])


def _measure(pretend: bool, folder: Path) -> Iterator[dict[str, Any]]:
    """Run every part, one after the other, as long as there is time."""
    end = time.monotonic() + MEASURE_SECONDS
    for part in PARTS:
        print(f"{part.title} ...", flush=True)
        start, to = time.monotonic(), folder / f"{part.module}.md"
        arguments = [*part.arguments, *(part.quick if pretend else ()), "--to", str(to)]
        words = _module(part.module, pretend and not part.pretends, *arguments)
        outcome = run_child(words, folder / f"{part.module}.log", min(part.seconds, end - start))
        text = to.read_text("utf-8") if to.exists() else ""
        seconds = time.monotonic() - start
        yield {
            "title": part.title, "is_speed": not part.pretends, "outcome": outcome, "seconds": seconds, "text": text
        }  # fmt: skip


def _keep_logs(folder: Path, path: Path) -> None:
    """Put what every process said into one file, the end of each."""
    with path.open("wb") as file:
        for log in sorted(folder.glob("*.log")):
            file.write(f"==== {log.stem}\n".encode())
            file.write(log.read_bytes()[-LOG_BYTES:])


if __name__ == "__main__":
    main()
