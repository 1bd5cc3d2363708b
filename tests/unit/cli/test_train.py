"""`train` and `test`: Caffe's flags, its log lines, signals, exit codes, and what programs read."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import signal
import subprocess
import sys
import time
import warnings

import click.testing
import cv2
import numpy as np
import pytest
from helpers import programs
from helpers.command_line import runner

from cnnvis_caffe.cli import main
from cnnvis_caffe.cli.caffe_flags import split_names
from cnnvis_caffe.cli.device import gpu_indices
from cnnvis_caffe.runtime import backend, devices

NET = """name: "tiny"
layer { name: "data" type: "DummyData" top: "data" top: "label"
        dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 }
                           data_filler { type: "gaussian" } data_filler { type: "uniform" max: 1.99 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "twice" type: "Power" bottom: "ip" top: "twice" power_param { scale: 2 } include { stage: "b" } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """net: "net.prototxt" base_lr: 0.1 momentum: 0.5 lr_policy: "fixed" display: 2 max_iter: 6 test_iter: 2
test_interval: 3 snapshot: 4 snapshot_prefix: "snap/tiny" random_seed: 2 solver_mode: CPU
"""
# How Caffe's tools/extra/parse_log.py and extract_seconds.py see a line.
PREFIX = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{6} +\d+ \S+:\d+\] ")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of one's own, and logging as before."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    logger = logging.getLogger("cnnvis_caffe")
    handlers, level = [*logger.handlers], logger.level
    with warnings.catch_warnings():
        yield tmp_path
    logger.handlers[:] = handlers
    logger.setLevel(level)


def run(*arguments):
    """Run the command line in this process."""
    return runner().invoke(main.group, list(arguments))


def messages(result):
    """Log lines without their prefix, which every first line of a record must have."""
    return [line[match.end() :] for line in result.stderr.splitlines() if (match := PREFIX.match(line))]


@pytest.mark.parametrize(
    "flags",
    [
        ["--solver", "solver.prototxt", "--iterations", "1"],
        ["-solver", "solver.prototxt", "-iterations", "1"],
        ["--solver=solver.prototxt", "--iterations=1"],
        ["-solver=solver.prototxt", "-iterations=1"],
    ],
)
def test_flags_are_caffes(flags):
    result = run("train", *flags)
    assert result.exit_code == 0, result.stderr
    assert "Iteration 0, lr = 0.1" in messages(result)
    assert result.stdout == ""


def test_a_run_writes_caffes_lines_and_files(here):
    result = run("train", "-solver", "solver.prototxt")
    assert result.exit_code == 0, result.stderr
    lines = messages(result)
    order = [
        "Starting Optimization",
        "Solving tiny",
        "Learning Rate Policy: fixed",
        "Iteration 0, Testing net (#0)",
        "Iteration 0, lr = 0.1",
        "Iteration 3, Testing net (#0)",
        "Snapshotting to binary proto file snap/tiny_iter_4.caffemodel",
        "Snapshotting solver state to binary proto file snap/tiny_iter_6.solverstate",
        "Iteration 6, Testing net (#0)",
        "Optimization Done.",
    ]
    places = [lines.index(line) for line in order]
    assert places == sorted(places)
    assert lines[-2:] == ["Optimization Done."] * 2
    names = [f"tiny_iter_{i}.{ending}" for i in (4, 6) for ending in ("caffemodel", "resume", "solverstate")]
    assert sorted(path.name for path in (here / "snap").iterdir()) == names


def test_caffes_log_parser_finds_every_row():
    """Its regular expressions, on our lines."""
    text = run("train", "-solver", "solver.prototxt").stderr
    iteration, rows = None, []
    for line in text.splitlines():
        if match := re.search(r"Iteration (\d+)", line):
            iteration = int(match[1])
        if match := re.search(r"(Train|Test) net output #(\d+): (\S+) = ([\.\deE+-]+)", line):
            assert PREFIX.match(line)
            rows.append((iteration, match[1], match[3]))
            float(match[4])
    tests = [(i, "Test", name) for i in (0, 3, 6) for name in ("accuracy", "loss")]
    assert sorted(rows) == sorted(tests + [(i, "Train", "loss") for i in (0, 2, 4)])
    assert "] Solving " in text
    assert len(re.findall(r"lr = ([-+]?[0-9]*\.?[0-9]+([eE]?[-+]?[0-9]+)?)", text)) == 3


