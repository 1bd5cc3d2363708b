"""Every upgrade gives what real Caffe's own upgrade tools give."""

from __future__ import annotations

import os

import pytest
from caffe_recordings import cases, text_of
from google.protobuf import text_format
from helpers.each import check_each

from cnnvis_caffe.errors import LayerError, NetError, PrototxtError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import parse_text
from cnnvis_caffe.formats.upgrade import (
    generation_of,
    set_snapshot_prefix,
    upgrade_network,
    upgrade_solver,
    v0,
    v1,
)
from cnnvis_caffe.formats.upgrade.solver import TYPES as SOLVER_TYPES


def net(text):
    return parse_text(text, schema.NetParameter, allow_unknown=False).message


def copy_of(message):
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def short(case):
    return case["text"][:50].replace("\n", " ")


def test_the_recordings_are_there():
    texts = " ".join(case["text"] for case in cases("upgrade_cases", accepted=True))
    assert len(cases("upgrade_cases")) > 65 and len(cases("solver_cases")) > 10
    # Nothing that has a name in a table is left out.
    assert all(f'type: "{name}"' in texts for name in v0.TYPES)
    assert all(f"type: {name} " in texts for name in v1.TYPES)
    assert all(f" {name}: " in texts or f" {name} {{" in texts for name in v0._MOVES)
    assert len([case for case in cases("upgrade_cases") if "differs" in case]) == 2


def test_networks_become_what_caffe_makes_of_them():
    check_each(assert_becomes_the_same, cases("upgrade_cases", accepted=True), short)


def assert_becomes_the_same(case):
    message = net(text_of(case))
    before = copy_of(message)
    if "differs" in case:
        with pytest.raises(NetError, match="every input needs 4"):
            upgrade_network(message)
        return
    sentences = upgrade_network(message)
    assert message == text_format.Parse(case["output"], schema.NetParameter())
    if message != before and message.layer[0].type != "BatchNorm":
        assert sentences
    if message == before:
        assert sentences == []


def test_networks_on_which_caffe_aborts_are_errors():
    check_each(assert_is_an_error, cases("upgrade_cases", accepted=False), short)


def assert_is_an_error(case):
    with pytest.raises(NetError) as caught:
        upgrade_network(net(text_of(case)))
    assert str(caught.value)


def test_upgrading_twice_changes_nothing():
    check_each(assert_is_upgraded_once, cases("upgrade_cases", accepted=True), short)


def assert_is_upgraded_once(case):
    if "differs" in case:
        return
    message = net(text_of(case))
    upgrade_network(message)
    once = copy_of(message)
    assert upgrade_network(message) == []
    assert message == once
    assert generation_of(message) == "V2"


def test_solvers_become_what_caffe_makes_of_them():
    check_each(assert_solver_becomes_the_same, cases("solver_cases"), short)


def assert_solver_becomes_the_same(case):
    if not case["accepted"]:
        with pytest.raises((NetError, PrototxtError)):
            upgrade_solver(parse_text(text_of(case), schema.SolverParameter, allow_unknown=False).message)
        return
    solver = parse_text(text_of(case), schema.SolverParameter).message
    sentences = upgrade_solver(solver)
    assert solver == text_format.Parse(case["output"], schema.SolverParameter())
    assert bool(sentences) == ("solver_type" in case["text"])
    assert upgrade_solver(solver) == []


def test_tables_cover_every_enum_value():
    assert set(v1.TYPES) == set(schema.V1LayerParameter.LayerType.keys())
    assert set(SOLVER_TYPES) == set(schema.SolverParameter.SolverType.keys())
    assert set(v0.TYPES.values()) < set(v1.TYPES)
    fields = set(schema.V0LayerParameter.DESCRIPTOR.fields_by_name)
    handled = {*v0._MOVES, *v0._TRANSFORMS, *v0._KEPT, "name", "type", "hdf5_output_param", schema.UNKNOWN_TEXT}
    # Caffe never looks at these two.
    assert fields - handled == {"new_num", "new_channels"}


