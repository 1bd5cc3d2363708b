"""Hides parts of an image behind a square, with the fill and the sizes that a user chooses."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.explanation.explain import SHOWN_SHARE
from cnnvis_caffe.explanation.kept import KeptResults
from cnnvis_caffe.explanation.subject import Subject
from cnnvis_caffe.features.explain.as_picture import as_picture
from cnnvis_caffe.features.explain.grad_cam import last_maps
from cnnvis_caffe.features.explain.occlusion import occlude as slide
from cnnvis_caffe.features.explain.projections import project
from cnnvis_caffe.features.explain.way_back import WayBack
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.explanation import OccludedImage, Occlusion

#: What the square shows: a grey between black (0) and white (1); the mean colour of the image.
FILLS = {"grey": 0.5, "black": 0.0, "white": 1.0, "mean": None}
#: Without another word the square is this part of the image's smaller side, and moves by this part of its own.
_PART, _STRIDE_PART = 4, 4


@dataclass(frozen=True)
class OccludeOptions:
    """How parts are hidden.

    Attributes
    ----------
    size, stride : int
        Of the square, in pixels of the network's input; 0 for a quarter of the image, and a quarter of the square.
    fill : {"grey", "black", "white", "mean"}
    of_class : str or int
        The class to follow: name or number; empty for the true one, or the most probable where that is not known.
    layer : str
        Of the feature map to follow; empty for the last convolution.
    keep : str
        A folder for what is found on the way; the same work goes on there. Empty for none.
    """

    size: int = 0
    stride: int = 0
    fill: str = "grey"
    of_class: str | int = ""
    layer: str = ""
    keep: str = ""


def occlude(
    subject: Subject, options: OccludeOptions | None = None, progress: Progress = SILENT
) -> tuple[OccludedImage, ...]:
    """Slide a square over each image.

    Parameters
    ----------
    subject : Subject
    options : OccludeOptions, optional
    progress : Progress, optional

    Returns
    -------
    tuple of OccludedImage
        One for each image.

    Raises
    ------
    CnnvisError
        If the square does not fit, there is no such class, layer or fill, or the network gives no scores.
    """
    options = options or OccludeOptions()
    if options.fill not in FILLS:
        raise CnnvisError(f"there is no fill {options.fill!r}; choose one of {', '.join(FILLS)}")
    scorer = subject.scorer()
    model = subject.model
    if options.layer:
        layer = subject.node(options.layer).name
    else:
        layer = last_maps(model.nodes, WayBack(subject.net, model.input_name, model.score_name).blobs)
    size = options.size or max(min(model.source.input_shape[1:]) // _PART, 1)
    stride = options.stride or max(size // _STRIDE_PART, 1)
    wanted = subject.labels
    if options.of_class != "":
        wanted = np.full(len(subject.indices), subject.class_number(options.of_class))
    identity = subject.identity if options.keep else ""
    kept = KeptResults(options.keep, "occlude", identity, size, stride, options.fill, layer)
    result = []
    for image, index, label in zip(subject.seen(), subject.indices, wanted):
        inputs = model.source.inputs(index[None])

        def hide(inputs: np.ndarray = inputs, label: int = int(label)) -> tuple[np.ndarray, ...]:
            fill = _fill(subject, options.fill, inputs[0])
            found = slide(
                scorer, inputs[0], fill, size=size, stride=stride, label=label, layer=layer, progress=progress
            )
            return tuple(np.asarray(getattr(found, name)) for name in _ARRAYS)

        name = f"{model.source.fingerprint(index[None])}_{label}" if kept.is_on else ""
        values = dict(zip(_ARRAYS, kept.get(name, hide)))
        plain: dict[str, Any] = {name: value if value.ndim else value.item() for name, value in values.items()}
        found = Occlusion(**plain)
        result.append(OccludedImage(model.title, image, found, _projection(subject, inputs, found)))
    return tuple(result)


#: What is kept of an image.
_ARRAYS = tuple(field.name for field in fields(Occlusion))


def _fill(subject: Subject, name: str, image: np.ndarray) -> np.ndarray:
    """What the square shows, as the network takes it."""
    share = FILLS[name]
    if share is None:
        return image.mean((1, 2), keepdims=True)
    return subject.model.source.of_one_grey(share)


def _projection(subject: Subject, inputs: np.ndarray, found: Occlusion) -> np.ndarray | None:
    """The followed feature map's largest activation, projected back to the pixels."""
    if not found.layer:
        return None
    way = WayBack(subject.net, subject.model.input_name, found.layer, subject.slopes)
    values, _ = project(way, inputs, found.strongest_map, rule="deconvnet")
    return as_picture(values[0], subject.model.source.channel_order, SHOWN_SHARE)