def test_resuming_goes_on_where_the_snapshot_was_made(here):
    assert run("train", "-solver", "solver.prototxt").exit_code == 0
    expected = (here / "snap" / "tiny_iter_6.caffemodel").read_bytes()
    (here / "snap" / "tiny_iter_6.caffemodel").unlink()
    result = run("train", "-solver", "solver.prototxt", "-snapshot", "snap/tiny_iter_4.solverstate")
    assert result.exit_code == 0
    assert "Resuming from snap/tiny_iter_4.solverstate" in messages(result)
    assert not any(line.startswith("Iteration 2") for line in messages(result))
    assert (here / "snap" / "tiny_iter_6.caffemodel").read_bytes() == expected


def test_finetuning_takes_a_list_of_weights():
    assert run("train", "-solver", "solver.prototxt").exit_code == 0
    result = run(
        "train", "-solver", "solver.prototxt", "-weights", "snap/tiny_iter_4.caffemodel, snap/tiny_iter_6.caffemodel"
    )
    found = [line for line in messages(result) if line.startswith("Finetuning")]
    assert found == [f"Finetuning from snap/tiny_iter_{i}.caffemodel" for i in (4, 6)] * 2


def test_stages_and_level_choose_layers():
    result = run("train", "-solver", "solver.prototxt", "-stage", "a,b", "-level", "3", "-iterations", "1")
    assert "    Train net output #1: twice = " in "\n".join(messages(result))
    assert 'stage: "b"' in result.stderr
    assert "level: 3" in result.stderr


def test_no_gpu_is_one_warning_or_an_error(here, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (here / "solver.prototxt").write_text(SOLVER.replace("CPU", "GPU"))
    result = run("train", "-solver", "solver.prototxt", "-iterations", "1")
    assert result.exit_code == 0
    found = [line for line in result.stderr.splitlines() if line.startswith("W")]
    assert len(found) == 1
    reason = devices.why_not(backend.gpus())
    assert found[0].endswith(f"solver_mode is GPU, but no GPU can be used: {reason}; using the CPU")
    assert not [
        line for line in run("train", "-solver", "solver.prototxt", "-cpu").stderr.splitlines() if line[0] == "W"
    ]
    for command in (["train", "-solver", "solver.prototxt"], ["test", "-model", "net.prototxt", "-weights", "w"]):
        result = run(*command, "-gpu", "0")
        assert (result.exit_code, f"GPU 0 cannot be used: {reason}" in result.stderr) == (1, True)


def test_precision_is_float32_unless_asked_otherwise(here):
    """The same seed and net: only what products compute with differs."""
    losses = {}
    for precision in ([], ["-precision", "tf32"], ["--precision=bfloat16"], ["-precision", "float32"]):
        result = run("train", "-solver", "solver.prototxt", *precision)
        assert result.exit_code == 0
        losses[precision[-1] if precision else None] = re.findall(r"loss = (\S+)$", result.stderr, re.MULTILINE)
    assert losses[None] == losses["float32"] == losses["tf32"]  # there is no TF32 on a CPU
    narrow = losses["--precision=bfloat16"]
    assert narrow != losses[None]
    assert [float(x) for x in narrow] == pytest.approx([float(x) for x in losses[None]], rel=0.02)


def test_several_gpus_must_be_there_before_any_process_starts(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    reason = devices.why_not(backend.gpus())
    for asked in ("all", "0,1"):
        result = run("train", "-solver", "solver.prototxt", "-gpu", asked)
        assert (result.exit_code, f"GPU 0 cannot be used: {reason}" in result.stderr) == (1, True)
    result = run("test", "-model", "net.prototxt", "-weights", "w", "-gpu", "0,1")
    assert (result.exit_code, "this command runs on one GPU; name one" in result.stderr) == (2, True)


def test_gpus_are_named_as_in_caffe():
    assert gpu_indices(None, False) == gpu_indices("", True) == []
    assert gpu_indices("3", False) == [3]
    assert gpu_indices("2,0", False) == [2, 0]


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        ([], 2, "--solver"),
        (["-solver", "solver.prototxt", "-gpu", "0", "-cpu"], 2, "exclude each other"),
        (["-solver", "solver.prototxt", "-gpu", "0,0"], 2, "'0,0' names a GPU twice"),
        (["-solver", "solver.prototxt", "-gpu", "0", "-devices", "2"], 2, "exclude each other"),
        (["-solver", "solver.prototxt", "-devices", "0"], 2, "0"),
        (["-solver", "solver.prototxt", "-gpu", "first"], 2, "neither a number, numbers with commas"),
        (["-solver", "solver.prototxt", "-snapshot", "a", "-weights", "b"], 2, "exclude each other"),
        (["-solver", "solver.prototxt", "-sigint_effect", "explode"], 2, "explode"),
        (["-solver", "missing.prototxt"], 1, "missing.prototxt: there is no such file"),
        (["-solver", "net.prototxt"], 1, "is a network, where a solver is wanted"),
        (["-solver", "solver.prototxt", "-snapshot", "gone.solverstate"], 1, "gone.solverstate"),
        (["-solver", "solver.prototxt", "-weights", "gone.caffemodel"], 1, "gone.caffemodel"),
    ],
)
def test_bad_input_is_one_line(flags, code, words):
    result = run("train", *flags)
    assert result.exit_code == code
    assert words in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_quiet_and_in_a_pipe_there_is_no_bar():
    result = run("-q", "train", "-solver", "solver.prototxt")
    assert (result.exit_code, result.output, result.stderr) == (0, "", "")
    assert "it/s" not in run("train", "-solver", "solver.prototxt").stderr


