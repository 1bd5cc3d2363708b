"""What is found by parts of names and by numbers."""

from __future__ import annotations

import pytest

from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.search import search


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("conv2", Target("column", "conv2")),
        ("conv2 17", Target("neuron", "conv2", (17,))),
        ("conv2/17", Target("neuron", "conv2", (17,))),
        ("conv2 neuron 17", Target("neuron", "conv2", (17,))),
        ("CONV1", Target("column", "conv1")),
        ("class 4", Target("class", members=(4,))),
    ],
)
def test_the_best_comes_first(lenet, text, first):
    assert search(lenet, text)[0].target == first


def test_a_number_finds_that_neuron_in_every_layer(lenet):
    found = search(lenet, "17", shown=("conv2",))
    assert {f.target.node for f in found if f.target.kind == "neuron"} >= {"conv1", "conv2", "relu1"}
    assert not any(f.target.kind == "neuron" and f.target.node == "ip2" for f in found)
    assert found[0].target.node == "conv2", "what is in the picture comes first"


def test_nothing_is_found_by_what_has_no_meaning(lenet):
    assert search(lenet, "xyz") == [] and search(lenet, "  ") == []
    assert len(search(lenet, "conv", most=1)) == 1
