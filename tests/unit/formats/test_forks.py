"""What forks of Caffe wrote: no unknown value refuses a file, and what is not known is kept."""

from __future__ import annotations

import pytest

from cnnvis_caffe.errors import PrototxtError
from cnnvis_caffe.formats import schema, wire
from cnnvis_caffe.formats.caffemodel import read_caffemodel, write_caffemodel
from cnnvis_caffe.formats.prototxt import network_from_text, parse_text, read_network, read_solver, write_text

SEGNET = """name: "old"
layers { name: "conv" type: CONVOLUTION top: "conv" bottom: "data"
  convolution_param { num_output: 4 kernel_size: 3 engine: MKLDNN } }
layers { name: "norm" type: BN bottom: "conv" top: "norm" bn_param { bn_mode: INFERENCE } blobs_lr: 1 blobs_lr: 2 }
layers { name: "seg" type: IMAGE_SEG_DATA top: "seg" seg_param { list: "a b"  # both
  depth { x: -1.5 } } }
layers { name: "sum" type: ELTWISE bottom: "norm" bottom: "seg" top: "sum" eltwise_param { operation: DIV } }
"""


def where(network):
    return [(field.name, field.value, field.line, field.is_of_fork) for field in network.unknown]


def test_types_and_choices_of_forks_are_noted_by_line():
    network = network_from_text(SEGNET)
    assert where(network) == [
        ("engine", "MKLDNN", 3, False),
        ("type", "BN", 4, False),
        ("bn_param", "", 4, True),
        ("type", "IMAGE_SEG_DATA", 5, False),
        ("seg_param", "", 5, False),
        ("operation", "DIV", 7, False),
    ]
    assert [layer.type for layer in network.message.layer] == ["Convolution", "BN", "ImageSegData", "Eltwise"]
    assert str(network.unknown[0]) == "engine of ConvolutionParameter has no value MKLDNN in Caffe 1.0"
    assert str(network.unknown[2]) == "V1LayerParameter has no field 'bn_param' in Caffe 1.0"
    norm = network.message.layer[1]
    assert norm.bn_param.bn_mode == schema.BNParameter.INFERENCE
    assert [spec.lr_mult for spec in norm.param] == [1, 2]


def test_an_upgrade_keeps_what_is_not_known(tmp_path):
    old, new = tmp_path / "old.prototxt", tmp_path / "new.prototxt"
    old.write_text(SEGNET, encoding="utf-8")
    write_text(new, read_network(old).message)
    text = new.read_text(encoding="utf-8")
    for kept in ("engine: MKLDNN", "operation: DIV", 'seg_param { list: "a b"  # both\n  depth { x: -1.5 } }'):
        assert kept in text
    assert schema.UNKNOWN_TEXT not in text
    again = read_network(new)
    assert again.generation == "V2" and again.message == read_network(old).message
    assert [(name, value) for name, value, *_ in where(again)] == [
        ("engine", "MKLDNN"),
        ("bn_param", ""),
        ("seg_param", ""),
        ("operation", "DIV"),
    ]


def test_text_that_is_kept_survives_quotes_and_other_alphabets(tmp_path):
    path = tmp_path / "net.prototxt"
    text = 'odd: "gr\u00fcn \\"q\\" \\\\ \\n" layer { name: "a" }'
    write_text(path, parse_text(text, schema.NetParameter).message)
    assert path.read_text(encoding="utf-8").splitlines()[-1] == 'odd: "gr\u00fcn \\"q\\" \\\\ \\n"'


def test_old_string_types_of_forks_are_kept():
    text = "layers { layer { name: 'a' type: 'roi_pool' odd: 3 } bottom: 'x' top: 'a' } input: 'x'"
    network = network_from_text(text)
    assert network.generation == "V0"
    assert network.message.layer[0].type == "roi_pool"
    assert network.message.layer[0].unknown_text == ["odd: 3"]


@pytest.mark.parametrize(
    ("name", "current"),
    [("BN", "BN"), ("INTERP", "Interp"), ("DENSE_IMAGE_DATA", "DenseImageData"), ("SMOOTH_L1_LOSS", "SmoothL1Loss")],
)
def test_names_of_forks_types_become_current_ones(name, current):
    assert network_from_text(f"layers {{ name: 'a' type: {name} }}").message.layer[0].type == current


