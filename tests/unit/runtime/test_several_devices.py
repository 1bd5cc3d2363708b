"""Two processes train as one with twice the batch, and as two real solvers whose gradients are averaged by hand."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import lmdb
import numpy as np
import pytest
from helpers import two_devices
from helpers.recordings import DEVICES, RECORDERS

from cnnvis_caffe.cli.launch import launch
from cnnvis_caffe.processes import environment, python_words

sys.path.insert(0, str(RECORDERS))
import device_cases as cases  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes by /proc")
ROOT = Path(__file__).resolve().parents[3]
#: Network, shape of its images, batch size of each device.
NETWORKS = {"lenet": ((1, 28, 28), 5), "cifar10_quick": ((3, 32, 32), 4)}


def write_network(folder, name, batch_size):
    """Write a network of the papers that trains on some random images."""
    shape, _ = NETWORKS[name]
    database = folder / f"{name}_db"
    if not database.exists():
        random = np.random.default_rng(len(name))
        environment_ = lmdb.open(str(database), map_size=1 << 20)
        with environment_.begin(write=True) as transaction:
            for index in range(17):
                pixels = random.integers(0, 256, shape, np.uint8).tobytes()
                header = b"".join(bytes([8 * field, size]) for field, size in zip((1, 2, 3), shape))
                length = bytes([len(pixels) & 127 | 128, len(pixels) >> 7])
                transaction.put(b"%04d" % index, header + b"\x22" + length + pixels + bytes([0x28, index % 10]))
        environment_.close()
    text = (ROOT / "prototxt" / name / "train_val.prototxt").read_text()
    text = re.sub(r'mean_file: "[^"]*"', "scale: 0.0039", re.sub(r'source: ".*"', f'source: "{database}"', text))
    net = folder / f"{name}_{batch_size}.prototxt"
    net.write_text(re.sub(r"batch_size: \d+", f"batch_size: {batch_size}", text))
    solver = folder / f"{name}_{batch_size}_solver.prototxt"
    solver.write_text(f'net: "{net}" base_lr: 0.01 momentum: 0.9 weight_decay: 0.004 lr_policy: "fixed" random_seed: 3 '
                      f'max_iter: 9 snapshot_prefix: "{net}"')  # fmt: skip
    return str(solver)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A run on two devices of which the second one was killed: folder, what the command said, and its exit status."""
    folder = tmp_path_factory.mktemp("devices")
    solver = Path(cases.write_files(str(folder), mirror=False))
    text = solver.read_text().replace("max_iter: 100", "max_iter: 1000000 snapshot: 10")
    solver.write_text(text)
    words = python_words("cnnvis_caffe", "train", "--solver", str(solver), "--devices", "2")
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=folder, env=environment())
    limit = time.monotonic() + 60
    while not list(folder.glob("*.solverstate")) and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.05)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    subprocess.run(["kill", f"-{signal.SIGKILL:d}", children[1]], check=True)
    said = process.communicate(timeout=60)[1]
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    return folder, said, process.returncode


@pytest.fixture(scope="module")
def trained(killed):
    """Everything else that two processes are needed for, in one go: arrays by job, one for each rank."""
    folder, said, _ = killed
    whole = Path(said.rpartition("--snapshot ")[2].split()[0])
    jobs = {name: (write_network(folder, name, size), 3) for name, (_, size) in NETWORKS.items()}
    jobs["resumed"] = (cases.write_files(str(folder), mirror=False), 3, str(whole))
    recorded = folder / "recorded"
    recorded.mkdir()
    jobs["recorded"] = (cases.write_files(str(recorded)), cases.N_STEPS)
    (folder / "jobs.json").write_text(json.dumps(jobs))
    assert launch([sys.executable, two_devices.__file__, str(folder)], ["CPU", "CPU"]) == 0
    results = {name: [np.load(folder / f"{name}_{rank}.npz") for rank in range(2)] for name in jobs}
    return folder, whole, results


def assert_same_training(found, expected, tolerance=2e-5):
    """Compare weights step by step, relative to the largest of each parameter."""
    names = [name for name in expected if name.startswith("weights")]
    assert names
    for name in names:
        assert np.abs(found[name] - expected[name]).max() <= tolerance * np.abs(expected[name]).max(), name


def test_two_processes_train_as_two_real_solvers(trained):
    recorded, found = np.load(DEVICES), trained[2]["recorded"]
    assert np.array_equal([rank["labels"] for rank in found], recorded["labels"])
    for rank in found:
        assert_same_training(rank, recorded)


@pytest.mark.parametrize("name", NETWORKS)
def test_two_processes_train_as_one_with_twice_the_batch(trained, name):
    folder, _, results = trained
    alone = two_devices.train(write_network(folder, name, 2 * NETWORKS[name][1]), 3)
    for rank in results[name]:
        assert_same_training(rank, alone)
    first, second = (rank["labels"] for rank in results[name])
    assert np.array_equal(np.stack([first, second], axis=2).reshape(len(first), -1), alone["labels"])


def test_a_device_that_dies_ends_the_run_with_a_whole_snapshot(killed):
    folder, said, code = killed
    errors = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert code == 1
    assert "one of the 2 processes that train together has ended" in errors[0]
    assert errors[-1] == "Error: process 2 of 2 (CPU) was ended by SIGKILL; all others were ended, too"
    assert len(errors) == 2 and "Traceback" not in said
    assert not [path for path in folder.iterdir() if "tmp" in path.name]


def test_a_killed_run_goes_on_on_one_device_and_on_two(trained):
    folder, whole, results = trained
    one = cases.write_files(str(folder), batch_size=2 * cases.BATCH_SIZE, mirror=False)
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        resumed = two_devices.train(one, 3, str(whole))
    assert "written by 2 devices together, now there are 1" in str(complaints[0].message)
    n_before = int(resumed["iter"]) - 3
    assert n_before and n_before % 10 == 0
    uninterrupted = two_devices.train(one, n_before + 3)
    last = {name: array[n_before:] for name, array in uninterrupted.items() if name != "iter"}
    for found in (resumed, *results["resumed"]):
        assert_same_training(found, last, 1e-3)  # of some hundred iterations
    labels = np.stack([rank["labels"] for rank in results["resumed"]], axis=2)
    assert np.array_equal(labels.reshape(3, -1), last["labels"])
    assert np.array_equal(resumed["labels"], last["labels"])
