"""Graphs against those of real Caffe, and images where Graphviz is installed."""

from __future__ import annotations

import json
import shutil
import sys

import net_spec_networks
import pytest

from cnnvis_caffe import pycaffe
from cnnvis_caffe.errors import MissingDependencyError
from cnnvis_caffe.pycaffe import draw
from cnnvis_caffe.pycaffe.proto import caffe_pb2


@pytest.fixture(scope="module")
def recorded(recordings):
    return json.loads((recordings / "draw.json").read_text(encoding="utf-8"))


def test_graphs_are_those_of_real_caffe(recorded):
    pytest.importorskip("pydot")
    assert len(recorded) >= 7
    for case in recorded:
        network = getattr(net_spec_networks, case["network"])(pycaffe)
        graph = draw.get_pydot_graph(network, *case["options"])
        assert net_spec_networks.describe_graph(graph) == case["graph"], (case["network"], case["options"])


def test_image(tmp_path):
    pytest.importorskip("pydot")
    if not shutil.which("dot"):
        pytest.skip("needs Graphviz")
    network = net_spec_networks.lenet(pycaffe)
    draw.draw_net_to_file(network, str(tmp_path / "lenet.v1.png"), "TB")
    assert (tmp_path / "lenet.v1.png").read_bytes().startswith(b"\x89PNG")
    assert b"conv1" in draw.draw_net(network, "LR", "svg")


def test_without_pydot(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydot", None)
    monkeypatch.setitem(sys.modules, "pydotplus", None)
    with pytest.raises(MissingDependencyError, match=r"'pydot'.*\[figures\]"):
        draw.draw_net(caffe_pb2.NetParameter(), "LR")


def layer(**fields):
    return caffe_pb2.LayerParameter(name="x", **fields)


def test_learning_rate_multipliers():
    def multipliers(*lr_mults):
        return draw.get_layer_lr_mult(
            layer(type="InnerProduct", param=[{"lr_mult": lr_mult} for lr_mult in lr_mults])
        )

    assert multipliers() == (1, 1)
    assert multipliers(3) == (3, 1)
    assert multipliers(3, 0) == (3, 0)
    with pytest.raises(ValueError, match="3 entries"):
        multipliers(1, 2, 3)
    with pytest.raises(ValueError, match="ReLU layers do not have"):
        draw.get_layer_lr_mult(layer(type="ReLU"))


def test_labels():
    assert draw.get_pooling_types_dict() == {0: "MAX", 1: "AVE", 2: "STOCHASTIC"}
    assert (
        draw.get_layer_label(layer(type="Deconvolution"), "BT")
        == '"x (Deconvolution) kernel size: 1 stride: 1 pad: 0"'
    )
    assert draw.get_edge_label(layer(type="ReLU")) == '""'
    assert draw.choose_color_by_layertype("Pooling") == "#FF9900"


def test_both_kinds_of_rules_are_refused():
    pytest.importorskip("pydot")
    both = layer(type="ReLU", include=[{"phase": 0}], exclude=[{"phase": 1}])
    with pytest.raises(ValueError, match="x has both include and exclude"):
        draw.get_pydot_graph(caffe_pb2.NetParameter(layer=[both]), "LR", phase=0)
