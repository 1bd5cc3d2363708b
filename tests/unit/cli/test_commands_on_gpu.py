"""`train`, `test`, `time` and `analyze` on a GPU: the CPU's lines and numbers, files that both read, and a full GPU."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest
from helpers.command_line import runner
from helpers.full_gpu import nearly_full

from cnnvis_caffe.cli import main
from cnnvis_caffe.formats.solverstate import read_solverstate
from cnnvis_caffe.formats.weights import read_weights

pytestmark = [pytest.mark.gpu, pytest.mark.usefixtures("gpu")]

NET = """name: "tiny"
layer { name: "data" type: "DummyData" top: "data" top: "label"
        dummy_data_param { shape { dim: 5 dim: 3 dim: 8 dim: 7 } shape { dim: 5 }
                           data_filler { type: "gaussian" } data_filler { type: "uniform" max: 1.99 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
        inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """net: "net.prototxt" base_lr: 0.1 momentum: 0.5 lr_policy: "fixed" display: 2 max_iter: 8 test_iter: 2
test_interval: 3 snapshot: 4 snapshot_prefix: "tiny" random_seed: 2
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of one's own, and logging as before."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    logger = logging.getLogger("cnnvis_caffe")
    handlers, level = [*logger.handlers], logger.level
    yield tmp_path
    logger.handlers[:] = handlers
    logger.setLevel(level)


def run(*arguments):
    """Run the command line in this process; give what it printed to stdout and stderr."""
    result = runner().invoke(main.group, list(arguments))
    assert "Traceback" not in result.stderr
    return result


def numbers_of(text):
    """Losses and scores, in order."""
    return [float(number) for number in re.findall(r"(?:loss|accuracy) = ([-+.e\d]+)", text)]


def arrays_of(folder):
    """All weights and histories that a training has left."""
    weights = read_weights(folder / "tiny_iter_8.caffemodel")
    state = read_solverstate(folder / "tiny_iter_8.solverstate")
    return [np.array(array.data) for layer in weights.layers for array in layer.blobs] + [
        np.array(array.data) for array in state.history
    ]


def test_training_prints_the_cpus_numbers(here):
    on_the_cpu = run("train", "-solver", "solver.prototxt", "-cpu")
    expected = arrays_of(here)
    on_the_gpu = run("train", "-solver", "solver.prototxt", "-gpu", "0")
    assert on_the_cpu.exit_code == on_the_gpu.exit_code == 0
    assert numbers_of(on_the_cpu.stderr)
    assert numbers_of(on_the_gpu.stderr) == pytest.approx(numbers_of(on_the_cpu.stderr), rel=1e-3)
    for found, wanted in zip(arrays_of(here), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("devices", [("-gpu=0", "-cpu"), ("-cpu", "-gpu=0"), ("-gpu=0", "-gpu=0")])
def test_a_snapshot_of_one_device_is_gone_on_from_on_another(devices, here):
    assert run("train", "-solver", "solver.prototxt", "-cpu").exit_code == 0
    expected = arrays_of(here)
    first, second = devices
    assert run("train", "-solver", "solver.prototxt", first).exit_code == 0
    for name in ("tiny_iter_8.caffemodel", "tiny_iter_8.solverstate"):
        (here / name).unlink()
    result = run("train", "-solver", "solver.prototxt", "-snapshot", "tiny_iter_4.solverstate", second)
    assert result.exit_code == 0, result.stderr
    for found, wanted in zip(arrays_of(here), expected):
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_test_and_time_run_there(here):
    assert run("train", "-solver", "solver.prototxt", "-cpu").exit_code == 0
    command = ["test", "-model", "net.prototxt", "-weights", "tiny_iter_8.caffemodel", "-iterations", "2"]
    scores = [numbers_of(run(*command, device).stderr) for device in ("-cpu", "-gpu=0")]
    assert scores[0] and len(scores[0]) == len(scores[1])
    result = run("time", "--model", "net.prototxt", "--gpu", "0", "--iterations", "2")
    assert result.exit_code == 0, result.stderr
    assert "conv" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["train", "-solver", "solver.prototxt"],
        ["test", "-model", "net.prototxt", "-weights", "tiny_iter_8.caffemodel"],
        ["time", "--model", "net.prototxt"],
    ],
)
def test_a_full_gpu_is_one_error(command, here):
    """It says what needs how much of how much, and what to do."""
    assert run("train", "-solver", "solver.prototxt", "-cpu").exit_code == 0
    with nearly_full(2_000):
        result = run(*command, "--gpu", "0")
    assert result.exit_code == 1
    (said,) = [line for line in result.stderr.splitlines() if " on the GPU, where " in line]
    assert re.search(r"net\.prototxt:\d+: layer '\w+' \(\w+\) needs .+ on the GPU, where .+ are free; ", said)
    assert "take a smaller batch" in said


@pytest.mark.parametrize("command", ["train -solver solver.prototxt", "time --model net.prototxt"])
def test_a_gpu_that_is_not_there(command):
    result = run(*command.split(), "--gpu", "77")
    assert result.exit_code == 1
    assert "GPU 77 cannot be used: 0 to " in result.stderr


def test_version_names_the_gpu():
    result = run("--version", "--verbose")
    assert result.exit_code == 0
    assert "GPU 0: " in result.stdout
