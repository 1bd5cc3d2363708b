"""From files to a picture: the steps, in their order. Read this first.

    model, weights, data  --analyze-->  analysis file  --open_analysis, draw, save-->  picture

Command line, API and window take these steps. `cnnvis_caffe/analysis` has what `analyze` does, `cnnvis_caffe/drawing`
what `draw` does: aggregate, lay out, draw. Each step imports its part when it is first taken, to start quickly.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnvis_caffe.progress import SILENT, Progress

if TYPE_CHECKING:
    from typing import Unpack

    from cnnvis_caffe.analysis.request import AnalysisOptions
    from cnnvis_caffe.drawing.pictures import DrawnPicture
    from cnnvis_caffe.records.analysis import Analysis
    from cnnvis_caffe.records.view import View
    from cnnvis_caffe.scene.clock import Clock
    from cnnvis_caffe.scene.shapes import Scene, Target

    Path = str | os.PathLike[str]


def analyze(
    model: Path,
    weights: Path | Sequence[Path] | None,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    progress: Progress = SILENT,
    **options: Unpack[AnalysisOptions],
) -> Analysis | None:
    """Run images through each snapshot of a network and write the analysis file; see `analysis.analyze`."""
    from cnnvis_caffe.analysis import analyze as step

    return step.analyze(model, weights, data, out, resume=resume, progress=progress, **options)


def merge(
    shards: Sequence[Path],
    out: Path,
    *,
    model: Path | None = None,
    weights: Path | Sequence[Path] | None = None,
    data: Path | None = None,
    allow_python_layers: bool = False,
    progress: Progress = SILENT,
) -> Analysis:
    """Write one analysis file from the shards that `analyze` wrote; see `analysis.merge`."""
    from cnnvis_caffe.analysis import merge as step

    return step.merge(
        shards,
        out,
        model=model,
        weights=weights,
        data=data,
        allow_python_layers=allow_python_layers,
        progress=progress,
    )


def open_analysis(path: Path) -> Analysis:
    """Open an analysis file; large arrays are read when they are used."""
    from cnnvis_caffe.store import read_analysis

    return read_analysis(path)


def draw(
    analysis: Analysis,
    view: View,
    *,
    selection: Target | None = None,
    size: tuple[float, float] | None = None,
    has_title: bool = True,
    has_legend: bool = True,
    clock: Clock | None = None,
) -> DrawnPicture:
    """Draw a view of an analysis: aggregate, lay out, draw; see `drawing.pictures.ViewDrawer`."""
    from cnnvis_caffe.drawing.pictures import ViewDrawer

    drawer = ViewDrawer(analysis)
    return drawer.draw(view, selection=selection, size=size, has_title=has_title, has_legend=has_legend, clock=clock)


def save(scene: Scene, path: Path, *, scale: float = 1.0) -> None:
    """Write a scene as PNG, SVG, PDF or HTML, as the name of the file says."""
    from cnnvis_caffe.render.write import write_scene

    write_scene(scene, path, scale=scale)


def __getattr__(name: str) -> object:
    """Give what was here in earlier versions from where it is now, with a warning."""
    from cnnvis_caffe.analysis.moved import moved

    return moved(name)