def test_on_a_terminal_there_is_a_bar_below_the_lines(monkeypatch):
    """The bar shows iterations, loss and rate; lines still have their prefix."""
    if not hasattr(click.testing, "_NamedTextIOWrapper"):
        pytest.skip("this click's runner cannot be taken for a terminal")
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)
    result = run("train", "-solver", "solver.prototxt", "-cpu")
    assert result.exit_code == 0, result.stderr
    assert re.search(r"/6 \[.*loss [\d.]+, lr 0\.1", result.stderr)
    assert "Optimization Done." in result.stderr


def test_the_log_for_programs(here):
    assert run("train", "-solver", "solver.prototxt", "-log", "log.jsonl").exit_code == 0
    lines = [json.loads(line) for line in (here / "log.jsonl").read_text().splitlines()]
    assert [(line["event"], line["iter"]) for line in lines] == [
        ("start", 0), ("test", 0), ("train", 0), ("train", 2), ("test", 3), ("snapshot", 4), ("train", 4),
        ("snapshot", 6), ("test", 6),
    ]  # fmt: skip
    start, test, train = lines[:3]
    assert (start["net"], start["solver"], start["max_iter"]) == ("tiny", "solver.prototxt", 6)
    assert set(test["outputs"]) == {"accuracy", "loss"}
    assert train["lr"] == pytest.approx(0.1)
    assert train["outputs"]["loss"] == train["loss"]
    ip = train["layers"]["ip"]
    assert ip["weight"][0] > 0 == ip["weight"][1]
    # The first update of SGD is the gradient times the rate.
    assert ip["update"] == pytest.approx([0.1 * gradient for gradient in ip["gradient"]], rel=1e-5)
    assert run("train", "-solver", "solver.prototxt", "-log", "log.jsonl").exit_code == 0
    assert (here / "log.jsonl").read_text().count('"start"') == 2


