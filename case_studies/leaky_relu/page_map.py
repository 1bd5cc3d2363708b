"""RESULTS.md: where training fails, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from case_studies.leaky_relu import plan
from case_studies.leaky_relu.blow_up import FACTOR
from case_studies.leaky_relu.networks import FILLERS
from case_studies.leaky_relu.report import Results, row
from case_studies.leaky_relu.training import failed

FILLER_TITLES = {"msra": "msra as Caffe has it", "msra_for_slope": "msra for the slope that the net has"}


def lines(results: Results) -> list[str]:
    """The map of failures, what blew up first, and the answer."""
    schedule = plan.MAP_SCHEDULE
    text = ["## Why did slopes of 0.25 and 0.3 fail in the paper?", ""]
    text += [
        f"The first {schedule.iterations} iterations of {schedule.batch} images at an eighth of the width, by slope, "
        "learning rate and first weights: runs that failed, of those that were made.",
        "",
    ]
    for filler in FILLERS:
        slopes = [slope for slope in plan.MAP_SLOPES if (filler, plan.MAP_RATES[0], slope) in results.short]
        text += [row(FILLER_TITLES[filler], *(f"rate {rate:g}" for rate in plan.MAP_RATES))]
        text += ["|---|" + "--:|" * len(plan.MAP_RATES)]
        for slope in slopes:
            cells = [_share(results.short[filler, rate, slope]) for rate in plan.MAP_RATES]
            text.append(row(f"slope {slope:g}", *cells))
        text.append("")
    return [*text, *_blow_ups(results), "", _answer(results), ""]


def _share(runs: Sequence[Any]) -> str:
    """Failed of made."""
    return f"{sum(map(failed, runs))} of {len(runs)}" if runs else "not run yet"


def _blow_ups(results: Results) -> list[str]:
    """Where those that diverged went wrong first."""
    diverged = [run for run in results.all_runs() if run["diverged"] is not None]
    if not diverged:
        return ["No run has diverged yet."]
    sentences = []
    for quantity, word in (("activation", "activations"), ("gradient", "gradients")):
        found = [run["blow_up"][quantity] for run in diverged]
        layers = Counter(first["layer"] if first else "no layer that was seen" for first in found).most_common()
        listed = ", ".join(f"{layer} ({count})" for layer, count in layers)
        sentences.append(f"the {word} grew beyond {FACTOR:g} times those of the first iteration first in {listed}")
    firsts = [
        run["blow_up"]["gradient"]["iteration"] - run["blow_up"]["activation"]["iteration"]
        for run in diverged
        if run["blow_up"]["gradient"] and run["blow_up"]["activation"]
    ]
    before = sum(lag < 0 for lag in firsts)
    return [
        f"**What a failed run looks like**: of {len(diverged)} that diverged, {sentences[0]}; {sentences[1]}. "
        f"Gradients came first in {before}, activations in {sum(lag > 0 for lag in firsts)} of them, both in the same "
        f"iteration in {sum(lag == 0 for lag in firsts)}."
    ]


def _answer(results: Results) -> str:
    """Reproduced, or refuted with the cause."""
    usual = plan.MAP_RATES[0]
    at_usual = [run for slope in (0.25, 0.3) for run in results.short["msra", usual, slope]]
    limits = {slope: _highest_rate(results, "msra", slope) for slope in plan.MAP_SLOPES}
    if not at_usual or None in limits.values():
        return "**No answer yet**: the map is not complete."
    corrected = {slope: _highest_rate(results, "msra_for_slope", slope) for slope in plan.MAP_SLOPES[1:]}
    n_failed = sum(map(failed, at_usual))
    listed = ", ".join(f"{limit:g} at slope {slope:g}" for slope, limit in limits.items())
    cause = _cause(limits)  # type: ignore[arg-type]
    word = "Reproduced" if n_failed else "Refuted as a limit of the slope alone"
    first = f"{word}: at a rate of {usual:g}, {n_failed} of {len(at_usual)} runs with slopes of 0.25 and 0.3 fail. "
    filler = _effect_of_filler(limits, corrected)
    return f"{first}{cause}The highest rate of the map at which no run fails: {listed}. {filler}"


def _cause(limits: dict[float, float]) -> str:
    """What the highest rates at which nothing fails say, by slope; 0 is ReLU."""
    of_relu, others = limits[0.0], [limits[slope] for slope in sorted(limits) if slope]
    if min(others) < of_relu and max(others) <= of_relu:
        if others == sorted(others, reverse=True):
            how = "the larger the slope, the lower the rate from which on training fails"
        else:
            how = "with a slope, training fails at lower rates than with ReLU, in no order of the slopes"
        return f"**The cause is the learning rate: {how}.** "
    return "**A larger slope does not lower the rate at which training fails here.** "


def _effect_of_filler(limits: Mapping[float, float | None], corrected: Mapping[float, float | None]) -> str:
    """Whether first weights for the slope that the net has make a difference."""
    known = {slope: (limit, limits[slope] or 0.0) for slope, limit in corrected.items() if limit is not None}
    raised = ", ".join(f"{slope:g}" for slope, (new, old) in known.items() if new > old)
    lowered = ", ".join(f"{slope:g}" for slope, (new, old) in known.items() if new < old)
    if raised and not lowered:
        return f"First weights that take the slope into account raise that rate at slopes of {raised}."
    changes = f" (higher at {raised or 'none'}, lower at {lowered})" if lowered else ""
    return (
        f"First weights that take the slope into account do not raise that rate as a rule{changes}: that Caffe's msra "
        "ignores the slope is not the cause."
    )


def _highest_rate(results: Results, filler: str, slope: float) -> float | None:
    """The highest rate up to which no run failed; 0 if some fail at the lowest, None if a cell is not run yet."""
    highest = 0.0
    for rate in plan.MAP_RATES:
        runs = results.short[filler, rate, slope]
        if not runs:
            return None
        if any(map(failed, runs)):
            break
        highest = rate
    return highest
