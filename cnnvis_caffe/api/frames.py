"""Tables as people use them: pandas where pandas is installed, numpy else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnvis_caffe.api.frame import frame_of
from cnnvis_caffe.api.shown import Picture, Table
from cnnvis_caffe.errors import CnnvisError, ShapeError, UnknownNameError
from cnnvis_caffe.records.analysis import Analysis

if TYPE_CHECKING:
    from cnnvis_caffe.pycaffe import Net

_BY_CLASS = ("mean", "peak", "maximum", "active_share", "contribution")
_QUANTITIES = ("weight", "abs_weight", "gradient", "abs_gradient")


def activations(analysis: Analysis, layer: str, quantity: str = "mean", *, snapshot: str | int = "") -> Any:
    """Return what the neurons of a layer do by class.

    Parameters
    ----------
    analysis : Analysis
    layer : str
        One whose neurons were analysed.
    quantity : {"mean", "peak", "maximum", "active_share", "contribution"}
    snapshot : str or int, optional
        Label or iteration; the last one by default.

    Returns
    -------
    pandas.DataFrame or ndarray of shape (n_neurons, n_classes), float32
        NaN for classes without images.

    Raises
    ------
    CnnvisError
        If there is no such layer, quantity or snapshot.
    """
    if quantity not in _BY_CLASS:
        raise UnknownNameError("quantity", quantity, _BY_CLASS)
    values = getattr(analysis.snapshot(snapshot).features_of(layer), quantity)
    return frame_of(values, "neuron", range(len(values)), analysis.data.column, analysis.data.class_names)


def connections(analysis: Analysis, layer: str, quantity: str = "weight", *, snapshot: str | int = "") -> Any:
    """Return what joins the neurons of a layer to those of the layer before it.

    Parameters
    ----------
    analysis : Analysis
    layer : str
        One with weights.
    quantity : {"weight", "abs_weight", "gradient", "abs_gradient"}
    snapshot : str or int, optional
        Label or iteration; the last one by default.

    Returns
    -------
    pandas.DataFrame or ndarray of shape (n_to, n_from), float32

    Raises
    ------
    CnnvisError
        If there is no such layer, quantity or snapshot, or gradients were left out.
    """
    one = analysis.snapshot(snapshot)
    if quantity not in _QUANTITIES:
        raise UnknownNameError("quantity", quantity, _QUANTITIES)
    if layer not in one.connections:
        raise UnknownNameError("layer with weights", layer, one.connections)
    values = getattr(one.connections[layer], quantity)
    if values is None:
        raise CnnvisError(f"{layer}: this analysis has no {quantity}; analyse without --no-gradients, and with labels")
    source = analysis.node(layer).sources[0]
    return frame_of(values, layer, range(len(values)), source, range(values.shape[1]))


def confusion(analysis: Analysis, *, snapshot: str | int = "") -> Any:
    """Return how often a class is named as another one.

    Parameters
    ----------
    analysis : Analysis
    snapshot : str or int, optional
        Label or iteration; the last one by default.

    Returns
    -------
    pandas.DataFrame or ndarray of shape (n_classes, n_classes), float64
        Rows are classes, columns answers; in images, pixels or pairs.

    Raises
    ------
    CnnvisError
        If there is no such snapshot, or nobody counted: answers are not classes, or images have no labels.
    """
    found = analysis.snapshot(snapshot).confusion
    if found is None:
        raise CnnvisError(
            f"{analysis.path or analysis.title}: has no confusion matrix; it takes answers that are classes, and "
            "images with labels, analysed by this version"
        )
    names = analysis.data.class_names
    return frame_of(found, analysis.data.column, names, "answer", names)


def confusion_picture(analysis: Analysis, *, snapshot: str | int = "", theme: str = "light") -> Picture:
    """Draw how often a class is named as another one.

    Parameters
    ----------
    analysis : Analysis
    snapshot : str or int, optional
        Label or iteration; the last one by default.
    theme : {"light", "dark"}

    Returns
    -------
    Picture

    Raises
    ------
    CnnvisError
        As `confusion`, or if there is no such theme.
    """
    from cnnvis_caffe.scene.confusion import build_confusion
    from cnnvis_caffe.scene.theme import theme_named

    return Picture(build_confusion(analysis, analysis.snapshot(snapshot), theme_named(theme)))


def measures(analysis: Analysis, *, snapshot: str | int = "") -> Table:
    """List how right the answers are, over all data and by class, beside what guessing gives.

    Parameters
    ----------
    analysis : Analysis
    snapshot : str or int, optional
        Label or iteration; the last one by default.

    Returns
    -------
    Table
        Empty where the images have no labels.

    Raises
    ------
    CnnvisError
        If there is no such snapshot.
    """
    from cnnvis_caffe.readings.tables import measures_table

    one = analysis.snapshot(snapshot)
    table = measures_table(analysis, one)
    return Table(f"{analysis.title}, {one.label}: {analysis.data.task}", table.columns, tuple(table.rows))


def activation(net: Net, layer: str, image: np.ndarray | str | os.PathLike[str], *, scale: float = 1.0) -> np.ndarray:
    """Run one image through a net and return what a layer gives.

    Parameters
    ----------
    net : Net
        From `load_net`, or any with pycaffe's names.
    layer : str
        A layer, whose first top is meant, or a blob.
    image : ndarray of shape (C, H, W) or path
        As the net takes it; of a file the pixels in BGR, times `scale`.
    scale : float, default=1

    Returns
    -------
    ndarray of shape (n_neurons, ...), float32
        A copy.

    Raises
    ------
    CnnvisError
        If there is no such layer, the image does not fit, or the file is not an image.
    """
    name = net.top_names[layer][0] if layer in net.top_names and net.top_names[layer] else layer
    if name not in net.blobs:
        raise UnknownNameError("layer or blob", layer, [*net.top_names, *net.blobs])
    data = net.blobs[net.inputs[0]]
    values = _pixels(image, tuple(data.shape[1:]), scale)
    if values.shape != tuple(data.shape[1:]):
        raise ShapeError(net.inputs[0], f"the image has shape {values.shape}; the net takes {tuple(data.shape[1:])}")
    data.reshape(1, *values.shape)
    net.reshape()
    data.data[0] = values
    net.forward()
    return np.array(net.blobs[name].data[0])


def _pixels(image: np.ndarray | str | os.PathLike[str], shape: Sequence[int], scale: float) -> np.ndarray:
    """An image as planes; one from a file has the channels and the size that the net takes."""
    if isinstance(image, np.ndarray):
        return np.asarray(image, np.float32) * np.float32(scale)
    from cnnvis_caffe.datasets.preprocessing import resize_planes
    from cnnvis_caffe.formats.images import read_image

    planes = read_image(os.fspath(image), shape[0] != 1).transpose(2, 0, 1)[np.newaxis]
    return np.asarray(resize_planes(planes, *shape[1:])[0], np.float32) * np.float32(scale)
