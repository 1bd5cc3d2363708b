"""Reproduce Tables 1 and 2 and Figures 4 and 5: depth and width of LeNet on MNIST.

python -m case_studies.network_architecture.run            all nets, 3 seeds; goes on where it stopped
python -m case_studies.network_architecture.run --readings other nets that the paper may have meant by DeepLeNet
python -m case_studies.network_architecture.run --quick    30 iterations, to see that all works
python -m case_studies.network_architecture.run --check    exit 1 if results differ from expected.json
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from case_studies.common.queue import ROOT, Job, run_all
from case_studies.common.training import RESULT, Options
from case_studies.network_architecture import figures, readings, report
from case_studies.network_architecture.paper import NETS
from cnnvis_caffe.errors import CnnvisError

HERE = Path(__file__).resolve().parent
QUICK_ITERATIONS = 30


def main() -> None:
    """Train what is missing, measure, and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"one seed, {QUICK_ITERATIONS} iterations")
    parser.add_argument("--check", action="store_true", help="compare with expected.json instead of writing it")
    parser.add_argument("--readings", action="store_true", help="train the readings of DeepLeNet, and nothing else")
    parser.add_argument("--report", action="store_true", help="train nothing, report on what is there")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds [3]")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time [2]")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="of each training [its share of the cores]")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "network_architecture", help="snapshots go here")
    parser.add_argument("--out", type=Path, default=HERE, help="results and report go here [beside this file]")
    parser.add_argument("--data", type=Path, default=None, help="folder with mnist_train_lmdb [below --work]")
    arguments = parser.parse_args()
    work = arguments.work / ("quick" if arguments.quick else "full")
    results = (work if arguments.quick else arguments.out) / "results"
    data = arguments.data or arguments.work / "data"
    try:
        prepare_data(data)
    except CnnvisError as error:
        sys.exit(f"{HERE.name}: {error}")
    if arguments.readings:
        _train_readings(work / "readings", data, results / "readings", arguments)
        return
    seeds = range(1, 2 if arguments.quick else arguments.seeds + 1)
    options = Options(device=arguments.device)
    if arguments.quick:
        options = Options(QUICK_ITERATIONS, n_scored=1000, device=arguments.device)
    jobs = [
        Job(f"prototxt/{net}/solver.prototxt", work / net / f"seed_{seed}", seed, options)
        for seed in seeds
        for net in NETS
    ]
    if arguments.report:
        jobs = [job for job in jobs if (job.folder / RESULT).exists()]
    else:
        run_all(jobs, data, n_at_once=arguments.jobs, threads=arguments.threads)

    results.mkdir(parents=True, exist_ok=True)
    for job in jobs:
        shutil.copy(job.folder / RESULT, results / f"{job.folder.parent.name}_seed_{job.seed}.json")
    if jobs:  # else the report is on results that came from elsewhere
        figures.measure(jobs, results, n_images=1000 if arguments.quick else 10000)
        figures.draw(work, results.parent / "figures", seeds[0])
    table = report.collect(results)
    if arguments.check:
        drift = report.drift(table, json.loads((HERE / "expected.json").read_text()))
        print("\n".join(drift) or "no drift", file=sys.stderr)
        sys.exit(bool(drift))
    target = results.parent
    (target / "expected.json").write_text(json.dumps(report.expected(table), indent=2, ensure_ascii=False) + "\n")
    (target / "RESULTS.md").write_text(report.markdown(table, quick=arguments.quick))
    print(target / "RESULTS.md")


def _train_readings(work: Path, data: Path, results: Path, arguments: argparse.Namespace) -> None:
    """Train those readings of DeepLeNet that have no result yet."""
    jobs = readings.jobs(work, Options(QUICK_ITERATIONS if arguments.quick else 0, device=arguments.device, keep=False))
    names = {job.folder: name for name, job in jobs.items()}
    for name, job in jobs.items():
        readings.deliver(name, job, results)
    waiting = [job for name, job in jobs.items() if not (results / f"{name}.json").exists()]
    run_all(
        waiting, data, n_at_once=arguments.jobs, threads=arguments.threads,
        on_result=lambda job: readings.deliver(names[job.folder], job, results),
    )  # fmt: skip


def prepare_data(folder: Path) -> None:
    """Make MNIST's databases where they are missing."""
    from cnnvis_caffe import datasets
    from cnnvis_caffe.datasets.databases import write_image_set

    folder.mkdir(parents=True, exist_ok=True)
    for split in datasets.SPLITS:
        target = folder / f"mnist_{split}_lmdb"
        if not target.exists():
            write_image_set(datasets.load("mnist", split), str(target))


if __name__ == "__main__":
    main()
