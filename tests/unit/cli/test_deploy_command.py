"""`cnnvis-caffe deploy`, and the commands that name it when they get a model without images."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cnnvis_caffe import api
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.caffemodel import write_caffemodel
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.network.deploy import deploy
from cnnvis_caffe.records.weights import ParamArray


@pytest.fixture
def alone(tmp_path, demo_folder):
    """A caffemodel without its prototxt, in a folder of its own."""
    return shutil.copy(demo_folder / "snapshots/lenet_iter_600.caffemodel", tmp_path / "alone.caffemodel")


def test_what_it_writes_and_says(call, alone, tmp_path):
    out = tmp_path / "deploy.prototxt"
    lines = call("deploy", alone, "--out", out).stdout.splitlines()
    assert lines[:4] == [
        f"{out}: network 'LeNet on digits'",
        "input      data 64x1x28x28",
        "output     prob 64x10",
        "put in     data (Input) for digits (Data)",
    ]
    assert (
        f"next       cnnvis-caffe analyze --model {out} --weights {alone} --data FOLDER --scale 0.00390625" in lines[-1]
    )
    assert out.read_text().startswith(
        "# Made from alone.caffemodel by `cnnvis-caffe deploy`; images are prepared by --scale"
    )
    layers = read_network(out, allow_unknown=False).message.layer
    assert (layers[0].type, layers[-1].type) == ("Input", "Softmax")


def test_the_next_command_that_it_names(call, alone, tmp_path, demo_folder):
    out = tmp_path / "deploy.prototxt"
    last = call("deploy", alone, "--out", out).stdout.splitlines()[-1]
    words = last.split("cnnvis-caffe ")[1].split()
    words[words.index("FOLDER")] = "digits:test"
    words[words.index("FILE.cnnvis.h5")] = str(tmp_path / "a.cnnvis.h5")
    # The demo's own figure, which README shows as well: the deploy network scores as the trained one.
    assert "error 7.07%" in call(*words, "--limit", 1000).stdout


def test_options(call, alone, tmp_path):
    out = tmp_path / "deploy.prototxt"
    assert "input      data 5x1x28x28" in call("deploy", alone, "--out", out, "--batch", 5).stdout
    call("deploy", alone, "--out", out, "--input-shape", "data=2,1,27,27")
    assert list(read_network(out).message.layer[0].input_param.shape[0].dim) == [2, 1, 27, 27]


def test_the_file_that_is_read_is_not_written(call, repository, tmp_path):
    path = shutil.copy(repository / "prototxt/lenet/train_val.prototxt", tmp_path)
    before = Path(path).read_bytes()
    assert "is the file that the network is made from" in call("deploy", path, "--out", path, code=1).stderr
    assert Path(path).read_bytes() == before


SIAMESE = "prototxt/mnist_siamese/train_val.prototxt"


def test_a_pair_of_images_lies_behind_each_other(call, repository, tmp_path):
    out = tmp_path / "out" / "deploy.prototxt"
    out.parent.mkdir()
    lines = call("deploy", repository / SIAMESE, "--out", out).stdout.splitlines()
    assert lines[1:4] == ["input      pair_data 100x2x28x28", "output     feat 100x2", "output     feat_p 100x2"]
    assert f"next       cnnvis-caffe predict {out} FILE.caffemodel PAIRS.txt --scale 0.00390625" in lines[-2]
    assert "two images on each line" in lines[-1]


def test_the_next_command_for_pairs_runs(call, repository, tmp_path):
    cv2 = pytest.importorskip("cv2")
    from cnnvis_caffe import pycaffe

    out, weights = tmp_path / "deploy.prototxt", tmp_path / "drawn.caffemodel"
    last = call("deploy", repository / SIAMESE, "--out", out, "--batch", 3).stdout.splitlines()[-2]
    pycaffe.Net(str(out), pycaffe.TEST).save(str(weights))
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((28, 28), ord(name), np.uint8))
    (tmp_path / "pairs.txt").write_text("a.png b.png\nb.png a.png\n")
    names = {"FILE.caffemodel": weights, "PAIRS.txt": tmp_path / "pairs.txt"}
    words = [names.get(word, word) for word in last.split("cnnvis-caffe ")[1].split()]
    assert "feat" in call(*words).stdout


def test_a_shape_that_is_not_known_leaves_no_file(call, repository, tmp_path):
    path = tmp_path / "train_val.prototxt"
    path.write_text((repository / SIAMESE).read_text().replace("mnist_siamese", "pairs"))
    error = call("deploy", path, "--out", tmp_path / "deploy.prototxt", code=1).stderr
    assert "--input-shape pair_data=100,2,HEIGHT,WIDTH" in error
    assert not (tmp_path / "deploy.prototxt").exists()


def test_weights_of_one_branch_tell_the_shape_of_a_pair(repository, tmp_path):
    path = tmp_path / "pairs.prototxt"
    text = (repository / SIAMESE).read_text().replace("mnist_siamese", "pairs")
    path.write_text(text.replace(" slice_point: 1", ""))
    params = {"conv1": (20, 3, 5, 5), "conv2": (50, 20, 5, 5), "ip1": (500, 800)}
    shapes = {name: (weight, weight[:1]) for name, weight in params.items()}
    arrays = [tuple(ParamArray(shape, np.zeros(shape, np.float32)) for shape in both) for both in shapes.values()]
    layers = [schema.LayerParameter(name=name) for name in params]
    write_caffemodel(tmp_path / "w.caffemodel", schema.NetParameter(layer=layers), arrays)
    assert deploy(path, tmp_path / "w.caffemodel").inputs == {"pair_data": (100, 6, 28, 28)}


def test_all_shapes_that_are_not_known_are_asked_for_at_once(call, tmp_path):
    path = tmp_path / "pair.prototxt"
    branch = """
    layer { name: "%s" type: "Input" top: "%s" }
    layer { name: "ip_%s" type: "InnerProduct" bottom: "%s" top: "ip_%s" inner_product_param { num_output: 3 } }
    """
    path.write_text("".join(branch % ((name,) * 5) for name in ("left", "right")))
    error = call("deploy", path, "--out", tmp_path / "deploy.prototxt", code=1).stderr
    assert "give them with --input-shape left=N,C,H,W --input-shape right=N,C,H,W" in error


@pytest.mark.parametrize(
    "command",
    ["analyze --weights {0} --data digits:test --out a.h5 --model", "test --weights {0} --model", "view"],
)
def test_a_caffemodel_for_a_network_names_the_command(call, alone, command):
    error = call(*command.format(alone).split(), alone, code=1).stderr.splitlines()[-1]
    assert f"cnnvis-caffe deploy {alone} --out deploy.prototxt" in error


def test_test_without_its_data_names_the_commands(call, alone, repository):
    model = repository / "prototxt/lenet/train_val.prototxt"
    error = call("test", "--model", model, "--weights", alone, code=1).stderr.splitlines()[-1]
    assert f"cnnvis-caffe deploy {model} --out deploy.prototxt" in error
    assert f"cnnvis-caffe analyze --model deploy.prototxt --weights {alone} --data FOLDER" in error


def test_test_of_a_deploy_network_says_that_it_scores_zeros(call, alone, repository):
    model = repository / "prototxt/lenet/deploy.prototxt"
    log = call("test", "--model", model, "--weights", alone, "--iterations", 1).stderr
    assert (
        f"the scores of zeros; give the train_val prototxt, or images of your own: cnnvis-caffe analyze --model {model}"
        in log
    )


def test_view_of_a_network_without_images(call, repository):
    model = repository / "prototxt/lenet/deploy.prototxt"
    error = call("view", model, code=1).stderr
    assert f"cnnvis-caffe view {model} --weights FILE.caffemodel --data FOLDER" in error


def test_the_same_in_python(alone, tmp_path):
    made = api.deploy(alone, tmp_path / "deploy.prototxt", batch=3)
    assert (made.inputs, made.outputs) == ({"data": (3, 1, 28, 28)}, {"prob": (3, 10)})
    net = api.load_net(tmp_path / "deploy.prototxt", alone)
    assert net.blobs["prob"].data.shape == (3, 10)