@pytest.mark.parametrize(
    ("text", "generation"),
    [
        ("", "V2"),
        ("layer { }", "V2"),
        ("input: 'a'", "V2"),
        ("layers { }", "V1"),
        ("layers { } layers { layer { } }", "V0"),
    ],
)
def test_generations(text, generation):
    assert generation_of(net(text)) == generation


def test_sentences_say_what_changed():
    message = net(
        "input: 'data' input_dim: [1, 3, 8, 8]"
        "layers { layer { name: 'pad' type: 'padding' pad: 2 } bottom: 'data' top: 'pad' }"
        "layers { layer { name: 'conv' type: 'conv' kernelsize: 5 local_size: 3 } bottom: 'pad' top: 'conv' }"
    )
    assert upgrade_network(message) == [
        "layers of generation V0 became V1: 1",
        "layer 'conv': took over pad 2 of the padding layer 'pad'",
        "layer 'conv': dropped local_size, unused by type 'conv'",
        "layers of generation V1 became V2: 1",
        "inputs of the net became the layer 'input' of type Input: data",
    ]


@pytest.mark.parametrize(
    ("text", "layer", "words"),
    [
        ("layers { layer { name: 'a' type: 'cnov' } }", "a", "V0 type 'cnov'"),
        ("layers { layer { name: 'a' type: 'relu' } bottom: 'gone' }", "a", "bottom 'gone'"),
        (
            "layers { layer { name: 'a' type: 'relu' } } layers { name: 'b' bottom: 'gone' }",
            "b",
            "bottom 'gone'",
        ),
        (
            "input: 'x' layers { layer { name: 'p' type: 'padding' } bottom: 'x' top: 'p' }"
            "layers { layer { name: 'r' type: 'relu' } bottom: 'p' }",
            "r",
            "only conv and pool can take over padding",
        ),
    ],
)
def test_errors_name_the_layer(text, layer, words):
    with pytest.raises(LayerError, match=words) as caught:
        upgrade_network(net(text))
    assert caught.value.layer == layer


def test_weights_move_along():
    message = schema.NetParameter()
    old = message.layers.add(name="ip", type=schema.V1LayerParameter.INNER_PRODUCT)
    old.blobs.add(num=1, channels=1, height=2, width=3, data=range(6))
    kept = copy_of(old.blobs[0])
    upgrade_network(message)
    assert message.layer[0].blobs[0] == kept
    assert len(message.layer[0].blobs) == 1


# (X): snapshots that real Caffe wrote for these solver files and prefixes; `folder` and `d.x` are folders.
@pytest.mark.parametrize(
    ("prefix", "path", "expected"),
    [
        (None, "solver.prototxt", "solver"),
        (None, "a.b.prototxt", "a.b"),
        (None, "noext", "noext"),
        (None, ".prototxt", ""),
        (None, "d/solver.prototxt", "d/solver"),
        (None, "d.x/solver", "d.x/solver"),
        (None, "./s.prototxt", "./s"),
        (None, "s.", "s"),
        (None, "d/.hidden", "d/"),
        ("folder", "solver.prototxt", "folder/solver"),
        ("folder", ".prototxt", "folder"),
        ("folder/", "d/solver.prototxt", "folder/solver"),
        ("folder/", ".prototxt", "folder/"),
        ("d.x", "a.b.prototxt", "d.x/a.b"),
        ("other", "solver.prototxt", "other"),
        ("", "solver.prototxt", ""),
    ],
)
def test_snapshot_prefix(tmp_path, monkeypatch, prefix, path, expected):
    monkeypatch.chdir(tmp_path)
    os.mkdir("folder")
    os.mkdir("d.x")
    solver = schema.SolverParameter()
    if prefix is not None:
        solver.snapshot_prefix = prefix
    sentences = set_snapshot_prefix(solver, path)
    assert solver.snapshot_prefix == expected
    assert bool(sentences) == (prefix is None or os.path.isdir(prefix))
