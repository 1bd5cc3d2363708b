"""Packings keep what the acceptance asks for, and few rectangles come out as one would draw them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from cnnvis_caffe.layout.measures import measure_packing, touching_pairs
from cnnvis_caffe.layout.packing import Packing, PackingTask, pack, pack_all, similarity_of
from tests.unit.layout.random_graphs import KINDS, importances, planted_features


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [20, 21, 33, 60, 115, 200])
def test_acceptance(kind, n):
    areas, features = importances(kind, n, seed=n), planted_features(n, seed=n)
    distances = squareform(pdist(features))
    packing = pack(areas * 300, features)
    found = measure_packing(packing, areas, 1.0, distances)
    assert found.overlap < 1e-9
    assert found.waste < 0.10
    assert found.distortion <= 0.20
    assert found.area_error <= 0.10
    assert found.neighbour_ratio <= 1 / 1.5
    assert 0.5 - 1e-9 <= packing.width / packing.height <= 2 + 1e-9


def test_the_measures_see_what_is_wrong():
    rects = np.array([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 10.0, 5.0], [10.0, 10.0, 10.0, 10.0]])
    found = measure_packing(Packing(rects, 20.0, 15.0, np.arange(3)), np.ones(3))
    # Half of the second lies on the first; half of the third lies outside.
    assert found.overlap == pytest.approx((25 + 50) / 300)
    assert found.waste == pytest.approx(1 - 250 / 300)
    assert found.distortion == pytest.approx(1.0)
    assert found.area_error == pytest.approx(1 - 50 / (250 / 3))


def test_touching_pairs_of_a_grid():
    rects = np.array([[0, 0, 10, 10], [10, 0, 10, 10], [0, 10, 10, 10], [10, 10, 10, 10]], float)
    pairs = touching_pairs(Packing(rects, 20.0, 20.0, np.arange(4)))
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 3], [2, 3]]


def test_one():
    packing = pack([400.0], aspect=1.6)
    assert (packing.width, packing.height) == (pytest.approx(np.sqrt(640)), pytest.approx(np.sqrt(250)))
    assert packing.rects[0] == pytest.approx([0, 0, packing.width, packing.height])


@pytest.mark.parametrize(("n", "columns"), [(2, 1), (4, 2), (6, 2), (9, 3), (12, 3)])
def test_equal_squares_stand_in_rows(n, columns):
    packing = pack(np.full(n, 100.0), np.arange(n)[:, None])
    assert packing.waste == pytest.approx(0, abs=1e-9)
    assert packing.rects[:, 2:] == pytest.approx(np.full((n, 2), 10.0))
    assert sorted([packing.width, packing.height]) == pytest.approx([10.0 * columns, 10.0 * n / columns])


@pytest.mark.parametrize("n", [3, 5, 7])
def test_few_lie_inside_with_their_shapes(n):
    areas = np.arange(1.0, n + 1) * 100
    found = measure_packing(pack(areas), areas)
    assert found.overlap < 1e-9
    assert found.distortion <= 0.20
    assert found.area_error <= 0.10
    assert found.waste < 0.25


def test_none():
    packing = pack([])
    assert packing.rects.shape == (0, 4)
    assert packing.waste == 0


def test_small_importances_are_raised_to_the_floor():
    areas = np.array([1000.0, *[0.0] * 20])
    packing = pack(areas)
    drawn = packing.rects[:, 2] * packing.rects[:, 3]
    assert drawn[1:] / drawn[0] == pytest.approx(np.full(20, 0.02), rel=0.25)
    assert measure_packing(packing, areas).area_error <= 0.10


def test_all_zero_are_equal():
    packing = pack(np.zeros(9))
    assert packing.rects[:, 2:] == pytest.approx(np.ones((9, 2)))


def test_areas_are_pixels():
    areas = importances("exponential", 40, 3) * 500
    packing = pack(areas, floor=0.0001)
    assert packing.scale == pytest.approx(1)
    assert (packing.rects[:, 2] * packing.rects[:, 3]).sum() == pytest.approx(areas.sum(), rel=1e-2)


def test_patches_keep_their_own_shapes():
    random = np.random.RandomState(0)
    aspects = np.exp(random.uniform(-0.7, 0.7, 60))
    areas = random.exponential(size=60)
    found = measure_packing(pack(areas, aspect=aspects), areas, aspects)
    assert found.distortion <= 0.20
    assert found.area_error <= 0.10
    assert found.waste < 0.10


@pytest.mark.parametrize("width", [120.0, 200.0, 400.0])
def test_a_given_width_is_kept(width):
    areas = importances("exponential", 60, 1) * 600
    packing = pack(areas, planted_features(60, 1), width=width)
    assert packing.width == pytest.approx(width)
    assert packing.waste < 0.10
    assert packing.scale == pytest.approx(1, abs=0.25)
    assert measure_packing(packing, areas).area_error <= 0.10


@pytest.mark.parametrize("shape", [0.6, 1.0, 1.7, 2.6])
def test_a_narrow_range_of_shapes_is_kept(shape):
    areas = importances("decaying", 50, 1)
    packing = pack(areas, planted_features(50, 1), shape_range=(0.95 * shape, 1.1 * shape))
    assert 0.95 * shape - 1e-9 <= packing.width / packing.height <= 1.1 * shape + 1e-9
    assert packing.waste < 0.10


def test_distances_do_as_well_as_features():
    areas, features = importances("exponential", 50, 5), planted_features(50, 5)
    one, other = pack(areas, features), pack(areas, distances=squareform(pdist(features)))
    assert np.array_equal(one.rects, other.rects)


def test_the_same_input_gives_the_same_packing():
    areas, features = importances("exponential", 90, 5), planted_features(90, 5)
    assert np.array_equal(pack(areas, features).rects, pack(areas.copy(), features.copy()).rects)


def test_equal_features_can_be_packed():
    areas = importances("exponential", 40, 2)
    assert measure_packing(pack(areas, np.zeros((40, 3))), areas).waste < 0.10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, -1.0],), "not negative"),
        (([1.0, np.nan],), "finite"),
        (([[1.0]],), "vector"),
        (([1.0], [[1.0]], 0.0), "above 0"),
        (([1.0, 2.0], [[1.0]]), "features of shape"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        pack(*arguments)


def test_distances_must_fit():
    with pytest.raises(ValueError, match="distances of shape"):
        pack([1.0, 2.0], distances=np.zeros((3, 3)))


def test_a_hierarchy_made_before_gives_the_same_packing():
    areas, features = importances("exponential", 40, 0) * 300, planted_features(40, 0)
    once, again = pack(areas, features), pack(areas, hierarchy=similarity_of(features))
    np.testing.assert_array_equal(once.rects, again.rects)


def test_patches_that_do_not_touch_have_no_distance_of_those():
    packing = Packing(np.array([[0.0, 0, 1, 1], [50, 80, 1, 1]]), 100.0, 100.0, np.arange(2))
    measures = measure_packing(packing, np.ones(2), 1.0, np.array([[0.0, 2], [2, 0]]))
    assert np.isnan(measures.touching_ratio)
    assert measures.neighbour_ratio == 1


def test_packings_made_together_are_those_made_alone():
    random = np.random.default_rng(5)
    areas = [random.exponential(40, n) + 1 for n in (1, 0, 7, 33, 130, 12)]
    hierarchies = [similarity_of(random.random((len(one), 4))) for one in areas]
    together = pack_all([PackingTask(one, 1.2, tree, shape_range=(0.8, 1.1)) for one, tree in zip(areas, hierarchies)])
    for one, tree, found in zip(areas, hierarchies, together):
        alone = pack(one, aspect=1.2, hierarchy=tree, shape_range=(0.8, 1.1))
        np.testing.assert_allclose(found.rects, alone.rects, atol=1e-9)
        np.testing.assert_array_equal(found.order, alone.order)
        assert (found.width, found.height) == pytest.approx((alone.width, alone.height))
