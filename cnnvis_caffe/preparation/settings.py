"""Puts together how images are prepared: by the network's data layer, by files beside it, and by the user."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.errors import DataFileError, DataNotFoundError
from cnnvis_caffe.formats.mean import read_any_mean
from cnnvis_caffe.network.means import HOW_TO_GET_A_MEAN
from cnnvis_caffe.preparation.found import find_preparation
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.preparation import FoundPreparation

logger = logging.getLogger(__name__)

_GIVE_OPTIONS = "give --scale and --mean if the network was trained otherwise, or the train_val prototxt as the model"


@dataclass(frozen=True)
class PreparationOptions:
    """What the user says about preprocessing.

    Attributes
    ----------
    scale : float or None
        Instead of the network's own.
    mean : str
        A file, or values separated by commas, instead of the network's own; empty for that, "0" for none.
    channel_order : {"", "RGB", "BGR"}
    resize : bool
        Bring images to the network's size.
    """

    scale: float | None = None
    mean: str = ""
    channel_order: str = ""
    resize: bool = False

    @property
    def says_values(self) -> bool:
        """Whether the user says what is done to values, so that nothing is looked for."""
        return self.scale is not None or bool(self.mean)


@dataclass(frozen=True, eq=False)
class Prepared:
    """How images are prepared, and how sure that is.

    Attributes
    ----------
    settings : Preprocessing
    is_known : bool
        Whether a data layer, a file beside the network or the user says it.
    found : FoundPreparation
        What was looked for and found; empty where that was not needed.
    """

    settings: Preprocessing
    is_known: bool
    found: FoundPreparation


def prepare(
    network: NetworkFile, layer: Any, weights: Sequence[str] = (), options: PreparationOptions | None = None
) -> Prepared:
    """Say how images are prepared for a network, and where that comes from.

    Parameters
    ----------
    network : NetworkFile
    layer : LayerParameter or None
        Its data layer; None for Input layers, which say nothing about it: then files beside it are looked into.
    weights : sequence of str, optional
    options : PreparationOptions, optional

    Returns
    -------
    Prepared
        What was found beside the network is logged as a warning, with the option that undoes it.

    Raises
    ------
    MeanFileError, DataFileError
        If the mean cannot be read.
    """
    options = options or PreparationOptions()
    found = FoundPreparation()
    is_known = layer is not None or options.says_values
    if not is_known:
        found = find_preparation(network, weights)
        is_known = found.is_usable
        layer = found.layer if found.is_usable else None
        logger.warning("%s says nothing about preprocessing%s", network.path, _said(found))
    return Prepared(_settings(layer, options), is_known, found)


def _settings(layer: Any, options: PreparationOptions) -> Preprocessing:
    """What a data layer and the user say."""
    scale, mean, color, gray, crop = 1.0, "", False, False, 0
    values: tuple[float, ...] = ()
    size: tuple[int, int] | None = None
    if layer is not None:
        param = layer.transform_param
        scale, crop = param.scale, param.crop_size
        mean, values = param.mean_file, tuple(param.mean_value)
        color, gray = param.force_color, param.force_gray
        images = layer.image_data_param
        if layer.type == "ImageData":
            gray = gray or not images.is_color
            if images.new_height and images.new_width:
                size = (images.new_height, images.new_width)
    if options.scale is not None:
        scale = options.scale
    if options.mean:
        mean, values = _mean_option(options.mean)
    image = _mean_file(mean, bool(options.mean)) if mean else None
    if image is not None and image.ndim == 1:
        values, image = tuple(image.tolist()), None
    return Preprocessing(
        scale=float(np.float32(scale)),
        mean_values=values,
        mean_image=image,
        mean_name=mean,
        resize=size,
        resize_to_fit=options.resize,
        crop=crop,
        force_color=color,
        force_gray=gray,
        channel_order=options.channel_order,
    )


def _said(found: FoundPreparation) -> str:
    """What was found, and what is done with it."""
    if found.layer is None:
        means = f"; beside it lies {found.means[0]}: perhaps --mean {found.means[0]}" if found.means else ""
        return f": the images are fed as they are{means}; {_GIVE_OPTIONS}"
    words = " ".join(found.options)
    if not words:
        return f"; it was trained on images as they are, as {found.origin} says"
    if found.is_usable:
        return (
            f"; it was trained with {words}, as {found.origin} says: the same is done here; --scale 1 feeds the images "
            "as they are"
        )
    return (
        f": the images are fed as they are; {found.origin} was trained with {words}: give these options "
        f"({HOW_TO_GET_A_MEAN})"
    )


def _mean_file(path: str, is_option: bool) -> np.ndarray:
    """Read a mean file; one that the network names and that lies elsewhere can be given as an option."""
    try:
        return read_any_mean(path)
    except DataNotFoundError as error:
        if is_option:
            raise
        raise DataNotFoundError(
            f"{error}, where the network looks for its mean; say where it is (--mean); {HOW_TO_GET_A_MEAN}"
        ) from error


def _mean_option(text: str) -> tuple[str, tuple[float, ...]]:
    """A file, or values separated by commas."""
    if os.path.exists(text):
        return text, ()
    try:
        return "", tuple(float(value) for value in text.split(","))
    except ValueError as error:
        raise DataFileError(text, "is neither a mean file nor numbers separated by commas") from error
