"""`explain`, `occlude` and `invariance` on a LeNet without training: what they write, and say of bad input."""

from __future__ import annotations

import csv
import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe import api
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.scene.shapes import Bitmap


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an image of a digit, and with one that is damaged."""
    folder = tmp_path_factory.mktemp("explain")
    image = np.zeros((40, 44), np.uint8)
    cv2.putText(image, "3", (8, 34), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 255, 4)
    cv2.imwrite(str(folder / "three.png"), image)
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno image")
    return folder


@pytest.fixture(scope="module")
def model(repository):
    deploy = repository / "prototxt" / "lenet" / "deploy.prototxt"
    return ["--model", str(deploy), "--random-weights", "--scale", "0.00390625"]


def call(*words):
    result = CliRunner().invoke(group, [str(word) for word in words])
    return result.exit_code, result.output


def rows_of(table):
    """The rows of a CSV file as dicts."""
    return list(csv.DictReader(table.read_text("utf-8").splitlines()))


def error_of(*words):
    """The one line that a command says of bad input."""
    code, output = call(*words)
    assert code == 1, output
    lines = [line for line in output.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, output
    return lines[0]


def test_explain_writes_a_picture_and_numbers(place, model):
    out, table = place / "explained.svg", place / "explained.csv"
    code, output = call("explain", place / "three.png", *model, "--out", out, "--csv", table, "--json")
    assert code == 0, output
    (found,) = json.loads(output.splitlines()[-1])
    assert [one["method"] for one in found["methods"]] == ["gradient", "deconvnet", "guided", "grad-cam", "integrated"]
    assert found["best"][0]["class"] == found["methods"][0]["neuron"] and len(found["best"]) == 5
    rows = rows_of(table)
    assert len(rows) == 5 * 28 * 28 and {row["method"] for row in rows} == {one["method"] for one in found["methods"]}
    sums = {one["method"]: one["sum"] for one in found["methods"]}
    total = sum(float(row["value"]) for row in rows if row["method"] == "integrated")
    assert total == pytest.approx(sums["integrated"], rel=1e-3, abs=1e-3)
    text = out.read_text()
    assert "integrated gradients" in text and "<svg" in text


def test_a_neuron_at_a_position(place, model):
    code, output = call(
        "explain", "digits:test", "--at", 2, "--at", 5, *model, "--neuron", "conv2:3", "--position", "2,1",
        "--method", "deconvnet", "--json",
    )  # fmt: skip
    assert code == 0, output
    found = json.loads(output.splitlines()[-1])
    assert [one["image"] for one in found] == ["digits:test[2]", "digits:test[5]"]
    assert all(one["methods"][0]["position"] == [2, 1] and one["methods"][0]["layer"] == "conv2" for one in found)


def test_occlude_maps_every_place(place, model):
    out, table = place / "hidden.html", place / "hidden.csv"
    code, output = call(
        "occlude", place / "three.png", *model, "--size", 12, "--stride", 8, "--class", 3, "--fill", "black",
        "--out", out, "--csv", table, "--json",
    )  # fmt: skip
    assert code == 0, output
    (found,) = json.loads(output.splitlines()[-1])
    assert np.array(found["boxes"]).shape == (3, 3, 4) and found["boxes"][2][1] == [16, 8, 28, 20]
    assert found["class"] == 3 and len(rows_of(table)) == 9
    assert len({f"{value:.5f}" for row in found["probability"] for value in row}) > 3
    assert "most probable class" in out.read_text()


def test_invariance_writes_curves(place, model):
    out, table = place / "moved.svg", place / "moved.csv"
    code, output = call(
        "invariance", "digits:test", *[word for n in range(3) for word in ("--at", n)], *model,
        "--transformation", "translation", "--amounts", "-2,0,2", "--out", out, "--csv", table, "--json",
    )  # fmt: skip
    assert code == 0, output
    (found,) = json.loads(output.splitlines()[-1])
    assert found["amounts"] == [-2, 0, 2] and len(found["distance"]) == 3
    for rows in found["distance"].values():
        assert rows[1] == [0, 0, 0] and min(rows[0]) > 0
    assert len(rows_of(table)) == 9
    assert "Probability of the true class" in out.read_text()


def test_the_api_shows_the_same(place, model):
    scale = 0.00390625
    found = api.explain(model[1], None, place / "three.png", methods=["guided"], theme="dark", scale=scale)
    assert found._repr_svg_().startswith("<svg") and found.found[0].explanations[0].method == "guided"
    assert sum(isinstance(shape, Bitmap) for shape in found.scene.shapes) == 2
    hidden = api.occlude(model[1], None, place / "three.png", size=14, stride=14, scale=scale)
    assert hidden.found[0].occlusion.probability.shape == (2, 2)
    moved = api.invariance(
        model[1], None, "digits:test", at=[0, 1], transformations=["scale"], amounts=[1.0, 1.5], scale=scale
    )
    assert moved.found[0].probability.shape == (2, 2) and len(moved.scene.shapes) > 10
    with pytest.raises(TypeError, match="no option 'limit'"):
        api.occlude(model[1], None, place / "three.png", limit=3)


def test_bad_input_gives_one_clear_error(place, model, tmp_path):
    image = place / "three.png"
    assert "broken.png" in error_of("explain", place / "broken.png", *model)
    assert "gone.png: there is no such data" in error_of("explain", "gone.png", *model)
    assert "conv9" in error_of("explain", image, *model, "--neuron", "conv9:0")
    assert "conv1 has the neurons 0 to 19, not 99" in error_of("explain", image, *model, "--neuron", "conv1:99")
    assert "write LAYER:NUMBER" in error_of("explain", image, *model, "--neuron", "conv1")
    neuron = ["--neuron", "conv1:0"]
    assert "row and column go from 0 to 23 and 0 to 23" in error_of(
        "explain", image, *model, *neuron, "--position", "99,0"
    )
    assert "explain one of them" in error_of("explain", image, *model, *neuron, "--class", 3)
    assert "no class 12; the network has the classes 0 to 9" in error_of("explain", image, *model, "--class", 12)
    assert "has no feature maps" in error_of("explain", image, *model, "--layer", "ip1", "--method", "grad-cam")
    assert "its size can be 1 to 28" in error_of("occlude", image, *model, "--size", 40)
    assert "has the images 0 to 0, not 4" in error_of("explain", image, *model, "--at", 4)
    assert "several transformations" in error_of("invariance", image, *model, "--amounts", "1,2")
    assert "must be above 0" in error_of(
        "invariance", image, *model, "--transformation", "scale", "--amounts", "0,1"
    )
    assert "there is no folder" in error_of("explain", image, *model, "--out", tmp_path / "no" / "x.png")
    assert "pictures are written as" in error_of("explain", image, *model, "--out", tmp_path / "x.txt")
    assert call("explain", image, "--model", model[1])[0] == 2  # neither --weights nor --random-weights


def test_a_network_without_scores(place, tmp_path):
    path = tmp_path / "filters.prototxt"
    path.write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 28 dim: 28 } } }\n'
        'layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"\n'
        '  convolution_param { num_output: 4 kernel_size: 5 weight_filler { type: "gaussian" std: 0.1 } } }\n'
        'layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }\n'
    )
    words = [place / "three.png", "--model", path, "--random-weights", "--scale", 0.0039]
    for command in ("explain", "occlude", "invariance"):
        assert "has no scores of classes; name the layer that gives them (--score)" in error_of(command, *words)
    assert "at many positions" in error_of("occlude", *words, "--score", "relu")
    methods = ["--method", "guided", "--method", "integrated"]
    code, output = call("explain", *words, "--neuron", "relu:2", *methods, "--json")
    assert code == 0, output
    (found,) = json.loads(output.splitlines()[-1])
    assert found["best"] == [] and found["methods"][0]["activation"] > 0