def test_a_solver_with_a_format_that_only_a_fork_has(tmp_path):
    path = tmp_path / "solver.prototxt"
    path.write_text("net: 'a'\nsnapshot_format: LEVELDB\neval_type: 'detection'\n", encoding="utf-8")
    solver = read_solver(path)
    assert [(field.name, field.line, field.is_of_fork) for field in solver.unknown] == [
        ("snapshot_format", 2, False),
        ("eval_type", 3, True),
    ]
    with pytest.raises(PrototxtError, match="snapshot_format cannot be LEVELDB"):
        read_solver(path, allow_unknown=False)


def test_who_runs_a_network_still_hears_of_unknown_choices():
    with pytest.raises(PrototxtError, match=r"operation cannot be DIV; it can be PROD, SUM, MAX"):
        network_from_text("layer { eltwise_param { operation: DIV } }", allow_unknown=False)
    # Fields of known forks are no mistakes: their layers read them.
    network = network_from_text("layer { permute_param { order: 0 } }", allow_unknown=False)
    assert list(network.message.layer[0].permute_param.order) == [0]


def test_a_guess_is_made_only_where_two_names_are_alike():
    network = network_from_text("layer { permutation: 3 turn_param { } convolutoin_param { } }")
    assert [field.near for field in network.unknown] == [(), (), ("convolution_param",)]


@pytest.mark.parametrize("name", ["DepthwiseConvolution", "ConvolutionDepthwise"])
def test_a_depthwise_layer_is_a_convolution_with_a_group_for_each_channel(name):
    text = f"layer {{ name: 'a' type: '{name}' convolution_param {{ num_output: 6 kernel_size: 3 }} }}"
    network = network_from_text(text, allow_unknown=False)
    (layer,) = network.message.layer
    assert (layer.type, layer.convolution_param.group) == ("Convolution", 6)
    assert network.upgrades == (
        f"1 layer of type {name} of a fork became Convolution with a group for each channel",
    )
    # A group that is written stays: with two filters for each channel it is no longer num_output.
    network = network_from_text(text.replace("kernel_size: 3", "kernel_size: 3 group: 3"))
    assert network.message.layer[0].convolution_param.group == 3


# -- binary files ----------------------------------------------------------------------------------------------------


def field(number, payload):
    """A field of bytes or of a message, as it lies in a binary file."""
    return wire.write_length(number, len(payload)) + payload


def caffemodel(path, *layers, number=100):
    path.write_bytes(b"".join(field(number, layer) for layer in layers))
    return read_caffemodel(path)


@pytest.mark.parametrize("number", [137, 45, 149, 20137])
def test_settings_of_a_fork_are_found_under_any_number(tmp_path, number):
    # SegNet's upsample_param { scale: 3 } has number 137, which is embed_param in Caffe 1.0.
    layer = field(1, b"up") + field(2, b"Upsample") + field(number, b"\x08\x03")
    (found,) = caffemodel(tmp_path / "net.caffemodel", layer).network.layer
    assert found.upsample_param.scale == 3 and found.upsample_param.HasField("scale")
    assert not found.HasField("embed_param")


def test_settings_that_cannot_be_those_of_the_fork_stay_what_they_are(tmp_path):
    layer = field(1, b"up") + field(2, b"Upsample") + field(137, b"\x08\x03") + field(138, b"\x08\x04")
    (found,) = caffemodel(tmp_path / "net.caffemodel", layer).network.layer
    assert not found.HasField("upsample_param")
    plain = field(1, b"e") + field(2, b"Embed") + field(137, b"\x08\x03")
    (found,) = caffemodel(tmp_path / "plain.caffemodel", plain).network.layer
    assert found.embed_param.num_output == 3


def test_a_number_that_is_no_old_type_is_named(tmp_path):
    layer = field(4, b"odd") + b"\x28\x29"  # type 41
    known = field(4, b"relu") + b"\x28\x12"
    weights = caffemodel(tmp_path / "net.caffemodel", layer, known, number=2)
    assert [layer.type for layer in weights.network.layer] == ["type 41 of a fork", "ReLU"]
    assert weights.unknown == ("layer 'odd': type has no value 41",)


def test_an_unknown_choice_in_a_binary_file_is_noted_and_kept(tmp_path):
    # eltwise_param { operation: 7 }
    layer = field(1, b"sum") + field(2, b"Eltwise") + field(110, b"\x08\x07")
    weights = caffemodel(tmp_path / "net.caffemodel", layer)
    assert weights.unknown == ("layer 'sum': operation has no value 7",)
    write_caffemodel(tmp_path / "again.caffemodel", weights.network, [[]])
    assert b"\x08\x07" in (tmp_path / "again.caffemodel").read_bytes()
