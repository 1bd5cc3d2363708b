"""Reproduce Table 3 and Figures 6 and 7: leaky ReLU in BaseCNN on CIFAR-10.

python -m case_studies.leaky_relu.run                             what is missing at a quarter of the width, on the CPU
python -m case_studies.leaky_relu.run --device cuda --minutes 12  at full width, as far as 12 minutes go
python -m case_studies.leaky_relu.run --report                    train nothing, write what is there
python -m case_studies.leaky_relu.run --cost                      time an iteration of every net; nothing else runs then
python -m case_studies.leaky_relu.run --quick                     a few iterations, to see that all works
python -m case_studies.leaky_relu.run --check                     exit 1 if results differ from expected.json
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from case_studies.common.queue import run_all
from case_studies.common.training import Options
from case_studies.leaky_relu import cost, data, figures, page, plan, report
from case_studies.leaky_relu.networks import name_of
from case_studies.leaky_relu.page_figures import LEAKY, RELU
from cnnvis_caffe.datasets.find import cache
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.runtime import backend

HERE = Path(__file__).resolve().parent
#: What pictures need and a machine that only trains may lack.
FOR_PICTURES = ("scipy", "sklearn")
#: What can be trained alone, and how the names of its trainings begin.
PARTS = {"all": "", "table": "width_", "map": "map/"}


def main() -> None:
    """Train what is missing, measure, and write what came out."""
    started = time.monotonic()
    arguments = _arguments()
    work = arguments.work / "quick" if arguments.quick else arguments.work
    target = work if arguments.quick else arguments.out
    databases = arguments.data or arguments.work / "data"
    trainings = list(_trainings(arguments))
    for training in trainings:
        plan.deliver(training, work, target / "results")  # what a run that was killed had not
    if not arguments.report:
        try:
            if arguments.device == "cuda":
                backend.require_gpu(0)
            data.prepare(databases)
        except CnnvisError as error:
            sys.exit(f"{HERE.name}: {error}")
        minutes_left = arguments.minutes - (time.monotonic() - started) / 60
        _train(arguments, trainings, work, databases, target / "results", minutes_left)
    if arguments.cost:
        cost.deliver(arguments.width, arguments.device, databases, work / "cost", target / "results")
    if not arguments.train_only:
        _look(arguments, work, databases, target)
        _write(arguments, target)


def _train(
    arguments: argparse.Namespace,
    trainings: list[plan.Training],
    work: Path,
    databases: Path,
    results: Path,
    minutes: float,
) -> None:
    """Train what has no result yet, as far as time goes."""
    for training in trainings:
        plan.fetch(training, work, results)
    options = Options(device=arguments.device, precision=arguments.precision)
    jobs = {plan.job_of(training, work, databases, options): training for training in trainings}
    is_complete = run_all(
        list(jobs),
        databases,
        n_at_once=arguments.jobs,
        threads=arguments.threads,
        seconds=60 * minutes,
        on_result=lambda job: plan.deliver(jobs[job], work, results),
    )
    if not is_complete:
        print("Time is over; the same command goes on.", file=sys.stderr)


def _trainings(arguments: argparse.Namespace) -> Iterator[plan.Training]:
    """Those that were asked for, the most informative first."""
    if arguments.quick:
        return plan.quick()
    seeds = range(1, arguments.seeds + 1)
    everything = itertools.chain(
        plan.table(arguments.width, seeds[:1]),
        plan.failure_map(seeds[:1]),
        plan.table(arguments.width, seeds[1:]),
        plan.failure_map(seeds[1 : plan.MAP_SEEDS]),
    )
    return (training for training in everything if training.name.startswith(PARTS[arguments.only]))


def _look(arguments: argparse.Namespace, work: Path, databases: Path, target: Path) -> None:
    """Analyse the pictured nets whose snapshots are here, and draw them."""
    missing = [name for name in FOR_PICTURES if importlib.util.find_spec(name) is None]
    if missing:
        print(f"Figures are left out: {', '.join(missing)} is not installed; --report makes them.", file=sys.stderr)
        return
    folders = {
        name: work / f"width_{arguments.width:g}" / f"{name_of(slope)}_seed_{plan.PICTURED_SEED}"
        for name, slope in zip((RELU, LEAKY), plan.PICTURED)
    }
    n_images = plan.QUICK_ANALYSED if arguments.quick else figures.N_IMAGES
    found = figures.measure(folders, databases, arguments.device, n_images)
    if found:
        figures.write(found, target / "results" / f"observations_width_{arguments.width:g}.json")
        figures.draw(folders, target / "figures")


def _write(arguments: argparse.Namespace, target: Path) -> None:
    """Write the report, or compare with what is expected."""
    results = report.collect(target / "results")
    if arguments.check:
        drift = report.drift(results, json.loads((HERE / "expected.json").read_text()))
        print("\n".join(drift) or "no drift", file=sys.stderr)
        sys.exit(bool(drift))
    text = json.dumps(report.expected(results), indent=2, ensure_ascii=False)
    (target / "expected.json").write_text(text + "\n")
    (target / "RESULTS.md").write_text(page.markdown(results, target / "figures", quick=arguments.quick))
    print(target / "RESULTS.md")


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "tf32", "bfloat16"), help="[tf32 on a GPU, else float32]")
    parser.add_argument("--width", type=float, choices=(1, 0.5, 0.25), help="[1 on a GPU, else 0.25]")
    parser.add_argument("--seeds", type=int, help="number of seeds [5 on a GPU, else 3]")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop when they are over [never]")
    parser.add_argument("--only", choices=tuple(PARTS), default="all", help="train a part of it [all]")
    parser.add_argument("--quick", action="store_true", help="a few iterations, to see that all works")
    parser.add_argument("--check", action="store_true", help="compare with expected.json instead of writing it")
    parser.add_argument("--report", action="store_true", help="train nothing, report on what is there")
    parser.add_argument("--train-only", action="store_true", help="train and write results, no report")
    parser.add_argument("--cost", action="store_true", help="also time an iteration of every net")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time [2]")
    parser.add_argument("--threads", type=int, default=0, help="of each training [its share of the cores]")
    parser.add_argument("--work", type=Path, default=cache() / "leaky_relu", help="snapshots and analyses go here")
    parser.add_argument("--out", type=Path, default=HERE, help="results and report go here [beside this file]")
    parser.add_argument("--data", type=Path, help="folder with the databases [below --work]")
    arguments = parser.parse_args()
    on_gpu = arguments.device == "cuda" and not arguments.quick
    arguments.precision = arguments.precision or ("tf32" if arguments.device == "cuda" else "float32")
    arguments.width = plan.REDUCED_WIDTH if arguments.quick else arguments.width or (1 if on_gpu else 0.25)
    arguments.seeds = arguments.seeds or (5 if on_gpu else 3)
    return arguments


if __name__ == "__main__":
    main()
