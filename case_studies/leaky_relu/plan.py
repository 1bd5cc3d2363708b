"""Which trainings the study has, the most informative first."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from case_studies.common.queue import Job
from case_studies.common.training import RESULT, Options, write_result
from case_studies.leaky_relu.networks import FILLERS, FULL, REDUCED, SLOPES, Schedule, Variant, name_of, write

#: Their snapshots are all kept, for Figures 6 and 7.
PICTURED = (0.0, 0.1)
PICTURED_SEED = 1

REDUCED_WIDTH = 0.25

#: The map of failures: slopes × learning rates × fillers, at this width.
MAP_SLOPES = (0.0, 0.1, 0.2, 0.25, 0.3)
MAP_RATES = (0.01, 0.03, 0.05, 0.07, 0.1)
MAP_WIDTH = 0.125
MAP_SEEDS = 3
MAP_SCHEDULE = Schedule(64, 500, 1, n_tested=5)

#: To see that all works.
QUICK_SLOPES = (0.0, 0.1)
QUICK_SCHEDULE = Schedule(32, 4, 1, n_tested=1)
QUICK_IMAGES = 100
QUICK_ANALYSED = 30


@dataclass(frozen=True)
class Training:
    """One training of the plan.

    Attributes
    ----------
    name : str
        Of its result below ``results``, without the suffix.
    variant : Variant
    seed : int
    n_scored : int
        Images of each part; 0 for all.
    keep : bool
        Whether the weights of all its snapshots are kept.
    """

    name: str
    variant: Variant
    seed: int
    n_scored: int = 0
    keep: bool = False


def schedule_of(width: float) -> Schedule:
    """The full one from half the width on."""
    return FULL if width >= 0.5 else REDUCED


def table(width: float, seeds: Sequence[int], slopes: Sequence[float] = SLOPES) -> Iterator[Training]:
    """The trainings of Table 3: one seed of every slope before the second seed of any."""
    for seed in seeds:
        # The middle and the ends of the table say most: what Figures 6 and 7 need first, then where training fails.
        for slope in sorted(slopes, key=_usefulness):
            yield Training(
                f"width_{width:g}/{name_of(slope)}_seed_{seed}",
                Variant(slope, width, schedule_of(width)),
                seed,
                n_scored=10000,
                keep=slope in PICTURED and seed == PICTURED_SEED,
            )


def failure_map(seeds: Sequence[int]) -> Iterator[Training]:
    """The short trainings of the map."""
    for seed in seeds:
        for filler in FILLERS:
            for rate in MAP_RATES:
                for slope in MAP_SLOPES:
                    if slope == 0 and filler != FILLERS[0]:
                        continue  # the same filler
                    yield Training(
                        f"map/{filler}_rate_{rate:g}_slope_{slope:g}_seed_{seed}",
                        Variant(slope, MAP_WIDTH, MAP_SCHEDULE, rate, filler),
                        seed,
                        n_scored=1000,
                    )


def quick() -> Iterator[Training]:
    """Some very short ones, and one that diverges."""
    for slope in QUICK_SLOPES:
        variant = Variant(slope, REDUCED_WIDTH, QUICK_SCHEDULE)
        yield Training(f"width_{REDUCED_WIDTH:g}/{name_of(slope)}_seed_1", variant, 1, QUICK_IMAGES, keep=True)
    rate, slope = MAP_RATES[-1], MAP_SLOPES[-1]
    name = f"map/{FILLERS[0]}_rate_{rate:g}_slope_{slope:g}_seed_1"
    yield Training(name, Variant(slope, MAP_WIDTH, QUICK_SCHEDULE, 1000 * rate), 1, QUICK_IMAGES)


def _usefulness(slope: float) -> int:
    """Place of a slope in the order of trainings."""
    order = (0.0, 0.1, 0.3, 0.25, 0.2, 0.15, 0.05, 0.01, 0.24)
    return order.index(slope)


def job_of(training: Training, work: Path, data: Path, options: Options) -> Job:
    """Write the files of a training, and say how it is run.

    Parameters
    ----------
    training : Training
    work : Path
        Below it lies the training's folder.
    data : Path
        Folder with the databases.
    options : Options
        Of all trainings.
    """
    folder = work / training.name
    solver = write(training.variant, folder, data)
    own = replace(options, n_scored=options.n_scored or training.n_scored, keep=training.keep)
    return Job(str(solver), folder, training.seed, own, module="case_studies.leaky_relu.training")


def fetch(training: Training, work: Path, results: Path) -> None:
    """Take over a result that another machine, or an earlier run, has left in `results`."""
    there, here = results / f"{training.name}.json", work / training.name / RESULT
    if there.exists() and not here.exists():
        here.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(there, here)


def deliver(training: Training, work: Path, results: Path) -> None:
    """Put a result into `results`, if there is one: with the net's settings instead of a file of this machine."""
    there, here = results / f"{training.name}.json", work / training.name / RESULT
    if here.exists() and not there.exists():
        there.parent.mkdir(parents=True, exist_ok=True)
        result = json.loads(here.read_text())
        result.pop("solver", None)
        result["curve"]["train"] = _thinned(result["curve"]["train"])
        write_result(there, {"settings": asdict(training.variant), **result})


def _thinned(curve: list[list[float | None]]) -> list[list[float | None]]:
    """A hundred points or a few more of a curve, and all of its last ten."""
    every = max(1, len(curve) // 100)
    return [row for number, row in enumerate(curve) if number % every == 0 or number >= len(curve) - 10]
