"""The functions of `cnnvis_caffe.api` that change a network or its images, and look what becomes of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnvis_caffe.analysis.options import documents
from cnnvis_caffe.api.explaining import FoundPicture
from cnnvis_caffe.api.functions import theme_of
from cnnvis_caffe.explanation.options import SUBJECT_OPTIONS
from cnnvis_caffe.progress import SILENT, Progress

if TYPE_CHECKING:
    from typing import Unpack

    from cnnvis_caffe.explanation.options import SubjectOptions


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


@documents(SUBJECT_OPTIONS)
def maximize(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    layer: str,
    *,
    neurons: Sequence[int] = (),
    n_steps: int = 100,
    rate: float = 0.05,
    decay: float = 0.01,
    blur: float = 0.5,
    clip: float = 0.0,
    jitter: int = 1,
    start_seed: int = 0,
    theme: str = "light",
    progress: Progress = SILENT,
    **options: Unpack[SubjectOptions],
) -> FoundPicture:
    """Make images that neurons of a layer respond to most, going uphill from noise.

    Parameters
    ----------
    model : str or path-like
        Network prototxt that says the size of its images.
    weights : str or path-like, or None
        None for what the network's fillers give.
    layer : str
    neurons : sequence of int, optional
        The first 24 by default.
    n_steps : int, default=100
        The whole budget.
    rate : float, default=0.05
        Mean change of a pixel in a step, by half its range.
    decay : float, default=0.01
        Share of its distance from grey that a pixel loses in each step.
    blur : float, default=0.5
        Standard deviation in pixels of the blur after every fourth step; 0 for none.
    clip : float, default=0
        Share of the pixels that become grey after every fourth step, those nearest to it.
    jitter : int, default=1
        Pixels that the image is moved by at random for each step, at most.
    start_seed : int, default=0
        For noise and jitter.
    theme : {"light", "dark"}, default="light"
    progress : Progress, optional
    **options
        How the network is opened, as for `analyze`.

    Returns
    -------
    FoundPicture
        A montage; its `found` is one `cnnvis_caffe.records.experiments.Maximized`.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, there is no such layer or neuron, or an option is out of its range.
    """
    from cnnvis_caffe.explanation.maximize import MaximizeOptions
    from cnnvis_caffe.explanation.maximize import maximize as run
    from cnnvis_caffe.explanation.options import subject_request
    from cnnvis_caffe.scene.feature_sheet import maximized_scene

    colours = theme_of(theme)
    wanted = MaximizeOptions(n_steps, rate, decay, blur, clip, jitter, start_seed)
    found = run(subject_request(model, weights, "", options), layer, tuple(neurons), wanted, progress)
    return FoundPicture(maximized_scene(found, colours), found=(found,))


@documents(SUBJECT_OPTIONS)
def colour_shape(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    images: str | os.PathLike[str],
    layer: str,
    *,
    at: Sequence[int] | None = None,
    n_strongest: int = 9,
    n_parts: int = 4,
    shuffle_seed: int = 0,
    theme: str = "light",
    progress: Progress = SILENT,
    **options: Unpack[SubjectOptions],
) -> FoundPicture:
    """Tell whether neurons respond to colour or to shape: what they keep without colour, and with parts shuffled.

    Parameters
    ----------
    model : str or path-like
        Network prototxt; of a train_val network the TEST phase with its preprocessing.
    weights : str or path-like, or None
        None for what the network's fillers give.
    images : str or path-like
        Anything that `analyze` takes as data.
    layer : str
    at : sequence of int, optional
        Which of the images, from 0; 200, each class in proportion, if left out.
    n_strongest : int, default=9
        Of these the ones with a neuron's largest responses count.
    n_parts : int, default=4
        Into how many parts each side of an image is cut.
    shuffle_seed : int, default=0
    theme : {"light", "dark"}, default="light"
    progress : Progress, optional
    **options
        How network and images are opened, as for `analyze`.

    Returns
    -------
    FoundPicture
        A line for each change over all neurons; its `found` is one `cnnvis_caffe.records.experiments.ColourShape`.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or there is no such layer.
    """
    from cnnvis_caffe.explanation.colour_shape import colour_shape as run
    from cnnvis_caffe.explanation.colour_shape import some_images
    from cnnvis_caffe.explanation.options import subject_request
    from cnnvis_caffe.explanation.subject import open_subject
    from cnnvis_caffe.scene.chart import build_chart
    from cnnvis_caffe.scene.explanation_charts import colour_shape_chart

    colours = theme_of(theme)
    subject = open_subject(subject_request(model, weights, images, options), at, progress)
    subject = some_images(subject) if at is None else subject
    found = run(subject, layer, n_strongest=n_strongest, n_parts=n_parts, seed=shuffle_seed, progress=progress)
    return FoundPicture(build_chart(colour_shape_chart(found), size=(960, 360), theme=colours), found=(found,))
