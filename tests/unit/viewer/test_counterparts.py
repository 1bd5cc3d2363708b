"""What a thing in one picture is in another: by neurons within an analysis, by what it responds to between two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.analyses import make_analysis, with_features

from cnnvis_caffe.aggregation.aggregate import aggregate
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.bundles import bicluster_target
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.counterparts import CounterpartSide, counterpart, matched_clusters


def side(analysis, view, number=-1):
    return CounterpartSide(analysis, analysis.snapshots[number], aggregate(analysis, view))


def clusters(one, node):
    return [tuple(cluster.neurons.tolist()) for cluster in one.aggregation.column(node).clusters]


@pytest.fixture(scope="module")
def snapshots():
    analysis = make_analysis("lenet", n_snapshots=2)
    return side(analysis, View()), side(analysis, View(snapshot="iter 1000"), 0)


def test_neurons_layers_and_classes_are_found_by_name_and_number(snapshots):
    here, there = snapshots
    neuron = Target("neuron", "conv2", (7,), index=3)
    assert counterpart(neuron, here, there) == Target("neuron", "conv2", (7,))
    assert counterpart(Target("column", "conv2"), here, there) == Target("column", "conv2")
    assert counterpart(Target("class", members=(4,)), here, there) == Target("class", members=(4,))
    small = side(make_analysis("deep"), View())
    assert counterpart(neuron, here, small) is None
    assert counterpart(None, here, there) is None
    assert counterpart(neuron, here, replace(there, aggregation=None)) == Target("neuron", "conv2", (7,))


def test_classes_go_by_their_names():
    one = make_analysis("lenet")
    names = one.data.class_names
    other = replace(one, data=replace(one.data, class_names=(*names[5:], *names[:5])))
    here, there = side(one, View()), side(other, View())
    assert counterpart(Target("class", members=(1,)), here, there) == Target("class", members=(6,))


def test_clusters_of_two_snapshots_are_the_same(snapshots):
    here, there = snapshots
    for number, members in enumerate(clusters(here, "conv2")):
        found = counterpart(Target("cluster", "conv2", members, index=number), here, there)
        assert found == Target("cluster", "conv2", members, index=number)


def test_clusters_of_two_models_are_found_by_what_they_respond_to():
    one = make_analysis("lenet")
    features = one.snapshots[0].features["conv2"]
    turned = np.roll(np.arange(features.n_neurons), 1)  # the same neurons, each with another number
    arrays = {name: getattr(features, name)[turned] for name in ("mean", "peak", "maximum", "active_share")}
    two = with_features(one, "conv2", **arrays)
    here, there = side(one, View(n_clusters=4)), side(two, View(n_clusters=4))
    matched = matched_clusters(here, there, "conv2")
    assert sorted(matched.values()) == list(range(len(clusters(there, "conv2"))))
    for number, other in matched.items():
        members = clusters(here, "conv2")[number]
        assert clusters(there, "conv2")[other] == tuple(sorted((i + 1) % features.n_neurons for i in members))
    assert matched_clusters(here, there, "nothing") == {}


def test_bundles_are_found_by_the_clusters_that_they_join(snapshots):
    here, there = snapshots
    found = 0
    for gap, other in zip(here.aggregation.gaps, there.aggregation.gaps):
        columns = {column.node: column for column in here.aggregation.columns}
        for index, bicluster in enumerate(gap.biclusters):
            target = bicluster_target(gap, columns, bicluster, index)
            assert counterpart(target, here, here) == target
            match = counterpart(target, here, there)
            if match is None:
                alike = [one.edges for one in other.biclusters if one.sign == bicluster.sign]
                assert not any(set(edges) & set(bicluster.edges) for edges in alike)
                continue
            found += 1
            assert other.biclusters[match.index].sign == bicluster.sign
            assert set(other.biclusters[match.index].edges) & set(bicluster.edges)
            source = columns[gap.source].clusters[bicluster.sources[0]].neurons
            curve = replace(target, kind="edge", members=tuple(source.tolist()))
            assert counterpart(curve, here, here) == curve
    assert found > 5
