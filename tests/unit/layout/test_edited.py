"""Which cluster is which after an edit, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.layout.edited import match_clusters


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([0, 0, 0, 1, 1, 2], [0, 1, 2]),
        ([0, 1, 1, 2, 2, 3], [-1, 0, 1, 2]),  # the first neuron in a new cluster
        ([0, 0, 0, 1, 1, 1], [0, 1]),  # the last one is gone
        ([0, 1, 1, 0, 0, 2], [1, 0, 2]),  # they have changed places in the numbering
    ],
)
def test_clusters_are_known_by_most_of_their_neurons(after, expected):
    before = np.array([0, 0, 0, 1, 1, 2])
    assert match_clusters(before, np.array(after)) == expected
