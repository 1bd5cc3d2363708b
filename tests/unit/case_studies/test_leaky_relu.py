from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from case_studies.common import training
from case_studies.common.training import Options
from case_studies.leaky_relu import blow_up, data, observations, page, page_map, plan, report
from case_studies.leaky_relu.networks import FULL, REDUCED, SLOPES, Schedule, Variant, write
from case_studies.leaky_relu.paper import TABLE_3
from cnnvis_caffe.datasets.databases import mean_image, write_image_set
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.formats.prototxt import read_network, read_solver
from cnnvis_caffe.records.image_set import ImageSet

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    """Databases like CIFAR-10's, of a hundred images each."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(4)
    for split in ("train", "test"):
        labels = np.arange(100) % 10
        images = random.integers(0, 156, (100, 3, 32, 32)) + 10 * labels[:, None, None, None]
        part = ImageSet("cifar10", split, images.astype(np.uint8), labels, tuple("abcdefghij"), "RGB")
        write_image_set(part, folder / f"cifar10_{split}_lmdb", digits=5)
    write_mean(folder / "cifar10_mean.binaryproto", mean_image(str(folder / "cifar10_train_lmdb")))
    (folder / data.NOTE).write_text("random pixels\n")
    return folder


@pytest.fixture(scope="module")
def quick(databases, tmp_path_factory):
    """What a quick run leaves, from nothing."""
    work = tmp_path_factory.mktemp("work")
    words = ["--quick", "--work", str(work), "--data", str(databases), "--threads", "1"]
    subprocess.run([sys.executable, "-m", "case_studies.leaky_relu.run", *words], cwd=ROOT, check=True)
    return work / "quick"


def test_quick_run_trains_looks_and_reports(quick):
    text = (quick / "RESULTS.md").read_text()
    assert "A quick run" in text
    assert "**random pixels**" not in text  # only copies are told apart
    assert "| slope 0.3 | not run yet | not run yet | not run yet | not run yet | 1 of 1 |" in text
    assert "| 0.2 | 10.18 ± 0.16 | not trained: 4.1 million images a run need a GPU | 0 |" in text
    for name in ("figure_6a", "figure_6b", "figure_7a", "figure_7a_leaky"):
        assert f"figures/{name}.svg)" in text
        assert "<svg" in (quick / "figures" / f"{name}.svg").read_text()[:500]
    expected = json.loads((quick / "expected.json").read_text())
    assert expected["failed_of_runs"]["msra rate 0.1 slope 0.3"] == [1, 1]
    assert set(expected["observations"]["0.25"]) == {"relu", "leaky"}


def test_results_say_what_was_trained_and_name_no_folder_of_the_machine(quick):
    (path,) = (quick / "results" / "map").glob("*.json")
    result = json.loads(path.read_text())
    assert result["settings"]["slope"] == 0.3
    assert result["settings"]["schedule"]["iterations"] == 4
    assert result["diverged"] is not None and result["test_error"] is None
    assert result["images"] == "random pixels"
    for path in (quick / "results").rglob("*.json"):
        assert str(quick) not in path.read_text()


def test_a_training_that_was_killed_ends_the_same(quick, databases, tmp_path):
    one = next(iter(plan.quick()))
    job = plan.job_of(one, tmp_path, databases, Options(threads=1))
    words = [sys.executable, "-m", job.module, job.solver, str(job.folder), "--data", str(databases)]
    words += ["--seed", str(job.seed), *job.options.words()]
    process = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (job.folder / "net_iter_2.solverstate").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (job.folder / training.RESULT).exists()
    with open(job.folder / training.LOG, "a") as log:
        log.write('{"event": "train", "iter"')  # what a kill in the middle of a line leaves
    subprocess.run(words, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    plan.deliver(one, tmp_path, tmp_path / "results")
    found = json.loads((tmp_path / "results" / f"{one.name}.json").read_text())
    undisturbed = json.loads((quick / "results" / f"{one.name}.json").read_text())
    del found["seconds"], undisturbed["seconds"]
    assert found == undisturbed


def test_one_seed_of_every_slope_comes_before_the_second_of_any():
    trainings = list(plan.table(0.25, [1, 2]))
    assert [training.seed for training in trainings] == [1] * 9 + [2] * 9
    assert {training.variant.slope for training in trainings[:9]} == set(SLOPES) == set(TABLE_3)
    assert [training.variant.slope for training in trainings if training.keep] == [0.0, 0.1]


def test_results_of_another_machine_are_taken_over(tmp_path):
    one = next(iter(plan.quick()))
    theirs = tmp_path / "results" / f"{one.name}.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text('{"test_error": 0.5}')
    plan.fetch(one, tmp_path / "work", tmp_path / "results")
    assert json.loads((tmp_path / "work" / one.name / training.RESULT).read_text()) == {"test_error": 0.5}


@pytest.mark.parametrize(("width", "channels"), [(1, 96), (0.5, 48), (0.25, 24), (0.125, 12)])
def test_nets_are_base_cnn_at_a_width(tmp_path, width, channels):
    solver = read_solver(write(Variant(0.1, width, REDUCED), tmp_path, tmp_path)).message
    layers = {layer.name: layer for layer in read_network(solver.net).message.layer}
    assert layers["conv1-1"].convolution_param.num_output == channels
    assert layers["conv4-3"].convolution_param.num_output == 512 * width
    assert layers["fc6"].inner_product_param.num_output == 10
    assert round(layers["relu3-2"].relu_param.negative_slope, 6) == 0.1
    assert list(solver.stepvalue) == [1500, 2100]
    assert solver.snapshot == 240


def test_the_full_schedule_is_that_of_the_prototxt(tmp_path):
    mine = read_solver(write(Variant(0, 1, FULL), tmp_path, tmp_path)).message
    theirs = read_solver(ROOT / "prototxt/base_cnn/solver.prototxt").message
    for field in ("base_lr", "max_iter", "momentum", "weight_decay", "gamma", "lr_policy"):
        assert getattr(mine, field) == getattr(theirs, field)
    assert list(mine.stepvalue) == list(theirs.stepvalue)
    train = [layer for layer in read_network(mine.net).message.layer if layer.type == "Data"][0]
    assert train.data_param.batch_size == 128


def test_msra_for_the_slope_has_the_variance_of_a_leaky_net(tmp_path):
    variant = Variant(0.3, 0.25, Schedule(64, 10, 1), filler="msra_for_slope")
    net = read_network(read_solver(write(variant, tmp_path, tmp_path)).message.net).message
    layers = {layer.name: layer for layer in net.layer}
    assert layers["conv1-1"].convolution_param.weight_filler.std == pytest.approx((2 / (1.09 * 27)) ** 0.5)
    assert layers["conv2-1"].convolution_param.weight_filler.std == pytest.approx((2 / (1.09 * 24 * 9)) ** 0.5)
    # Two by two positions of the 128 channels are left before fc5.
    assert layers["fc5"].inner_product_param.weight_filler.std == pytest.approx((2 / (1.09 * 512)) ** 0.5)


def test_blow_up_names_the_layer_that_grew_most_when_one_first_went_too_far(tmp_path):
    rows = [
        {"iter": 0, "activation": {"a": 2.0, "b": 1.0}, "gradient": {"a": 1e-3, "b": 1e-3}},
        {"iter": 1, "activation": {"a": 19.0, "b": 9.0}, "gradient": {"a": 9e-3, "b": 5e-2}},
        {"iter": 2, "activation": {"a": 30.0, "b": 40.0}, "gradient": {"a": None, "b": 1.0}},
    ]
    path = tmp_path / "sizes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"iter": 3, "acti')
    found = blow_up.first(path)
    assert found["activation"] == {"iteration": 2, "layer": "b", "factor": 40.0}
    assert found["gradient"] == {"iteration": 1, "layer": "b", "factor": 50.0}


def test_the_sharpest_step_is_the_largest_fall_between_neighbours():
    layers = {"conv2-1": 0.08, "conv2-2": 0.08, "conv3-1": 0.02, "conv3-2": 0.04, "conv3-3": 0.02}
    step = observations.sharpest_step([{"layers": layers}])
    assert (step["from"], step["to"], step["factor"]) == ("conv2-2", "conv3-1", 4.0)
    assert step["usual"] == 2.0
    assert step["into_third_group"] == 4.0
    assert step["third_group"] == pytest.approx(0.08 / (0.02 * 0.04 * 0.02) ** (1 / 3), rel=1e-3)


def _cell(slope, *errors, n_failed=0):
    return report.Cell(slope, errors, n_failed)


@pytest.mark.parametrize(
    ("cell", "relu", "width", "verdict"),
    [
        (_cell(0.1, 30.0, 30.2), _cell(0.0, 32.0, 32.2), 0.25, "reproduced: better than ReLU"),
        (_cell(0.1, 31.0, 33.0), _cell(0.0, 32.0, 32.2), 0.25, "not clear: within the spread"),
        (_cell(0.1, 34.0, 34.2), _cell(0.0, 32.0, 32.2), 0.25, "not reproduced: worse than ReLU"),
        (_cell(0.1, 30.0), _cell(0.0, 32.0, 32.2), 0.25, "one seed has no spread to judge by"),
        (_cell(0.3, 30.0, 30.2), _cell(0.0, 32.0, 32.2), 0.25, "not reproduced: 0 of 2 fail"),
        (_cell(0.3, 30.0, n_failed=2), _cell(0.0, 32.0, 32.2), 1, "reproduced: 2 of 3 fail"),
        (_cell(0.1, 10.3, 10.5), _cell(0.0, 11.0), 1, "reproduced"),
        (_cell(0.1, 10.3, n_failed=1), _cell(0.0, 11.0), 1, "not reproduced: 1 of 2 fail"),
        (_cell(0.1), _cell(0.0), 1, "not attempted"),
    ],
)
def test_verdicts_on_table_3(cell, relu, width, verdict):
    assert report.verdict(cell, relu, width) == verdict


def _result(error, diverged=None):
    blown = {"iteration": 7, "layer": "fc5", "factor": 20.0}
    return {
        "test_error": error, "diverged": diverged, "images": "JPEG copies of CIFAR-10", "device": "cpu",
        "precision": "float32", "versions": {"torch": "2"}, "blow_up": {"activation": blown, "gradient": None},
    }  # fmt: skip


@pytest.fixture()
def mapped(tmp_path):
    """Results of a complete map in which nets fail at slope times rate of 0.02 and more, and those of ReLU never."""
    for training_ in plan.failure_map([1]):
        v = training_.variant
        fails = v.slope * v.rate >= 0.0199
        path = tmp_path / f"{training_.name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(_result(None if fails else 0.6, 9 if fails else None)))
    return report.collect(tmp_path)


def test_the_map_answers_why_training_fails(mapped, tmp_path):
    text = page.markdown(mapped, tmp_path)
    assert "| slope 0.25 | 0 of 1 | 0 of 1 | 0 of 1 | 0 of 1 | 1 of 1 |" in text
    assert "Refuted as a limit of the slope alone: at a rate of 0.01, 0 of 2 runs" in text
    assert "The cause is the learning rate: the larger the slope, the lower" in text
    assert "no run fails: 0.1 at slope 0, 0.1 at slope 0.1, 0.07 at slope 0.2, 0.07 at slope 0.25, 0.05 at" in text
    assert "first in fc5 (8)" in text  # slopes 0.2, 0.25 and 0.3 at 0.1 and 0.3 at 0.07, for both fillers
    assert "JPEG copies of CIFAR-10" in text
    assert not [line for line in text.splitlines() if "|  |" in line or "| nan" in line]


def test_what_the_map_says_is_what_it_shows():
    order = page_map._cause({0.0: 0.1, 0.1: 0.07, 0.2: 0.05, 0.3: 0.07})
    assert "fails at lower rates than with ReLU, in no order" in order
    assert "does not lower" in page_map._cause({0.0: 0.07, 0.1: 0.1, 0.2: 0.05, 0.3: 0.07})
    old = {0.1: 0.07, 0.2: 0.05, 0.3: 0.07}
    assert "raise that rate at slopes of 0.2." in page_map._effect_of_filler(old, {0.1: 0.07, 0.2: 0.07, 0.3: None})
    mixed = page_map._effect_of_filler(old, {0.1: 0.05, 0.2: 0.07, 0.3: 0.07})
    assert "(higher at 0.2, lower at 0.1)" in mixed and "is not the cause" in mixed
    assert "as a rule: that" in page_map._effect_of_filler(old, old)


def test_drift_is_a_mean_or_a_failure_that_moved(tmp_path):
    folder = tmp_path / "width_0.25"
    folder.mkdir()
    for seed in (1, 2, 3):
        (folder / f"base_cnn_seed_{seed}.json").write_text(json.dumps(_result(0.3 + 0.001 * seed)))
    before = report.expected(report.collect(tmp_path))
    assert report.drift(report.collect(tmp_path), before) == []
    (folder / "base_cnn_seed_3.json").write_text(json.dumps(_result(0.9)))
    assert report.drift(report.collect(tmp_path), before) == ["width 0.25, slope 0: 1 failed, expected 0"]
    for seed in (1, 2, 3):
        (folder / f"base_cnn_seed_{seed}.json").write_text(json.dumps(_result(0.31 + 0.001 * seed)))
    (line,) = report.drift(report.collect(tmp_path), before)
    assert line == "width 0.25, slope 0: 31.20%, expected 30.20 ± 0.50"
