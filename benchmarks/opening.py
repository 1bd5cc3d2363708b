"""Loading a 244 MB caffemodel into a built CaffeNet, beside real Caffe, in turns.

    python -m benchmarks.opening [--rounds 7] [--json FILE]

Every load is in a fresh process, with the file in the system's cache. A figure of time is that of the fastest round,
one of memory that of the largest. CaffeNet comes twice: as it is, with fillers, and without any, as many deploy
prototxts are; the parameters of the latter are zero and have no memory yet when the weights come.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.nets import NETS, random_params
from benchmarks.peers import HERE, ROOT, real_caffe_command
from benchmarks.quiet import wait_for_quiet
from cnnvis_caffe.formats.caffemodel import write_caffemodel
from cnnvis_caffe.formats.prototxt import write_text

CASES = {"fillers": "with fillers", "bare": "without fillers"}


def write_files(folder: Path) -> dict[str, list[np.ndarray]]:
    """Write fillers.prototxt, bare.prototxt and weights.caffemodel; return the parameters."""
    network = NETS["caffenet"].deploy()
    network.layer[0].input_param.shape[0].dim[0] = 1
    write_text(folder / "fillers.prototxt", network)
    for layer in network.layer:
        for param in (layer.convolution_param, layer.inner_product_param):
            for filler in ("weight_filler", "bias_filler"):
                if param.HasField(filler):
                    param.ClearField(filler)
    write_text(folder / "bare.prototxt", network)
    params = random_params(folder / "bare.prototxt")
    write_caffemodel(folder / "weights.caffemodel", network, params)
    return params


def measure(rounds: int, patience: float) -> dict[str, Any]:
    """Load in turns; return each peer's answers by case, and the parameters' bytes."""
    commands = {"ours": [sys.executable]}
    caffe = real_caffe_command()
    if caffe:
        commands["caffe"] = [*caffe, "python3"]
    scratch = ROOT / "build"  # a real Caffe in a root directory of its own sees the repository only
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="opening-") as name:
        folder = Path(name)
        params = write_files(folder)
        cases: dict[str, Any] = {case: {peer: [] for peer in commands} for case in CASES}
        for _ in range(rounds):
            for case, answers in cases.items():
                for peer, command in commands.items():
                    wait_for_quiet(patience)
                    answers[peer].append(load(command, peer, folder / f"{case}.prototxt", params))
        n_file = (folder / "weights.caffemodel").stat().st_size
    n_params = sum(array.nbytes for arrays in params.values() for array in arrays)
    return {"file_bytes": n_file, "param_bytes": n_params, "cases": cases}


def load(command: list[str], peer: str, prototxt: Path, params: dict[str, list[np.ndarray]]) -> dict[str, float]:
    """Load once in a fresh process, and see that the weights arrived."""
    weights = prototxt.parent / "weights.caffemodel"
    words = [*command, str(HERE / "opening_child.py"), peer, str(prototxt), str(weights)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        status = Path(f"/proc/{json.loads(child.stdout.readline())}")
        _read_once(weights)
        (status / "clear_refs").write_text("5")  # the highest starts again from here
        before = _kib(status, "VmRSS")
        seconds = _go_on(child)
        after, highest = _kib(status, "VmRSS"), _kib(status, "VmHWM")
        sums = _go_on(child)
        child.communicate("\n")
    expected = [array.sum(dtype="float64") for arrays in params.values() for array in arrays]
    np.testing.assert_allclose(sums, expected, rtol=1e-6, atol=1e-6)
    return {"seconds": seconds, "kept": (after - before) * 1024, "highest": (highest - before) * 1024}


def _go_on(child: subprocess.Popen) -> Any:
    """Let the child take its next step; return what it tells."""
    child.stdin.write("\n")
    child.stdin.flush()
    return json.loads(child.stdout.readline())


def _read_once(path: Path) -> None:
    """Bring a file into the system's cache."""
    buffer = bytearray(1 << 20)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _kib(status: Path, field: str) -> int:
    """A field of a process's status: VmRSS, its resident memory, or VmHWM, the highest that this was."""
    lines = (status / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def summary(figures: dict[str, Any], case: str, of_rounds: Callable[[list[float]], float] = min) -> dict[str, float]:
    """Seconds of each peer, growth over the built net in multiples of the parameters, and the ratio of times."""
    row: dict[str, float] = {}
    for peer, answers in figures["cases"][case].items():
        row[f"{peer}_seconds"] = of_rounds([a["seconds"] for a in answers])
        row[f"{peer}_kept"] = max(a["kept"] for a in answers) / figures["param_bytes"]
        row[f"{peer}_highest"] = max(a["highest"] for a in answers) / figures["param_bytes"]
    if "caffe_seconds" in row:
        row["ratio"] = row["caffe_seconds"] / row["ours_seconds"]
    return row


def table(rows: dict[str, dict[str, float]]) -> str:
    """The summary of each case as a Markdown table."""
    lines = [
        "| CaffeNet | ours | grows by | at most | real Caffe | grows by | at most | |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for case, title in CASES.items():
        row = rows[case]
        cells = [title]
        for peer in ("ours", "caffe"):
            if f"{peer}_seconds" in row:
                cells.append(f"{row[f'{peer}_seconds']:.3f} s")
                cells += [f"{row[f'{peer}_{what}']:.2f}×" for what in ("kept", "highest")]
            else:
                cells += ["", "", ""]
        cells.append(f"{row['ratio']:.1f}×" if "ratio" in row else "")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--opening-rounds", type=int, default=7, help="loads of each peer and net")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--patience", type=float, default=10, help="seconds to wait for a quiet moment")
    parser.add_argument("--json", type=Path, help="write all figures of all rounds")
    arguments = parser.parse_args()
    figures = measure(arguments.opening_rounds, arguments.patience)
    print(machine())
    print(table({case: summary(figures, case) for case in CASES}))
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine(), "opening": figures}, indent=1))


if __name__ == "__main__":
    main()
