"""Activation maximisation: images that make neurons respond, found by going uphill from noise (Erhan et al. 2009)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from cnnvis_caffe.features.explain.way_back import WayBack
from cnnvis_caffe.progress import SILENT, Progress

#: Spread of the noise at the start, by half the range of the pixels.
_NOISE = 0.1


@dataclass(frozen=True)
class MaximizeOptions:
    """How far and how smoothly images are changed.

    Attributes
    ----------
    n_steps : int
        Steps uphill: the whole budget.
    rate : float
        Mean change of a pixel in a step, by half the range of the pixels.
    decay : float
        Share of its distance from grey that a pixel loses in each step.
    blur : float
        Standard deviation in pixels of the blur after every fourth step; 0 for none.
    clip : float
        Share of the pixels that become grey after every fourth step, those nearest to it.
    jitter : int
        Pixels that the image is moved by at random before a step, and back after it, at most.
    seed : int
        Of noise and jitter.
    """

    n_steps: int = 100
    rate: float = 0.05
    decay: float = 0.01
    blur: float = 0.5
    clip: float = 0.0
    jitter: int = 1
    seed: int = 0


#: Steps from one blur and clipping to the next.
_EVERY = 4


def maximize(
    way: WayBack,
    neurons: Sequence[int],
    position: Sequence[int],
    low: np.ndarray,
    high: np.ndarray,
    options: MaximizeOptions | None = None,
    *,
    batch: int = 32,
    progress: Progress = SILENT,
) -> tuple[np.ndarray, np.ndarray]:
    """Find an image for each of some neurons of a layer that makes it respond strongly.

    Parameters
    ----------
    way : WayBack
        To the layer.
    neurons : sequence of int
    position : sequence of int
        Row and column in the layer; empty for layers without.
    low, high : ndarray of shape (C, H, W), float32
        What a black and a white image become when they are prepared: images stay between these.
    options : MaximizeOptions, optional
    batch : int, default=32
        Images that go through the network at once.
    progress : Progress, optional

    Returns
    -------
    images : ndarray of shape (n, C, H, W), float32
        As the network takes them.
    activations : ndarray of shape (2, n), float32
        Of the noise at the start, and at the end.

    Notes
    -----
    Decay, blur and clipping of small pixels are the priors of Yosinski et al. 2015, jitter that of Mordvintsev et al.
    2015. A gradient is brought to a mean size of 1, for each image by itself. An image depends on the seed and its
    neuron, and not on those beside it.
    """
    options = options or MaximizeOptions()
    low, high = np.minimum(low, high), np.maximum(low, high)
    images = np.empty((len(neurons), *low.shape), np.float32)
    activations = np.empty((2, len(neurons)), np.float32)
    where = np.array(position, np.int64)
    progress.start(-(-len(neurons) // batch) * options.n_steps, "maximising")
    for first in range(0, len(neurons), batch):
        some = slice(first, min(first + batch, len(neurons)))
        numbers = np.array(neurons[some], np.int64)
        images[some] = _noise(numbers, low, high, options.seed)
        shifts = np.random.RandomState(options.seed)
        for step in range(options.n_steps):
            found = _climb(way, images[some], numbers, where, shifts, low, high, step, options)
            if step == 0:
                activations[0, some] = found
            progress.step()
        activations[1, some] = way.aim(images[some], numbers, where).activations
    progress.done()
    return images, activations


def _noise(neurons: np.ndarray, low: np.ndarray, high: np.ndarray, seed: int) -> np.ndarray:
    """Where an image for each neuron starts."""
    noise = [np.random.RandomState((seed * 1_000_003 + int(one)) % 2**32).normal(size=low.shape) for one in neurons]
    return ((low + high) / 2 + _NOISE * (high - low) / 2 * np.stack(noise)).astype(np.float32)


def _climb(
    way: WayBack,
    images: np.ndarray,
    neurons: np.ndarray,
    position: np.ndarray,
    random: np.random.RandomState,
    low: np.ndarray,
    high: np.ndarray,
    step: int,
    options: MaximizeOptions,
) -> np.ndarray:
    """Make one step, in place; return the activations before it."""
    shift = tuple(random.randint(-options.jitter, options.jitter + 1, 2))
    moved = np.roll(images, shift, (2, 3))
    aim = way.aim(moved, neurons, position)
    gradient = way.back(aim.signal)
    size = np.abs(gradient).mean((1, 2, 3), keepdims=True)
    moved += options.rate * (high - low) / 2 * gradient / np.where(size > 0, size, 1)
    grey = (low + high) / 2
    away = np.roll(moved, tuple(-one for one in shift), (2, 3)) - grey
    away *= 1 - options.decay
    if step % _EVERY == _EVERY - 1 and step < options.n_steps - 1:
        if options.blur:
            away = gaussian_filter(away, (0, 0, options.blur, options.blur), mode="nearest")
        if options.clip:
            far = np.abs(away).sum(1, keepdims=True)
            away *= far >= np.quantile(far, options.clip, axis=(1, 2, 3), keepdims=True)
    images[...] = np.clip(grey + away, low, high)
    return aim.activations
