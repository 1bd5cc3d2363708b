"""What neurons do for chosen classes, beside plain loops over the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.readings.neurons import joined, neuron_numbers
from cnnvis_caffe.readings.tables import neurons_for_classes, table_parts
from tests.helpers.analyses import make_analysis, with_features, with_snapshot


@pytest.fixture(scope="module")
def analysis():
    """One with as many images of a class as its number says, none of class 0, a dead neuron, and three alike."""
    made = make_analysis("deep")
    mean = made.snapshots[-1].features["relu2_1"].mean.copy()
    share = made.snapshots[-1].features["relu2_1"].active_share.copy()
    contribution = made.snapshots[-1].features["relu2_1"].contribution.copy()
    mean[:, 0] = share[:, 0] = contribution[:, 0] = np.nan
    mean[5] = np.where(np.isnan(mean[5]), np.nan, 0)
    largest = made.snapshots[-1].features["relu2_1"].overall_maximum.copy()
    largest[5] = 0
    for node in ("relu2_1", "conv2_1"):
        made = with_features(made, node, overall_maximum=largest)
    made = with_features(made, "relu2_1", mean=mean, active_share=share, contribution=contribution)
    alike = np.eye(len(mean), dtype=np.float32)
    alike[np.ix_([2, 7, 9], [2, 7, 9])] = 0.99
    snapshot = made.snapshots[-1]
    made.data.class_count[:] = np.arange(made.data.n_classes)
    similarity, correlation = ({**old, "relu2_1": alike} for old in (snapshot.similarity, snapshot.correlation))
    return with_snapshot(made, similarity=similarity, correlation=correlation)


def by_hand(analysis, neuron, classes, values):
    """The mean over the images of some classes, one image after the other."""
    found = [float(values[neuron, c]) for c in classes for _ in range(analysis.data.class_count[c])]
    return sum(found) / len(found)


def test_means_and_selectivity_are_over_images(analysis):
    features, classes = analysis.snapshots[-1].features["relu2_1"], (3, 8)
    numbers = neuron_numbers(analysis, analysis.snapshots[-1], "relu2_1", classes)
    others = [c for c in range(1, 10) if c not in classes]
    for neuron in (0, 1, 11):
        here, there = (by_hand(analysis, neuron, some, features.mean) for some in (classes, others))
        assert numbers.mean[neuron] == pytest.approx(here)
        assert numbers.selectivity[neuron] == pytest.approx((here - there) / (here + there))
        share = by_hand(analysis, neuron, classes, features.active_share)
        assert numbers.active_share[neuron] == pytest.approx(share)
        contribution = by_hand(analysis, neuron, classes, features.contribution)
        assert numbers.contribution[neuron] == pytest.approx(contribution)
    assert np.isnan(numbers.selectivity[5])


def test_without_a_choice_selectivity_is_that_of_the_strongest_class(analysis):
    snapshot = analysis.snapshots[-1]
    everything = neuron_numbers(analysis, snapshot, "relu2_1")
    for neuron in (0, 3):
        one = neuron_numbers(analysis, snapshot, "relu2_1", (int(everything.strongest[neuron]),))
        assert everything.selectivity[neuron] == pytest.approx(one.selectivity[neuron])
    assert everything.strongest[5] == -1
    assert everything.mean[3] == pytest.approx(by_hand(analysis, 3, range(1, 10), snapshot.features["relu2_1"].mean))


def test_layers_below_zero_are_told_in_standard_deviations():
    analysis = make_analysis("lenet")
    features = analysis.snapshots[-1].features["ip2"]
    minimum = features.minimum.copy()
    minimum[0] = -1
    analysis = with_features(analysis, "ip2", minimum=minimum)
    found = neuron_numbers(analysis, analysis.snapshots[-1], "ip2", (4,)).selectivity
    others = np.delete(features.mean.astype(np.float64), 4, axis=1).mean(axis=1)  # as many images of each class
    assert found == pytest.approx((features.mean[:, 4] - others) / np.sqrt(features.variance), rel=1e-5)


def test_dead_and_redundant_neurons_are_marked(analysis):
    numbers = neuron_numbers(analysis, analysis.snapshots[-1], "relu2_1")
    assert np.flatnonzero(numbers.dead).tolist() == [5]
    assert np.flatnonzero(numbers.twins).tolist() == [2, 7, 9] and set(numbers.twins[[2, 7, 9]]) == {2}
    assert numbers.twin[[2, 7, 9]].tolist() == [7, 2, 2]
    assert np.isnan(neuron_numbers(analysis, analysis.snapshots[-1], "conv2_1").dead).all()


def test_several_layers_stand_behind_each_other_and_as_tables(analysis):
    snapshot = analysis.snapshots[-1]
    both = joined([neuron_numbers(analysis, snapshot, layer, (3,)) for layer in ("conv1_1", "relu2_1")])
    n = snapshot.features["conv1_1"].n_neurons
    assert both.neuron[n] == 0 and len(both.mean) == n + snapshot.features["relu2_1"].n_neurons
    ((layer, names, rows),) = table_parts(analysis, snapshot, "neurons", ["relu2_1"], (3,))
    assert (layer, names[:3]) == ("relu2_1", ("neuron", "strongest_class", "mean"))
    assert np.array_equal(rows[:, 2], both.mean[n:])
    table = neurons_for_classes(analysis, snapshot, "relu2_1", (3,))
    assert dict(zip(table.columns, table.rows[5]))["dead"] == "yes"
    assert dict(zip(table.columns, table.rows[7]))["redundant with"] == 2
