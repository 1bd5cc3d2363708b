"""The functions of `cnnvis_caffe.api` that explain what a network does with images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.analysis.options import documents
from cnnvis_caffe.api.functions import theme_of
from cnnvis_caffe.api.shown import Picture
from cnnvis_caffe.explanation.options import SUBJECT_OPTIONS
from cnnvis_caffe.progress import SILENT, Progress

if TYPE_CHECKING:
    from typing import Unpack

    from cnnvis_caffe.explanation.options import SubjectOptions
    from cnnvis_caffe.explanation.subject import Subject
    from cnnvis_caffe.records.analysis import Analysis


@dataclass(frozen=True, eq=False)
class FoundPicture(Picture):
    """What was found out about images, as a picture that shows itself.

    Attributes
    ----------
    found : tuple
        The numbers, as records of `cnnvis_caffe.records.explanation`: `Explained` or `OccludedImage` for each image,
        `Invariance` for each transformation, or one `FeatureSheet`, `Correspondence` or `Transfer`.
    """

    found: tuple[Any, ...] = ()


@documents(SUBJECT_OPTIONS)
def explain(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    images: str | os.PathLike[str],
    *,
    at: Sequence[int] | None = None,
    neuron: str = "",
    of_class: str | int = "",
    position: Sequence[int] = (),
    methods: Sequence[str] = (),
    layer: str = "",
    baseline: str = "zero",
    n_steps: int = 50,
    theme: str = "light",
    progress: Progress = SILENT,
    **options: Unpack[SubjectOptions],
) -> FoundPicture:
    """Explain a network's answer to images: which pixels make a class or a neuron respond.

    Parameters
    ----------
    model : str or path-like
        Network prototxt; of a train_val network the TEST phase with its preprocessing.
    weights : str or path-like, or None
        None for what the network's fillers give.
    images : str or path-like
        An image file, or anything else that `analyze` takes as data.
    at : sequence of int, optional
        Which of the images, from 0; the first one if left out.
    neuron : str, optional
        Such as ``"conv2:17"``; else the score of a class is explained.
    of_class : str or int, optional
        Name or number; the most probable class of each image by default.
    position : sequence of int, optional
        Row and column in the neuron's layer; where it responds most by default.
    methods : sequence of str, optional
        Of ``gradient``, ``deconvnet``, ``guided``, ``grad-cam`` and ``integrated``; all by default.
    layer : str, optional
        Feature maps for Grad-CAM; the last convolution by default.
    baseline : {"zero", "black", "grey", "white"}, default="zero"
        Image without content, for integrated gradients; zero is what the mean image becomes.
    n_steps : int, default=50
        Steps of their integral.
    theme : {"light", "dark"}, default="light"
    progress : Progress, optional
    **options
        How network and images are opened, as for `analyze`.

    Returns
    -------
    FoundPicture
        A row for each image, a column for each method.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or there is no such neuron, class, position, method or layer.
    """
    from cnnvis_caffe.explanation.explain import ExplainOptions
    from cnnvis_caffe.explanation.explain import explain as run
    from cnnvis_caffe.records.explanation import METHODS
    from cnnvis_caffe.scene.explanation import explanation_scene

    chosen = ExplainOptions(neuron, of_class, tuple(position), tuple(methods or METHODS), layer, baseline, n_steps)
    colours = theme_of(theme)
    found = run(_subject(model, weights, images, at, (0,), options, progress), chosen, progress)
    return FoundPicture(explanation_scene(found, colours), found=found)


@documents(SUBJECT_OPTIONS)
def occlude(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    images: str | os.PathLike[str],
    *,
    at: Sequence[int] | None = None,
    of_class: str | int = "",
    size: int = 0,
    stride: int = 0,
    fill: str = "grey",
    layer: str = "",
    keep: str | os.PathLike[str] = "",
    theme: str = "light",
    progress: Progress = SILENT,
    **options: Unpack[SubjectOptions],
) -> FoundPicture:
    """Slide a square over images, and map what the network says of each.

    Parameters
    ----------
    model : str or path-like
        Network prototxt; of a train_val network the TEST phase with its preprocessing.
    weights : str or path-like, or None
        None for what the network's fillers give.
    images : str or path-like
        An image file, or anything else that `analyze` takes as data.
    at : sequence of int, optional
        Which of the images, from 0; the first one if left out.
    of_class : str or int, optional
        The class to follow; the true one, else the most probable one, by default.
    size, stride : int, optional
        Of the square, in pixels of the network's input; a quarter of the image, and a quarter of the square by default.
    fill : {"grey", "black", "white", "mean"}, default="grey"
        What the square shows; mean is the mean colour of the image.
    layer : str, optional
        Of the feature map to follow; the last convolution by default.
    keep : str or path-like, optional
        A folder for what is found on the way: the same call goes on with it after an interruption.
    theme : {"light", "dark"}, default="light"
    progress : Progress, optional
    **options
        How network and images are opened, as for `analyze`.

    Returns
    -------
    FoundPicture
        A row for each image: its maps, as in Zeiler and Fergus 2014, Figure 7.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, the square does not fit, or there is no such class, fill or layer.
    """
    from cnnvis_caffe.explanation.occlude import OccludeOptions
    from cnnvis_caffe.explanation.occlude import occlude as run
    from cnnvis_caffe.scene.explanation import occlusion_scene

    colours = theme_of(theme)
    subject = _subject(model, weights, images, at, (0,), options, progress)
    found = run(subject, OccludeOptions(size, stride, fill, of_class, layer, os.fspath(keep)), progress)
    return FoundPicture(occlusion_scene(found, colours), found=found)


@documents(SUBJECT_OPTIONS)
def invariance(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    images: str | os.PathLike[str],
    *,
    at: Sequence[int] | None = None,
    transformations: Sequence[str] = (),
    amounts: Sequence[float] = (),
    layers: Sequence[str] = (),
    keep: str | os.PathLike[str] = "",
    theme: str = "light",
    progress: Progress = SILENT,
    **options: Unpack[SubjectOptions],
) -> FoundPicture:
    """Measure how far features move when images are moved, enlarged and turned.

    Parameters
    ----------
    model : str or path-like
        Network prototxt; of a train_val network the TEST phase with its preprocessing.
    weights : str or path-like, or None
        None for what the network's fillers give.
    images : str or path-like
        Anything that `analyze` takes as data.
    at : sequence of int, optional
        Which of the images, from 0; the first 20 if left out.
    transformations : sequence of str, optional
        Of ``translation``, ``scale`` and ``rotation``; all by default.
    amounts : sequence of float, optional
        Pixels down, factors, or degrees anticlockwise, for one transformation; those of the paper by default.
    layers : sequence of str, optional
        A first, a middle and the last one by default.
    keep : str or path-like, optional
        A folder for what is found on the way: the same call goes on with it after an interruption.
    theme : {"light", "dark"}, default="light"
    progress : Progress, optional
    **options
        How network and images are opened, as for `analyze`.

    Returns
    -------
    FoundPicture
        Two charts for each transformation, as in Zeiler and Fergus 2014, Figure 5.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or there is no such transformation, amount or layer.
    """
    from cnnvis_caffe.explanation.invariance import N_IMAGES, TRANSFORMATIONS, InvarianceOptions
    from cnnvis_caffe.explanation.invariance import invariance as run
    from cnnvis_caffe.scene.invariance import invariance_scene

    colours = theme_of(theme)
    subject = _subject(model, weights, images, at, range(N_IMAGES), options, progress)
    kinds = tuple(transformations or TRANSFORMATIONS)
    chosen = InvarianceOptions(kinds, tuple(amounts), tuple(layers), os.fspath(keep))
    found = run(subject, chosen, progress)
    return FoundPicture(invariance_scene(found, subject.model.title, colours), found=found)


@documents(SUBJECT_OPTIONS)
def correspondence(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    images: str | os.PathLike[str],
    parts: str | os.PathLike[str],
    *,
    layers: Sequence[str] = (),
    n_random: int = 10,
    random_seed: int = 0,
    original_pixels: bool = False,
    theme: str = "light",
    progress: Progress = SILENT,
    **options: Unpack[SubjectOptions],
) -> FoundPicture:
    """Hide the same part of different images, and compare how the features of each two change.

    Parameters
    ----------
    model : str or path-like
        Network prototxt; of a train_val network the TEST phase with its preprocessing.
    weights : str or path-like, or None
        None for what the network's fillers give.
    images : str or path-like
        Anything that `analyze` takes as data.
    parts : str or path-like
        CSV with a line for each image and part: image (its number in the data), part, y0, x0, y1, x1, in pixels.
    layers : sequence of str, optional
        A first, a middle and the last one by default.
    n_random : int, default=10
        Random parts of each image, as the control.
    random_seed : int, default=0
        For these.
    original_pixels : bool, default=False
        The boxes are in pixels of the images as they lie in their files, rather than of the network's input.
    theme : {"light", "dark"}, default="light"
    progress : Progress, optional
    **options
        How network and images are opened, as for `analyze`.

    Returns
    -------
    FoundPicture
        The numbers of Zeiler and Fergus 2014, Table 1, as a chart; its `found` is one `Correspondence`.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, a box lies outside of the image, or there is no such layer.
    """
    from cnnvis_caffe.explanation.correspondence import correspondence as run
    from cnnvis_caffe.explanation.correspondence import read_part_boxes
    from cnnvis_caffe.scene.chart import build_chart
    from cnnvis_caffe.scene.explanation_charts import correspondence_chart

    colours = theme_of(theme)
    boxes = read_part_boxes(parts, of_original=original_pixels)
    subject = _subject(model, weights, images, boxes.images, (0,), options, progress)
    found = run(subject, boxes, layers=tuple(layers), n_random=n_random, seed=random_seed, progress=progress)
    return FoundPicture(build_chart(correspondence_chart(found), size=(960, 360), theme=colours), found=(found,))


@documents(SUBJECT_OPTIONS)
def transfer(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    data: str,
    test: str,
    *,
    layers: Sequence[str] = (),
    per_class: Sequence[int] = (5, 20, 60),
    n_repeats: int = 3,
    n_test: int = 1000,
    choice_seed: int = 0,
    size: Sequence[int] = (),
    retrains: bool = False,
    keep: str | os.PathLike[str] = "",
    theme: str = "light",
    progress: Progress = SILENT,
    **options: Unpack[SubjectOptions],
) -> FoundPicture:
    """Train a linear classifier on the features of each layer, for images that the network was not trained on.

    Parameters
    ----------
    model : str or path-like
        Network prototxt: train_val or deploy.
    weights : str or path-like, or None
        None for what the network's fillers give.
    data, test : str
        Images with classes to learn from, and to try it on. They are brought to the network's size, and to grey or
        colour.
    layers : sequence of str, optional
        All with weights by default.
    per_class : sequence of int, optional
        Images of each class to learn from.
    n_repeats : int, default=3
        Choices of these.
    n_test : int, default=1000
        Test images at most, each class in proportion.
    choice_seed : int, default=0
        For the choices.
    size : sequence of int, optional
        Height and width of the images, where neither the network nor its weights say it.
    retrains : bool, default=False
        Retrain the network's last layer as well, with Caffe's solver; the last row of the result.
    keep : str or path-like, optional
        A folder for what is found on the way: the same call goes on with it after an interruption.
    theme : {"light", "dark"}, default="light"
    progress : Progress, optional
    **options
        How network and images are opened, as for `analyze`.

    Returns
    -------
    FoundPicture
        Accuracy by layer as a chart; its `found` is one `Transfer`.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, there are too few images of a class, or no such layer.
    """
    from cnnvis_caffe.explanation.options import subject_request
    from cnnvis_caffe.explanation.transfer import TransferOptions
    from cnnvis_caffe.explanation.transfer import transfer as run
    from cnnvis_caffe.scene.chart import build_chart
    from cnnvis_caffe.scene.explanation_charts import transfer_chart

    colours = theme_of(theme)
    wanted = TransferOptions(
        data, test, tuple(layers), tuple(per_class), n_repeats, n_test, choice_seed, tuple(size), retrains,
        os.fspath(keep),
    )  # fmt: skip
    found = run(subject_request(model, weights, "", options), wanted, progress)
    return FoundPicture(build_chart(transfer_chart(found), size=(960, 360), theme=colours), found=(found,))


def features(
    analysis: Analysis,
    layer: str,
    *,
    neurons: Sequence[int] = (),
    snapshot: str | int = "",
    n_patches: int = 9,
    is_evolution: bool = False,
    theme: str = "light",
    progress: Progress = SILENT,
    allow_python_layers: bool = False,
) -> FoundPicture:
    """Draw what the feature maps of a layer look like: their strongest patches beside projections of a deconvnet.

    Parameters
    ----------
    analysis : Analysis
        Its model and weights are opened again, where they were.
    layer : str
    neurons : sequence of int, optional
        Feature maps; those with the strongest responses by default.
    snapshot : str or int, optional
        Label or iteration; the last one by default.
    n_patches : int, default=9
        Of each feature map at most.
    is_evolution : bool, default=False
        Show the strongest one at every snapshot instead.
    theme : {"light", "dark"}, default="light"
    progress : Progress, optional
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.

    Returns
    -------
    FoundPicture
        As in Zeiler and Fergus 2014, Figure 2, or Figure 4.

    Raises
    ------
    CnnvisError
        If there is no such layer, feature map or snapshot, or the model is not where it was.
    """
    from cnnvis_caffe.explanation.features import evolution_sheet, feature_sheet
    from cnnvis_caffe.scene.feature_sheet import evolution_scene, feature_sheet_scene

    colours = theme_of(theme)
    if is_evolution:
        sheet = evolution_sheet(
            analysis, layer, neurons=neurons, progress=progress, allow_python_layers=allow_python_layers
        )
        return FoundPicture(evolution_scene(sheet, colours), found=(sheet,))
    sheet = feature_sheet(
        analysis, layer, neurons=neurons, snapshot=snapshot, n_patches=n_patches, progress=progress,
        allow_python_layers=allow_python_layers,
    )  # fmt: skip
    return FoundPicture(feature_sheet_scene(sheet, colours), found=(sheet,))


def _subject(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    images: str | os.PathLike[str],
    at: Sequence[int] | None,
    default: Sequence[int],
    options: SubjectOptions,
    progress: Progress,
) -> Subject:
    """The network and the images."""
    from cnnvis_caffe.explanation.options import subject_request
    from cnnvis_caffe.explanation.subject import open_subject

    request = subject_request(model, weights, images, options)
    return open_subject(request, at, progress, default=default)

