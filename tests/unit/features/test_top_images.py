"""The top images, against sorting everything."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.features.top_images import TopImages


def by_sorting(peak, position, k):
    """All entries of each neuron, sorted."""
    n_images, n_neurons = peak.shape
    rows = [sorted((-peak[i, j], i, position[i, j]) for i in range(n_images))[:k] for j in range(n_neurons)]
    fill = [(np.inf, -1, 0)] * k
    return [np.array([(row + fill)[:k] for row in rows])[..., part] for part in range(3)]


@pytest.mark.parametrize("levels", [2, 5, 1000])  # few levels: nearly everything is a tie
@pytest.mark.parametrize("batch", [1, 4, 60])
@pytest.mark.parametrize("is_shuffled", [False, True])
def test_ties_and_order(levels, batch, is_shuffled):
    random = np.random.RandomState(levels + batch)
    n_images, n_neurons, k = 130, 11, 3
    peak = random.randint(0, levels, (n_images, n_neurons)).astype(np.float32)
    position = random.randint(0, 50, peak.shape)
    order = random.permutation(n_images) if is_shuffled else np.arange(n_images)
    parts = [TopImages(k, n_neurons) for _ in range(3)]
    asked = 0
    for first in range(0, n_images, batch):
        some = order[first : first + batch]

        def find(images, neurons, some=some):
            nonlocal asked
            asked += len(images)
            return position[some[images], neurons]

        parts[random.randint(3)].update(peak[some], some, find)
    for other in parts[1:]:
        parts[0].merge(other)
    response, image, place = by_sorting(peak, position, k)
    np.testing.assert_array_equal(parts[0].response, -response)
    np.testing.assert_array_equal(parts[0].image, image)
    np.testing.assert_array_equal(parts[0].position, place)
    assert asked <= n_images * n_neurons


def test_few_images():
    top = TopImages(4, 2)
    top.update(np.float32([[1, 5], [3, 5]]), np.array([8, 6]), lambda images, neurons: images + 10 * neurons)
    assert top.image.tolist() == [[6, 8, -1, -1], [6, 8, -1, -1]]
    assert top.response.tolist() == [[3, 1, -np.inf, -np.inf], [5, 5, -np.inf, -np.inf]]
    assert top.position.tolist() == [[1, 0, 0, 0], [11, 10, 0, 0]]
