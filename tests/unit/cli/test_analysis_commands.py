"""analyze, merge, inspect and export on the command line."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe.cli import analyze as analyze_command
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.errors import Cancelled
from cnnvis_caffe.progress import SILENT
from cnnvis_caffe.store import read_analysis, write_analysis
from tests.helpers.analyses import make_analysis


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("analysis") / "a.cnnvis.h5"
    write_analysis(path, make_analysis("inception", n_snapshots=2))
    return str(path)


def run(*arguments, code=0):
    result = CliRunner().invoke(group, [*map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def test_the_commands_of_an_analysis(repository, tmp_path):
    model = repository / "prototxt/lenet/deploy.prototxt"
    common = ["analyze", "--model", model, "--random-weights", "--data", "digits:test", "--scale", 0.00390625,
              "--limit", 30, "--layers", "conv1,ip2", "--contributions", "none", "--no-gradients"]  # fmt: skip
    report = json.loads(run(*common, "--json", "--out", tmp_path / "whole"))
    assert (report["n_images"], report["n_neurons"], report["snapshots"][0]["label"]) == (30, 30, "random weights")
    for number in (1, 2):
        text = run(*common, "--shard", f"{number}/2", "--out", tmp_path / f"{number}")
        assert f"shard {number}/2" in text
    merged = json.loads(run("merge", tmp_path / "2", tmp_path / "1", "--out", tmp_path / "merged", "--json"))
    assert merged["snapshots"][0]["loss"] == pytest.approx(report["snapshots"][0]["loss"])
    text = run("inspect", tmp_path / "merged")
    assert "LeNet: 30 neurons in 2 layers" in text and "conv1  Convolution" in text and "option limit" in text


def test_what_click_refuses(tmp_path):
    both = run("analyze", "--model", "m", "--weights", "w", "--random-weights", "--data", "d", "--out", "o", code=2)
    assert "give --weights with one file or more, or --random-weights" in both
    assert "--random-weights" in run("analyze", "--model", "m", "--data", "d", "--out", "o", code=2)
    assert "is not a shard" in run("analyze", "--model", "m", "--data", "d", "--out", "o", "--shard", "3/2", code=2)


def test_weights_take_what_a_pattern_gives(monkeypatch):
    seen = []

    def stop(*args, **kwargs):
        seen.append(args)
        raise Cancelled

    monkeypatch.setattr("cnnvis_caffe.pipeline.analyze", stop)
    run("analyze", "--weights", "a", "b", "c", "--model", "m", "--weights", "d", "--data", "x", "--out", "o", code=130)
    assert seen[0][:4] == ("m", ("a", "b", "c", "d"), "x", "o")


def test_inspect(file):
    text = run("inspect", file)
    analysis = read_analysis(file)
    for snapshot in analysis.snapshots:
        assert f"{snapshot.label:10} loss {snapshot.loss:.4g}" in text
    report = json.loads(run("inspect", "--json", file))
    assert report["kind"] == "analysis" and len(report["layers"]) == len(analysis.snapshots[-1].features)
    assert "is an analysis" in run("inspect", file, "--weights", "x", code=2)


def test_export_by_class(file, tmp_path):
    run("export", file, "mean", "--layers", "inception_3a/1x1,conv1", "--out", tmp_path / "a.csv", "--snapshot", 1000)
    rows = list(csv.reader((tmp_path / "a.csv").read_text("utf-8").splitlines()))
    (snapshot,) = (snapshot for snapshot in read_analysis(file).snapshots if snapshot.iteration == 1000)
    assert rows[0][:2] == ["layer", "neuron"] and len(rows[0]) == 12
    assert len(rows) == 1 + 16 + 24 and rows[1][:2] == ["inception_3a/1x1", "0"]
    wanted = snapshot.features["conv1"].mean
    np.testing.assert_array_equal(np.array([row[2:] for row in rows[17:]], np.float32), wanted)


def test_export_for_chosen_classes(file, tmp_path):
    run("export", file, "neurons", "--classes", "3,8", "--layers", "conv1", "--out", tmp_path / "a.csv")
    (*rows,) = csv.DictReader((tmp_path / "a.csv").read_text("utf-8").splitlines())
    mean = read_analysis(file).snapshots[-1].features["conv1"].mean[:, [3, 8]].mean(axis=1)  # as many images of both
    np.testing.assert_allclose([float(row["mean"]) for row in rows], mean, rtol=1e-6)


@pytest.mark.parametrize(
    "table", ["peak", "neurons", "overall", "top", "similarity", "weight", "abs_gradient", "debug", "curves"]
)
def test_every_kind_of_table_in_every_format(file, tmp_path, table):
    for ending in ("csv", "npz", "json"):
        run("export", file, table, "--out", tmp_path / f"a.{ending}")
    parts = json.loads((tmp_path / "a.json").read_text())
    with np.load(tmp_path / "a.npz") as arrays:
        n_rows = sum(len(arrays[name]) for name in arrays.files if not name.endswith(" columns"))
    assert n_rows == sum(len(part["rows"]) for part in parts) > 0
    assert all(len(row) == len(part["columns"]) for part in parts for row in part["rows"])
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert sum(not line.startswith("layer,") for line in lines) == n_rows


def test_patches_as_a_picture(file, tmp_path):
    from cnnvis_caffe.analysis.patches import top_patches
    from cnnvis_caffe.formats.images import read_image

    run("export", file, "patches", "--layers", "conv1", "--out", tmp_path / "a.png")
    sheet = read_image(tmp_path / "a.png")[..., ::-1]
    analysis = read_analysis(file)
    patches = top_patches(analysis, analysis.snapshots[-1], "conv1", 0)
    height, width = patches[0].shape[:2]
    np.testing.assert_array_equal(sheet[2 : 2 + height, 2 : 2 + width], patches[0])


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("mean", "--out", "a.png"), 2, "mean is written as .csv, .npz or .json, not .png"),
        (("patches", "--out", "a.csv"), 2, "patches is written as .png"),
        (("means", "--out", "a.csv"), 2, "means"),
        (("mean", "--out", "a.csv", "--layers", "conv9"), 1, "there is no layer 'conv9'"),
        (("mean", "--out", "a.csv", "--snapshot", "7"), 1, "there is no snapshot '7'; there are 'iter"),
        (("contribution_all", "--out", "a.csv"), 1, "holds no contribution_all; analyze with --contributions all"),
        (("weight", "--out", "a.csv", "--layers", "pool1"), 1, "no weights lead to 'pool1'; they lead to conv1, "),
        (("mean", "--out", "nowhere/a.csv"), 1, "nowhere"),
        (("mean", "--out", "a.csv", "--classes", "3"), 2, "classes are chosen for the table neurons, not for mean"),
        (("neurons", "--out", "a.csv", "--classes", "cow"), 1, "there is no class 'cow'"),
    ],
)
def test_what_export_refuses(file, tmp_path, monkeypatch, arguments, code, problem):
    monkeypatch.chdir(tmp_path)
    assert problem in run("export", file, *arguments, code=code)
    assert not list(tmp_path.iterdir())


def test_a_signal_is_told_at_the_next_step():
    import signal

    with Interruptible(SILENT) as progress:
        progress.start(3, "x")
        progress.step()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Cancelled):
            progress.step()
        assert progress.stopped_by == signal.SIGTERM
    with Interruptible(SILENT) as progress:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_names_of_classes(tmp_path):
    (tmp_path / "names.txt").write_text("black cat\n\ndog, small\n")
    flag = next(one for one in analyze_command.command.params if one.name == "classes")
    for given, names in ((tmp_path / "names.txt", ("black cat", "dog, small")), ("cat, dog", ("cat", "dog"))):
        assert flag.type.convert(str(given), flag, None) == names
    assert flag.default is None
