"""Asks whether the neurons of a layer respond to colour or to shape, on images of a user."""

from __future__ import annotations

from dataclasses import replace

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.explanation.subject import Subject
from cnnvis_caffe.features.explain.colour_shape import (
    CHANGES,
    kept_shares,
    peaks,
    with_colours_turned,
    with_parts_shuffled,
    without_colour,
)
from cnnvis_caffe.features.explain.way_back import WayBack
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.experiments import ColourShape

#: Images that are looked at where nobody names any, each class in proportion.
N_IMAGES = 200


def some_images(subject: Subject, n_images: int = N_IMAGES) -> Subject:
    """Return the same with some images, each class in proportion.

    Parameters
    ----------
    subject : Subject
    n_images : int, default=200
    """
    return replace(subject, indices=subject.model.source.choose(n_images))


def colour_shape(
    subject: Subject,
    layer: str,
    *,
    n_strongest: int = 9,
    n_parts: int = 4,
    seed: int = 0,
    progress: Progress = SILENT,
) -> ColourShape:
    """Compare the responses to images with those to the same images without colour, and with their parts shuffled.

    Parameters
    ----------
    subject : Subject
        With the images that are looked at.
    layer : str
    n_strongest : int, default=9
        Of these the ones with a neuron's largest responses count.
    n_parts : int, default=4
        Into how many parts each side of an image is cut.
    seed : int, default=0
        Of the shuffling.
    progress : Progress, optional

    Returns
    -------
    ColourShape
        All neurons of the layer.

    Raises
    ------
    CnnvisError
        If there is no such layer, or an image cannot be cut into that many parts.
    """
    node, source = subject.node(layer), subject.model.source
    pixels = source.pixels(subject.indices)
    if not 2 <= n_parts <= min(pixels.shape[2:]):
        raise CnnvisError(f"each side is cut into {n_parts} parts; it can be 2 to {min(pixels.shape[2:])}")
    order = source.channel_order
    changed = {"parts shuffled": with_parts_shuffled(pixels, n_parts, seed)}
    if pixels.shape[1] == 3:
        changed["without colour"] = without_colour(pixels, order)
        changed["colours turned"] = with_colours_turned(pixels, order)
    names = tuple(name for name in CHANGES if name in changed)
    way = WayBack(subject.net, subject.model.input_name, node.name, subject.slopes)
    inputs = [source.as_inputs(pixels), *(source.as_inputs(changed[name]) for name in names)]
    found = peaks(way, inputs, subject.model.batch, progress)
    return ColourShape(
        subject.model.title, node.name, names, kept_shares(found, n_strongest), len(pixels),
        min(n_strongest, len(pixels)),
    )  # fmt: skip
