"""Which layers belong to a phase, level and set of stages."""

from __future__ import annotations

import pytest

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.filter_net import filter_net


def kept(state, *rules):
    """Indices of the layers that a state admits, of layers with one rule text each."""
    layers = [f'layer {{ name: "{index}" {rule} }}' for index, rule in enumerate(rules)]
    network = network_from_text(f"state {{ {state} }} " + " ".join(layers)).message
    before = network.SerializeToString()
    result = filter_net(network)
    assert network.SerializeToString() == before, "works on a copy"
    assert result.state == network.state
    return [int(layer.name) for layer in result.layer]


def test_phase():
    rules = [
        "",
        "include { phase: TRAIN }",
        "include { phase: TEST }",
        "exclude { phase: TRAIN }",
        "exclude { phase: TEST }",
    ]
    assert kept("phase: TRAIN", *rules) == [0, 1, 4]
    assert kept("phase: TEST", *rules) == [0, 2, 3]
    assert kept("", *rules) == [0, 2, 3], "without a phase it is TEST"


@pytest.mark.parametrize(("level", "expected"), [(0, [1]), (1, [0, 1, 2]), (2, [0, 2]), (3, [0])])
def test_level(level, expected):
    rules = ["include { min_level: 1 }", "include { max_level: 1 }", "include { min_level: 1 max_level: 2 }"]
    assert kept(f"level: {level}", *rules) == expected


@pytest.mark.parametrize(
    ("stages", "expected"), [("", [2]), ("a", [0]), ("b", [2, 3]), ("a b", [0, 1, 3]), ("c", [2]), ("a b c", [0, 1, 3])]
)
def test_stages(stages, expected):
    rules = ['stage: "a"', 'stage: "a" stage: "b"', 'not_stage: "a"', 'stage: "b"']
    state = " ".join(f'stage: "{stage}"' for stage in stages.split())
    assert kept(state, *(f"include {{ {rule} }}" for rule in rules)) == expected
    assert kept(state, *(f"exclude {{ {rule} }}" for rule in rules)) == [i for i in range(4) if i not in expected]


def test_all_parts_of_a_rule_must_be_met():
    rule = 'include { phase: TEST min_level: 1 stage: "a" not_stage: "b" }'
    good = ["phase: TEST", "level: 1", 'stage: "a"']
    assert kept(" ".join(good), rule) == [0]
    for index, bad in enumerate(["phase: TRAIN", "level: 0", ""]):
        assert kept(" ".join([*good[:index], bad, *good[index + 1 :]]), rule) == [], bad
    assert kept(" ".join([*good, 'stage: "b"']), rule) == []


def test_any_rule_is_enough():
    assert kept("phase: TEST", "include { phase: TRAIN } include { phase: TEST }") == [0]
    assert kept("phase: TEST", "exclude { phase: TRAIN } exclude { phase: TEST }") == []


def test_empty_rule_is_always_met():
    assert kept("", "include {}", "exclude {}") == [0]


def test_both_kinds_are_refused_with_their_place():
    network = network_from_text('\nlayer { name: "both" type: "X" include {} exclude {} }')
    network.message.state.phase = schema.TEST
    with pytest.raises(LayerError, match=r"f\.prototxt:2: layer 'both' \(X\): has both include and exclude"):
        filter_net(network.message, "f.prototxt", network.layer_lines)
