"""The functions of `cnnvis_caffe.api` that change a network or its images, and look what becomes of it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cnnvis_caffe.api.explaining import FoundPicture
from cnnvis_caffe.api.functions import theme_of
from cnnvis_caffe.progress import SILENT, Progress


def ablate(
    solver: str | os.PathLike[str],
    variants: Sequence[str],
    folder: str | os.PathLike[str],
    *,
    iterations: int = 0,
    seed: int = -1,
    keep_weights: str | os.PathLike[str] = "",
    theme: str = "light",
    progress: Progress = SILENT,
) -> FoundPicture:
    """Train variants of a network from scratch, on the current device, and put their errors beside each other.

    Parameters
    ----------
    solver : str or path-like
        Solver prototxt with a ``net`` for both phases.
    variants : sequence of str
        Such as ``"original"``, ``"without conv3,conv4"`` and ``"width fc6=2048; stride conv1=2"``. A layer with weights
        takes along the rectifiers, normalisation and dropout that follow it.
    folder : str or path-like
        A folder for each variant goes there. What is there already is not trained again, and what was stopped goes on.
    iterations : int, default=0
        Instead of the solver's max_iter, if not 0.
    seed : int, default=-1
        The solver's random_seed, if not below 0.
    keep_weights : str or path-like, optional
        Weights that variants begin with where name and shapes of a layer fit.
    theme : {"light", "dark"}, default="light"
    progress : Progress, optional

    Returns
    -------
    FoundPicture
        The errors as bars; its `found` is one `cnnvis_caffe.records.variant.Ablation`.

    Raises
    ------
    ValueError
        If a description cannot be read.
    CnnvisError
        If a file is missing or damaged, a variant cannot be made, or the folder holds another training.
    """
    from cnnvis_caffe.explanation.ablation import AblationOptions
    from cnnvis_caffe.explanation.ablation import ablate as run
    from cnnvis_caffe.records.variant import parse_variant
    from cnnvis_caffe.scene.ablation import ablation_scene

    colours = theme_of(theme)
    wanted = tuple(map(parse_variant, variants))
    options = AblationOptions(os.fspath(folder), wanted, iterations, seed, os.fspath(keep_weights))
    found = run(solver, options, progress)
    return FoundPicture(ablation_scene(found, colours), found=(found,))
