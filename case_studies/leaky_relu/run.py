"""Reproduce Table 3 and Figures 6 and 7: leaky ReLU in BaseCNN on CIFAR-10.

python -m case_studies.leaky_relu.run                             what is missing at a quarter of the width, on the CPU
python -m case_studies.leaky_relu.run --device cuda --minutes 12  at full width, as far as 12 minutes go
python -m case_studies.leaky_relu.run --report                    train nothing, write what is there
python -m case_studies.leaky_relu.run --quick                     a few iterations, to see that all works
python -m case_studies.leaky_relu.run --check                     exit 1 if results differ from expected.json
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

from case_studies.common.queue import run_all
from case_studies.common.training import Options
from case_studies.leaky_relu import data, plan
from cnnvis_caffe.datasets.find import cache

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Train what is missing, measure, and write what came out."""
    arguments = _arguments()
    started = time.monotonic()
    work = arguments.work
    databases = arguments.data or work / "data"
    data.prepare(databases)
    trainings = list(_plan(arguments))
    results = HERE / "results"
    for training in trainings:
        plan.fetch(training, work, results)
        plan.deliver(training, work, results)  # what a run that was killed had not
    options = Options(device=arguments.device, precision=arguments.precision)
    jobs = {plan.job_of(training, work, databases, options): training for training in trainings}
    run_all(
        list(jobs),
        databases,
        n_at_once=arguments.jobs,
        threads=arguments.threads,
        seconds=60 * arguments.minutes - (time.monotonic() - started),
        on_result=lambda job: plan.deliver(jobs[job], work, results),
    )


def _plan(arguments: argparse.Namespace) -> itertools.chain[plan.Training]:
    """The trainings that were asked for."""
    seeds = range(1, arguments.seeds + 1)
    return itertools.chain(
        plan.table(arguments.width, seeds[:1]),
        plan.failure_map(seeds[:1]),
        plan.table(arguments.width, seeds[1:]),
        plan.failure_map(seeds[1 : plan.MAP_SEEDS]),
    )


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "tf32", "bfloat16"), help="[tf32 on a GPU, else float32]")
    parser.add_argument("--width", type=float, choices=(1, 0.5, 0.25), help="[1 on a GPU, else 0.25]")
    parser.add_argument("--seeds", type=int, help="number of seeds [5 on a GPU, else 3]")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop when they are over [never]")
    parser.add_argument("--train-only", action="store_true", help="train and nothing else")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time [2]")
    parser.add_argument("--threads", type=int, default=0, help="of each training [its share of the cores]")
    parser.add_argument("--work", type=Path, default=cache() / "leaky_relu", help="snapshots go here")
    parser.add_argument("--data", type=Path, help="folder with the databases [below --work]")
    arguments = parser.parse_args()
    on_gpu = arguments.device == "cuda"
    arguments.precision = arguments.precision or ("tf32" if on_gpu else "float32")
    arguments.width = arguments.width or (1 if on_gpu else 0.25)
    arguments.seeds = arguments.seeds or (5 if on_gpu else 3)
    return arguments


if __name__ == "__main__":
    main()
