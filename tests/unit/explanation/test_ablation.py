"""Variants that are trained: what is written, what goes on, and what is not done twice."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe import api
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.datasets.databases import write_image_set
from cnnvis_caffe.datasets.opening import open_source
from cnnvis_caffe.errors import Cancelled, CnnvisError
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.records.image_set import ImageSet

NETWORK = """
name: "tiny"
layer { name: "digits" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { scale: 0.01 } data_param { source: "train_lmdb" batch_size: 6 backend: LMDB } }
layer { name: "digits" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { scale: 0.01 } data_param { source: "test_lmdb" batch_size: 10 backend: LMDB } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "fc1" type: "InnerProduct" bottom: "conv" top: "fc1"
  inner_product_param { num_output: 7 weight_filler { type: "xavier" } } }
layer { name: "fc2" type: "InnerProduct" bottom: "fc1" top: "fc2"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "right" type: "Accuracy" bottom: "fc2" bottom: "label" top: "right" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" top: "loss" }
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A solver with a small network and databases: bright images of class 2, dark ones of class 0."""
    folder = tmp_path_factory.mktemp("ablation")
    random = np.random.default_rng(5)
    for split, n in (("train", 30), ("test", 20)):
        labels = np.arange(n) % 3
        images = random.integers(0, 60, (n, 1, 7, 6)) + 90 * labels[:, None, None, None]
        part = ImageSet("shades", split, images.astype(np.uint8), labels, ("a", "b", "c"), "grey")
        write_image_set(part, folder / f"{split}_lmdb", digits=3)
    (folder / "net.prototxt").write_text(NETWORK)
    (folder / "solver.prototxt").write_text(
        'net: "net.prototxt" test_iter: 2 test_interval: 1000 test_initialization: false base_lr: 0.003 momentum: 0.9 '
        'lr_policy: "fixed" max_iter: 900 snapshot: 100 snapshot_prefix: "net" random_seed: 3 display: 4\n'
    )
    return folder


@pytest.fixture(scope="module")
def trained(place):
    """What the command writes for two variants."""
    words = ["ablate", "--solver", place / "solver.prototxt", "--folder", place / "variants", "--without", "fc1",
             "--iterations", 8, "--out", place / "errors.svg", "--csv", place / "errors.csv", "--json"]  # fmt: skip
    result = CliRunner().invoke(group, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return json.loads(result.output.splitlines()[-1])


class Counting:
    """Progress that counts iterations and may stop them."""

    def __init__(self, stop_at=-1):
        self.n, self.stop_at = 0, stop_at

    def start(self, total, what):
        pass

    def step(self, n=1):
        self.n += n
        if self.n == self.stop_at:
            raise Cancelled("interrupted")

    def done(self):
        pass


def run(place, folder, *variants, **options):
    found = api.ablate(place / "solver.prototxt", variants, place / folder, iterations=8, **options)
    return found.found[0].rows


def share_of_right(place, folder, split, n):
    """Accuracy of the deploy network on the first images of a database, counted by hand."""
    net = api.load_net(f"{folder}/deploy.prototxt", f"{folder}/net_iter_8.caffemodel")
    source = open_source(str(place / f"{split}_lmdb"))
    net.blobs["data"].reshape(n, 1, 7, 6)
    net.blobs["data"].data[...] = source.pixels(np.arange(n)) * np.float32(0.01)
    return float((net.forward()["prob"].argmax(1) == source.labels[:n]).mean())


def test_variants_are_trained_and_compared(place, trained):
    assert [row["variant"] for row in trained] == ["original", "without fc1"]
    # 4 maps of 3x3; 4x5x4 values go into 7 units, or into the 3 classes.
    assert [row["parameters"] for row in trained] == [40 + 7 * 81 + 3 * 8, 40 + 3 * 81]
    for row in trained:
        assert row["iterations"] == 8 and row["diverged"] is None
        assert row["test"]["right"] == pytest.approx(share_of_right(place, row["folder"], "test", 20))
        assert row["train"]["right"] == pytest.approx(share_of_right(place, row["folder"], "train", 20))
    rows = list(csv.DictReader((place / "errors.csv").read_text().splitlines()))
    assert len(rows) == 2 * 2 * 2 and {row["images"] for row in rows} == {"train", "test"}
    assert "without fc1" in (place / "errors.svg").read_text()
    made = read_network(place / "variants" / "without-fc1" / "deploy.prototxt").message
    assert [layer.name for layer in made.layer][:3] == ["data", "conv", "relu"]
    assert [list(layer.bottom) for layer in made.layer if layer.name == "fc2"] == [["conv"]]


def test_what_is_there_is_not_trained_again(place, trained):
    counting = Counting()
    rows = run(place, "variants", "original", "without fc1", progress=counting)
    assert counting.n == 0 and [dict(row.test) for row in rows] == [row["test"] for row in trained]


def test_a_training_that_was_stopped_ends_the_same(place, trained):
    with pytest.raises(Cancelled):
        run(place, "stopped", "without fc1", progress=Counting(stop_at=5))
    counting = Counting()
    (row,) = run(place, "stopped", "without fc1", progress=counting)
    assert counting.n == 3 and dict(row.test) == trained[1]["test"] and dict(row.train) == trained[1]["train"]


def test_weights_are_kept_where_they_fit(place, trained):
    weights = place / "variants" / "original" / "net_iter_8.caffemodel"
    found = api.ablate(place / "solver.prototxt", ["width fc1=5"], place / "kept", iterations=1, keep_weights=weights)
    (row,) = found.found[0].rows
    assert row.kept == ("conv",)
    before, after = (
        next(layer for layer in read_weights(str(path)).layers if layer.name == "conv").blobs[0].data
        for path in (weights, place / "kept" / "width-fc1=5" / "net_iter_1.caffemodel")
    )
    assert 0 < np.abs(np.asarray(before) - np.asarray(after)).max() < 0.2
    assert found._repr_svg_().startswith("<svg")


def test_bad_input_gives_one_clear_error(place, trained):
    with pytest.raises(CnnvisError, match="holds a training with another network, solver, seed"):
        run(place, "variants", "without fc1", seed=4)
    words = ["ablate", "--solver", place / "solver.prototxt", "--folder", place / "no"]
    for more, code, said in (
        ([], 2, "say what is changed"),
        (["--variant", "conv"], 2, "says no change"),
        (["--without", "conv9"], 1, "no layer 'conv9'"),
        (["--without", "fc2"], 1, "the layer that gives the scores must stay as it is"),
    ):
        result = CliRunner().invoke(group, [str(word) for word in [*words, *more]])
        assert result.exit_code == code and said in result.output
    assert not (place / "no").exists()
