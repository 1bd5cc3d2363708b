"""`cnnvis-caffe render`: options into pictures, and errors in one line."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe.cli.main import group
from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.kinds import ChooseTheme
from cnnvis_caffe.edits.sessions import save_session
from cnnvis_caffe.records.analysis import Curve
from tests.helpers.analyses import make_analysis


@pytest.fixture(scope="module")
def lenet():
    return make_analysis("lenet", top=3, n_snapshots=2)


@pytest.fixture
def render(lenet, monkeypatch, tmp_path):
    """Run the command on a made-up analysis; returns its result and the picture's path."""
    monkeypatch.setattr("cnnvis_caffe.store.read_analysis", lambda path: lenet)

    def run(*options, name="picture.svg"):
        out = tmp_path / name
        return CliRunner().invoke(group, ["render", "lenet.cnnvis.h5", "--out", str(out), *options]), out

    return run


def test_a_picture_and_its_report(render, tmp_path):
    report = tmp_path / "report.json"
    result, out = render("--clusters", "3", "--report", str(report), "--facet", "activations")
    assert result.exit_code == 0, result.output
    assert result.output == ""
    names = [element.get("data-name", "") for element in ET.parse(out).getroot()]
    assert sum(name.startswith("cluster/") for name in names) == 1 + 3 + 3 + 3 + 3
    measures = json.loads(report.read_text())
    assert measures["neurons"] == 1 + 20 + 50 + 500 + 10
    assert measures["crossings"]["drawn"] <= measures["crossings"]["barycentre_rule"]
    assert measures["connections"]["strokes"] > 0
    assert {"read", "aggregate", "lay out", "draw", "paint", "total"} <= set(measures["seconds_of_stages"])
    assert measures["packing"]["overlap"]["most"] < 1e-9


def test_options_reach_the_picture(render):
    result, out = render("--clusters", "3", "--theme", "dark", "--classes", "3,5", "--no-legend", "--select", "conv2:7")
    assert result.exit_code == 0, result.output
    text = out.read_text()
    assert 'fill="#17191D"' in text and "strong for 3, 5" in text
    assert "selection/conv2/7" in text and "own/conv1/" in text
    assert 'data-name="legend' not in text


def test_a_chart_stands_below(render):
    _, plain = render("--clusters", "3", name="plain.svg")
    result, out = render("--clusters", "3", "--chart", "relative_change", "--size", "1600x1090", name="chart.svg")
    assert result.exit_code == 0, result.output
    assert float(ET.parse(out).getroot().get("height")) == float(ET.parse(plain).getroot().get("height")) + 190


def words(path):
    """All that a picture says, one after the other."""
    return " ".join("".join(element.itertext()) for element in ET.parse(path).getroot())


@pytest.mark.parametrize(
    ("quantity", "said"),
    [
        ("loss", ("Loss by iteration", "train loss", "snapshots on")),
        ("error", ("Error by iteration", "test error", "50%")),
        ("learning_rate", ("Learning rate by iteration",)),
    ],
)
def test_the_chart_of_the_training(lenet, monkeypatch, tmp_path, quantity, said):
    steps = np.array([0, 1000, 2000])
    curves = (
        Curve("train loss", "", steps, np.array([2.3, 1.1, 0.4]), "training.log"),
        Curve("test accuracy", "", steps, np.array([0.1, 0.5, 0.9]), "training.log"),
        Curve("learning rate", "", steps, np.array([0.01, 0.009, 0.008]), "training.log"),
    )
    monkeypatch.setattr("cnnvis_caffe.store.read_analysis", lambda path: replace(lenet, curves=curves))
    out = tmp_path / "picture.svg"
    options = ["--clusters", "3", "--chart", quantity, "--size", "1600x1090", "--out", str(out)]
    result = CliRunner().invoke(group, ["render", "lenet.cnnvis.h5", *options])
    assert result.exit_code == 0, result.output
    text = words(out)
    for word in (*said, "curves: training.log"):
        assert word in text


def test_a_chart_without_a_training_log_says_what_to_do(lenet, monkeypatch, tmp_path):
    monkeypatch.setattr("cnnvis_caffe.store.read_analysis", lambda path: replace(lenet, curves=()))
    out = tmp_path / "picture.svg"
    options = ["--clusters", "3", "--chart", "learning_rate", "--out", str(out)]
    assert CliRunner().invoke(group, ["render", "lenet.cnnvis.h5", *options]).exit_code == 0
    assert "No training log in this file: give it to analyze with --log." in words(out)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--classes", "cat"), "there is no class 'cat'"),
        (("--expand", "conv9"), "there is no group of layers 'conv9'; did you mean"),
        (("--snapshot", "iter 7"), "there is no snapshot 'iter 7'"),
        (("--select", "conv1:20"), "conv1 has the neurons 0 to 19, not '20'"),
        (("--select", "3"), "of which layer? write LAYER:NUMBER, such as conv1:3; layers: conv1, pool1"),
        (("--select", "conv7:1"), "there is no layer with neurons 'conv7'"),
        (("--session", "nowhere.json"), "nowhere.json"),
    ],
)
def test_what_is_not_there_is_said(render, options, message):
    result, out = render(*options)
    assert result.exit_code == 1
    assert message in result.output and result.output.count("\n") == 1
    assert not out.exists()


def test_a_session_of_another_analysis_is_drawn_with_a_warning(render, lenet, tmp_path, caplog):
    history = History()
    history.apply(ChooseTheme("dark"))
    session = tmp_path / "dark"
    save_session(session, history, replace(lenet, data=replace(lenet.data, source="mnist:train")))
    result, out = render("--clusters", "3", "--session", str(session))
    assert result.exit_code == 0 and 'fill="#17191D"' in out.read_text()
    assert f"was saved on another analysis than lenet.cnnvis.h5: images: mnist:train, here {lenet.data.source}" in (
        result.output + caplog.text
    )


@pytest.mark.parametrize("options", [("--size", "big"), ("--size", "10x10"), ("--edge-filter", "0"), ("--facet", "x"),
                                     ("--neuron", "conv2:3", "--files-in", ".")])  # fmt: skip
def test_wrong_usage(render, options):
    assert render(*options)[0].exit_code == 2


def test_an_unknown_ending(render):
    result, _ = render(name="picture.bmp")
    assert result.exit_code == 2 and ".png, .svg, .pdf, .html" in result.output


def test_a_folder_that_is_not_there_is_named_before_any_work(render):
    result, _ = render(name="nowhere/picture.png")
    assert result.exit_code == 1 and "there is no folder" in str(result.output) + str(result.exception)


def test_options_without_a_part_in_a_neurons_page_are_refused(render):
    result, _ = render("--neuron", "conv2:1", "--facet", "activations")
    assert result.exit_code == 2 and "--facet changes nothing" in result.output
