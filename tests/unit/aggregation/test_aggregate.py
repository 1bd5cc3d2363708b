"""The whole aggregation: what each choice of the view changes, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnvis_caffe.aggregation.aggregate import aggregate, cluster_sums, moved
from cnnvis_caffe.aggregation.biclusters import strokes
from cnnvis_caffe.aggregation.cache import Cache
from cnnvis_caffe.aggregation.importance import importance, strongly_activated
from cnnvis_caffe.aggregation.representatives import distance_to_mean, representatives
from cnnvis_caffe.errors import UnknownNameError
from cnnvis_caffe.readings.disconnected import Disconnected, disconnected_clusters
from cnnvis_caffe.records.analysis import Connections, Node
from cnnvis_caffe.records.view import BiclusterMerge, BiclusterSplit, NeuronMove, View
from tests.helpers.analyses import KINDS, make_analysis, with_features, with_snapshot


def members(cluster):
    return tuple(cluster.neurons.tolist())


def named(aggregation, gap, bicluster):
    sources, targets = (aggregation.column(node).clusters for node in (gap.source, gap.target))
    return (
        tuple(members(sources[s]) for s in bicluster.sources),
        tuple(members(targets[t]) for t in bicluster.targets),
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "googlenet"])
def test_planted_clusters_are_found_in_every_column_with_room_for_them(kind):
    aggregation = aggregate(make_analysis(kind), View(n_clusters=4))
    found = 0
    for column in aggregation.columns:
        if column.node in ("data", "ip2", "fc6", "fc", "classifier", "loss3/classifier"):
            continue
        groups = {tuple(sorted({neuron % 4 for neuron in members(cluster)})) for cluster in column.clusters}
        found += groups == {(0,), (1,), (2,), (3,)}
    assert found >= 2


def test_strengths_are_sums_by_pairs():
    analysis = make_analysis("lenet")
    aggregation = aggregate(analysis, View(strength="signed"))
    gap = next(gap for gap in aggregation.gaps if gap.target == "conv2")
    weight = analysis.snapshots[0].connections["conv2"].weight.astype(np.float64)
    for s, source in enumerate(aggregation.column("conv1").clusters):
        for t, target in enumerate(aggregation.column("conv2").clusters):
            block = weight[np.ix_(target.neurons, source.neurons)]
            assert gap.positive[s, t] == pytest.approx(np.maximum(block, 0).sum() / block.size, rel=1e-5)
            assert gap.negative[s, t] == pytest.approx(np.maximum(-block, 0).sum() / block.size, rel=1e-5)
    assert gap.n_steps == 1 and gap.note == "" and gap.quantity is None


def test_kernels_whose_signs_cancel_are_connected_by_their_mean_absolute_weight():
    """Edge detectors: by signed weight they have no strength, by |weight| as much as any."""
    analysis = make_analysis("lenet")
    snapshot = analysis.snapshots[0]
    known = snapshot.connections["conv2"]
    weight, size = known.weight.copy(), np.full_like(known.weight, 0.25)
    weight[7], weight[9, 0] = 0.0, -1e-4
    changed = with_snapshot(
        analysis, connections={**snapshot.connections, "conv2": replace(known, weight=weight, abs_weight=size)}
    )
    gaps = {}
    for strength in ("signed", "absolute"):
        found = aggregate(
            changed, View(strength=strength, moves=(NeuronMove("relu2", 7, ()), NeuronMove("conv2", 7, ())))
        )
        gaps[strength] = found, next(gap for gap in found.gaps if gap.source == "conv1")
    aggregation, gap = gaps["absolute"]
    own = int(aggregation.column(gap.target).labels[7])
    assert aggregation.column(gap.target).clusters[own].neurons.tolist() == [7]
    assert (gaps["signed"][1].positive + gaps["signed"][1].negative)[:, own].max() == 0
    assert gap.positive + gap.negative == pytest.approx(np.full(gap.positive.shape, 0.25))
    assert not (gap.positive * gap.negative).any()
    for s, source in enumerate(aggregation.column("conv1").clusters):
        for t, target in enumerate(aggregation.column(gap.target).clusters):
            mean = weight[np.ix_(target.neurons, source.neurons)].astype(np.float64).mean()
            assert mean == 0 or (gap.positive[s, t] > 0) == (mean > 0)
    for found, _ in gaps.values():
        assert not [one for one in disconnected_clusters(found) if one.node == gap.target and one.cluster == own]


def test_sums_over_clusters():
    matrix = np.arange(15, dtype=np.float32).reshape(3, 5)
    sums = cluster_sums(matrix, np.array([0, 1, 0, 1, 1]), np.array([1, 0, 1]))
    assert sums.tolist() == [[12.0, 2.0 + 22.0], [6.0 + 8.0 + 9.0, 8.0 + 38.0]]


def test_a_move_goes_to_the_cluster_with_most_of_the_named_neurons():
    labels = np.array([0, 0, 0, 1, 1, 2])
    assert moved(labels, [NeuronMove("n", 0, (3, 4, 5))]).tolist() == [0, 1, 1, 0, 0, 2]
    assert moved(labels, [NeuronMove("n", 0, ())]).tolist() == [2, 0, 0, 1, 1, 3]
    # The last of a cluster takes it along; moves that name nothing are passed over.
    assert moved(labels, [NeuronMove("n", 5, (0,))]).tolist() == [0, 0, 0, 1, 1, 0]
    assert moved(labels, [NeuronMove("n", 9, (0,)), NeuronMove("n", 1, (77,))]).tolist() == labels.tolist()
    first = moved(labels, [NeuronMove("n", 0, ()), NeuronMove("n", 1, (0,))])
    assert first.tolist() == [0, 0, 2, 1, 1, 3]
    assert labels.tolist() == [0, 0, 0, 1, 1, 2]


def test_moves_replay_on_another_snapshot():
    analysis = make_analysis("lenet", n_snapshots=2)
    for label in ("iter 1000", "iter 2000"):
        view = View(snapshot=label, n_clusters=4)
        cluster, other = aggregate(analysis, view).column("relu1").clusters[:2]
        move = NeuronMove("relu1", members(other)[5], members(cluster))
        after = aggregate(analysis, replace(view, moves=(move,))).column("relu1").clusters
        assert members(after[0]) == tuple(sorted((*members(cluster), move.neuron)))


class TestClustersOfOneSnapshot:
    """Which snapshot is shown changes no cluster; all else is of the snapshot shown."""

    analysis = make_analysis("lenet", n_snapshots=8)
    labels = tuple(snapshot.label for snapshot in analysis.snapshots)

    def clusters(self, view):
        return [[members(cluster) for cluster in column.clusters] for column in aggregate(self.analysis, view).columns]

    def test_clusters_stay_from_snapshot_to_snapshot(self):
        move = NeuronMove("conv2", 5, ())
        for view in (View(), View(moves=(move,)), View(clusters_of=self.labels[2], n_clusters=5)):
            kept = self.clusters(view)
            for label in self.labels:
                assert self.clusters(replace(view, snapshot=label)) == kept
        alone = [one for one in self.clusters(View(snapshot=self.labels[1], moves=(move,)))[2] if len(one) < 2]
        assert alone == [(5,)]

    def test_the_user_asks_for_those_of_another_snapshot(self):
        own = [self.clusters(View(snapshot=label, clusters_of=label)) for label in self.labels]
        assert any(clusters != own[-1] for clusters in own)
        assert self.clusters(View()) == own[-1] == self.clusters(View(clusters_of=self.labels[-1]))
        assert self.clusters(View(clusters_of=self.labels[0])) == own[0]

    def test_all_else_is_of_the_snapshot_shown(self):
        view = View(snapshot=self.labels[3], edges="relative_change", strength="signed")
        shown, kept = aggregate(self.analysis, view), aggregate(self.analysis, View(strength="signed"))
        column = shown.column("conv2")
        features = self.analysis.snapshots[3].features["conv2"]
        counts = self.analysis.data.class_count
        np.testing.assert_array_equal(column.importance, importance(features, counts, "mean", ()))
        assert [one.importance for one in column.clusters] == pytest.approx(
            [column.importance[one.neurons].sum() for one in column.clusters]
        )
        gap = next(gap for gap in shown.gaps if gap.target == "conv2")
        weight = self.analysis.snapshots[3].connections["conv2"].weight.astype(np.float64)
        first, second = shown.column("conv1").clusters[0], column.clusters[1]
        block = weight[np.ix_(second.neurons, first.neurons)]
        assert gap.positive[0, 1] == pytest.approx(np.maximum(block, 0).sum() / block.size, rel=1e-5)
        assert gap.quantity is not None
        # What gives places is that of the other snapshot, without colours.
        assert shown.placed is shown.kept and kept.kept is None and kept.placed is kept
        for one, other in zip(shown.kept.columns, kept.columns):
            np.testing.assert_array_equal(one.importance, other.importance)
            for mine, its in zip(one.clusters, other.clusters):
                np.testing.assert_array_equal(mine.representatives, its.representatives)
        assert all(gap.quantity is None for gap in shown.kept.gaps)

    def test_a_snapshot_that_is_not_there(self):
        with pytest.raises(UnknownNameError, match="iter 9"):
            aggregate(self.analysis, View(clusters_of="iter 9"))


def test_what_did_not_change_is_the_same_object():
    analysis = make_analysis("deep", n_snapshots=2)
    cache = Cache()
    before = aggregate(analysis, View(), cache)
    for view in (View(facet="activations"), View(theme="dark"), View(facets=(("relu5", (1,), "activations"),))):
        after = aggregate(analysis, view, cache)
        assert after.groups is before.groups
        assert all(a is b for a, b in zip((*after.columns, *after.gaps), (*before.columns, *before.gaps)))
    after = aggregate(analysis, View(edge_filter=0.5), cache)
    assert all(a is b for a, b in zip(after.columns, before.columns))
    assert all(a.positive is b.positive for a, b in zip(after.gaps, before.gaps))
    move = NeuronMove("relu3_3", 5, ())
    after = aggregate(analysis, View(moves=(move,)), cache)
    assert [a is b for a, b in zip(after.columns, before.columns)] == [True, True, True, False, True, True, True]
    assert [a is b for a, b in zip(after.gaps, before.gaps)] == [True, True, False, False, True, True]
    other = make_analysis("lenet")
    assert [column.node for column in aggregate(other, View(), cache).columns][:2] == ["data", "conv1"]


def test_merging_and_splitting_biclusters():
    analysis = make_analysis("deep")
    whole = aggregate(analysis, View(n_clusters=5, edge_filter=0.6, strength="signed"))
    gap = whole.gaps[2]
    bundles = [b for b in gap.biclusters if b.sign == 1]
    big, small = max(bundles, key=lambda b: len(b.edges)), min(bundles, key=lambda b: len(b.edges))
    assert big is not small
    ends = (gap.source, gap.target, 1)
    merge = BiclusterMerge(*ends, named(whole, gap, big), named(whole, gap, small))
    merged = aggregate(analysis, View(n_clusters=5, edge_filter=0.6, strength="signed", bicluster_edits=(merge,))).gaps[
        2
    ]
    assert len(merged.biclusters) == len(gap.biclusters) - 1
    (new,) = [b for b in merged.biclusters if b not in gap.biclusters]
    assert new.edges == tuple(sorted({*big.edges, *small.edges}))
    assert new.sources == tuple(sorted({*big.sources, *small.sources}))
    split = BiclusterSplit(*ends, (named(whole, gap, new)))
    parts = aggregate(
        analysis, View(n_clusters=5, edge_filter=0.6, strength="signed", bicluster_edits=(merge, split))
    ).gaps[2]
    new_parts = [b for b in parts.biclusters if b not in merged.biclusters]
    assert [b.targets for b in new_parts if len(b.targets) > 1] == []
    edges = sorted(edge for b in parts.biclusters if b.sign == 1 for edge in b.edges)
    assert edges == sorted(edge for b in gap.biclusters if b.sign == 1 for edge in b.edges)


def test_strokes_by_hand():
    gap = aggregate(make_analysis("deep"), View()).gaps[2]
    wanted = 0
    for bicluster in gap.biclusters:
        wanted += 1 if len(bicluster.edges) == 1 else len(bicluster.sources) + len(bicluster.targets)
    assert strokes(gap.biclusters) == wanted <= gap.kept_positive.sum() + gap.kept_negative.sum()


def test_classes_choose_what_is_strong_and_important():
    analysis = make_analysis("deep")
    counts = analysis.data.class_count.copy()
    counts[3] = 3 * counts[2]
    analysis = replace(analysis, data=replace(analysis.data, class_count=counts))
    features = analysis.snapshots[0].features["relu5"]
    column = aggregate(analysis, View(classes=(2, 3), n_clusters=4)).column("relu5")
    mean = 0.25 * features.mean[:, 2] + 0.75 * features.mean[:, 3]
    np.testing.assert_allclose(column.importance, mean, rtol=1e-6)
    np.testing.assert_array_equal(column.strong, mean >= 0.5 * mean.max())
    assert 0 < column.strong.sum() < len(column.strong)
    for cluster in column.clusters:
        assert cluster.is_strong == column.strong[cluster.neurons].any()
        assert cluster.importance == pytest.approx(mean[cluster.neurons].sum(), rel=1e-6)
    assert aggregate(analysis, View()).column("relu5").strong.all()
    largest = importance(features, counts, "maximum", (2, 3))
    np.testing.assert_allclose(largest, features.maximum[:, 2:4].max(1))
    assert (importance(features, counts, "contribution") >= 0).all()


def test_strong_by_selectivity_and_by_contribution():
    analysis = make_analysis("lenet")
    features, counts = analysis.snapshots[0].features["relu1"], analysis.data.class_count
    chosen, others = [2, 3], [c for c in range(10) if c not in (2, 3)]

    def mean_over(values, classes):
        return np.array([np.average(row[classes], weights=counts[classes]) for row in values.astype(np.float64)])

    here, other = mean_over(features.mean, chosen), mean_over(features.mean, others)
    selectivity = (here - other) / (here + other)
    contribution = mean_over(features.contribution, chosen)
    for by, values in (("activation", here), ("selectivity", selectivity), ("contribution", contribution)):
        wanted = values >= 0.6 * values.max()
        assert 0 < wanted.sum() < len(wanted)
        np.testing.assert_array_equal(strongly_activated(features, counts, (2, 3), 0.6, by), wanted, by)
        view = View(classes=(2, 3), class_cutoff=0.6, strong_by=by, n_clusters=3)
        np.testing.assert_array_equal(aggregate(analysis, view).column("relu1").strong, wanted, by)
    # Of all classes there is no selectivity, and nothing is known of what was not computed: none is faded.
    assert strongly_activated(features, counts, range(10), 0.6, "selectivity").all()
    unknown = replace(features, contribution=np.full_like(features.contribution, np.nan))
    assert strongly_activated(unknown, counts, (2,), 0.6, "contribution").all()


def test_classes_without_images_count_for_nothing():
    analysis = make_analysis("lenet")
    features = analysis.snapshots[0].features["conv1"]
    arrays = {name: getattr(features, name).copy() for name in ("mean", "maximum", "contribution")}
    for array in arrays.values():
        array[:, 4] = np.nan
    counts = analysis.data.class_count.copy()
    counts[4] = 0
    analysis = with_features(analysis, "conv1", **arrays)
    analysis = replace(analysis, data=replace(analysis.data, class_count=counts))
    features = analysis.snapshots[0].features["conv1"]
    for kind in ("mean", "maximum", "contribution"):
        assert np.isfinite(importance(features, counts, kind)).all()
        assert (importance(features, counts, kind) > 0).any()
        assert not importance(features, counts, kind, (4,)).any()
    assert not strongly_activated(features, counts, (4,)).any()
    column = aggregate(analysis, View(n_clusters=4)).column("conv1")
    assert len(column.clusters) == 4


def test_representatives_are_the_medoid_and_then_the_most_important():
    rows = np.array([[0.0], [1.0], [2.0], [10.0], [50.0]], np.float32)
    neurons = np.array([10, 11, 12, 13, 14])
    sums = ((rows - rows.T) ** 2).sum(1)
    assert sums.argmin() == 3
    assert representatives(distance_to_mean(rows), neurons, np.array([5, 1, 4, 2, 3]), 4).tolist() == [13, 10, 12, 14]
    assert representatives(np.zeros(2), np.array([4, 6]), np.array([1, 2])).tolist() == [6, 4]


def test_the_images_are_one_cluster_of_channels():
    column = aggregate(make_analysis("deep"), View()).column("data")
    assert [members(cluster) for cluster in column.clusters] == [(0, 1, 2)]
    assert column.importance.tolist() == [1, 1, 1] and column.strong.all()


@pytest.mark.parametrize("edges", ["gradient", "relative_change"])
def test_what_colours_the_edges(edges):
    analysis = make_analysis("lenet", n_snapshots=2)
    gap = next(gap for gap in aggregate(analysis, View(edges=edges)).gaps if gap.target == "conv2")
    assert gap.quantity.shape == gap.positive.shape and np.isfinite(gap.quantity).all()
    if edges == "gradient":
        known = analysis.snapshots[1].connections["conv2"]
        low, high = known.abs_gradient.min(), known.abs_gradient.max()
        assert low <= gap.quantity.min() < gap.quantity.max() <= high
    else:
        first = aggregate(analysis, View(edges=edges, snapshot="iter 1000")).gaps[1]
        assert first.quantity is None


def test_layers_that_stop_connections_say_so():
    analysis = make_analysis("lenet")
    nodes = list(analysis.nodes)
    at = next(number for number, node in enumerate(nodes) if node.name == "pool1")
    nodes[at] = Node("mvn", "mvn", "MVN", "other", ("conv1",), 20, (12, 12), owner="conv1")
    nodes = [replace(n, sources=("mvn",)) if n.sources == ("pool1",) else n for n in nodes]
    features = {k: v for k, v in analysis.snapshots[0].features.items() if k != "pool1"}
    analysis = replace(with_snapshot(analysis, features=features), nodes=tuple(nodes))
    aggregation = aggregate(analysis, View(edges="gradient", expanded=("conv1",)))
    gap = next(gap for gap in aggregation.gaps if gap.source == "conv1")
    assert gap.note == "No connections are known through mvn (MVN)."
    assert not gap.positive.any() and not gap.negative.any() and gap.biclusters == () and gap.quantity is None
    assert [column.depth for column in aggregation.columns] == [0, 1, 2, 3, 4]


def test_disconnected_clusters():
    analysis = make_analysis("deep")
    view = View(n_clusters=4)
    assert disconnected_clusters(aggregate(analysis, view)) == ()
    cut = aggregate(analysis, view).column("relu5").clusters[2].neurons
    known = analysis.snapshots[0].connections
    weight = known["fc6"].weight.copy()
    weight[:, cut] = 0
    analysis = with_snapshot(analysis, connections={**known, "fc6": Connections(weight, np.abs(weight))})
    for share in (0.1, 1.0):
        found = disconnected_clusters(aggregate(analysis, replace(view, edge_filter=share)))
        assert found == (Disconnected("relu5", 2, "outgoing", 0.0),)


def test_unknown_snapshots_are_named():
    with pytest.raises(UnknownNameError, match="'iter 100'; there are 'iter 1000'"):
        aggregate(make_analysis("lenet"), View(snapshot="iter 100"))


def test_choices_that_fit_no_layer_are_passed_over():
    analysis = make_analysis("lenet")
    view = View(
        expanded=("no such",),
        representatives=(("conv1", "no such"), ("no such", "conv1")),
        moves=(NeuronMove("no such", 3, ()), NeuronMove("conv1", 99, ())),
        classes=(77,),
    )
    aggregation = aggregate(analysis, view)
    assert [column.node for column in aggregation.columns] == ["data", "conv1", "conv2", "relu1", "ip2"]
