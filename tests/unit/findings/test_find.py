from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.findings import Thresholds, find
from cnnvis_caffe.findings.rank import effective_rank
from cnnvis_caffe.records.aggregation import Aggregation, Cluster, Column, Gap, LayerGroup
from cnnvis_caffe.records.analysis import Connections, LayerDebug
from cnnvis_caffe.records.finding import Finding, Place
from cnnvis_caffe.records.measure import Measure
from tests.helpers.analyses import make_analysis, with_features, with_snapshot


def found(findings, kind):
    """The only finding of a kind."""
    (one,) = [finding for finding in findings if finding.kind == kind]
    return one


def with_debug(analysis, **by_node):
    """The same analysis with other debugging information."""
    old = analysis.snapshots[-1].debug
    changed = {node: replace(old[node], **values) for node, values in by_node.items()}
    return with_snapshot(analysis, debug={**old, **changed})


def with_connections(analysis, node, weight, abs_weight=None):
    weight = weight.astype(np.float32)
    absolute = np.abs(weight) if abs_weight is None else abs_weight.astype(np.float32)
    old = analysis.snapshots[-1].connections
    return with_snapshot(analysis, connections={**old, node: Connections(weight, absolute)})


def with_redundant(analysis, node, groups):
    """The same analysis with groups of neurons that do nearly the same."""
    n = len(analysis.snapshots[-1].similarity[node])
    matrix = np.full((n, n), 0.2, np.float32)
    for group in groups:
        matrix[np.ix_(group, group)] = 0.99
    np.fill_diagonal(matrix, 1)
    snapshot = analysis.snapshots[-1]
    return with_snapshot(
        analysis,
        similarity={**snapshot.similarity, node: matrix},
        correlation={**snapshot.correlation, node: matrix},
    )


