"""NetSpec against the text that real Caffe's gives."""

from __future__ import annotations

import copy
import json
import re

import net_spec_networks
import numpy as np
import pytest
from google.protobuf import text_format

from cnnvis_caffe import pycaffe
from cnnvis_caffe.pycaffe import NetSpec, coord_map, layers, params, to_proto
from cnnvis_caffe.pycaffe.net_spec import Function, Top, assign_proto, param_name_dict
from cnnvis_caffe.pycaffe.proto import caffe_pb2

NUMBER = re.compile(r"(?<=: )[-+.\w]+$", re.MULTILINE)


def plain_numbers(text: str) -> str:
    """Write all numbers alike: protobuf 3.12 prints 1.0 and 0.10000000149011612, later ones 1 and 0.1."""

    def rewrite(match: re.Match) -> str:
        try:
            return repr(float(np.float32(match.group())))
        except ValueError:
            return match.group()

    return NUMBER.sub(rewrite, text)


@pytest.fixture(scope="module")
def recorded(recordings):
    return json.loads((recordings / "net_spec.json").read_text(encoding="utf-8"))


def test_recording_is_complete(recorded):
    assert list(recorded) == [network.__name__ for network in net_spec_networks.NETWORKS]
    assert sum(len(text) for text in recorded.values()) > 40_000
    assert plain_numbers('a: 1.0\n  b: 0.10000000149011612\n c: MAX\nd: "2"') == plain_numbers(
        'a: 1\n  b: 0.1\n c: MAX\nd: "2"'
    )


@pytest.mark.parametrize("network", net_spec_networks.NETWORKS, ids=lambda network: network.__name__)
def test_text_is_that_of_real_caffe(network, recorded):
    assert coord_map.crop  # a module of its own, which one of the networks needs
    text = recorded[network.__name__]
    message = network(pycaffe)
    assert plain_numbers(str(message)) == plain_numbers(text)
    assert message == text_format.Parse(text, caffe_pb2.NetParameter())


EXACT = {
    "every_setting",
    "every_type",
    "every_layer_field",
    "unnamed",
    "partly_named",
    "inception",
    "residual",
}


@pytest.mark.parametrize("name", sorted(EXACT))
def test_text_without_whole_floats_is_equal_to_the_byte(name, recorded):
    assert str(getattr(net_spec_networks, name)(pycaffe)) == recorded[name]


def test_deep_networks_do_not_reach_the_recursion_limit():
    top = layers.Input()
    for _ in range(5000):
        top = layers.ReLU(top)
    names = [layer.name for layer in top.to_proto().layer]
    assert names[0] == "Input1"
    assert names[1:] == [f"ReLU{n}" for n in range(1, 5001)]


def test_input_that_is_no_top():
    data = layers.DummyData(ntop=2)
    with pytest.raises(TypeError, match=r"^Silence input 0 is not a Top \(type is <class 'tuple'>\)$"):
        layers.Silence(data, ntop=0)
    assert isinstance(layers.Silence(*data, ntop=0), Function)


def test_unknown_field_is_an_attribute_error():
    with pytest.raises(AttributeError, match="kernel_sise"):
        layers.Convolution(layers.Input(), kernel_sise=3).to_proto()


def test_unknown_top_is_a_key_error_with_near_names():
    n = NetSpec()
    n.conv1 = layers.Input()
    with pytest.raises(KeyError, match="did you mean 'conv1'"):
        n["conv2"]
    assert not hasattr(n, "conv2")
    assert n["conv1"] is n.conv1
    assert copy.copy(n).tops == n.tops


def test_number_of_tops():
    assert isinstance(layers.Data(), Top)
    assert [type(top) for top in layers.Data(ntop=3)] == [Top] * 3
    assert layers.Silence(ntop=0).tops == ()


def test_keywords_are_taken_by_reference_but_not_shared():
    keywords = {"num_output": 3, "ntop": 1}
    assert (
        to_proto(layers.InnerProduct(layers.Input(), **keywords)).layer[1].inner_product_param.num_output == 3
    )
    assert keywords == {"num_output": 3, "ntop": 1}


def test_param_name_dict():
    names = param_name_dict()
    assert (names["Convolution"], names["InnerProduct"], names["PReLU"]) == (
        "convolution",
        "inner_product",
        "prelu",
    )
    assert (names["Transformation"], names["Loss"], names["HDF5Data"]) == ("transform", "loss", "hdf5_data")
    assert "ParamSpec" not in names


def test_assign_proto():
    layer = caffe_pb2.LayerParameter()
    assign_proto(layer, "bottom", "a")
    assign_proto(layer, "bottom", ["b", "c"])
    assign_proto(layer, "bottom", [])
    assign_proto(layer, "param", {"lr_mult": 2})
    assign_proto(layer, "convolution_param", {"kernel_size": 3, "weight_filler": {"type": "msra"}})
    assert list(layer.bottom) == ["a", "b", "c"]
    assert [param.lr_mult for param in layer.param] == [2]
    assert list(layer.convolution_param.kernel_size) == [3]
    assert layer.convolution_param.weight_filler.type == "msra"


def test_params_are_enum_values():
    assert (params.Pooling.MAX, params.Pooling.AVE, params.Eltwise.MAX) == (0, 1, 2)
    assert params.Pooling.PoolMethod.Name(2) == "STOCHASTIC"
    assert not hasattr(params.Pooling, "MEDIAN")
    assert not hasattr(params, "NoSuchType")
