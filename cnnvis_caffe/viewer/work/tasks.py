"""The work that the window has done beside it: each function is given to a `Job`, which adds the progress."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

import numpy as np

from cnnvis_caffe import pipeline
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.progress import Progress
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.finding import Examination
from cnnvis_caffe.records.layer_code import LayerCode
from cnnvis_caffe.scene.shapes import Scene
from cnnvis_caffe.scene.theme import theme_named
from cnnvis_caffe.viewer.work.child import run_in_child


def load_analysis(path: str, progress: Progress) -> Analysis:
    """Open an analysis file."""
    progress.start(1, "opening")
    analysis = pipeline.open_analysis(path)
    progress.step()
    progress.done()
    return analysis


def find_all(analysis: Analysis, aggregation: Aggregation, snapshot: str, progress: Progress) -> Examination:
    """Find what an expert would point at."""
    from cnnvis_caffe.findings.find import examine

    if analysis.path:
        return run_in_child(
            "cnnvis_caffe.viewer.work.child_findings",
            "find_in_file",
            {"path": analysis.path, "snapshot": snapshot},
            progress,
        )
    progress.start(1, "findings")
    found = examine(analysis, snapshot=snapshot, aggregation=aggregation)
    progress.step()
    progress.done()
    return found


def python_layers(model: str, stages: Sequence[str] = ()) -> tuple[LayerCode, ...]:
    """Return the code that analysing a model would run; none where it cannot be read: running it says why."""
    try:
        return importlib.import_module("cnnvis_caffe.analysis.model").python_layers(model, stages)
    except CnnvisError:
        return ()


def missing_file(analysis: Analysis, snapshot: str, places: Sequence[str]) -> str:
    """Return the model or the weights of an analysis, whichever is not where it was; empty where both are."""
    if not analysis.path:
        return ""  # `deconvolutions` says why it cannot be made
    module = importlib.import_module("cnnvis_caffe.analysis.deconvolution")
    return str(module.missing_file(analysis, analysis.snapshot(snapshot), places))


def python_layers_of(analysis: Analysis, snapshot: str, places: Sequence[str] = ()) -> tuple[LayerCode, ...]:
    """Return the code that running the model of an analysis again would run; likewise."""
    try:
        chosen = next(one for one in analysis.snapshots if one.label == snapshot)
        return importlib.import_module("cnnvis_caffe.analysis.deconvolution").python_layers_of(analysis, chosen, places)
    except CnnvisError:
        return ()


def deconvolutions(
    analysis: Analysis,
    snapshot: str,
    node: str,
    neuron: int,
    may_run_code: bool,
    places: Sequence[str],
    progress: Progress,
) -> dict[int, np.ndarray]:
    """Project the strongest images of a neuron back to the pixels."""
    if not analysis.path:
        raise CnnvisError("This analysis is not a file, and so does not say which model and data it was made of.")
    arguments = {"path": analysis.path, "snapshot": snapshot, "node": node, "neuron": neuron, "places": list(places)}
    arguments["allow_python_layers"] = may_run_code
    return run_in_child("cnnvis_caffe.viewer.work.child_deconvolution", "deconvolve_in_file", arguments, progress)


def page_of(
    analysis: Analysis,
    snapshot: str,
    node: str,
    neuron: int,
    projections: dict[int, np.ndarray],
    theme: str,
    progress: Progress,
) -> Scene:
    """Lay out the page of a neuron."""
    from cnnvis_caffe.scene.neuron_page import build_neuron_page

    def make() -> Scene:
        return build_neuron_page(
            analysis, snapshot, node, neuron, theme=theme_named(theme), projections=projections
        )

    return _page(make, progress)


def mistakes_of(
    analysis: Analysis, snapshot: str, cell: tuple[int, int] | None, theme: str, progress: Progress
) -> Scene:
    """Lay out the page of mistakes."""
    from cnnvis_caffe.scene.mistakes_page import build_mistakes_page

    return _page(lambda: build_mistakes_page(analysis, snapshot, cell=cell, theme=theme_named(theme)), progress)


def layer_of(
    analysis: Analysis,
    snapshot: str,
    node: str,
    neurons: Sequence[int],
    named: str,
    theme: str,
    progress: Progress,
) -> Scene:
    """Lay out the page of a layer, or of some of its neurons."""
    from cnnvis_caffe.scene.layer_page import build_layer_page

    def make() -> Scene:
        return build_layer_page(analysis, snapshot, node, neurons, named=named, theme=theme_named(theme))

    return _page(make, progress)


def _page(make: Callable[[], Scene], progress: Progress) -> Scene:
    """Lay out a page, with its progress."""
    progress.start(1, "page")
    scene = make()
    progress.step()
    progress.done()
    return scene
