"""Whose a layer is, where two forks gave one name to two things."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe import api, pycaffe
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.errors import UnknownNameError
from cnnvis_caffe.formats import fork_choice
from cnnvis_caffe.formats.prototxt import network_from_text, read_network

INPUT = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 dim: 5 dim: 4 } } }\n'


@pytest.fixture(autouse=True)
def nobody_preferred(monkeypatch):
    monkeypatch.setenv(fork_choice.VARIABLE, "")


def network(kind, settings=""):
    return INPUT + f'layer {{ name: "L" type: "{kind}" bottom: "x" top: "y" {settings} }}\n'


def params(tmp_path, text):
    """Shapes of the parameters of the layer, and what was said."""
    (tmp_path / "net.prototxt").write_text(text)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        net = pycaffe.Net(str(tmp_path / "net.prototxt"), pycaffe.TEST)
    return [tuple(blob.shape) for blob in net.params.get("L", [])], [str(one.message) for one in said]


@pytest.mark.parametrize(
    ("kind", "settings", "fork"),
    [
        ("BN", "bn_param { scale_filler { value: 1 } }", "segnet"),
        ("BN", "bn_param { bn_mode: LEARN }", "segnet"),
        ("BN", "bn_param { frozen: false }", "pspnet"),
        ("BN", "bn_param { slope_filler { value: 1 } eps: 1e-5 }", "pspnet"),
        ("BN", "bn_param { engine: CUDNN }", ""),
        ("BN", "", ""),
        ("Normalize", "norm_param { }", "ssd"),
        ("Normalize", 'normalize_param { normalize_type: "L1" }', "normface"),
        ("Normalize", "", ""),
    ],
)
def test_settings_tell_the_fork(kind, settings, fork):
    layer = network_from_text(network(kind, settings)).message.layer[1]
    assert fork_choice.fork_of(layer) == fork


@pytest.mark.parametrize(
    ("kind", "fork", "shapes"),
    [
        ("BN", "segnet", [(1, 3, 1, 1)] * 2),
        ("BN", "pspnet", [(1, 3, 1, 1)] * 4),
        ("Normalize", "ssd", [()]),
        ("Normalize", "caffe-face", []),
        ("Normalize", "normface", []),
    ],
)
def test_the_user_says_it(kind, fork, shapes, tmp_path):
    assert pycaffe.prefer_fork(fork) == ""
    assert params(tmp_path, network(kind)) == (shapes, [])
    assert pycaffe.prefer_fork("") == fork


def test_what_the_file_says_counts_more(tmp_path):
    api.prefer_fork("segnet")
    found, said = params(tmp_path, network("BN", "bn_param { frozen: true }"))
    assert len(found) == 4
    assert not said


@pytest.mark.parametrize(
    ("kind", "taken", "others"), [("BN", "pspnet", "segnet"), ("Normalize", "caffe-face", "normface or ssd")]
)
def test_where_nobody_says_it_one_is_told(kind, taken, others, tmp_path):
    _, (message,) = params(tmp_path, network(kind))
    assert f"do not say which fork's {kind} it is; it is taken as {taken}'s (otherwise: --fork {others}" in message
    assert "net.prototxt:2" in message


def test_two_multipliers_mean_two_parameters(tmp_path):
    found, (message,) = params(tmp_path, network("BN", "param { lr_mult: 1 } param { lr_mult: 1 }"))
    assert len(found) == 2
    assert "taken as segnet's" in message


def test_one_place_is_no_matter_of_doubt(tmp_path):
    text = network("Normalize").replace("dim: 5 dim: 4", "dim: 1 dim: 1")
    assert params(tmp_path, text) == ([], [])


def test_a_command_takes_it_and_forgets_it(tmp_path):
    (tmp_path / "net.prototxt").write_text(network("BN"))
    shown = CliRunner().invoke(group, ["inspect", str(tmp_path / "net.prototxt"), "--fork", "segnet", "--json"])
    assert shown.exit_code == 0, shown.output
    assert '"n_parameters": 6' in shown.output
    assert fork_choice.preferred_fork() == ""
    wrong = CliRunner().invoke(group, ["time", "--model", "net.prototxt", "--fork", "caffe2"])
    assert wrong.exit_code == 2
    assert "'caffe-face', 'normface', 'pspnet', 'segnet', 'ssd'" in wrong.output


def test_upgrade_writes_it_down(tmp_path):
    source, target = tmp_path / "net.prototxt", tmp_path / "new.prototxt"
    source.write_text(network("BN"))
    done = CliRunner().invoke(group, ["upgrade", str(source), str(target), "--fork", "segnet"])
    assert "named the fork segnet: L" in done.output
    assert fork_choice.fork_of(read_network(target).message.layer[1]) == "segnet"


def test_processes_that_are_started_know_it():
    api.prefer_fork("segnet")
    ask = "from cnnvis_caffe.formats.fork_choice import preferred_fork; print(preferred_fork())"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "segnet"


def test_names_that_there_are_not(monkeypatch):
    with pytest.raises(UnknownNameError, match="there is no fork 'sdd'; did you mean 'ssd'"):
        api.prefer_fork("sdd")
    monkeypatch.setenv(fork_choice.VARIABLE, "caffe2")
    with pytest.raises(UnknownNameError, match="the environment names as CNNVIS_FORK"):
        fork_choice.preferred_fork()


def test_an_analysis_remembers_it():
    from cnnvis_caffe.analysis.request import Request, settings_of

    request = Request("m", (), "d", fork="segnet")
    assert settings_of(request, "d", {})["fork"] == "segnet"
    assert Request.from_json(request.to_json()) == request


@pytest.mark.parametrize("kind", ["caffe-face", "normface", "L1"])
def test_normalize_of_faces(kind, tmp_path):
    from helpers.single_layer import blob, build, check_gradients, forward, set_inputs

    settings = {"caffe-face": "", "normface": "normalize_param { }", "L1": 'normalize_param { normalize_type: "L1" }'}
    x = np.random.default_rng(1).uniform(0.2, 1, (2, 3, 5, 4)) * np.array([1, -1, 1])[:, None, None]
    fork_choice.prefer_fork("caffe-face")
    net = build(f"type: 'Normalize' {settings[kind]}", blob("x", *x.shape))
    set_inputs(net, x)
    norm = {
        "caffe-face": np.sqrt((x**2).sum((1, 2, 3), keepdims=True)),
        "normface": np.sqrt((x**2).sum(1, keepdims=True)),
        "L1": np.abs(x).sum(1, keepdims=True),
    }[kind]
    assert forward(net) == pytest.approx(x / norm, rel=1e-5)
    check_gradients(net)


def test_normface_gives_norms_and_takes_their_gradient():
    from helpers.single_layer import blob, build, set_inputs

    layer = "type: 'Normalize' top: 'norm' normalize_param { bp_norm: true }"
    net = build(layer, blob("x", 2, 3))
    set_inputs(net, [[3, 0, 4], [1, 2, 2]])
    net.forward()
    tops = net.tops[-1]
    assert tops[0].data == pytest.approx(np.array([[0.6, 0, 0.8], [1 / 3, 2 / 3, 2 / 3]]).reshape(2, 3, 1, 1), abs=1e-6)
    assert tops[1].data.ravel() == pytest.approx([5, 3], rel=1e-6)
    tops[0].diff[...], tops[1].diff[...] = 0, 2
    net.backward()
    assert net.blobs[0].diff == pytest.approx(2 * tops[0].data.reshape(2, 3), rel=1e-6)
