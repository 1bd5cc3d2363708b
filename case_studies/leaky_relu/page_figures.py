"""RESULTS.md: Figures 6 and 7 as numbers and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from case_studies.leaky_relu import plan
from case_studies.leaky_relu.observations import RECTIFIERS, THIRD_GROUP
from case_studies.leaky_relu.report import Results, row
from cnnvis_caffe.findings.thresholds import DEFAULT as LIMITS

RELU, LEAKY = "relu", "leaky"


def lines(results: Results, figures: Path) -> list[str]:
    """What the expert saw, as numbers and pictures, of the widest net that was looked at."""
    widths = sorted((float(width) for width in results.observations), reverse=True)
    if not widths:
        return ["## Figures 6 and 7", "", "No net has been looked at yet."]
    width = f"{widths[0]:g}"
    nets = results.observations[width]
    text = [f"## Figure 6: the relative change of weights along BaseCNN, at {width} of the width", ""]
    text += _figure_6(nets[RELU], figures) if RELU in nets else ["BaseCNN with ReLU has not been looked at yet."]
    text += ["", f"## Figure 7: rectifiers that are zero for all classes, at {width} of the width", ""]
    return [*text, *_figure_7(nets, figures)]


def _figure_6(seen: dict[str, Any], figures: Path) -> list[str]:
    """The chart as a table, the step, and the clusters without connections."""
    names = list(seen["changes"][0]["layers"])
    text = [row("from the snapshot before to iteration", "error %", *names), "|--:|" + "--:|" * (len(names) + 1)]
    for change in seen["changes"]:
        values = (f"{change['layers'][name]:.3f}" for name in names)
        text.append(row(change["iteration"], f"{100 * change['error']:.1f}", *values))
    step, loose = seen["step"], seen["disconnected"]
    is_there, is_sharp = step["to"] in THIRD_GROUP, step["factor"] >= LIMITS.break_mild
    there = "Confirmed" if is_sharp else "Confirmed in its place, not in its size"
    text += [
        "",
        f"**{there if is_there else 'Contradicted'}**: the change falls most from {step['from']} to {step['to']}, by a "
        f"factor of {step['factor']:.2f} in the mean over the snapshots; between neighbours the median factor is "
        f"{step['usual']:.2f}. Into the third group it falls by a factor of {step['into_third_group']:.2f}, and the "
        f"three layers of that group change {step['third_group']:.2f} times less than the two of the second. From a "
        f"factor of {LIMITS.break_mild:g} on, the tool itself calls it a break.",
        "",
        f"Clusters and neurons of the net without connections: {len(loose)}"
        + (f" ({'; '.join(loose)})." if loose else ": the paper's D1 and D2 have no counterpart here."),
    ]
    wanted = ("figure_6a", "BaseCNN, the relative change of its weights"), ("figure_6b", "The third group by layers")
    return [*text, "", *_pictures(figures, *wanted)]


def _figure_7(nets: dict[str, Any], figures: Path) -> list[str]:
    """Rows of zeros, with what the rectifiers see."""
    heads = ("neurons", "rows of zeros", "dead", "input of the dead", "least of all largest inputs")
    text = [row("net", "rectifier", *heads), "|---|---|--:|--:|--:|--:|--:|"]
    titles = {RELU: "BaseCNN, ReLU", LEAKY: f"slope {plan.PICTURED[1]:g}"}
    for name, title in titles.items():
        for rectifier in RECTIFIERS:
            if name not in nets:
                text.append(row(title, rectifier, *["not looked at yet"] * 5))
                continue
            seen = nets[name]["rectifiers"][rectifier]
            is_dead = seen["dead"] > 0
            span = f"{seen['input_lowest']:.3g} to {seen['input_highest']:.3g}" if is_dead else "none is dead"
            least = f"{seen['least_largest_input']:.3g}"
            text.append(row(title, rectifier, seen["n"], seen["zero_rows"], seen["dead"], span, least))
    wanted = (
        ("figure_7a", "The third group of BaseCNN, neurons by classes"),
        ("figure_7a_leaky", "The same with a leaky ReLU"),
    )
    return [*text, "", _figure_7_verdict(nets), "", *_pictures(figures, *wanted)]


def _figure_7_verdict(nets: dict[str, Any]) -> str:
    """Whether ReLU kills neurons of the third group, and a slope brings them back."""
    if RELU not in nets or LEAKY not in nets:
        return "No verdict yet."
    dead = {name: sum(row["dead"] for row in nets[name]["rectifiers"].values()) for name in (RELU, LEAKY)}
    images = f"on {nets[RELU]['n_images']:,} training images"
    if dead[RELU] == 0:
        return (
            f"**Contradicted**: no neuron of the third group is dead {images}, with ReLU or without: each one's "
            "rectifier sees something above zero. With this solver the net has no such neurons; the last table above "
            "says at which learning rates some appear."
        )
    gone = "They are gone with the leaky ReLU." if dead[LEAKY] == 0 else f"With the leaky ReLU there are {dead[LEAKY]}."
    return f"**Confirmed**: {dead[RELU]} neurons of the third group never fire {images}. {gone}"


def _pictures(folder: Path, *wanted: tuple[str, str]) -> list[str]:
    """Those that are there, and which are not."""
    return [
        f"![{title}](figures/{name}.svg)" if (folder / f"{name}.svg").exists() else f"{title}: not drawn yet."
        for name, title in wanted
    ]
