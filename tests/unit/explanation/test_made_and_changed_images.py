"""Images that are made for neurons, and neurons that keep their responses when images lose colour or shape."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe import api, pycaffe
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.features.explain.colour_shape import (
    kept_shares,
    with_colours_turned,
    with_parts_shuffled,
    without_colour,
)

SCALE = 0.00390625


@pytest.fixture(scope="module")
def lenet(repository):
    return str(repository / "prototxt" / "lenet" / "deploy.prototxt")


def call(*words):
    return CliRunner().invoke(group, [str(word) for word in words])


def weights_of(model, folder):
    """A net with weights of its fillers, and these in a file."""
    net = pycaffe.Net(model, pycaffe.TEST)
    net.save(str(folder / "net.caffemodel"))
    return net, folder / "net.caffemodel"


def test_the_image_for_a_linear_neuron_is_its_filter(lenet, tmp_path):
    plain = {"decay": 0.0, "blur": 0.0, "jitter": 0, "scale": SCALE}
    net, weights = weights_of(lenet, tmp_path)
    found = api.maximize(lenet, weights, "conv1", neurons=[2, 17], n_steps=80, **plain).found[0]
    filters = net.params["conv1"][0].data
    for neuron, picture, response in zip(found.neurons, found.pictures, found.activations):
        own = filters[neuron, 0]
        is_clear = np.abs(own) > 0.2 * np.abs(own).max()
        assert picture.shape == (5, 5, 3)
        np.testing.assert_array_equal(picture[is_clear, 0] == 255, own[is_clear] > 0)
        # White where the weight is above 0, black elsewhere: no image gives more.
        assert response == pytest.approx(255 * SCALE * own[own > 0].sum(), rel=0.02)
    assert (found.start < found.activations).all()


def test_images_do_not_depend_on_those_beside_them(lenet):
    options = {"n_steps": 4, "clip": 0.2, "scale": SCALE}
    both = api.maximize(lenet, None, "ip2", neurons=[3, 8], batch=2, **options).found[0]
    one = api.maximize(lenet, None, "ip2", neurons=[8], **options).found[0]
    assert (np.abs(both.pictures[1].astype(int) - one.pictures[0]) <= 1).all()
    other = api.maximize(lenet, None, "ip2", neurons=[8], start_seed=1, **options).found[0]
    assert (other.pictures[0] != one.pictures[0]).any()


def test_the_commands_write_what_the_api_gives(lenet, tmp_path):
    model = ["--model", lenet, "--random-weights", "--scale", SCALE]
    result = call("maximize", *model, "--layer", "relu1", "--neurons", "1,499", "--steps", 5, "--json",
                  "--out", tmp_path / "made.svg")  # fmt: skip
    assert result.exit_code == 0, result.output
    rows = json.loads(result.output.splitlines()[-1])
    assert [row["neuron"] for row in rows] == [1, 499] and all(row["image"] > row["noise"] for row in rows)
    assert "in 5 steps uphill" in (tmp_path / "made.svg").read_text()
    result = call("colour-shape", "digits:test", *model, "--layer", "conv2", "--csv", tmp_path / "kept.csv",
                  "--out", tmp_path / "kept.svg")  # fmt: skip
    assert result.exit_code == 0 and "parts shuffled: neurons keep" in result.output
    assert len(list(csv.DictReader((tmp_path / "kept.csv").read_text().splitlines()))) == 50
    assert "without colour" not in (tmp_path / "kept.svg").read_text()  # digits have none


def test_bad_input_gives_one_clear_error(lenet):
    model = ["--model", lenet, "--random-weights", "--scale", SCALE]
    for words, code, said in (
        (["maximize", *model, "--layer", "conv9"], 1, "conv9"),
        (["maximize", *model, "--layer", "conv1", "--neurons", "20"], 1, "conv1 has the neurons 0 to 19, not 20"),
        (["maximize", *model, "--layer", "conv1", "--neurons", "x"], 2, "'x' is not a number"),
        (["maximize", *model, "--layer", "conv1", "--steps", 0], 1, "n_steps is 0; it can be 1 to"),
        (["colour-shape", "digits:test", *model, "--layer", "conv1", "--parts", 29], 1, "it can be 2 to 28"),
        (["colour-shape", "digits:test", *model, "--layer", "conv9"], 1, "conv9"),
    ):
        result = call(*words)
        assert result.exit_code == code and said in result.output, result.output


def test_changed_images():
    images = np.arange(2 * 3 * 7 * 9, dtype=np.float32).reshape(2, 3, 7, 9)
    grey = without_colour(images, "RGB")
    assert grey[1, 2, 3, 4] == pytest.approx(0.299 * images[1, 0, 3, 4] + 0.587 * images[1, 1, 3, 4]
                                             + 0.114 * images[1, 2, 3, 4])  # fmt: skip
    assert without_colour(images[:, ::-1], "BGR")[0, 0, 1, 1] == pytest.approx(grey[0, 0, 1, 1])
    red = np.zeros((1, 3, 1, 1))
    red[0, 0] = 9
    assert with_colours_turned(red).ravel().tolist() == [0, 9, 0]
    assert with_colours_turned(red[:, ::-1], "BGR").ravel().tolist() == [0, 9, 0]
    shuffled = with_parts_shuffled(images, 3, seed=5)
    parts = {tuple(images[0, :, 2 * i : 2 * i + 2, 3 * j : 3 * j + 3].ravel()) for i in range(3) for j in range(3)}
    found = {tuple(shuffled[0, :, 2 * i : 2 * i + 2, 3 * j : 3 * j + 3].ravel()) for i in range(3) for j in range(3)}
    assert found == parts and (shuffled[:, :, 6] == images[:, :, 6]).all() and (shuffled != images).any()


def test_what_neurons_keep():
    whole = np.array([[4.0, 0.0], [2.0, 0.0], [1.0, -1.0]])
    grey = np.array([[1.0, 5.0], [2.0, 5.0], [9.0, 5.0]])
    kept = kept_shares(np.stack([whole, grey, -whole]), 2)
    np.testing.assert_allclose(kept, [[0.5, np.nan], [0, np.nan]])


def test_a_net_of_colours_beside_a_plain_loop(repository, tmp_path):
    random = np.random.default_rng(2)
    images = random.integers(0, 256, (5, 3, 32, 32)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", images=images, labels=np.arange(5))
    deploy = str(repository / "prototxt" / "cifar10_quick" / "deploy.prototxt")
    net, weights = weights_of(deploy, tmp_path)
    found = api.colour_shape(
        deploy, weights, str(tmp_path / "images.npz"), "conv1", n_strongest=3, scale=0.01, channel_order="RGB"
    ).found[0]
    assert found.changes == ("without colour", "colours turned", "parts shuffled")
    peaks = np.empty((2, 5, 32))
    for number, image in enumerate(images.astype(np.float64)):
        luma = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
        for place, one in enumerate((image, np.stack([luma] * 3))):
            net.blobs["data"].data[...] = one * 0.01
            net.forward(end="conv1")
            peaks[place, number] = net.blobs["conv1"].data.reshape(32, -1).max(1)
    for neuron in range(32):
        best = np.argsort(-peaks[0, :, neuron])[:3]
        expected = peaks[1, best, neuron].mean() / peaks[0, best, neuron].mean()
        assert found.kept[0, neuron] == pytest.approx(expected, rel=1e-3)
