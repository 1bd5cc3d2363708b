"""Splits for blobs that several layers read."""

from __future__ import annotations

import pytest

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.insert_splits import insert_splits, split_name


def split(*layers):
    """The layers after splitting, each as (name, bottoms, tops, loss weights)."""
    network = network_from_text("\n".join(layers)).message
    before = network.SerializeToString()
    result = insert_splits(network)
    assert network.SerializeToString() == before, "works on a copy"
    return [(x.name, list(x.bottom), list(x.top), list(x.loss_weight)) for x in result.layer]


def layer(name, bottoms="", tops="", rest=""):
    """A layer; blobs are separated by blanks."""
    blobs = [f'bottom: "{b}"' for b in bottoms.split()] + [f'top: "{t}"' for t in tops.split()]
    return f'layer {{ name: "{name}" type: "X" {" ".join(blobs)} {rest} }}'


def test_name():
    assert split_name("ip1", "data", 2) == "data_ip1_2_split"


def test_chain_stays_as_it_is():
    assert split(layer("a", "", "x"), layer("b", "x", "y"), layer("c", "y", "z")) == [
        ("a", [], ["x"], []),
        ("b", ["x"], ["y"], []),
        ("c", ["y"], ["z"], []),
    ]


def test_split_follows_its_producer():
    assert split(layer("a", "", "x"), layer("b", "", "y"), layer("c", "x y", "z"), layer("d", "x", "w")) == [
        ("a", [], ["x"], []),
        ("x_a_0_split", ["x"], ["x_a_0_split_0", "x_a_0_split_1"], []),
        ("b", [], ["y"], []),
        ("c", ["x_a_0_split_0", "y"], ["z"], []),
        ("d", ["x_a_0_split_1"], ["w"], []),
    ]


def test_splits_of_several_tops_follow_in_order():
    names = [name for name, *_ in split(layer("a", "", "x y"), layer("b", "x y", "z"), layer("c", "y x", "w"))]
    assert names == ["a", "x_a_0_split", "y_a_1_split", "b", "c"]


def test_in_place_layer_is_the_producer():
    layers = split(layer("a", "", "x"), layer("relu", "x", "x"), layer("b", "x", "y"), layer("c", "x", "z"))
    assert [name for name, *_ in layers] == ["a", "relu", "x_relu_0_split", "b", "c"]
    assert layers[1][1:3] == (["x"], ["x"])


def test_reader_before_in_place_layer_splits_its_bottom_only():
    """The net then finds two producers of x, as in Caffe."""
    layers = split(layer("a", "", "x"), layer("b", "x", "y"), layer("relu", "x", "x"))
    assert layers[-1][1:3] == (["x_a_0_split_1"], ["x"])


def test_weight_is_the_first_reader():
    layers = split(layer("a", "", "x", "loss_weight: 3"), layer("b", "x", "y"))
    assert layers == [
        ("a", [], ["x"], []),
        ("x_a_0_split", ["x"], ["x_a_0_split_0", "x_a_0_split_1"], [3, 0]),
        ("b", ["x_a_0_split_1"], ["y"], []),
    ]


def test_weight_alone_needs_no_split():
    assert split(layer("a", "", "x", "loss_weight: 3")) == [("a", [], ["x"], [3])]


def test_weight_zero_is_no_reader():
    assert split(layer("a", "", "x", "loss_weight: 0"), layer("b", "x", "y"))[0] == ("a", [], ["x"], [0])


def test_weights_of_all_tops_are_lost():
    layers = split(layer("a", "", "x y", "loss_weight: 3 loss_weight: 4"), layer("b", "x", "z"))
    assert layers[0] == ("a", [], ["x", "y"], [])
    assert layers[1][3] == [3, 0]


def test_other_fields_stay():
    network = network_from_text('name: "n" force_backward: true ' + layer("a", "", "x", "phase: TRAIN")).message
    result = insert_splits(network)
    assert result == network


def test_unknown_bottom_is_named_with_its_place():
    text = layer("a", "", "x") + "\n" + layer("b", "x y", "z")
    network = network_from_text(text)
    with pytest.raises(LayerError, match=r"f\.prototxt:2: layer 'b' \(X\): reads blob 'y' \(bottom 1\)") as caught:
        insert_splits(network.message, "f.prototxt", network.layer_lines)
    assert caught.value.layer == "b"
