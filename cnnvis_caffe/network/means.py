"""Reads how data layers change the values of images, above all the mean image that they need."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from cnnvis_caffe.formats import beside

#: Said where a mean image is not where the network looks for it.
HOW_TO_GET_A_MEAN = "it is made from the training data by: cnnvis-caffe data mean DATABASE mean.binaryproto"


def preparation_options(layer: Any) -> tuple[str, ...]:
    """Return what a data layer does to values, as options of ``cnnvis-caffe analyze``.

    Parameters
    ----------
    layer : LayerParameter

    Returns
    -------
    tuple of str
        Such as ``("--scale 0.00390625", "--mean mean.binaryproto")``; empty where it does nothing.
    """
    param = layer.transform_param
    scale = [f"--scale {param.scale:.9g}"] if param.scale != 1 else []
    mean = param.mean_file or ",".join(f"{value:.9g}" for value in param.mean_value)
    return (*scale, *([f"--mean {mean}"] if mean else []))


def mean_notes(layers: Iterable[Any], file: str | os.PathLike[str]) -> list[str]:
    """Say which mean images data layers need, and whether they are there.

    Parameters
    ----------
    layers : iterable of LayerParameter
    file : str or path-like
        Where they come from: images are looked for from the current folder, then beside it.

    Returns
    -------
    list of str
        One sentence for each image, wherever several layers name the same one.
    """
    notes: dict[str, str] = {}
    for layer in layers:
        name = layer.transform_param.mean_file
        if not name or name in notes:
            continue
        found = beside.find(name, file)
        if os.path.isfile(found):
            notes[name] = f"{layer.name}: subtracts the mean image {found}, which is there"
        else:
            folders = dict.fromkeys((os.getcwd(), os.path.dirname(os.path.abspath(file))))
            place = "" if os.path.isabs(name) else f" in {' or '.join(folders)}"
            notes[name] = (
                f"{layer.name}: needs the mean image {name}, which is not there{place}; analyze takes it by --mean; "
                f"{HOW_TO_GET_A_MEAN}"
            )
    return list(notes.values())
