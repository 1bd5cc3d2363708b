"""Deploy networks: those that people wrote by hand are what is expected; others were written for one point each."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from cnnvis_caffe.errors import CaffemodelError, FileFormatError, NetError, ParamMismatchError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.caffemodel import read_caffemodel, write_caffemodel
from cnnvis_caffe.formats.hdf5 import write_weights_hdf5
from cnnvis_caffe.formats.prototxt import network_from_text, read_network
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.deploy import deploy


def layer(name, type, bottoms, tops, settings=""):
    """A layer as text."""
    blobs = [*(f"bottom: '{b}'" for b in bottoms.split()), *(f"top: '{t}'" for t in tops.split())]
    return f"layer {{ name: '{name}' type: '{type}' {' '.join(blobs)} {settings} }}"


CONV = layer(
    "conv",
    "Convolution",
    "data",
    "conv",
    "convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: 'xavier' } } "
    "param { lr_mult: 2 decay_mult: 0 }",
)
FC = layer("fc", "InnerProduct", "conv", "fc", "inner_product_param { num_output: 5 }")
LOSS = layer("loss", "SoftmaxWithLoss", "fc label", "loss")
DATA = layer(
    "d",
    "Data",
    "",
    "data label",
    "data_param { source: 'x_lmdb' batch_size: 7 } "
    "transform_param { crop_size: 12 mean_value: 1 mean_value: 2 mean_value: 3 scale: 0.5 }",
)


@pytest.fixture
def make(tmp_path):
    """Deploy a network that is given as text, in a folder of its own."""

    def make_(*layers, **options):
        path = tmp_path / "net.prototxt"
        path.write_text("\n".join(layers))
        return deploy(path, **options)

    return make_


def weights_of(tmp_path, **arrays):
    """A caffemodel with arrays of ones by the names of layers."""
    network = schema.NetParameter(layer=[schema.LayerParameter(name=name, type="X", top=["t"]) for name in arrays])
    blobs = {name: [np.ones(shape, np.float32) for shape in shapes] for name, shapes in arrays.items()}
    path = tmp_path / "weights.caffemodel"
    write_caffemodel(path, network, blobs)
    return path


def layers_of(message):
    return [(layer.name, layer.type, list(layer.bottom), list(layer.top)) for layer in message.layer]


@pytest.mark.parametrize(
    "name",
    ["lenet", "lenet_x2", "deep_lenet", "cifar10_quick", "cifar10_full", "base_cnn", "base_cnn_leaky0.1",
     "bvlc_alexnet", "bvlc_googlenet", "bvlc_reference_caffenet"],
)  # fmt: skip
def test_it_is_what_people_wrote_by_hand(name, repository, tmp_path):
    by_hand = read_network(repository / "prototxt" / name / "deploy.prototxt")
    # Alone in a folder: the network that was written by hand must not tell the shape.
    path = shutil.copy(repository / "prototxt" / name / "train_val.prototxt", tmp_path)
    made = deploy(path, batch=by_hand.message.layer[0].input_param.shape[0].dim[0])
    ours, theirs = build_dag(made.network), build_dag(by_hand)
    assert layers_of(made.network.message) == layers_of(by_hand.message)
    for our, their in zip(ours.layers, theirs.layers):
        assert our.top_shapes == their.top_shapes
        assert [param.shape for param in our.params] == [param.shape for param in their.params]
        assert our.settings == their.settings


def test_only_what_training_needs_is_gone(make):
    made = make(DATA, CONV, FC, LOSS, layer("acc", "Accuracy", "fc label", "acc"))
    assert layers_of(made.network.message) == [
        ("data", "Input", [], ["data"]),
        ("conv", "Convolution", ["data"], ["conv"]),
        ("fc", "InnerProduct", ["conv"], ["fc"]),
        ("prob", "Softmax", ["fc"], ["prob"]),
    ]
    assert made.inputs == {"data": (7, 3, 12, 12)}
    assert made.outputs == {"prob": (7, 5)}
    assert made.left_out == ("loss (SoftmaxWithLoss)", "acc (Accuracy)")
    assert made.put_in == ("data (Input) for d (Data)", "prob (Softmax) for loss (SoftmaxWithLoss)")
    assert made.preparation == ("--scale 0.5", "--mean 1,2,3")
    conv = made.network.message.layer[1]
    assert conv.convolution_param.num_output == 4
    assert not conv.convolution_param.HasField("weight_filler")
    assert not conv.param


def test_a_shared_parameter_stays_shared(make):
    twice = [
        f"layer {{ name: '{name}' type: 'InnerProduct' bottom: 'data' top: '{name}' "
        "param { name: 'w' lr_mult: 3 } inner_product_param { num_output: 5 bias_term: false } }"
        for name in ("a", "b")
    ]
    made = make(DATA, *twice)
    assert [[param.name for param in layer.param] for layer in made.network.message.layer] == [[], ["w"], ["w"]]
    assert not made.network.message.layer[1].param[0].HasField("lr_mult")
    assert build_dag(made.network).layers[2].params[0].owner == "a"


def test_interpolation_keeps_its_filler(make):
    up = ("layer { name: 'up' type: 'Deconvolution' bottom: 'data' top: 'up' convolution_param { num_output: 3 "
          "group: 3 kernel_size: 4 stride: 2 bias_term: false weight_filler { type: 'bilinear' } } }")  # fmt: skip
    made = make(DATA, up)
    assert made.network.message.layer[1].convolution_param.weight_filler.type == "bilinear"


def test_rules_are_resolved_for_test(make):
    train = DATA.replace("type:", "include { phase: TRAIN } type:").replace("12", "10")
    drop = layer("x", "Power", "fc", "fc", "exclude { phase: TEST }")
    made = make(train, DATA.replace("type:", "include { phase: TEST } type:"), CONV, FC, drop, LOSS)
    assert made.inputs["data"] == (7, 3, 12, 12)
    assert [layer.name for layer in made.network.message.layer] == ["data", "conv", "fc", "prob"]
    assert not any(layer.include or layer.exclude for layer in made.network.message.layer)


def test_a_loss_of_train_alone_tells_the_answer(make):
    made = make(DATA, CONV, FC, LOSS.replace("type:", "include { phase: TRAIN } type:"))
    assert made.outputs == {"prob": (7, 5)}


def test_stages_choose(make):
    plain = layer(
        "in", "Input", "", "data", "input_param { shape { dim: 2 dim: 3 dim: 9 dim: 8 } } include { stage: 'deploy' }"
    )
    answer = layer("softmax", "Softmax", "fc", "softmax", "include { stage: 'deploy' }")
    data = DATA.replace("type:", "exclude { stage: 'deploy' } type:")
    loss = LOSS.replace("type:", "exclude { stage: 'deploy' } type:")
    made = make(plain, data, CONV, FC, answer, loss, stages=["deploy"])
    assert (made.inputs, made.outputs) == ({"data": (2, 3, 9, 8)}, {"softmax": (2, 5)})


def test_data_that_only_another_stage_has(make):
    made = make(DATA.replace("type:", "include { stage: 'one' phase: TEST } type:"), CONV, FC, LOSS)
    assert made.inputs == {"data": (7, 3, 12, 12)}


@pytest.mark.parametrize(("weight", "outputs"), [("0.3", ["prob"]), ("1", ["prob", "prob_2"])])
def test_a_side_loss_goes_unless_it_counts_as_much(make, weight, outputs):
    side = layer("side", "InnerProduct", "conv", "side", "inner_product_param { num_output: 5 }")
    side_loss = (
        LOSS.replace("'loss'", "'loss2'").replace("'fc'", "'side'").replace("type:", f"loss_weight: {weight} type:")
    )
    made = make(DATA, CONV, side, side_loss, FC, LOSS)
    assert sorted(made.outputs) == outputs
    assert ("side" in [layer.name for layer in made.network.message.layer]) == (len(outputs) == 2)
    assert len(make(DATA, CONV, side, side_loss, FC, LOSS, keep_side=True).outputs) == 2


def test_sigmoid_for_sigmoid_cross_entropy(make):
    made = make(DATA, CONV, FC, LOSS.replace("SoftmaxWithLoss", "SigmoidCrossEntropyLoss"))
    assert made.network.message.layer[3].type == "Sigmoid"


def test_the_axis_of_the_softmax_stays(make):
    loss = LOSS.replace("'fc'", "'conv'").replace("type:", "softmax_param { axis: 2 } type:")
    made = make(DATA, CONV, loss)
    assert made.network.message.layer[-1].softmax_param.axis == 2


def test_probabilities_that_a_loss_shows_keep_their_name(make):
    best = layer("best", "ArgMax", "p", "best")
    made = make(DATA, CONV, FC, LOSS.replace("top: 'loss'", "top: 'loss' top: 'p'"), best)
    assert layers_of(made.network.message)[-2:] == [
        ("p", "Softmax", ["fc"], ["p"]),
        ("best", "ArgMax", ["p"], ["best"]),
    ]


def test_what_depends_on_labels_goes(make):
    by_hand = [
        layer("minus", "Eltwise", "fc label", "minus", "eltwise_param { coeff: 1 coeff: -1 }"),
        layer("sum", "Reduction", "minus", "sum", "loss_weight: 1"),
    ]
    made = make(DATA, CONV, FC, *by_hand)
    assert (made.outputs, made.inputs.keys()) == ({"fc": (7, 5)}, {"data"})


def test_losses_of_forks_go(repository):
    made = deploy(repository / "tests/unit/runtime/stand_ins/rfcn.prototxt")
    assert {name.split(" ")[0] for name in made.left_out} >= {"per_roi_loss_cls", "per_roi_loss_bbox", "loss_bbox"}
    assert made.outputs == {"bbox_pred": (6, 8, 1, 1), "prob": (6, 3, 1, 1)}


def test_a_regression_ends_in_what_was_learned(make):
    loss = layer("loss", "EuclideanLoss", "label fc", "loss")
    assert make(DATA, CONV, FC, loss).outputs == {"fc": (7, 5)}


def test_two_images_at_once(make):
    two = layer("pair", "HDF5Data", "", "data other same", "hdf5_data_param { source: 'x' batch_size: 6 }")
    other = CONV.replace("'data'", "'other'").replace("'conv'", "'conv_p'")
    loss = layer("loss", "ContrastiveLoss", "conv conv_p same", "loss")
    shapes = {"data": (6, 3, 8, 9), "other": (6, 3, 8, 9)}
    made = make(two, CONV, other, loss, input_shapes=shapes)
    assert made.inputs == shapes
    assert made.outputs == {"conv": (6, 4, 6, 7), "conv_p": (6, 4, 6, 7)}


# -- shapes ------------------------------------------------------------------------------------------------------


def test_weights_tell_channels_and_size(make, tmp_path):
    # 4 maps of 8 by 8 from 2 channels of 10 by 10, by a 3x3 kernel.
    weights = weights_of(tmp_path, conv=[(4, 2, 3, 3), (4,)], fc=[(5, 4 * 8 * 8), (5,)])
    data = layer("d", "Data", "", "data label", "data_param { source: 'x' batch_size: 3 }")
    made = make(data, CONV, FC, LOSS, weights=weights)
    assert made.inputs == {"data": (3, 2, 10, 10)}
    assert "2 channels from the weights of conv" in made.notes[0]


@pytest.mark.parametrize("source", ["type: 'Python'", "type: 'AnnotatedData'", "type: 'Input'"])
def test_weights_tell_what_an_open_source_gives(make, tmp_path, source):
    weights = weights_of(tmp_path, conv=[(4, 2, 3, 3), (4,)], fc=[(5, 4 * 8 * 8), (5,)])
    made = make(f"layer {{ name: 'd' top: 'data' top: 'label' {source} }}", CONV, FC, LOSS, weights=weights)
    assert made.inputs == {"data": (1, 2, 10, 10)}


def test_rows_of_numbers(make, tmp_path):
    weights = weights_of(tmp_path, fc=[(5, 17), (5,)])
    data = layer("d", "HDF5Data", "", "conv label", "hdf5_data_param { source: 'x' batch_size: 3 }")
    assert make(data, FC, LOSS, weights=weights).inputs == {"conv": (3, 17)}


def test_images_in_hdf5(make, tmp_path):
    weights = weights_of(tmp_path, conv=[(4, 2, 3, 3), (4,)], fc=[(5, 4 * 8 * 8), (5,)])
    data = layer("d", "HDF5Data", "", "data label", "hdf5_data_param { source: 'x' batch_size: 3 }")
    assert make(data, CONV, FC, LOSS, weights=weights).inputs == {"data": (3, 2, 10, 10)}


def test_a_shape_that_cannot_be_known_is_asked_for(make, tmp_path):
    data = layer("d", "Data", "", "data label", "data_param { source: 'x' batch_size: 3 }")
    pooled = layer("p", "Pooling", "conv", "p", "pooling_param { global_pooling: true pool: AVE }")
    weights = weights_of(tmp_path, conv=[(4, 2, 3, 3), (4,)])
    with pytest.raises(NetError, match=r"--input-shape data=3,2,HEIGHT,WIDTH"):
        make(data, CONV, pooled, weights=weights)
    made = make(data, CONV, pooled, weights=weights, input_shapes={"data": (1, 2, 30, 20)})
    assert made.inputs == {"data": (1, 2, 30, 20)}


def test_a_batch_and_a_shape_that_are_given(make):
    assert make(DATA, CONV, FC, LOSS, batch=2).inputs == {"data": (2, 3, 12, 12)}
    assert make(DATA, CONV, FC, LOSS, input_shapes={"data": (5, 3, 9, 8)}).inputs == {"data": (5, 3, 9, 8)}


def test_memory_data(make):
    data = ("layer { name: 'm' type: 'MemoryData' top: 'data' top: 'label' memory_data_param "
            "{ batch_size: 2 channels: 3 height: 7 width: 6 } }")  # fmt: skip
    assert make(data, CONV, FC, LOSS).inputs == {"data": (2, 3, 7, 6)}


def test_dummy_data_alone_is_the_input_and_beside_data_a_constant(make):
    dummy = layer("z", "DummyData", "", "%s", "dummy_data_param { shape { dim: 7 dim: 3 dim: 12 dim: 12 } }")
    assert make(dummy % "data", CONV).inputs == {"data": (7, 3, 12, 12)}
    plus = layer("plus", "Eltwise", "data zero", "plus")
    made = make(DATA, dummy % "zero", plus, CONV.replace("bottom: 'data'", "bottom: 'plus'"))
    assert [layer.type for layer in made.network.message.layer] == ["Input", "DummyData", "Eltwise", "Convolution"]


# -- files -------------------------------------------------------------------------------------------------------


def test_old_layers_become_current(make):
    old = """
    layers { layer { name: 'd' type: 'data' source: 'x_mnist_lmdb' batchsize: 6 scale: 0.5 } top: 'data' top: 'label' }
    layers { layer { name: 'conv' type: 'conv' num_output: 4 kernelsize: 3 } bottom: 'data' top: 'conv' }
    layers { layer { name: 'relu' type: 'relu' } bottom: 'conv' top: 'conv' }
    layers { layer { name: 'fc' type: 'innerproduct' num_output: 5 } bottom: 'conv' top: 'fc' }
    layers { layer { name: 'loss' type: 'softmax_loss' } bottom: 'fc' bottom: 'label' }
    """
    made = make(old)
    assert made.inputs == {"data": (6, 1, 28, 28)}
    assert [layer.type for layer in made.network.message.layer] == [
        "Input", "Convolution", "ReLU", "InnerProduct", "Softmax"
    ]  # fmt: skip
    assert made.preparation == ("--scale 0.5",)


@pytest.mark.parametrize(
    ("snapshot", "shape", "output"),
    [
        ("lenet/lenet_iter_10000.caffemodel", (64, 1, 28, 28), {"prob": (64, 10)}),
        ("lenet_other_data/lenet_iter_5000.caffemodel", (64, 1, 28, 28), {"loss": (64, 10)}),
        ("cifar10_quick_v1/cifar10_quick_iter_5000.caffemodel", (100, 3, 32, 32), {"prob": (100, 10)}),
    ],
)
def test_a_lone_caffemodel(snapshot, shape, output, zoo_dir):
    made = deploy(zoo_dir / snapshot)
    assert made.inputs == {"data": shape}
    assert made.outputs == output
    layers = made.network.message.layer
    assert not any(layer.HasField("phase") or layer.type in ("Split", "Data") or layer.blobs for layer in layers)


def test_a_snapshot_in_training_uses_what_it_learned(tmp_path, make):
    text = (
        DATA
        + CONV
        + layer("bn", "BatchNorm", "conv", "conv", "phase: TRAIN batch_norm_param { use_global_stats: false }")
    )
    path = tmp_path / "a.caffemodel"
    arrays = {"conv": [np.ones((4, 3, 3, 3), np.float32), np.ones(4, np.float32)],
              "bn": [np.ones(4, np.float32), np.ones(4, np.float32), np.ones(1, np.float32)]}  # fmt: skip
    write_caffemodel(path, network_from_text(text).message, arrays)
    made = deploy(path)
    norm = made.network.message.layer[2]
    assert norm.type == "BatchNorm"
    assert not norm.batch_norm_param.HasField("use_global_stats")
    assert "bn" in made.notes[0]
    # In a prototxt it is the TEST phase that says so, and it is meant.
    assert make(text).network.message.layer[2].batch_norm_param.HasField("use_global_stats")


def test_an_old_snapshot_whose_inputs_were_dropped(tmp_path, zoo_dir):
    weights = read_caffemodel(zoo_dir / "lenet/lenet_iter_10000.caffemodel")
    del weights.network.layer[0]
    path = tmp_path / "headless.caffemodel"
    write_caffemodel(path, weights.network, [layer.blobs for layer in weights.layers[1:]])
    made = deploy(path)
    assert made.inputs == {"data": (1, 1, 28, 28)}
    assert made.outputs == {"prob": (1, 10)}


def test_files_that_hold_no_network(tmp_path, repository, zoo_dir):
    write_weights_hdf5(tmp_path / "a.h5", {"conv": [np.ones((2, 3), np.float32)]})
    with pytest.raises(CaffemodelError, match="holds arrays but no network; give the prototxt"):
        deploy(tmp_path / "a.h5")
    with pytest.raises(FileFormatError, match="is a solver prototxt file; give a network"):
        deploy(repository / "prototxt/lenet/solver.prototxt")
    with pytest.raises(ParamMismatchError, match="these are not the weights of .*conv1"):
        deploy(
            repository / "prototxt/lenet/train_val.prototxt",
            zoo_dir / "cifar10_quick_v1/cifar10_quick_iter_5000.caffemodel",
        )


def test_nothing_to_use(make):
    with pytest.raises(NetError, match="no layers that learn or compute"):
        make(DATA, layer("s", "Silence", "data label", ""))
