"""What was checked: every rule is listed, with its value and how near that is to its limit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe import api
from cnnvis_caffe.cli.findings import command
from cnnvis_caffe.findings import Thresholds, examine, find
from cnnvis_caffe.findings.checked import checked_rules
from cnnvis_caffe.findings.find import RULE_WORDS, RULES
from cnnvis_caffe.store import write_analysis
from tests.helpers.analyses import make_analysis, with_features, with_snapshot


def nearest(examination, kind, name=""):
    checks = [one for one in examination.checks if one.kind == kind and name in one.name]
    return max(checks, key=lambda one: one.nearness)


@pytest.fixture(scope="module")
def deep():
    """Three of 64 neurons of relu3_2 are dead; 2 of its 10 classes are mixed up, 1 image in 10 is wrong."""
    made = make_analysis("deep", n_snapshots=2)
    top = made.snapshots[-1].features["conv3_2"].overall_maximum.copy()
    top[[3, 7, 8]] = -0.5
    made = with_features(made, "conv3_2", overall_maximum=top)
    confusion = np.diag(np.full(10, 40.0))
    confusion[2] = 0
    confusion[2, 5] = 40
    return with_snapshot(made, confusion=confusion, error=0.1)


def test_every_rule_is_listed_with_words():
    assert list(RULE_WORDS) == [rule.__name__ for rule in RULES]
    made = make_analysis("lenet")
    assert find(made) == ()
    rules = checked_rules(examine(made))
    assert {rule.kind for rule in rules} == set(RULE_WORDS)
    assert [rule.nearness for rule in rules] == sorted((rule.nearness for rule in rules), reverse=True)
    assert all(rule.nearness < 1 for rule in rules)  # or it would stand out
    by_kind = {rule.kind: rule for rule in rules}
    assert by_kind["saturated"].words == "needs sigmoid or tanh layers"
    assert by_kind["saturated"].nearness_words == "not judged" and by_kind["redundant"].n_values > 1


def test_values_and_limits(deep):
    found = examine(deep)
    dead = nearest(found, "dead")
    assert (dead.place.node, dead.value, dead.limit, dead.nearness) == ("relu3_2", 3 / 64, 0.005, 3 / 64 / 0.005)
    order = nearest(found, "class_order")
    assert (order.value, order.limit, order.nearness) == pytest.approx((0.1, 0.3, 1 / 3))
    weight = deep.snapshots[-1].connections["conv1_1"].weight.astype(np.float64)
    share = weight[weight > 0].sum() / np.abs(weight).sum()
    sign = next(one for one in found.checks if one.kind == "one_sign" and one.place.node == "conv1_1")
    assert sign.value == pytest.approx(max(share, 1 - share))
    debug = deep.snapshots[-1].debug["conv1_1"]
    gradient = next(one for one in found.checks if one.name == "mean |gradient| by mean |weight|")
    assert gradient.value == pytest.approx(debug.mean_abs_gradient / debug.mean_abs_weight)
    least = nearest(found, "disconnected", "least")
    assert least.is_low and least.nearness == pytest.approx(least.limit / least.value)


@pytest.mark.parametrize("limits", [{}, {"redundant_mild": 0.05, "redundant_least": 1}, {"dead_mild": 0.9}])
def test_what_is_beyond_its_limit_is_found_and_nothing_else(deep, limits):
    """Of the rules that judge layer by layer, on values that lie on either side."""
    found = examine(deep, thresholds=Thresholds(**limits))
    for kind in ("dead", "redundant", "saturated"):
        beyond = {one.place.node for one in found.checks if one.kind == kind and one.nearness >= 1}
        assert beyond == {one.places[0].node for one in found.findings if one.kind == kind}


def test_command_and_api(tmp_path):
    made = make_analysis("lenet")
    top = made.snapshots[-1].features["ip1"].overall_maximum.copy()
    top[:5] = 0
    made = with_features(made, "ip1", overall_maximum=top)
    share = 5 / made.node("relu1").n_neurons
    path = tmp_path / "lenet.cnnvis.h5"
    write_analysis(path, made)
    text = CliRunner().invoke(command, [str(path), "--all"]).output
    assert "What was checked, the nearest to its limit first" in text and "Dead neurons" in text
    values = json.loads(CliRunner().invoke(command, [str(path), "--all", "--json"]).output)
    row = next(one for one in values["checks"] if one["kind"] == "dead")
    assert (row["place"]["node"], row["value"], row["limit"]) == ("relu1", share, 0.005)
    assert "saturated" in values["not_judged"]
    table = api.checks(made)
    assert next(row for row in table if row["rule"] == "dead")["nearness"] == pytest.approx(share / 0.005)
    assert [row["value"] for row in table if row["rule"] == "saturated"] == [None]
