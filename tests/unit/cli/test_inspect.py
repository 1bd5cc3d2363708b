"""`cnnvis-caffe inspect`: what it says about files whose contents are known."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cnnvis_caffe.formats.caffemodel import write_caffemodel
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.formats.prototxt import network_from_text, read_network
from cnnvis_caffe.formats.solverstate import write_solverstate
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.records.solver_state import SolverState
from cnnvis_caffe.records.weights import ParamArray

# Counted in real Caffe; multiply-adds of an image computed by hand.
N_PARAMETERS = {
    "lenet": 431_080,
    "cifar10_quick": 145_578,
    "cifar10_full": 89_578,
    "bvlc_alexnet": 60_965_224,
    "bvlc_googlenet": 6_998_552,
}
LENET = {
    "conv1": 24 * 24 * 20 * 25,
    "conv2": 8 * 8 * 50 * 20 * 25,
    "ip1": 800 * 500,
    "ip2": 500 * 10,
}


@pytest.fixture
def lenet(repository):
    return repository / "prototxt" / "lenet"


@pytest.fixture
def report(call):
    def report_(*arguments):
        return json.loads(call("inspect", "--json", *arguments).stdout)

    return report_


def row_of(text, name):
    """The words of the line of a layer."""
    (line,) = [line for line in text.splitlines() if name in line.split()[:2]]
    return line.split()


def lenet_weights(path, network_path, change=None):
    """Write weights for LeNet that are ramps from -1 to 1; `change` is applied to the arrays by layer."""
    network = read_network(network_path)
    arrays = {
        layer.name: [np.linspace(-1, 1, p.count, dtype=np.float32).reshape(p.shape) for p in layer.params]
        for layer in build_dag(network).layers
    }
    message = type(network.message)()
    message.CopyFrom(network.message)
    if change is not None:
        change(arrays, message)
    write_caffemodel(path, message, [arrays[layer.name] for layer in message.layer])
    return path


@pytest.mark.parametrize("name", N_PARAMETERS)
def test_parameters_are_those_of_caffe(repository, call, report, name):
    path = repository / "prototxt" / name / "deploy.prototxt"
    assert report(path)["network"]["parameters"] == N_PARAMETERS[name]
    assert f"{N_PARAMETERS[name]:,}" in call("inspect", path).stdout


def test_multiply_adds_of_lenet(lenet, report):
    network = report(lenet / "deploy.prototxt")["network"]
    costs = {layer["name"]: layer["multiply_adds"] for layer in network["layers"] if layer["multiply_adds"]}
    assert costs == {name: 64 * cost for name, cost in LENET.items()}
    assert network["multiply_adds_per_image"] == sum(LENET.values()) == 2_293_000


def test_memory_of_lenet(lenet, report):
    memory = report(lenet / "deploy.prototxt")["network"]["memory"]
    # relu1 works in place and has no memory of its own.
    blobs = 64 * (784 + 20 * 24 * 24 + 20 * 12 * 12 + 50 * 8 * 8 + 50 * 4 * 4 + 500 + 10 + 10)
    assert memory["params"] == 4 * 431_080
    assert memory["blobs"] == 4 * blobs
    assert memory["forward"] == 4 * (431_080 + blobs)
    assert memory["forward_backward"] == 8 * (431_080 + blobs)


def test_the_table_of_lenet(lenet, call):
    text = call("inspect", lenet / "deploy.prototxt").stdout
    assert " ".join(row_of(text, "conv1")) == "conv1 Convolution 20 of 5x5 20x24x24 520 288 k 5x5/1 data"
    assert " ".join(row_of(text, "pool2")) == "pool2 Pooling max 2x2/2 50x4x4 16x16/4 conv2"
    assert " ".join(row_of(text, "relu1")) == "relu1 ReLU in place 500 all ip1"
    assert row_of(text, "multiply-adds")[-4:] == ["2.29", "M", "an", "image"]
    assert "●" not in text  # nothing to draw in a chain


def test_googlenet_is_drawn_and_grouped(repository, call):
    lines = call("inspect", repository / "prototxt/bvlc_googlenet/deploy.prototxt").stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if "inception_3a/ " in line)
    assert lines[start].split()[1:4] == ["inception_3a/", "14", "layers"]
    assert lines[start].split()[4] == f"{163_696:,}"
    drawing = [line[:8].rstrip() for line in lines[start + 1 : start + 15]]
    assert drawing == [
        "├─●", "│ ●",
        "├─┼─●", "│ │ ●", "│ │ ●", "│ │ ●",
        "├─┼─┼─●", "│ │ │ ●", "│ │ │ ●", "│ │ │ ●",
        "● │ │ │", "● │ │ │", "● │ │ │",
        "●─┴─┴─╯",
    ]  # fmt: skip
    assert max(map(len, lines[1:])) <= 120
    assert lines[start + 14].endswith("1x1, 3x3, 5x5, p...")
    wide = call("inspect", "--wide", repository / "prototxt/bvlc_googlenet/deploy.prototxt").stdout.splitlines()
    assert wide[start + 14].endswith("1x1, 3x3, 5x5, pool_proj")


def test_everything_that_text_shows_is_in_json(lenet, report):
    whole = report(lenet / "deploy.prototxt")
    assert (whole["schema"], whole["kind"]) == (1, "network")
    layer = whole["network"]["layers"][3]
    assert layer == {
        "name": "conv2",
        "type": "Convolution",
        "settings": "50 of 5x5",
        "line": layer["line"],
        "bottoms": ["pool1"],
        "reads": [[2, 0]],
        "tops": [
            {"name": "conv2", "shape": [64, 50, 8, 8], "shape_in_part": None, "in_place": False, "loss_weight": 0.0}
        ],
        "parameters": [
            {"name": None, "shape": [50, 20, 5, 5], "count": 25_000, "shared_with": None,
             "lr_mult": 1.0, "decay_mult": 1.0},
            {"name": None, "shape": [50], "count": 50, "shared_with": None, "lr_mult": 2.0, "decay_mult": 1.0},
        ],
        "n_parameters": 25_050,
        "multiply_adds": 64 * LENET["conv2"],
        "receptive_fields": [
            {"input": "data", "size": [14, 14], "stride": [2.0, 2.0], "offset": [6.5, 6.5], "whole": False,
             "assumed": []}
        ],
    }  # fmt: skip


def test_it_needs_no_torch(lenet, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')")
    weights = lenet_weights(tmp_path / "a.caffemodel", lenet / "deploy.prototxt")
    command = [sys.executable, "-m", "cnnvis_caffe", "inspect", str(lenet / "deploy.prototxt"), "-w", str(weights)]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{lenet.parents[1]}"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == 0, result.stderr
    assert "all 4 layers with parameters match" in result.stdout


def test_a_terminal_without_the_signs_gets_others(repository):
    path = str(repository / "prototxt/bvlc_googlenet/deploy.prototxt")
    result = subprocess.run(
        [sys.executable, "-m", "cnnvis_caffe", "inspect", path],
        capture_output=True, timeout=60, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(repository)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert b"\n*-+-+-'" in result.stdout


# -- data that is not here -----------------------------------------------------------------------------------------


def test_shapes_of_data_come_from_the_network_beside_it(lenet, report):
    network = report(lenet / "train_val.prototxt")["network"]
    assert network["layers"][0]["tops"][0]["shape"] == [100, 1, 28, 28]
    assert network["notes"] == ["data: taken to be 100x1x28x28 (batch_size 100; the rest from deploy.prototxt)"]


def test_shapes_of_data_come_from_the_weights(lenet, tmp_path, report):
    alone = tmp_path / "net" / "train_val.prototxt"
    alone.parent.mkdir()
    alone.write_text((lenet / "train_val.prototxt").read_text().replace("mnist_", "digits_"))  # a name tells nothing
    network = report(alone)["network"]
    assert network["layers"][1]["tops"][0]["shape"] is None
    assert not network["all_shapes_known"]
    assert "--input-shape data=100,CHANNELS,HEIGHT,WIDTH" in network["notes"][0]
    weights = lenet_weights(tmp_path / "a.caffemodel", lenet / "deploy.prototxt")
    network = report(alone, "--weights", weights)["network"]
    assert network["layers"][0]["tops"][0]["shape"] == [100, 1, 28, 28]
    assert "28x28 from the weights of ip1; 25 to 28 would do as well" in network["notes"][0]
    assert network["parameters"] == 431_080


def test_shapes_of_data_come_from_the_layer(repository, report):
    network = report(repository / "prototxt/bvlc_googlenet/train_val.prototxt", "--phase", "train")["network"]
    assert network["phase"] == "TRAIN"
    assert network["layers"][0]["tops"][0]["shape"] == [32, 3, 224, 224]
    assert [layer["tops"][0]["loss_weight"] for layer in network["layers"] if layer["type"] == "SoftmaxWithLoss"] == [
        pytest.approx(0.3), pytest.approx(0.3), 1.0,
    ]  # fmt: skip


def test_shapes_can_be_given(lenet, call, report):
    network = report(lenet / "train_val.prototxt", "--input-shape", "data=2,1,28,28")["network"]
    assert network["layers"][0]["tops"][0]["shape"] == [2, 1, 28, 28]
    network = report(lenet / "deploy.prototxt", "--input-shape", "data=1x1x32x36")["network"]
    assert network["layers"][1]["tops"][0]["shape"] == [1, 20, 28, 32]
    result = call("inspect", lenet / "deploy.prototxt", "--input-shape", "dat=1,1,32,32", code=1)
    assert result.stderr == "Error: there is no blob 'dat'; did you mean 'data'?\n"
    assert call("inspect", lenet / "deploy.prototxt", "--input-shape", "data=1,1,x", code=2).stdout == ""


def test_a_network_that_needs_a_stage_is_shown_with_it(repository, report):
    network = report(repository / "prototxt/mnist_autoencoder/train_val.prototxt")["network"]
    assert network["parameters"] == 2_837_314
    assert "stage 'test-on-train'" in network["notes"][0]


# -- files that are not as they should be --------------------------------------------------------------------------


def test_old_and_unknown_things_are_named_with_their_lines(tmp_path, call, report):
    path = tmp_path / "odd.prototxt"
    path.write_text(
        "input: 'data' input_dim: 1 input_dim: 3 input_dim: 12 input_dim: 12\n"
        "layers { name: 'conv1' type: CONVOLUTION bottom: 'data' top: 'conv1'\n"
        "  convolution_param { num_output: 4 kernal_size: 3 kernel_size: 3 } }\n"
    )
    whole = report(path)
    assert whole["format"]["generation"] == "V1"
    assert len(whole["format"]["upgrades"]) == 2
    (field,) = whole["format"]["unknown_fields"]
    assert (field["name"], field["line"], field["near"][0]) == ("kernal_size", 3, "kernel_size")
    text = call("inspect", path).stdout
    assert "line 3, column 37: ConvolutionParameter has no field 'kernal_size'" in text
    assert "prototxt in V1" in text
    assert whole["format"]["upgrades"][0] in text


def test_unknown_types_do_not_stop_it(tmp_path, call, report):
    path = tmp_path / "odd.prototxt"
    path.write_text(
        "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }\n"
        "layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv'\n"
        "        convolution_param { num_output: 4 kernel_size: 3 } }\n"
        "layer { name: 'norm' type: 'LRNN' bottom: 'conv' top: 'norm' }\n"
        "layer { name: 'ip' type: 'InnerProduct' bottom: 'norm' top: 'ip' inner_product_param { num_output: 2 } }\n"
    )
    network = report(path)["network"]
    (unknown,) = network["unknown_types"]
    assert (unknown["layer"], unknown["type"], unknown["line"]) == ("norm", "LRNN", 4)
    assert "LRN" in unknown["near"]
    assert network["parameters"] == 112
    assert "parameters     at least 112" in call("inspect", path).stdout
    network = report(path, "--input-shape", "norm=1,4,7,7")["network"]
    assert network["parameters"] == 112 + 4 * 49 * 2 + 2
    assert network["layers"][3]["receptive_fields"][0]["assumed"] == ["norm"]


def head(number, turn):
    return (
        f"layer {{ name: 'loc{number}' type: 'Convolution' bottom: 'data' top: 'loc{number}'\n"
        "  convolution_param { num_output: 8 kernel_size: 3 pad: 1 } }\n"
        f"layer {{ name: 'turn{number}' type: '{turn}' bottom: 'loc{number}' top: 'turn{number}' turn_param {{ }} }}\n"
    )


def test_what_is_not_known_is_said_once_for_each_type(tmp_path, call):
    path = tmp_path / "heads.prototxt"
    path.write_text(
        "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }\n"
        + "".join(head(number, "Turn") for number in range(12))
    )
    text = call("inspect", path).stdout
    (kind,) = [line for line in text.splitlines() if "'Turn'" in line]
    assert kind.strip() == "- 'Turn', 12 layers (lines 4, 7, 10, 13, 16, 19, 22, 25 and 4 more)"
    (field,) = [line for line in text.splitlines() if "turn_param" in line]
    assert "lines 4, 7, 10, 13, 16, 19, 22, 25 and 4 more: LayerParameter has no field 'turn_param'" in field
    assert "did you mean" not in text


def test_settings_of_forks_are_named_as_such(tmp_path, call, report):
    path = tmp_path / "permuted.prototxt"
    path.write_text(
        "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 3 dim: 5 dim: 7 } } }\n"
        "layer { name: 'turn' type: 'Permute' bottom: 'data' top: 'turn'\n"
        "  permute_param { order: 0 order: 2 order: 3 order: 1 } }\n"
    )
    network = report(path)["network"]
    assert network["layers"][1]["tops"][0]["shape"] == [1, 5, 7, 3]
    assert network["unknown_types"] == []
    text = call("inspect", path).stdout
    assert "Settings of forks of Caffe" in text and "line 3, column 3: permute_param in LayerParameter" in text


def test_shapes_go_on_past_a_layer_that_works_in_place(tmp_path, report):
    path = tmp_path / "odd.prototxt"
    path.write_text(
        "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 3 dim: 9 dim: 7 } } }\n"
        "layer { name: 'odd' type: 'Odd' bottom: 'data' top: 'data' }\n"
        "layer { name: 'other' type: 'Odd' bottom: 'data' top: 'other' }\n"
        "layer { name: 'next' type: 'ReLU' bottom: 'other' top: 'next' }\n"
        "layer { name: 'ip' type: 'InnerProduct' bottom: 'data' top: 'ip' inner_product_param { num_output: 2 } }\n"
    )
    network = report(path)["network"]
    shapes = {layer["name"]: layer["tops"][0]["shape"] for layer in network["layers"]}
    assert shapes == {"data": [1, 3, 9, 7], "odd": [1, 3, 9, 7], "other": None, "next": None, "ip": [1, 2]}
    given = report(path, "--input-shape", "next=1,5,6,7")["network"]
    assert given["layers"][3]["tops"][0]["shape"] == [1, 5, 6, 7]


@pytest.mark.parametrize(
    ("layer", "tops"),
    [
        (
            "type: 'AnnotatedData' top: 'd' top: 'l' data_param { batch_size: 4 }\n"
            "transform_param { mean_value: 104 mean_value: 117 mean_value: 123 resize_param { height: 30 width: 40 } }",
            [[4, 3, 30, 40], [1, 1, 1, 8]],
        ),
        (
            "type: 'DenseImageData' top: 'd' top: 'l' dense_image_data_param { batch_size: 2 new_height: 36 "
            "new_width: 48 }",
            [[2, 3, 36, 48], [2, 1, 36, 48]],
        ),
        (
            "type: 'ImageSegData' top: 'd' top: 'l' top: 's' image_data_param { batch_size: 5 label_type: PIXEL }\n"
            "transform_param { crop_size: 21 force_gray: true }",
            [[5, 1, 21, 21], [5, 1, 21, 21], [5, 1, 1, 2]],
        ),
        ("type: 'BoxData' top: 'd' box_param { batch_size: 6 nested { crop_size : 17 } }", [[6, 3, 17, 17]]),
    ],
)
def test_data_layers_of_forks_say_their_shapes(tmp_path, report, layer, tops):
    path = tmp_path / "data.prototxt"
    path.write_text(f"layer {{ name: 'data' {layer} }}\n")
    network = report(path)["network"]
    assert [top["shape"] for top in network["layers"][0]["tops"]] == tops


def test_a_shape_given_for_a_data_layer_of_a_fork_counts(tmp_path, report):
    path = tmp_path / "data.prototxt"
    path.write_text("layer { name: 'data' type: 'BoxData' top: 'd' box_param { batch_size: 6 crop_size: 17 } }\n")
    network = report(path, "--input-shape", "d=4,1,9,8")["network"]
    assert network["layers"][0]["tops"][0]["shape"] == [4, 1, 9, 8]


def test_weights_of_a_layer_without_a_shape_are_not_compared(tmp_path, call, report):
    path, weights = tmp_path / "odd.prototxt", tmp_path / "odd.caffemodel"
    text = (
        "layer { name: 'data' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 3 dim: 9 dim: 7 } } }\n"
        "layer { name: 'odd' type: 'Odd' bottom: 'data' top: 'odd' }\n"
        "layer { name: 'ip' type: 'InnerProduct' bottom: 'odd' top: 'ip' inner_product_param { num_output: 2 } }\n"
    )
    path.write_text(text)
    arrays = [[], [], [np.zeros((2, 5), np.float32), np.zeros(2, np.float32)]]
    write_caffemodel(weights, network_from_text(text).message, arrays)
    (fit,) = report(path, "--weights", weights)["fits"]
    assert [(layer["name"], layer["status"]) for layer in fit["layers"]] == [("ip", "not compared")]
    text = call("inspect", path, "--weights", weights).stdout
    assert "missing" not in text and "cannot be compared: no layer with parameters has a known shape" in text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.prototxt", None, "there is no such file"),
        ("text.md", b"Just words, of no kind.\n", "is none of the files that Caffe knows"),
        ("broken.prototxt", b"layer { name: 'a' type: 'ReLU' bottom: 'b' top: 'a' }", "reads blob 'b'"),
        ("broken2.prototxt", b"layer { name: 'a'", ":1:18: "),
        ("page.caffemodel", b"<!DOCTYPE html><html></html>", "HTML"),
    ],
)
def test_errors_are_one_line(tmp_path, call, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    result = call("inspect", path, code=1)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"Error: {path}")
    assert message in line


def test_layer_types(call):
    caffe, forks = call("inspect", "--layer-types").stdout.split("\nof forks:\n")
    assert len(caffe.split()) == 61
    assert {"Convolution", "WindowData", "Swish"} <= set(caffe.split())
    assert "Permute" in forks.split()


# -- weights -------------------------------------------------------------------------------------------------------


def test_weights_that_fit(lenet, tmp_path, call, report):
    weights = lenet_weights(tmp_path / "a.caffemodel", lenet / "deploy.prototxt")
    whole = report(lenet / "deploy.prototxt", "-w", weights)
    (fit,) = whole["fits"]
    assert fit["fits"]
    assert [layer["status"] for layer in fit["layers"]] == ["matches"] * 4
    text = call("inspect", lenet / "deploy.prototxt", "-w", weights).stdout
    assert f"Weights {weights} fit: all 4 layers with parameters match" in text


def test_weights_that_do_not_fit_and_why(lenet, tmp_path, report, call):
    def change(arrays, message):
        arrays["conv2"][0] = np.zeros((50, 10, 5, 5), np.float32)
        arrays["ip1"].pop()
        message.layer[7].name = "ip3"
        arrays["ip3"] = arrays.pop("ip2")

    weights = lenet_weights(tmp_path / "a.caffemodel", lenet / "deploy.prototxt", change)
    (fit,) = report(lenet / "deploy.prototxt", "-w", weights)["fits"]
    assert not fit["fits"]
    assert [(layer["name"], layer["status"], layer["reason"]) for layer in fit["layers"]] == [
        ("conv1", "matches", ""),
        ("conv2", "differs", "parameter 0 is 50x10x5x5 in the file, 50x20x5x5 in the network"),
        ("ip1", "differs", "the file has 1 parameter, the network 2 parameters"),
        ("ip2", "missing", "the file has no layer of this name"),
        ("ip3", "ignored", "the network has no layer of this name; is 'ip2' meant?"),
    ]
    text = call("inspect", lenet / "deploy.prototxt", "-w", weights).stdout
    assert "do not fit, and Caffe refuses them: 2 layers of other shape" in text


def test_statistics_of_parameters(lenet, tmp_path, report, call):
    def change(arrays, message):
        arrays["conv1"][0][...] = 0
        arrays["conv1"][0][:, 0, 0, 0] = np.arange(1, 21)
        arrays["ip2"][1][:3] = [np.nan, np.inf, -np.inf]

    weights = lenet_weights(tmp_path / "a.caffemodel", lenet / "deploy.prototxt", change)
    whole = report(weights)
    assert (whole["kind"], whole["network"]["parameters"]) == ("weights", 431_080)
    layers = {layer["name"]: layer["parameters"] for layer in whole["weights"][0]["layers"]}
    values = np.zeros(500)
    values[:20] = np.arange(1, 21)
    statistics = layers["conv1"][0]["statistics"]
    assert statistics["mean"] == pytest.approx(values.mean())
    assert statistics["std"] == pytest.approx(values.std())
    assert (statistics["minimum"], statistics["maximum"], statistics["n_zero"]) == (0, 20, 480)
    bias = layers["ip2"][1]["statistics"]
    assert (bias["count"], bias["n_nan"], bias["n_infinite"]) == (10, 1, 2)
    assert bias["maximum"] == 1.0
    text = call("inspect", weights).stdout
    assert row_of(text, "conv1[0]") == ["conv1[0]", "20x1x5x5", "0.42", "2.36", "0", "20", "96%"]
    assert row_of(text, "ip2[1]")[-2:] == ["10%", "20%"]


# -- the rest ------------------------------------------------------------------------------------------------------


def test_solver(lenet, call, report, monkeypatch, repository):
    monkeypatch.chdir(repository)
    solver = report(lenet / "solver.prototxt")["solver"]
    assert solver["type"] == "SGD"
    assert solver["learning_rate"] == "0.01 / (1 + 0.0001 * iteration) ** 0.75"
    assert solver["nets"] == [{"file": "prototxt/lenet/train_val.prototxt", "found": True}]
    assert solver["settings"]["weight_decay"] == 0.0005
    assert solver["defaults"]["iter_size"] == 1
    assert row_of(call("inspect", lenet / "solver.prototxt").stdout, "momentum") == ["momentum", "0.9"]


def test_weights_belong_to_networks(lenet, call):
    result = call("inspect", lenet / "solver.prototxt", "-w", "a.caffemodel", code=1)
    assert "is not a network, with which weights could be compared, but a solver" in result.stderr


def test_solver_state(tmp_path, call, report):
    history = tuple(ParamArray(shape, np.ones(shape, np.float32)) for shape in [(4, 2), (4,)])
    path = tmp_path / "a.solverstate"
    write_solverstate(path, SolverState(700, 2, "a.caffemodel", history))
    state = report(path)["solverstate"]
    assert (state["iteration"], state["current_step"], state["learned_net"]) == (700, 2, "a.caffemodel")
    assert state["learned_net_found"] is None
    assert [array["shape"] for array in state["history"]] == [[4, 2], [4]]
    text = call("inspect", path).stdout
    assert row_of(text, "iteration") == ["iteration", "700"]
    assert "a.caffemodel (not found)" in text


def test_mean(tmp_path, call, report):
    path = tmp_path / "mean.binaryproto"
    write_mean(path, np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4))
    mean = report(path)["mean"]
    assert mean["shape"] == [2, 3, 4]
    assert [channel["mean"] for channel in mean["channels"]] == [5.5, 17.5]
    assert "mean image 2x3x4" in call("inspect", path).stdout


@pytest.mark.parametrize("ending", ["caffemodel", "caffemodel.h5", "solverstate", "solverstate.h5", "binaryproto"])
def test_real_snapshots(zoo_dir, report, ending):
    paths = [path for path in sorted(zoo_dir.rglob(f"*.{ending}"))]
    assert paths
    n_parameters = {"lenet": 431_080, "cifar10_quick": 145_578, "cifar10_full": 89_578}
    for path in paths:
        whole = report(path)
        assert whole["kind"] == {"caffemodel": "weights", "solverstate": "solverstate"}.get(
            ending.split(".")[0], "mean"
        )
        if whole["kind"] == "weights":
            name = path.name.split("_iter")[0].replace("_rmsprop", "")
            assert whole["weights"][0]["n_parameters"] == n_parameters[name]
            if "network" in whole:
                assert whole["fits"][0]["fits"]
                assert whole["network"]["all_shapes_known"]
