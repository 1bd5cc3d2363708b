"""Reads the probabilities of the classes and the feature maps of a layer for many changed images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.errors import NetError


class Scorer:
    """Runs images to the scores and gives probabilities; further blobs can be read after each batch.

    Parameters
    ----------
    net : pycaffe Net
        Nothing in it works in place.
    input_name, score_name : str
        Blobs of the images, and of the scores: what a softmax takes.
    batch : int
        Images that go through the network at once.
    """

    def __init__(self, net: Any, input_name: str, score_name: str, batch: int) -> None:
        self.net, self.batch, self.score_name = net, batch, score_name
        self._input = input_name
        names = list(net.top_names)
        self._last = next(name for name in names if score_name in net.top_names[name])
        shape = tuple(net.blobs[score_name].data.shape)
        if int(np.prod(shape[2:])) != 1:
            raise NetError(
                f"{score_name!r} has shape {shape}: it scores the classes at many positions, and one score for each "
                "class is needed; name the layer that gives one (--score)"
            )

    def input(self, n: int) -> np.ndarray:
        """Return the input for `n` images, to be written into.

        Parameters
        ----------
        n : int

        Returns
        -------
        ndarray of shape (n, C, H, W), float32
        """
        blob = self.net.blobs[self._input]
        if blob.data.shape[0] != n:
            for name in self.net.inputs:
                self.net.blobs[name].reshape(n, *self.net.blobs[name].data.shape[1:])
        array: np.ndarray = self.net.blobs[self._input].data
        return array

    def probabilities(self) -> np.ndarray:
        """Run what was written into the input.

        Returns
        -------
        ndarray of shape (n, n_classes), float32
            The softmax of the scores.
        """
        self.net.forward(end=self._last)
        scores = self.net.blobs[self.score_name].data
        return softmax(scores.reshape(scores.shape[:2]))

    def batches(self, n: int) -> Iterator[slice]:
        """Cut `n` images into batches, all nearly of one size: layers prepare their weights anew for another."""
        ends = np.linspace(0, n, -(-n // self.batch) + 1).astype(int).tolist() if n else []
        for first, end in zip(ends[:-1], ends[1:]):
            yield slice(first, end)


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis, float32.

    Parameters
    ----------
    scores : ndarray of shape (..., n_classes)
    """
    exponentials = np.exp(scores - scores.max(-1, keepdims=True))
    return (exponentials / exponentials.sum(-1, keepdims=True)).astype(np.float32)


def sums_of_maps(net: Any, layer: str, maps: Sequence[int] | slice = slice(None)) -> np.ndarray:
    """Return the summed activation of feature maps, after a forward pass.

    Parameters
    ----------
    net : pycaffe Net
    layer : str
    maps : sequence of int or slice, optional
        Which; all by default.

    Returns
    -------
    ndarray of shape (n, n_maps), float64
    """
    values = net.blobs[layer].data[:, maps]
    sums: np.ndarray = values.reshape(*values.shape[:2], -1).sum(2, dtype=np.float64)
    return sums
