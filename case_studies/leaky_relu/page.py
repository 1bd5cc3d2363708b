"""RESULTS.md: the study's numbers as tables, each with its verdict."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from case_studies.leaky_relu import page_figures, page_map, page_neurons, page_table
from case_studies.leaky_relu.page_table import COMMAND
from case_studies.leaky_relu.paper import ASSUMPTIONS, OPEN_QUESTIONS
from case_studies.leaky_relu.report import Results
from case_studies.leaky_relu.training import FAILED_FROM

COPIES = (
    "The images of every figure of ours are **{images}**. They make a net about two points worse: cifar10_quick, "
    "trained by Caffe on the originals, has an error of 24.7% in Caffe's own tutorial, and a snapshot of that kind has "
    "26.5% in a real Caffe on the copies. cifar10_full, trained on the copies by a real Caffe, reaches 20.6%."
)
ORIGINALS = "The images of every figure of ours are those of CIFAR-10."


def markdown(results: Results, figures: Path, *, quick: bool = False) -> str:
    """The report.

    Parameters
    ----------
    results : Results
    figures : Path
        Folder with the pictures.
    quick : bool, default=False
        Whether it is a run that shows only that all works.
    """
    lines = ["# Leaky ReLU: results", ""]
    lines += [f"Written by `{COMMAND}`; every figure comes from a file in `results/`."]
    if quick:
        lines += ["", "**A quick run: it shows that all works, not what the networks reach.**"]
    lines += ["", *_images(results), ""]
    lines += [
        "**Failed** is a run whose loss stops being a finite number, or that ends with an error of "
        f"{100 * FAILED_FROM:.0f}% or more, where guessing gives 90%.",
        "",
    ]
    narrow = [width for width in sorted({0.25, *results.runs}) if width < 1]
    for width in narrow:
        lines += page_table.lines(results, width)
    lines += page_table.lines(results, 1.0)
    lines += page_map.lines(results)
    for width in narrow:
        lines += page_neurons.lines(results, width)
    lines += page_figures.lines(results, figures)
    lines += ["", "## Assumptions", ""] + [f"- {text}" for text in ASSUMPTIONS]
    lines += ["", "## Open questions", ""] + [f"- {text}" for text in OPEN_QUESTIONS]
    return "\n".join([*lines, "", *_footer(results)]) + "\n"


def _images(results: Results) -> list[str]:
    """Which images."""
    found = sorted({run["images"] for run in results.all_runs()})
    if not found:
        return ["Nothing is trained yet."]
    copies = [images for images in found if "JPEG" in images]
    return [COPIES.format(images=", ".join(copies))] if copies else [ORIGINALS]


def _footer(results: Results) -> list[str]:
    """On what it was trained."""
    runs = results.all_runs()
    devices = Counter(f"{run['device']}, {run['precision']}, PyTorch {run['versions']['torch']}" for run in runs)
    listed = "; ".join(f"{count} on {device}" for device, count in devices.most_common())
    return [f"{len(runs)} trainings: {listed}."] if runs else ["No training yet."]
