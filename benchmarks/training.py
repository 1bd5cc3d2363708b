"""Training beside real Caffe, with the same solver file and the same databases.

    python -m benchmarks.training race [--iterations 10000]   # LeNet: time and test error of both, one after the other
    python -m benchmarks.training follow [--iterations 200]   # LeNet and cifar10_quick: loss by loss, from one seed

Needs CNNVIS_REAL_CAFFE (a command that runs another where `caffe` is the real one) and CNNVIS_DATA_DIR. The databases
are made by `cnnvis-caffe data` in build/training, where everything runs. Figures go to docs/training.md.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from cnnvis_caffe.processes import environment, python_words

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "training"
REPORT = ROOT / "docs" / "training.md"
PLOT = ROOT / "docs" / "loss_beside_caffe.svg"
LOSS = re.compile(r"Iteration (\d+) .*loss = (\S+)$", re.MULTILINE)
ACCURACY = re.compile(r"Test net output #\d+: accuracy = (\S+)")
# Relative difference of the loss that we allow ourselves at an iteration.
LIMITS = {20: 1e-4, 200: 1e-2}
SEEDS = range(1701, 1709)
# How often each of the two runs the race.
N_ROUNDS = 3


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("race", "follow"))
    parser.add_argument("--iterations", type=int)
    arguments = parser.parse_args()
    prepare()
    text = race(arguments.iterations or 10000) if arguments.what == "race" else follow(arguments.iterations or 200)
    print(text)
    write_section(arguments.what, text)


def prepare() -> None:
    """Make the databases, and the networks where the solvers look for them."""
    (FOLDER / "snapshots").mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "prototxt", FOLDER / "prototxt", dirs_exist_ok=True)
    for name in ("mnist", "cifar10"):
        if not (FOLDER / "data" / f"{name}_test_lmdb").is_dir():
            command = python_words("cnnvis_caffe", "data", name, "data")
            subprocess.run(command, env=environment(), cwd=FOLDER, check=True)


def ours(solver: str) -> str:
    """Train with this package and return the log."""
    command = python_words("cnnvis_caffe", "train", "--solver", solver)
    surroundings = environment()
    return subprocess.run(command, env=surroundings, cwd=FOLDER, check=True, capture_output=True, text=True).stderr


def caffe(solver: str, threads: int = 2) -> str:
    """Train with real Caffe and return the log."""
    prefix = shlex.split(os.environ["CNNVIS_REAL_CAFFE"])
    inside = f"cd {shlex.quote(str(FOLDER.relative_to(ROOT)))} && exec caffe train --solver {shlex.quote(solver)}"
    surroundings = environment(GLOG_minloglevel="0", OPENBLAS_NUM_THREADS=str(threads))
    command = [*prefix, "sh", "-c", inside]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=surroundings).stderr


def solver_of(net: str, name: str, replace: dict[str, str], add: str = "") -> str:
    """A solver of `prototxt/` with some fields changed, beside it; returns its path."""
    path = f"prototxt/{net}/{name}.prototxt"
    text = (FOLDER / "prototxt" / net / "solver.prototxt").read_text()
    for field, value in replace.items():
        text, count = re.subn(rf"^{field}: .*$", f"{field}: {value}", text, flags=re.MULTILINE)
        if not count:
            text += f"{field}: {value}\n"
    (FOLDER / path).write_text(text + add)
    return path


def race(iterations: int) -> str:
    """Train LeNet to the end with both, in turns, and say how long it took and what it came to."""
    seconds: dict[str, list[float]] = {"cnnvis_caffe": [], "real Caffe": []}
    errors: dict[str, list[float]] = {name: [] for name in seconds}
    for _ in range(N_ROUNDS):
        for name, train in (("cnnvis_caffe", ours), ("real Caffe", caffe)):
            prefix = f'"snapshots/race_{name.split()[-1]}"'
            solver = solver_of("lenet", "race", {"max_iter": str(iterations), "snapshot_prefix": prefix})
            start = time.perf_counter()
            log = train(solver)
            seconds[name].append(time.perf_counter() - start)
            errors[name].append(100 - 100 * float(ACCURACY.findall(log)[-1]))
            print(name, seconds[name][-1], errors[name][-1], flush=True)
    table = "\n".join(
        f"| {name} | " + ", ".join(f"{value:.0f}" for value in seconds[name])
        + f" | {statistics.mean(seconds[name]):.0f} | "
        + ", ".join(f"{value:.2f}" for value in errors[name]) + " |"
        for name in seconds
    )  # fmt: skip
    ratios = [theirs / own for own, theirs in zip(*seconds.values())]
    return (
        f"LeNet on MNIST, `prototxt/lenet/solver.prototxt` for {iterations} iterations with its tests and snapshots, "
        "the whole command, one after the other in turns, since the machine is not always as fast.\n\n"
        f"| | seconds | mean | test error % |\n|---|--:|--:|--:|\n{table}\n\n"
        f"Real Caffe takes {', '.join(f'{ratio:.2f}' for ratio in ratios)} times as long, "
        f"in all {sum(seconds['real Caffe']) / sum(seconds['cnnvis_caffe']):.2f} times."
    )


def follow(iterations: int) -> str:
    """Train both from one seed, which gives both the same weights, and compare every loss."""
    rows, rounding = [], []
    curves: dict[str, tuple[np.ndarray, ...]] = {}
    changes = {"max_iter": str(iterations + 1), "display": "1", "snapshot": "0", "test_interval": "100000"}
    changes |= {
        "snapshot_after_train": "false",
        "test_initialization": "false",
        "snapshot_prefix": '"snapshots/follow"',
    }
    for net in ("lenet", "cifar10_quick"):
        solver = solver_of(net, "follow", changes, f"random_seed: {SEEDS[0]}\n")
        own, real, single = (losses(log, iterations) for log in (ours(solver), caffe(solver), caffe(solver, threads=1)))
        exact = exact_losses(solver, iterations)
        curves[net] = own, real, single
        for iteration, limit in LIMITS.items():
            if iteration <= iterations:
                pairs = (own, real), (single, real), (own, exact), (real, exact)
                found = [difference(a, b)[iteration] for a, b in pairs]
                rows.append((net, iteration, own[iteration], real[iteration], limit, *found))
        rounding.append(f"| {net} | " + " | ".join(f"{error:.1e}" for error in from_exact(net, changes)) + " |")
    plot(curves)
    table = "\n".join(
        f"| {net} | {i} | {a:.6g} | {b:.6g} | {d:.1e} | {limit:.0e} | {'yes' if d <= limit else '**no**'} "
        f"| {e:.1e} | {own_rounding:.1e} | {real_rounding:.1e} |"
        for net, i, a, b, limit, d, e, own_rounding, real_rounding in rows
    )
    return (
        "The same solver, databases and `random_seed`, so that the fillers give both the same weights; the loss of "
        f"every iteration beside that of real Caffe.\n\n![loss and difference]({PLOT.name})\n\n"
        "| net | iteration | ours | real Caffe | relative difference | limit | holds "
        "| Caffe, one thread | ours, from exact | Caffe, from exact |\n"
        f"|---|--:|--:|--:|--:|--:|---|--:|--:|--:|\n{table}\n\n"
        "The last columns are what rounding alone comes to, since training amplifies every difference in the last bit: "
        "how far real Caffe with one thread of its matrix library is from itself with two, and how far ours and real "
        "Caffe are from the same training in double precision.\n\n"
        f"How far each is from the same training in double precision, over {len(SEEDS)} seeds (median, largest):\n\n"
        f"| net, iteration {min(LIMITS)} | ours | | real Caffe | | ours from Caffe | |\n|---|--:|--:|--:|--:|--:|--:|\n"
        + "\n".join(rounding)
    )


def from_exact(net: str, changes: dict[str, str]) -> list[float]:
    """How far ours and real Caffe are from double precision, and from each other: median and largest of the seeds."""
    iteration = min(LIMITS)
    found = []
    for seed in SEEDS:
        solver = solver_of(net, "follow", {**changes, "max_iter": str(iteration + 1)}, f"random_seed: {seed}\n")
        own, real = losses(ours(solver), iteration), losses(caffe(solver), iteration)
        exact = exact_losses(solver, iteration)
        pairs = (own, exact), (real, exact), (own, real)
        found.append([difference(a, b)[iteration] for a, b in pairs])
    return [summary(values) for values in zip(*found) for summary in (statistics.median, max)]


def exact_losses(solver: str, iterations: int) -> np.ndarray:
    """The loss of each iteration in double precision."""
    from benchmarks.exact_training import ExactTraining

    before = Path.cwd()
    os.chdir(FOLDER)
    try:
        return np.array(list(ExactTraining(solver).losses(iterations + 1)))
    finally:
        os.chdir(before)


def losses(log: str, iterations: int) -> np.ndarray:
    """The loss of each iteration in a log."""
    found = {int(i): float(loss) for i, loss in LOSS.findall(log)}
    return np.array([found[i] for i in range(iterations + 1)])


def difference(losses: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """How far losses are from what is expected, relative to that."""
    return np.abs(losses - expected) / np.abs(expected)


def plot(curves: dict[str, tuple[np.ndarray, ...]]) -> None:
    """Draw losses and their differences."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(curves), figsize=(9, 5), sharex=True, layout="constrained")
    for column, (net, (own, real, single)) in zip(axes.T, curves.items()):
        column[0].plot(real, color="#D55E00", linewidth=2.5, label="real Caffe")
        column[0].plot(own, color="#0072B2", linewidth=1, label="cnnvis_caffe")
        column[0].set(title=net, ylabel="loss")
        column[0].legend(frameon=False)
        for values, color, label in ((single, "#D55E00", "Caffe with one thread"), (own, "#0072B2", "cnnvis_caffe")):
            column[1].semilogy(np.maximum(difference(values, real), 1e-7), color=color, linewidth=1, label=label)
        column[1].legend(frameon=False)
        for iteration, limit in LIMITS.items():
            column[1].plot([iteration], [limit], "_", color="#68707C", markersize=14, markeredgewidth=2)
        column[1].set(xlabel="iteration", ylabel="relative difference")
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(PLOT, metadata={"Date": None})


def write_section(what: str, text: str) -> None:
    """Put a part into docs/training.md and leave the other as it is."""
    titles = {"race": "Time and error", "follow": "Loss by loss"}
    parts = dict.fromkeys(titles, "Not measured yet.")
    if REPORT.exists():
        for name, title in titles.items():
            found = re.search(rf"^## {title}\n\n(.*?)(?=^## |\Z)", REPORT.read_text(), re.MULTILINE | re.DOTALL)
            if found:
                parts[name] = found[1].strip()
    parts[what] = f"{text}\n\n{machine()}."
    sections = "\n\n".join(f"## {titles[name]}\n\n{part}" for name, part in parts.items())
    REPORT.write_text(f"# Training beside real Caffe\n\nWritten by `python -m benchmarks.training`.\n\n{sections}\n")


if __name__ == "__main__":
    main()
