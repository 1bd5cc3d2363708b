"""All neurons of the analysed nodes in one row, so that what is summed is summed for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.records.analysis import Node


class Neurons:
    """Where each node's neurons are in the row.

    Parameters
    ----------
    nodes : sequence of Node

    Attributes
    ----------
    names : tuple of str
    total : int
        Number of neurons.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.names = tuple(node.name for node in nodes)
        ends = np.cumsum([0, *(node.n_neurons for node in nodes)])
        self.total = int(ends[-1])
        self._starts = ends[:-1]
        self._slices = {name: slice(int(a), int(b)) for name, a, b in zip(self.names, ends[:-1], ends[1:])}

    def of(self, name: str) -> slice:
        """Return the place of a node's neurons."""
        return self._slices[name]

    def split(self, neurons: np.ndarray) -> list[tuple[str, np.ndarray, np.ndarray]]:
        """Sort neurons by their node.

        Parameters
        ----------
        neurons : ndarray of int
            Places in the row.

        Returns
        -------
        list of (name, which, neuron)
            For each node that occurs: which of the entries are its own, and their neurons' numbers in the node.
        """
        node = np.searchsorted(self._starts, neurons, side="right") - 1
        result = []
        for index in np.unique(node):
            which = np.flatnonzero(node == index)
            result.append((self.names[index], which, neurons[which] - self._starts[index]))
        return result