@pytest.mark.parametrize("kind", ["lenet", "deep", "inception", "residual"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nothing_is_invented_in_healthy_networks(kind, seed):
    assert find(make_analysis(kind, seed, n_snapshots=2)) == ()


def with_dead(analysis, neurons, layer="conv3_2", rectifier="relu3_2"):
    top = analysis.snapshots[-1].features[layer].overall_maximum.copy()
    top[list(neurons)] = -0.5
    return with_features(analysis, layer, overall_maximum=top)


def test_dead_neurons_are_found_where_their_input_never_is_above_zero():
    analysis = with_dead(make_analysis("deep"), (3, 7, 8))
    (finding,) = find(analysis)
    assert (finding.kind, finding.severity) == ("dead", "severe")
    assert finding.title == "3 of 64 neurons of relu3_2 never fire"
    assert finding.places == (Place("relu3_2", (3, 7, 8)),)
    assert finding.evidence[0].value == 3 / 64
    assert finding.snapshot == "iter 1000"
    assert finding.view.facet == "activations"
    assert "400 images of made up" in finding.explanation


def test_one_dead_neuron_of_many_is_mild():
    finding = found(find(with_dead(make_analysis("deep"), [5])), "dead")
    assert finding.severity == "mild"
    assert finding.title == "1 of 64 neurons of relu3_2 never fires"


def test_dead_neurons_are_found_without_the_rectifiers_input():
    analysis = make_analysis("deep")
    features = dict(analysis.snapshots[-1].features)
    del features["conv3_2"]
    top = features["relu3_2"].overall_maximum.copy()
    top[9] = 0
    analysis = with_snapshot(
        analysis, features={**features, "relu3_2": replace(features["relu3_2"], overall_maximum=top)}
    )
    assert found(find(analysis), "dead").places == (Place("relu3_2", (9,)),)


def test_limits_can_be_set():
    analysis = with_dead(make_analysis("deep"), (3, 7, 8))
    assert find(analysis, thresholds=Thresholds(dead_mild=0.1)) == ()
    assert find(analysis, thresholds=Thresholds(dead_severe=0.05))[0].severity == "mild"


def test_redundant_layers_say_how_many_neurons_could_go():
    groups = [list(range(2, 30)), [30, 31, 32, 40]]
    finding = found(find(with_redundant(make_analysis("deep"), "relu2_1", groups)), "redundant")
    assert finding.severity == "severe"
    assert finding.title == "30 of 48 neurons of relu2_1 do what another one does already"
    assert finding.places == (Place("relu2_1", tuple(range(2, 30))), Place("relu2_1", (30, 31, 32, 40)))


def test_dead_neurons_are_not_redundant():
    analysis = with_redundant(make_analysis("deep"), "relu2_1", [list(range(30))])
    analysis = with_features(analysis, "relu2_1", overall_maximum=np.zeros(48, np.float32))
    assert "redundant" not in {finding.kind for finding in find(analysis)}


def test_a_few_copies_in_a_narrow_layer_are_no_finding():
    assert find(with_redundant(make_analysis("lenet"), "pool1", [list(range(8))])) == ()


def test_a_layer_of_one_sign_is_found():
    analysis = make_analysis("deep")
    weight = np.abs(analysis.snapshots[-1].connections["conv2_1"].weight)
    finding = found(find(with_connections(analysis, "conv2_1", weight)), "one_sign")
    assert finding.severity == "mild"
    assert finding.title == "The connections of conv2_1 are nearly all positive (100% of their strength)"


def test_consecutive_positive_layers_are_severe_and_one_finding():
    analysis = make_analysis("deep")
    for name in ("conv1_1", "conv1_2", "conv2_1"):
        weight = np.abs(analysis.snapshots[-1].connections[name].weight)
        analysis = with_connections(analysis, name, weight)
    finding = found(find(analysis), "one_sign")
    assert finding.severity == "severe"
    assert [place.node for place in finding.places] == ["conv1_1", "conv1_2", "conv2_1"]


def test_negative_layers_are_told_apart_from_positive_neighbours():
    analysis = make_analysis("deep")
    for name, sign in (("conv1_1", 1), ("conv1_2", -1)):
        analysis = with_connections(analysis, name, sign * np.abs(analysis.snapshots[-1].connections[name].weight))
    titles = {f.title for f in find(analysis) if f.kind == "one_sign"}
    assert titles == {
        "The connections of conv1_1 are nearly all positive (100% of their strength)",
        "The connections of conv1_2 are nearly all negative (100% of their strength)",
    }


def test_zeros_between_groups_of_a_convolution_do_not_count():
    analysis = make_analysis("deep")
    n, m = analysis.snapshots[-1].connections["conv2_1"].weight.shape
    weight = np.zeros((n, m))
    weight[: n // 2, : m // 2] = 1
    weight[n // 2 :, m // 2 :] = 1
    assert found(find(with_connections(analysis, "conv2_1", weight)), "one_sign").severity == "mild"


def test_neurons_without_connections_are_found_on_both_sides():
    analysis = make_analysis("deep")
    weight = analysis.snapshots[-1].connections["conv3_2"].weight.copy()
    weight[[4, 9, 11]] = 1e-6
    weight[:, 6] = 0
    findings = [f for f in find(with_connections(analysis, "conv3_2", weight)) if f.kind == "disconnected"]
    assert [(f.title, f.severity, f.places) for f in findings] == [
        ("3 of 64 neurons of conv3_2 have no incoming connections", "severe", (Place("conv3_2", (4, 9, 11)),)),
        ("1 of 64 neurons of conv3_1 has no outgoing connections to conv3_2", "mild", (Place("conv3_1", (6,)),)),
    ]


def make_aggregation(node="relu3_2", before="relu2_2"):
    """Two columns of three clusters, of which the middle one of the second has no connections."""

    def column(name, depth):
        clusters = tuple(Cluster(np.arange(i * 8, i * 8 + 8), np.array([i * 8]), 1.0) for i in range(3))
        labels = np.repeat(np.arange(3), 8)
        return Column(name, f"group of {name}", name, depth, 0, clusters, labels, np.ones(24), np.ones(24, bool))

    strength = np.array([[1.0, 1e-4, 2.0], [0.5, 0.0, 1.0], [1.0, 2e-3, 1.0]])
    kept = strength > 0.1
    gap = Gap(before, node, strength, 0.2 * strength, 1.2 * strength, kept, kept, None, (), 3)
    groups = (
        LayerGroup("conv2_1", "chain", (before,), (before,), (before,), before, False),
        LayerGroup("conv3_1", "chain", ("relu3_1", node, "relu3_3"), ("relu3_1", node), (node,), "relu3_3", False),
    )
    return Aggregation(groups, (column(before, 0), column(node, 1)), (gap,))


def test_clusters_without_connections_are_found():
    finding = found(find(make_analysis("deep"), aggregation=make_aggregation()), "disconnected")
    assert finding.title == "A cluster of 8 neurons in relu3_2 has no incoming connections"
    assert finding.severity == "severe"
    assert finding.places == (Place("relu3_2", tuple(range(8, 16))),)
    assert finding.view.expanded == ("conv3_1",)  # where the layer is hidden otherwise


def test_a_break_of_the_relative_change_is_found_at_its_place():
    names = [n.name for n in make_analysis("deep").nodes if n.type == "Convolution"]
    values = [0.1, 0.11, 0.1, 0.09, 0.012, 0.011, 0.012, 0.011, 0.01, 0.011]
    changes = {name: {"relative_change": value} for name, value in zip(names, values)}
    finding = found(find(with_debug(make_analysis("deep", n_snapshots=2), **changes)), "weight_change")
    assert finding.severity == "mild"
    assert finding.title == "The relative change of weights drops by a factor of 7.5 from conv2_2 to conv3_1"
    assert [place.node for place in finding.places] == ["conv3_1", "conv2_2"]
    assert finding.view.edges == "relative_change"


def test_a_steady_fall_is_no_break():
    names = [n.name for n in make_analysis("deep").nodes if n.kind == "weights"]
    changes = {name: {"relative_change": 2.0**-i} for i, name in enumerate(names[:7])}
    changes.update({name: {"relative_change": 2.0**-7} for name in names[7:]})
    assert find(with_debug(make_analysis("deep"), **changes)) == ()


def test_a_layer_that_stands_still_is_found():
    analysis = with_debug(make_analysis("lenet", n_snapshots=2), conv1={"relative_change": 0.0})
    finding = found(find(analysis), "weight_change")
    assert finding.title == "conv1 stands still while the other layers change"


def test_inner_products_may_differ():
    analysis = with_debug(make_analysis("lenet", n_snapshots=2), ip1={"relative_change": 0.1})
    assert find(analysis) == ()


@pytest.mark.parametrize(("ratio", "word"), [(1e-4, "vanishes"), (1e4, "grows")])
def test_gradients_that_vanish_or_explode_are_found(ratio, word):
    names = [n.name for n in make_analysis("deep").nodes if n.kind == "weights"]
    factors = ratio ** np.linspace(1.5, 0, len(names))
    changes = {name: {"mean_abs_gradient": 1e-7 * f} for name, f in zip(names, factors)}
    finding = found(find(with_debug(make_analysis("deep"), **changes)), "gradients")
    assert f"The gradient {word} on its way from fc6 to conv1_1" in finding.title


def test_a_gradient_larger_than_the_weights_is_found():
    analysis = with_debug(make_analysis("lenet"), conv2={"mean_abs_gradient": 300.0, "mean_abs_weight": 1.0})
    assert found(find(analysis), "gradients").title == "The gradient of conv2 is 300 times its weights"


def test_a_network_that_guesses_is_found():
    analysis = with_snapshot(make_analysis("lenet"), loss=2.3026, error=0.9)
    finding = find(analysis)[0]
    assert (finding.kind, finding.severity) == ("training", "severe")
    assert finding.title == "iter 1000 has not learned anything that helps on these data: error 90% is guessing"
    assert finding.places == (Place("ip2"),)


def test_a_confident_network_on_foreign_data_is_told_apart():
    analysis = with_snapshot(make_analysis("lenet"), loss=9.3, error=0.9367)
    assert find(analysis)[0].title == "iter 1000 is worse than guessing on these data: error 93.7%"


def test_an_early_failure_is_told_of_at_the_last_snapshot_too():
    analysis = with_snapshot(make_analysis("lenet", n_snapshots=3), 0, loss=2.303, error=0.9)
    assert found(find(analysis), "training").title == "Nothing had been learned at iter 1000"
    assert found(find(analysis), "training").severity == "mild"
    assert find(analysis, snapshot="iter 1000")[0].severity == "severe"
    assert find(analysis, snapshot="2000") == ()


def test_frequent_classes_make_guessing_easier():
    analysis = with_snapshot(make_analysis("lenet"), loss=float("nan"), error=0.4)
    assert find(analysis) == ()
    count = np.array([240] + [17] * 9 + [], np.int64)
    assert find(replace(analysis, data=replace(analysis.data, class_count=count)))[0].kind == "training"


def test_what_is_no_number_is_found():
    analysis = make_analysis("lenet")
    mean = analysis.snapshots[0].features["conv2"].mean.copy()
    mean[3, 4] = np.nan
    finding = find(with_features(analysis, "conv2", mean=mean))[0]
    assert finding.title == "conv2 holds values that are not finite"


def test_classes_without_images_are_found_and_make_nothing_else_of_it():
    analysis = make_analysis("lenet")
    count = analysis.data.class_count.copy()
    count[[2, 5]] = 0
    for node, features in analysis.snapshots[0].features.items():
        mean = features.mean.copy()
        mean[:, [2, 5]] = np.nan
        analysis = with_features(analysis, node, mean=mean)
    (finding,) = find(replace(analysis, data=replace(analysis.data, class_count=count)))
    assert finding.title == "No image of 2 of 10 classes: 2 and 5"
    assert finding.places[0].classes == (2, 5)


def test_a_class_that_gets_another_classs_score_is_found():
    analysis = make_analysis("lenet")
    mean = analysis.snapshots[0].features["ip2"].mean.copy()
    mean[5, 3], mean[3, 3] = 4.0, 1.0
    finding = found(find(with_features(analysis, "ip2", mean=mean)), "unclaimed_classes")
    assert finding.title == "No output stands for 3 (taken for 5)"
    assert finding.places[0].classes == (3,)


def test_a_constant_output_is_found():
    analysis = with_features(make_analysis("lenet"), "ip2", variance=np.zeros(10, np.float32))
    assert find(analysis)[0].title == "ip2 gives the same scores for every image"


def test_saturated_units_are_found():
    analysis = make_analysis("deep")
    nodes = tuple(replace(n, type="Sigmoid", role="activation") if n.name == "relu5" else n for n in analysis.nodes)
    mean = np.full(128, 0.4, np.float32)
    mean[:30], mean[30:40] = 0.999, 0.001
    analysis = with_features(replace(analysis, nodes=nodes), "relu5", overall_mean=mean)
    assert found(find(analysis), "saturated").title == "40 of 128 neurons of relu5 are saturated"


def test_effective_rank_counts_independent_neurons():
    assert effective_rank(np.eye(7)) == pytest.approx(7)
    assert effective_rank(np.ones((7, 7))) == pytest.approx(1)
    assert effective_rank(np.kron(np.eye(3), np.ones((4, 4)))) == pytest.approx(3)


def test_a_layer_wider_than_it_uses_is_found():
    analysis = make_analysis("deep")
    matrix = np.full((128, 128), 0.93, np.float32)
    np.fill_diagonal(matrix, 1)
    snapshot = analysis.snapshots[0]
    analysis = with_snapshot(analysis, correlation={**snapshot.correlation, "relu5": matrix})
    assert found(find(analysis), "rank").title == "relu5 uses about 1.15 of its 128 neurons"


def test_findings_are_sorted_by_severity_then_strength():
    analysis = with_dead(make_analysis("deep"), range(40))
    analysis = with_dead(analysis, [1], "conv4_1")
    analysis = with_dead(analysis, range(5), "conv4_2")
    analysis = with_debug(analysis, conv4_3={"mean_abs_gradient": 1e3})
    findings = find(analysis)
    assert [f.severity for f in findings] == sorted((f.severity for f in findings), reverse=True)
    assert [f.places[0].node for f in findings if f.kind == "dead"] == ["relu3_2", "relu4_2", "relu4_1"]


def test_an_unknown_snapshot_names_those_that_there_are():
    with pytest.raises(CnnvisError, match="no snapshot 'iter 7'; there are 'iter 1000', 'iter 2000'"):
        find(make_analysis("lenet", n_snapshots=2), snapshot="iter 7")


def test_a_finding_needs_a_place_and_evidence():
    with pytest.raises(ValueError, match="must have a place"):
        Finding("dead", "severe", "x", "", "", (), ())
    with pytest.raises(ValueError, match="severity"):
        Finding("dead", "awful", "x", "", "", (Place(),), ())


def test_missing_debugging_information_is_no_finding():
    analysis = make_analysis("deep")
    analysis = with_snapshot(analysis, debug={name: LayerDebug() for name in analysis.snapshots[0].debug})
    assert find(analysis) == ()


def test_many_findings_of_one_rule_become_few():
    analysis = make_analysis("deep")
    for number, node in enumerate(n.name for n in analysis.nodes if n.type == "Convolution"):
        analysis = with_dead(analysis, range(2 + number), node)
    findings = [finding for finding in find(analysis) if finding.kind == "dead"]
    assert len(findings) == 7
    (rest,) = [finding for finding in findings if finding.title.startswith("The same in 4 more layers: ")]
    assert len(rest.places) == 4


def test_of_few_images_nothing_severe_is_said_about_dead_neurons():
    analysis = with_dead(make_analysis("deep"), (3, 7, 8))
    finding = found(find(analysis, thresholds=Thresholds(few_images=1000)), "dead")
    assert finding.severity == "mild"
    assert "may only lack the image" in finding.explanation


def judged(analysis, confusion, task="classes"):
    """The same analysis with what is taken for what; rows are classes."""
    confusion = np.asarray(confusion, np.float64)
    count = confusion.sum(1).astype(np.int64)
    data = replace(analysis.data, class_count=count, n_images=int(count.sum()), task=task)
    error = float(1 - np.trace(confusion) / confusion.sum())
    return with_snapshot(replace(analysis, data=data), confusion=confusion, error=error, loss=float("nan"))


def test_one_class_is_not_guessed_right():
    confusion = np.zeros((10, 10))
    confusion[3, 3], confusion[3, 5] = 29, 1
    assert "training" not in {finding.kind for finding in find(judged(make_analysis("lenet"), confusion))}
    confusion[3] = 3  # a tenth right, as by guessing
    assert "training" in {finding.kind for finding in find(judged(make_analysis("lenet"), confusion))}


def test_rare_classes_that_are_told_apart_are_not_guessed():
    confusion = np.diag([1900.0] + [10.0] * 9)
    confusion[0, 1:] = 10  # the error is that of always naming class 0
    assert "training" not in {finding.kind for finding in find(judged(make_analysis("lenet"), confusion))}
    confusion = np.zeros((10, 10))
    confusion[:, 0] = [1900.0] + [10.0] * 9
    assert "training" in {finding.kind for finding in find(judged(make_analysis("lenet"), confusion))}


def test_labels_in_another_order_are_named():
    order = [0, 1, 3, 4, 2, 5, 6, 8, 9, 7]
    confusion = np.full((10, 10), 1.0)
    confusion[np.arange(10), order] = 91
    analysis = judged(make_analysis("lenet"), confusion)
    finding = find(analysis)[0]
    names = analysis.data.class_names
    assert (finding.kind, finding.severity) == ("class_order", "severe")
    assert "error 63%" in finding.title and "in that order 9%" in finding.title
    assert f"{names[2]} is answered with {names[3]}" in finding.explanation
    assert "(2: 3, 3: 4, 4: 2, 7: 8, 8: 9, 9: 7)" in finding.suggestion
    assert {"training", "unclaimed_classes"}.isdisjoint(other.kind for other in find(analysis))
    healthy = np.full((10, 10), 1.0)
    healthy[np.arange(10), np.arange(10)] = 91
    assert "class_order" not in {other.kind for other in find(judged(make_analysis("lenet"), healthy))}


def measured(analysis, task, name, values, guesses, is_better_high):
    values, guesses = np.asarray(values, np.float64), np.asarray(guesses, np.float64)
    one = Measure(name, "", float(values.mean()), float(guesses.mean()), values, guesses, is_better_high)
    data = replace(analysis.data, task=task, column="label", columns="labels")
    return with_snapshot(replace(analysis, data=data), measures=(one,), error=1.0, loss=float("nan"))


@pytest.mark.parametrize(
    ("task", "name", "good", "bad", "guess", "is_better_high"),
    [
        ("labels", "area under ROC curve", 0.97, 0.51, 0.5, True),
        ("score", "area under ROC curve", 0.9, 0.5, 0.5, True),
        ("pairs", "area under ROC curve", 0.9, 0.52, 0.5, True),
        ("numbers", "rms error", 1.0, 3.9, 4.0, False),
        ("pixels", "intersection over union", 0.4, 0.09, 0.08, True),
    ],
)
def test_guessing_by_task(task, name, good, bad, guess, is_better_high):
    def kinds(values):
        found = find(measured(make_analysis("lenet"), task, name, values, [guess] * 10, is_better_high))
        return {finding.kind: finding for finding in found}

    assert kinds([good] * 10).keys().isdisjoint({"training", "unlearned_columns", "unclaimed_classes"})
    guessed = kinds([bad] * 10)["training"]
    assert guessed.severity == "severe" and "has not learned anything" in guessed.title and name in guessed.title
    one_bad = kinds([bad] + [good] * 9)["unlearned_columns"]
    assert one_bad.severity == "mild" and one_bad.places[0].classes == (0,)


def test_without_a_task_there_is_no_guess():
    analysis = make_analysis("lenet")
    data = replace(analysis.data, task="embedding", column="group", columns="groups", columns_are_scores=False)
    analysis = with_snapshot(replace(analysis, data=data), error=float("nan"), loss=float("nan"))
    assert find(analysis) == ()
