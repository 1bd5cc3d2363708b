"""How Caffe wires nets, rule by rule: small nets against recordings of real Caffe, and the rules in words."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

NETS = Path(__file__).parent / "nets"
sys.path.insert(0, str(NETS))

from helpers.each import check_each  # noqa: E402
from helpers.recordings import NET_RULES  # noqa: E402
from net_cases import NetCase, NetRecording, run_net  # noqa: E402
from net_comparison import compare  # noqa: E402
from rule_cases import rule_cases  # noqa: E402

from cnnvis_caffe import pycaffe  # noqa: E402
from cnnvis_caffe.errors import LayerError, ShapeError  # noqa: E402

CASES = {case.name: case for case in rule_cases()}
RECORDED = NetRecording.read(NET_RULES)


def test_matches_caffe():
    """Names, orders, values, gradients and refusals."""
    check_each(lambda net: compare(pycaffe, RECORDED, net), RECORDED.nets, lambda net: net["name"])


def test_every_case_is_recorded():
    """A case that has changed since would be compared with something else."""
    assert {net["name"]: net["text"] for net in RECORDED.nets} == {name: case.text for name, case in CASES.items()}


def built(name):
    """The wiring of a case after it was built here."""
    return next(run_net(pycaffe, CASES[name]))["wiring"]


def build_text(text):
    """Build a net of a text, in the TEST phase."""
    return next(run_net(pycaffe, NetCase("text", f"#: phase TEST\n#: seed 1\n{text}")))["wiring"]


def error_of(name):
    """The error with which a case is refused when it is built."""
    with pytest.raises(LayerError) as caught:
        next(run_net(pycaffe, CASES[name]))
    return caught.value


# -- splits --------------------------------------------------------------------------------------------------------


def test_split_names():
    """A split comes after the last writer, bears its name, and counts a weight that is not zero as its first reader."""
    cases = itertools.product(("input", "ip"), ("none", "0", "0.5"), (0, 1, 2), (0, 1, 2, 3))
    check_each(lambda case: assert_split_names(*case), cases)


def assert_split_names(producer, weight, in_place, readers):
    wiring = built(f"split/{producer}_{in_place}_in_place_{readers}_readers_weight_{weight}")
    writer = f"relu{in_place - 1}" if in_place else "y"
    split = f"y_{writer}_0_split"
    n_parts = readers + (weight == "0.5")
    assert (split in wiring["layers"]) == (n_parts > 1)
    if n_parts < 2:
        return
    assert wiring["layers"][wiring["layers"].index(writer) + 1] == split
    parts = [f"{split}_{k}" for k in range(n_parts)]
    bottoms, tops = dict(wiring["bottoms"]), dict(wiring["tops"])
    assert (bottoms[split], tops[split]) == (["y"], parts)
    assert [bottoms[f"p{i}"][0] for i in range(readers)] == parts[n_parts - readers :]
    weights = dict(wiring["named_loss_weights"])
    if weight == "0.5":
        # The weight moves to the first part, which nobody reads: it becomes an output of the net.
        assert (weights["y"], weights[parts[0]]) == (0, 0.5)
        assert parts[0] in wiring["outputs"]


def test_one_layer_that_reads_a_blob_twice_gets_two_parts():
    bottoms = dict(built("split/twice_by_one_layer")["bottoms"])
    assert bottoms["sum"] == ["x_x_0_split_0", "x_x_0_split_1"]


def test_weights_of_the_other_tops_of_a_split_one_are_lost():
    weights = dict(built("split/weights_of_other_tops_are_lost")["named_loss_weights"])
    assert weights == {**dict.fromkeys(weights, 0), "a_cut_0_split_0": 2}


def test_default_weight_of_a_loss_is_no_reader():
    wiring = built("split/default_loss_is_read")
    assert "loss_loss_0_split" not in wiring["layers"]
    assert dict(wiring["named_loss_weights"])["loss"] == 1


def test_reader_before_an_in_place_layer_is_refused():
    error = error_of("split/in_place_between_readers")
    assert error.layer == "relu"
    assert "'ip'" in str(error)


# -- names ---------------------------------------------------------------------------------------------------------


def test_unknown_bottom_names_layer_blob_and_index():
    error = error_of("blobs/unknown_bottom")
    assert error.layer == "relu"
    assert "'nowhere'" in str(error) and "bottom 0" in str(error)


@pytest.mark.parametrize("name", ["two_producers", "top_is_an_input", "same_top_twice", "in_place_at_another_position"])
def test_a_blob_has_one_producer(name):
    assert "already made" in str(error_of(f"blobs/{name}"))


def test_outputs_are_in_byte_order():
    assert " ".join(built("blobs/outputs_by_byte")["outputs"]) == "0 A10 B Data Z _x a a2 b data x/y z2"
    assert built("blobs/outputs_by_byte_utf8")["outputs"] == ["Z", "z", "~", "ß", "é", "日本"]


def test_inputs_are_in_order_of_the_file():
    assert " ".join(built("blobs/outputs_by_byte")["inputs"]) == "b B a Z z2 a2 A10 _x x/y 0 data Data"
    assert built("blobs/input_with_two_tops")["inputs"] == ["b", "a"]


def test_last_of_two_layers_of_one_name_has_the_params():
    wiring = built("blobs/duplicate_layer_names")
    assert wiring["layers"] == ["x", "ip", "ip", "loss"]
    assert wiring["params"] == [["ip", 2]]
    assert dict(wiring["tops"])["ip"] == ["b"]


def test_loss_without_top_gets_a_blob_that_is_no_output():
    wiring = built("blobs/automatic")
    assert "(automatic)" in wiring["blobs"] and "(automatic)" not in wiring["outputs"]


def test_net_without_layers_is_built():
    assert built("empty/nothing")["blobs"] == []


def test_unknown_type_lists_the_known_ones():
    with pytest.raises(LayerError, match="Nonsense"):
        build_text('layer { name: "n" type: "Nonsense" }')


# -- numbers of things ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["too_few", "too_many"])
def test_propagate_down_is_given_for_each_bottom_or_none(name):
    assert "propagate_down" in str(error_of(f"blobs/propagate_down_{name}"))


@pytest.mark.parametrize("name", ["params/too_many", "params/for_a_layer_without"])
def test_no_more_param_entries_than_parameters(name):
    assert "param entries" in str(error_of(name))


@pytest.mark.parametrize("name", ["one_too_many", "weight_for_layer_without_tops"])
def test_loss_weight_is_given_for_each_top_or_none(name):
    assert "loss_weight" in str(error_of(f"loss/{name}"))


# -- shared parameters ---------------------------------------------------------------------------------------------


def test_strict_sharing_needs_the_same_shape_and_says_both():
    error = error_of("params/strict_other_shape")
    assert isinstance(error, ShapeError)
    assert "(3, 3)" in str(error) and "(2, 3)" in str(error) and "PERMISSIVE" in str(error)


def test_permissive_sharing_needs_the_same_count():
    assert isinstance(error_of("params/permissive_other_count"), ShapeError)
    assert built("params/permissive_same_count")["params"] == [["a", 2], ["b", 2]]


def test_mode_of_the_sharer_counts():
    error_of("params/permissive_by_owner_only")


@pytest.mark.parametrize("name", ["other_lr_mult", "other_decay_mult", "third_disagrees"])
def test_multipliers_must_agree(name):
    assert "_mult" in str(error_of(f"params/{name}"))


# -- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["input_of_zero_for_parameters", "input_of_zero_with_weight", "too_many_axes", "negative"]
)
def test_sizes_that_are_refused_at_once(name):
    error_of(f"size/{name}")


@pytest.mark.parametrize("name", ["input_of_zero_is_read", "no_shape_is_read"])
def test_blobs_without_values_are_refused_when_they_are_read(name):
    run = run_net(pycaffe, CASES[f"size/{name}"])
    next(run)
    with pytest.raises(ShapeError, match="'x'"):
        next(run)


# -- rules ---------------------------------------------------------------------------------------------------------

LAYERS = """
layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 1 }} }} }}
layer {{ name: "y" type: "Power" bottom: "x" top: "y" {rule} }}
"""


@pytest.mark.parametrize(
    ("rule", "phase", "level", "stages", "is_kept"),
    [
        ("", "TRAIN", 0, "", True),
        ("include { phase: TRAIN }", "TRAIN", 0, "", True),
        ("include { phase: TRAIN }", "TEST", 0, "", False),
        ("exclude { phase: TRAIN }", "TRAIN", 0, "", False),
        ("exclude { phase: TRAIN }", "TEST", 0, "", True),
        ("include { phase: TRAIN } include { phase: TEST }", "TEST", 0, "", True),
        ("include { min_level: 2 }", "TEST", 1, "", False),
        ("include { min_level: 2 }", "TEST", 2, "", True),
        ("include { max_level: 2 }", "TEST", 2, "", True),
        ("include { max_level: 2 }", "TEST", 3, "", False),
        ("include { min_level: 1 max_level: 2 }", "TEST", 3, "", False),
        ("exclude { min_level: 1 max_level: 2 }", "TEST", 0, "", True),
        ('include { stage: "a" }', "TEST", 0, "", False),
        ('include { stage: "a" }', "TEST", 0, "b a", True),
        ('include { stage: "a" stage: "b" }', "TEST", 0, "a", False),
        ('include { stage: "a" stage: "b" }', "TEST", 0, "a b c", True),
        ('include { stage: "a" } include { stage: "b" }', "TEST", 0, "b", True),
        ('exclude { stage: "a" } exclude { stage: "b" }', "TEST", 0, "b", False),
        ('include { not_stage: "a" }', "TEST", 0, "", True),
        ('include { not_stage: "a" }', "TEST", 0, "a", False),
        ('include { stage: "a" not_stage: "b" }', "TEST", 0, "a b", False),
        ('include { phase: TEST stage: "a" min_level: 1 }', "TEST", 1, "a", True),
        ('include { phase: TEST stage: "a" min_level: 1 }', "TRAIN", 1, "a", False),
        ("include {}", "TEST", 0, "", True),
        ("exclude {}", "TEST", 0, "", False),
    ],
)
def test_rules(tmp_path, rule, phase, level, stages, is_kept):
    path = tmp_path / "net.prototxt"
    path.write_text(LAYERS.format(rule=rule))
    net = pycaffe.Net(str(path), getattr(pycaffe, phase), level=level, stages=stages.split())
    assert list(net.blobs) == (["x", "y"] if is_kept else ["x"])


def test_include_and_exclude_on_one_layer_are_refused():
    assert "include and exclude" in str(error_of("filter/include_and_exclude"))
