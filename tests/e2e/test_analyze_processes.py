"""The command analyze in processes of its own: real snapshots, interruptions, and a real Caffe as the engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import programs

from cnnvis_caffe import pipeline
from cnnvis_caffe.store import read_analysis


def command(*arguments):
    return [sys.executable, "-m", "cnnvis_caffe", "analyze", *map(str, arguments)]


def run(*arguments):
    result = programs.run(command(*arguments))
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_digits_with_random_weights(repository, tmp_path):
    out = tmp_path / "a.cnnvis.h5"
    text = run(
        "--model", repository / "prototxt/lenet/deploy.prototxt", "--random-weights", "--data", "digits:test",
        "--scale", 0.00390625, "--limit", 60, "--out", out,
    )  # fmt: skip
    assert "LeNet: 1161 neurons in 9 layers" in text and "60 images of 10 classes, times 0.00390625" in text
    assert f"written    {out}, " in text
    analysis = read_analysis(out)
    assert analysis.snapshots[0].label == "random weights" and np.isfinite(analysis.snapshots[0].loss)


def test_lenet_of_the_zoo(repository, zoo_dir, data_dir, tmp_path):
    report = json.loads(
        run(
            "--model", repository / "prototxt/lenet/train_val.prototxt", "--json", "--data", "mnist:test",
            "--weights", zoo_dir / "lenet/lenet_iter_10000.caffemodel", "--limit", 1000, "--out", tmp_path / "a",
        )  # fmt: skip
    )
    assert report["n_images"] == 1000 and report["n_neurons"] == 1151
    (snapshot,) = report["snapshots"]
    assert snapshot["iteration"] == 10000 and snapshot["error"] < 0.02
    analysis = read_analysis(tmp_path / "a")
    scores = analysis.snapshots[0].features["ip2"]
    assert (scores.mean.argmax(1) == np.arange(10)).all(), "each score is highest for its own class"
    assert {analysis.image_class[int(i)] for i in scores.top_image[3]} == {3}
    assert os.path.getsize(tmp_path / "a") < 4_000_000


def test_snapshots_of_one_run_with_solver_states(repository, zoo_dir, cifar10_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("CNNVIS_DATA_DIR", str(cifar10_dir))
    weights = sorted((zoo_dir / "cifar10_full_h5").glob("*.caffemodel.h5"))
    report = json.loads(
        run(
            "--model", repository / "prototxt/cifar10_full/deploy.prototxt", "--weights", *reversed(weights[:3]),
            "--data", "cifar10:test", "--mean", zoo_dir / "cifar10_mean.binaryproto", "--limit", 100, "--json",
            "--contributions", "none", "--no-gradients", "--out", tmp_path / "a",
        )  # fmt: skip
    )
    assert [snapshot["iteration"] for snapshot in report["snapshots"]] == [10000, 20000, 30000]
    first, second, _ = read_analysis(tmp_path / "a").snapshots
    assert second.debug["conv1"].relative_change > 0.01 and np.isnan(first.debug["conv1"].relative_change)
    assert 0 < second.debug["conv1"].last_update < 0.1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_is_done(repository, data_dir, tmp_path, number):
    out = tmp_path / "a.cnnvis.h5"
    arguments = (
        "--model", repository / "prototxt/lenet/deploy.prototxt", "--random-weights", "--data", "mnist:train",
        "--scale", 0.00390625, "--batch", 10, "--layers", "conv1", "--contributions", "none", "--no-gradients",
        "--limit", 20000, "--out", out,
    )  # fmt: skip
    process = programs.start(command("--resume", *arguments), stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert "there is nothing to resume" in process.stderr.readline()
    time.sleep(1.5)  # some images
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if process.returncode == 0:
        pytest.skip("it was faster than the signal")
    assert process.returncode == 128 + number
    if os.path.exists(f"{out}.partial"):
        assert f"what was done is kept in {out}.partial: go on with --resume" in errors
    assert not out.exists()


@pytest.mark.pycaffe
@pytest.mark.slow
def test_a_real_caffe_as_the_engine(repository, zoo_dir, data_dir, real_caffe, tmp_path):
    """The same analysis by both engines."""
    from tempfile import TemporaryDirectory

    model, weights = "prototxt/lenet/train_val.prototxt", zoo_dir / "lenet/lenet_iter_10000.caffemodel"
    with TemporaryDirectory(dir=repository, prefix=".engine.") as folder:  # which the other root sees
        arguments = ["--model", model, "--weights", str(weights), "--data", "mnist:test", "--limit", "200", "--out"]
        subprocess.run(
            [*real_caffe, "env", f"CNNVIS_DATA_DIR={data_dir}", "OPENBLAS_NUM_THREADS=1", "python3", "-m",
             "cnnvis_caffe", "analyze", "--engine", "caffe", *arguments, f"{folder}/caffe"],
            check=True, cwd=repository, timeout=280,
        )  # fmt: skip
        ours = pipeline.analyze(model, weights, "mnist:test", f"{folder}/ours", limit=200)
        theirs = read_analysis(f"{folder}/caffe")
        assert theirs.provenance["engine"].startswith("caffe") and theirs.provenance["python"].startswith("3.9")
        mine, other = ours.snapshots[0], theirs.snapshots[0]
        assert list(mine.features) == list(other.features) and mine.error == other.error
        assert mine.loss == pytest.approx(other.loss, rel=1e-5)
        for name, features in mine.features.items():
            for quantity in ("mean", "peak", "maximum", "active_share", "contribution"):
                wanted, found = getattr(other.features[name], quantity), getattr(features, quantity)
                where, atol = f"{name} {quantity}", 1e-4 * np.abs(wanted).max()
                np.testing.assert_allclose(found, wanted, 1e-3, atol, err_msg=where)
            assert (features.top_image == other.features[name].top_image).mean() > 0.99
            assert (features.top_box == other.features[name].top_box).mean() > 0.99
        for name, connections in mine.connections.items():
            wanted = other.connections[name].gradient
            np.testing.assert_allclose(connections.gradient, wanted, 1e-2, 1e-4 * np.abs(wanted).max(), err_msg=name)
        assert set(ours.images) == set(theirs.images) or len(set(ours.images) ^ set(theirs.images)) < 5
