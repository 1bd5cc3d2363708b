"""The usual ways to prepare images, tried on networks of which it is known what they were made for."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe import api, pipeline, pycaffe
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.findings import find

pytest.importorskip("torch")

H, W, N = 8, 7, 60


def network(channels):
    return f"""layer {{ name: "data" type: "Input" top: "data"
      input_param {{ shape {{ dim: 1 dim: {channels} dim: {H} dim: {W} }} }} }}
    layer {{ name: "fc" type: "InnerProduct" bottom: "data" top: "fc" inner_product_param {{ num_output: 3 }} }}
    layer {{ name: "prob" type: "Softmax" bottom: "fc" top: "prob" }}
    """


@pytest.fixture
def templates(tmp_path, monkeypatch):
    """Images of three classes: a template each, and noise. Folders sorted/a, b, c, and all of them in photos."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(8)
    found = rng.integers(90, 150, (3, H, W, 3)) + np.array([-35, 0, 35])[:, None, None, None]
    for index in range(N):
        image = np.clip(found[index % 3] + rng.integers(-40, 41, (H, W, 3)), 0, 255).astype(np.uint8)
        for folder in (Path("sorted", "abc"[index % 3]), Path("photos")):
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{index}.png"), image)
    return found  # BGR


def make(templates, scale, order):
    """The best linear classifier by nearest template, of images minus 127.5 times a scale, in some order."""
    Path("net.prototxt").write_text(network(3))
    net = pycaffe.Net("net.prototxt", pycaffe.TEST)
    rows = (templates[..., ::order].transpose(0, 3, 1, 2).reshape(3, -1) - 127.5) * scale
    sharpness = 2e-5 / scale**2
    net.params["fc"][0].data[...] = sharpness * rows
    net.params["fc"][1].data[...] = -0.5 * sharpness * (rows**2).sum(1)
    net.save("net.caffemodel")
    return "net.prototxt", "net.caffemodel"


def test_labels_show_what_is_wrong(templates):
    model = make(templates, 0.0078125, -1)
    trial = api.predict(*model, "sorted").predictions.trial
    assert trial.has_labels and trial.n_images == N
    assert trial.current.options == () and trial.current.error > 0.5
    assert trial.best.options == ("--scale 0.0078125", "--mean 127.5,127.5,127.5", "--channel-order RGB") or (
        trial.best.options == ("--scale 0.0078125", "--mean 127.5", "--channel-order RGB")
    )
    assert trial.suspects == ("scale", "mean", "channel order")
    assert trial.reason.startswith("error 0.0% instead of ")
    right = api.predict(*model, "sorted", scale=0.0078125, mean="127.5", channel_order="RGB").predictions
    assert (right.measures, right.trial) == ({"error": 0.0}, None), "nothing is tried where the user says it"


def test_the_command_that_is_proposed_runs(templates):
    model = make(templates, 0.0078125, 1)
    result = CliRunner().invoke(group, ["predict", *model, "sorted"])
    command = result.output.splitlines()[-1].split()
    assert command[:2] == ["cnnvis-caffe", "predict"] and "prepared in the wrong way (scale and mean)" in result.output
    output = CliRunner().invoke(group, [*command[1:], "--json"]).output
    assert json.loads(output)["measures"] == {"error": 0.0}


def test_inputs_that_are_far_too_large_are_seen_without_labels(templates):
    """Every image is certain as it is, whatever is in it."""
    trial = api.predict(*make(templates, 0.0078125, 1), "photos").predictions.trial
    assert not trial.has_labels and np.isnan(trial.current.error)
    assert trial.current.saturated == 1 and "one class with certainty" in trial.reason
    assert json.dumps(trial.to_json(), allow_nan=False)


def test_nothing_is_proposed_where_it_is_right_as_it_is(templates):
    Path("net.prototxt").write_text(network(3))
    net = pycaffe.Net("net.prototxt", pycaffe.TEST)
    rows = templates.transpose(0, 3, 1, 2).reshape(3, -1).astype(float)
    net.params["fc"][0].data[...] = 2e-5 * rows
    net.params["fc"][1].data[...] = -1e-5 * (rows**2).sum(1)
    net.save("net.caffemodel")
    for images in ("sorted", "photos"):
        trial = api.predict("net.prototxt", "net.caffemodel", images).predictions.trial
        assert trial.best is None and trial.reason == "" and len(trial.tried) == 12


def test_an_analysis_warns_too(templates, caplog):
    model, weights = make(templates, 0.0078125, 1)
    with caplog.at_level(logging.WARNING, "cnnvis_caffe"):
        before = pipeline.analyze(model, weights, "sorted", "a.h5")
    assert "probably prepared in the wrong way (scale, mean): error 0.0% instead of" in caplog.text
    assert "try these options: --scale 0.0078125 --mean 127.5" in caplog.text
    assert before.snapshots[0].error > 0.5, "what is proposed is not done"
    assert before.preparation.best.options[0] == "--scale 0.0078125" and before.preparation.n_images == N
    said = next(one for one in find(before) if one.kind == "preparation")
    assert (said.severity, said.places[0].node) == ("severe", "data")
    assert "prepared in the wrong way: scale and mean" in said.title
    assert said.suggestion.startswith("Analyse again with: --scale 0.0078125 --mean 127.5")
    after = pipeline.analyze(model, weights, "sorted", "a.h5", scale=0.0078125, mean="127.5")
    assert after.preparation is None and "preparation" not in {one.kind for one in find(after)}