def test_scores_are_caffes_lines_and_json():
    assert run("train", "-solver", "solver.prototxt").exit_code == 0
    result = run("test", "-model=net.prototxt", "-weights=snap/tiny_iter_6.caffemodel", "-iterations=3", "-json")
    assert result.exit_code == 0, result.stderr
    lines = messages(result)
    start = lines.index("Running for 3 iterations.")
    assert len(lines) == start + 1 + 3 * 2 + 3
    for number in range(3):
        for name, line in zip(("accuracy", "loss"), lines[start + 1 + 2 * number :]):
            assert re.fullmatch(rf"Batch {number}, {name} = [\d.]+", line)
    assert re.fullmatch(r"Loss: [\d.]+", lines[-3])
    assert re.fullmatch(r"accuracy = [\d.]+", lines[-2])
    assert re.fullmatch(r"loss = ([\d.]+) \(\* 1 = \1 loss\)", lines[-1])
    answer = json.loads(result.stdout)
    assert answer["loss"] == pytest.approx(float(lines[-3].split()[-1]), rel=1e-5)
    assert answer["outputs"]["accuracy"] == pytest.approx([float(lines[-2].split()[-1])], rel=1e-5)


def test_names_with_commas(here):
    (here / "a,b").write_text("")
    assert split_names("a,b") == ["a,b"]
    assert split_names("a, c,") == ["a", "c"]
    assert split_names(None) == []


@contextlib.contextmanager
def training(*flags):
    """Train in a process of its own, without an end; ends the process if the test did not."""
    command = [sys.executable, "-m", "cnnvis_caffe", "train", "-solver", "solver.prototxt", "-iterations", "100000000"]
    with programs.start([*command, *flags], stderr=subprocess.PIPE) as process:
        try:
            read_until(process, "Iteration 2 ")
            yield process
        finally:
            process.kill()


def read_until(process, words):
    """What a training says, up to a line that has some words."""
    for line in process.stderr:
        if words in line:
            return
    raise AssertionError(f"it ended without saying {words!r}")


def wait_for(condition):
    """Until something is so, for half a minute at most."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")


@pytest.fixture
def without_snapshots(here):
    """A solver that writes none by itself."""
    (here / "solver.prototxt").write_text(SOLVER.replace("snapshot: 4", "snapshot_after_train: false"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("without_snapshots")
def test_sighup_writes_a_snapshot_and_ctrl_c_stops_with_one(here, number):
    with training() as process:
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: list(here.glob("snap/*.solverstate")))
        assert process.poll() is None
        # The next iteration: a second snapshot of the same one would have the same name.
        read_until(process, "Snapshotting solver state")
        read_until(process, "Iteration ")
        read_until(process, "Iteration ")
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(30) == 128 + number
    assert "Optimization stopped early." in rest
    assert len(list(here.glob("snap/*.solverstate"))) == len(list(here.glob("snap/*.caffemodel"))) == 2


@pytest.mark.usefixtures("without_snapshots")
def test_effects_of_signals_can_be_chosen(here):
    with training("-sigint_effect", "snapshot", "-sighup_effect=stop") as process:
        process.send_signal(signal.SIGINT)
        wait_for(lambda: list(here.glob("snap/*.solverstate")))
        assert process.poll() is None
        process.send_signal(signal.SIGHUP)
        process.stderr.read()
        assert process.wait(30) == 128 + signal.SIGHUP


@pytest.mark.parametrize(
    "arguments", [["train", "-solver", "solver.prototxt"], ["test", "-model", "net.prototxt", "-weights", "w"]]
)
@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ('data_param { source: "gone_lmdb" batch_size: 2 backend: LMDB }', "gone_lmdb: there is no such database"),
        ('image_data_param { source: "gone.txt" batch_size: 2 }', "gone.txt"),
        ('hdf5_data_param { source: "gone.txt" batch_size: 2 }', "gone.txt"),
        (
            'image_data_param { source: "list.txt" batch_size: 1 } transform_param { mean_file: "gone.mean" }',
            "gone.mean",
        ),
    ],
)
def test_data_that_is_missing_is_said_before_any_other_line(here, arguments, layer, words):
    kind = {"data": "Data", "imag": "ImageData", "hdf5": "HDF5Data"}[layer[:4]]
    text = f'layer {{ name: "data" type: "{kind}" top: "data" top: "label" {layer} }}\n'
    (here / "net.prototxt").write_text(text + NET[NET.index('layer { name: "ip"') :])
    (here / "list.txt").write_text("a.png 1\n")
    cv2.imwrite("a.png", np.zeros((4, 5, 3), np.uint8))
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert words in line
