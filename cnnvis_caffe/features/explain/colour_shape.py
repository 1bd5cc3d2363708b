"""Tells whether neurons respond to colour or to shape, by the same images without one of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.features.explain.way_back import WayBack
from cnnvis_caffe.progress import SILENT, Progress

#: What is done to images, and what it takes from them.
CHANGES = {"without colour": "colour", "colours turned": "colour", "parts shuffled": "shape"}
#: How much red, green and blue give to grey (ITU-R BT.601, as OpenCV).
GREY_SHARES = (0.299, 0.587, 0.114)


def without_colour(images: np.ndarray, channel_order: str) -> np.ndarray:
    """Return images as grey ones of as many channels.

    Parameters
    ----------
    images : ndarray of shape (n, 3, H, W), uint8 or float32
    channel_order : str
        "BGR", or anything else for RGB.

    Returns
    -------
    ndarray of shape (n, 3, H, W), float32
    """
    shares = np.array(GREY_SHARES[::-1] if channel_order == "BGR" else GREY_SHARES, np.float32)
    grey = np.einsum("ncyx,c->nyx", images.astype(np.float32), shares)[:, None]
    return np.repeat(grey, 3, 1)


def with_colours_turned(images: np.ndarray, channel_order: str = "RGB") -> np.ndarray:
    """Return images whose hues are turned by a third of the circle: red becomes green, green blue and blue red.

    Parameters
    ----------
    images : ndarray of shape (n, 3, H, W), uint8 or float32
    channel_order : str
        "BGR", or anything else for RGB.

    Returns
    -------
    ndarray of shape (n, 3, H, W), float32
    """
    return np.roll(images, -1 if channel_order == "BGR" else 1, 1).astype(np.float32)


def with_parts_shuffled(images: np.ndarray, n_parts: int, seed: int) -> np.ndarray:
    """Return images cut into equal parts that change places, each image in its own way.

    Parameters
    ----------
    images : ndarray of shape (n, C, H, W), uint8 or float32
    n_parts : int
        Along each side; what is left at the end of a side that it does not divide stays.
    seed : int

    Returns
    -------
    ndarray of shape (n, C, H, W), float32
    """
    n, channels, height, width = images.shape
    tall, wide = height // n_parts, width // n_parts
    result = images.astype(np.float32)
    inside = result[..., : tall * n_parts, : wide * n_parts]
    parts = inside.reshape(n, channels, n_parts, tall, n_parts, wide).transpose(0, 2, 4, 1, 3, 5)
    parts = parts.reshape(n, n_parts**2, channels, tall, wide)
    random = np.random.RandomState(seed)
    parts = np.stack([one[random.permutation(n_parts**2)] for one in parts])
    parts = parts.reshape(n, n_parts, n_parts, channels, tall, wide).transpose(0, 3, 1, 4, 2, 5)
    result[..., : tall * n_parts, : wide * n_parts] = parts.reshape(inside.shape)
    return result


def peaks(
    way: WayBack, images: Sequence[np.ndarray], batch: int, progress: Progress = SILENT
) -> np.ndarray:
    """Return the largest activation over positions of every neuron, for several sets of the same images.

    Parameters
    ----------
    way : WayBack
    images : sequence of ndarray of shape (n, C, H, W), float32
        As the network takes them.
    batch : int
        Images that go through the network at once.
    progress : Progress, optional

    Returns
    -------
    ndarray of shape (n_sets, n, n_neurons), float32
    """
    found = []
    progress.start(sum(map(len, images)), "changed images")
    for one in images:
        parts = []
        for first in range(0, len(one), batch):
            values = way.forward(one[first : first + batch])
            parts.append(values.reshape(*values.shape[:2], -1).max(2))
            progress.step(len(parts[-1]))
        found.append(np.concatenate(parts))
    progress.done()
    return np.stack(found).astype(np.float32)


def kept_shares(found: np.ndarray, n_strongest: int) -> np.ndarray:
    """Return which share of its response a neuron keeps when images are changed.

    Parameters
    ----------
    found : ndarray of shape (1 + n_changes, n, n_neurons)
        What `peaks` gives: of the images as they are, and of each change.
    n_strongest : int
        The images with the largest responses that count, for each neuron.

    Returns
    -------
    ndarray of shape (n_changes, n_neurons), float64
        Mean response to the changed images by that to the images as they are; not below 0. NaN for neurons that do not
        respond to these.
    """
    order = np.argsort(-found[0], axis=0, kind="stable")[:n_strongest]
    strongest = np.take_along_axis(found, order[None], 1).mean(1, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.maximum(strongest[1:], 0) / strongest[0]
    result: np.ndarray = np.where(strongest[0] > 0, shares, np.nan)
    return result


