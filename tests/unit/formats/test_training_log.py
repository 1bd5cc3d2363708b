"""Training logs: Caffe's own, cut off, resumed; ours; and the one for programs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers.recordings import TRAINING_LOGS

from cnnvis_caffe.errors import DataFileError, DataNotFoundError
from cnnvis_caffe.formats.training_log import read_training_log


@pytest.fixture
def read(tmp_path):
    def read_text(*texts):
        path = tmp_path / "train.log"
        path.write_text("".join(texts), encoding="utf-8")
        return {curve.name: curve for curve in read_training_log(path)}

    return read_text


@pytest.fixture
def first(repository):
    return (TRAINING_LOGS / "caffe.log").read_text()


@pytest.fixture
def resumed(repository):
    return (TRAINING_LOGS / "caffe_resumed.log").read_text()


def points(curve):
    return dict(zip(curve.iterations.tolist(), curve.values.tolist()))


def test_what_caffe_wrote(read, first):
    curves = read(first)
    assert points(curves["train loss"]) == {0: 1.78205, 5: 1.37101, 10: 0.414929, 15: 0.120398, 20: 0.0181113}
    assert points(curves["learning rate"]) == {0: 0.01, 5: 0.00964069, 10: 0.00931012, 15: 0.00900485}
    assert points(curves["test accuracy"]) == {0: 0.125, 10: 1, 20: 1}
    assert points(curves["test loss"]) == {0: 1.89699, 10: 0.334633, 20: 0.0114265}
    assert points(curves["train loss of a minibatch"]) == {0: 1.78205, 5: 1.37101, 10: 0.414929, 15: 0.120398}
    assert points(curves["gradient of conv1"]) == {0: 0.109173, 5: 0.0952967, 10: 0.0540158, 15: 0.0219254}
    assert points(curves["weight of conv1"]) == {0: 0.155297, 5: 0.15506, 10: 0.155912, 15: 0.159999}
    assert {0, 5, 10, 15} == set(points(curves["gradient of a/ip"]))
    assert curves["train loss"].source == "train.log"
    assert curves["gradient of conv1"].source == "train.log, one minibatch"


def test_a_resumed_run_takes_the_place_of_what_came_later(read, first, resumed):
    curves = read(first, resumed)
    assert points(curves["train loss"]) == {0: 1.78205, 5: 1.37101, 10: 0.252034, 15: 0.0571974, 20: 0.0192362}
    assert points(curves["test loss"])[0] == 1.89699
    assert points(curves["gradient of conv1"])[0] == 0.109173
    only_before = first[: first.index("Iteration 15 (")]
    assert set(points(read(first, only_before)["train loss"])) == {0, 5, 10}, "a run from the beginning is another one"


def test_a_log_for_programs_goes_on_where_a_killed_run_is_resumed(read):
    rows = [(0, 4.0), (10, 3.0), (20, 2.5), (30, 2.25), (20, 2.0), (30, 1.5), (40, 1.0)]  # killed at 30, resumed at 20
    text = [json.dumps({"event": "train", "iter": at, "smoothed_loss": loss}) + "\n" for at, loss in rows]
    assert points(read(*text)["train loss"]) == {0: 4, 10: 3, 20: 2, 30: 1.5, 40: 1}


def test_cut_off_anywhere(read, first):
    whole = {name: points(curve) for name, curve in read(first).items()}
    begin = first.index("Iteration 0 (")
    for end in range(begin + 300, len(first), 487):
        part = first[:end].rsplit("\n", 1)[0]
        for name, curve in read(part).items():
            assert points(curve).items() <= whole[name].items(), (end, name)


def test_lines_that_end_in_the_middle_do_no_harm(read, first):
    whole = {name: points(curve) for name, curve in read(first).items()}
    start = first.index("Iteration 5 (")
    for end in range(start, start + 400, 3):
        for name, curve in read(first[:end]).items():
            assert points(curve).items() <= whole[name].items(), first[:end][-40:]


PREFIX = "I1121 05:25:25.246192 26041 solver.cpp:239] "


def test_older_wordings_and_odd_numbers(read):
    curves = read(
        PREFIX, "Iteration 0, loss = 2.30259\n",
        PREFIX, "    Train net output #0: prob = 0.25\n", PREFIX, "    Train net output #1: prob = 0.75\n",
        PREFIX, "Iteration 100, loss = nan\n", PREFIX, "Iteration 200, loss = -nan\n",
        PREFIX, "Iteration 300, loss = inf\n", PREFIX, "Iteration 400, loss = 1.5e-05\n",
        PREFIX, "Iteration 400, Testing net (#1)\n", PREFIX, "    Test net output #0: acc/top-5 = 0.5\n",
        PREFIX, "    [Update] Layer a, b, param 0 data: 0.5; diff: 0.25\n",
        PREFIX, "    [Update] Layer a, b, param 1 data: 7; diff: 8\n",
    )  # fmt: skip
    np.testing.assert_array_equal(curves["train loss"].values, [2.30259, np.nan, np.nan, np.inf, 1.5e-5])
    assert points(curves["train prob of a minibatch"]) == {0: 0.25}
    assert points(curves["train prob[1] of a minibatch"]) == {0: 0.75}
    assert points(curves["test acc/top-5 (net 1)"]) == {400: 0.5}
    assert points(curves["update of a, b"]) == {400: 0.25}


def test_the_log_for_programs(read):
    layers = {"conv1": {"weight": [0.5, 0.1], "gradient": [0.25, 0.1], "update": [0.125, 0.1]}}
    rows = [
        {"event": "start", "iter": 0, "net": "x"},
        {"event": "test", "iter": 0, "net": 0, "loss": 2.5, "outputs": {"accuracy": 0.1, "loss": 2.5}},
        {"event": "train", "iter": 0, "smoothed_loss": 2.0, "lr": 0.01, "outputs": {"loss": 2.1}, "layers": layers},
        {"event": "train", "iter": 10, "smoothed_loss": None, "lr": 0.01, "outputs": {"loss": [1, 2]}, "layers": {}},
        {"event": "snapshot", "iter": 10, "path": "x.solverstate"},
    ]
    curves = read("\n".join(map(json.dumps, rows)), '\n{"event": "train", "iter": 2')
    np.testing.assert_array_equal(curves["train loss"].values, [2.0, np.nan])
    assert points(curves["test accuracy"]) == {0: 0.1}
    assert points(curves["train loss[1] of a minibatch"]) == {10: 2}
    assert [points(curves[f"{what} of conv1"]) for what in ("weight", "gradient", "update")] == [
        {0: 0.5}, {0: 0.25}, {0: 0.125},
    ]  # fmt: skip


def test_what_is_no_log(tmp_path):
    path = tmp_path / "x.log"
    path.write_bytes(b"\x89PNG\r\n\x00\xff Iteration 5\n{1}\n{}\n")
    with pytest.raises(DataFileError, match=r"x\.log: has no line of a training log"):
        read_training_log(path)
    with pytest.raises(DataNotFoundError):
        read_training_log(tmp_path / "missing")
