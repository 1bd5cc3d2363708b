"""A real Caffe and the GPU: what it is told, in which order and thread, and the one error where it has none."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from helpers.recordings import LAYERS

from cnnvis_caffe.real_caffe import why_not
from cnnvis_caffe.runtime.devices import Gpu

# What Debian 11's Caffe for the CPU writes; the others follow its source and the wording of CUDA 11.2, put in for {}.
HEAD = "WARNING: Logging before InitGoogleLogging() is written to STDERR\n"
TAIL = "\n*** Check failure stack trace: ***\n"
WITHOUT_CUDA = f"{HEAD}F1130 10:40:23.749190  8742 common.cpp:66] Cannot use GPU in CPU-only Caffe: check mode.{TAIL}"
CHECK = "F1130 10:41:07.120011  8801 common.cpp:152] Check failed: error == cudaSuccess ({})  "
OLD = HEAD + CHECK.format("35 vs. 0") + "CUDA driver version is insufficient for CUDA runtime version" + TAIL
NONE = HEAD + CHECK.format("100 vs. 0") + "no CUDA-capable device is detected" + TAIL
FOREIGN = HEAD + CHECK.format("209 vs. 0") + "no kernel image is available for execution on the device" + TAIL
BROKEN = HEAD + CHECK.format("46 vs. 0") + "all CUDA-capable devices are busy or unavailable" + TAIL
TITAN = (Gpu("TITAN Xp", 12 << 30),)


@pytest.mark.parametrize(
    ("said", "driver", "reason"),
    [
        (WITHOUT_CUDA, (None, (), "nvidia-smi is not there"), "it is built without CUDA; docker/README.md says how"),
        (OLD, (None, (), "nvidia-smi is not there"), "no NVIDIA driver answers (nvidia-smi is not there)"),
        (
            OLD,
            ("418.87", TITAN, ""),
            "the driver 418.87 is too old for the CUDA that it is built with",
        ),
        (NONE, ("535.1", (), ""), "CUDA finds no GPU"),
        (NONE, ("535.1", TITAN, ""), "CUDA finds no GPU, as CUDA_VISIBLE_DEVICES='7' hides TITAN Xp"),
        (FOREIGN, ("535.1", TITAN, ""), "it is not built for TITAN Xp; build it with this GPU's ARCHITECTURES"),
        (
            BROKEN,
            ("535.1", TITAN, ""),
            "Check failed: error == cudaSuccess (46 vs. 0) all CUDA-capable devices",
        ),
        ("Segmentation fault\n", ("535.1", TITAN, ""), "Segmentation fault"),
        ("", ("535.1", TITAN, ""), "its process ended without a word"),
    ],
)
def test_why_a_real_caffe_has_no_gpu(monkeypatch, said, driver, reason):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert why_not(said, *driver).startswith(reason)


#: A caffe that notes what it is asked for, and ends its process at the call if FATAL says so.
CAFFE = """
import os, sys, threading
import numpy as np
TRAIN, TEST = 0, 1
def note(what):
    with open(os.environ["NOTES"], "a") as file:
        print(os.getpid() == int(os.environ.get("PARENT", 0)), threading.current_thread().name, what, file=file)
def set_device(index):
    note(f"set_device {index}")
    if "FATAL" in os.environ:
        print(os.environ["FATAL"], file=sys.stderr, flush=True)
        os.abort()
def set_mode_gpu(): note("set_mode_gpu")
def set_mode_cpu(): note("set_mode_cpu")
def set_random_seed(seed): pass
class Blob:
    def __init__(self): self.data = np.zeros(1)
class Net:
    def __init__(self, path, phase):
        note("Net")
        self.blobs = {"x": Blob(), "y": Blob()}
    def forward(self): self.blobs["y"].data[...] = self.blobs["x"].data
"""
SCRIPT = """
import os, sys, threading
os.environ["PARENT"] = str(os.getpid())
from cnnvis_caffe.analysis.model import Nets
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.errors import DeviceError
from cnnvis_caffe.formats.prototxt import read_network
network = read_network(sys.argv[1])
def work():
    try:
        Nets(network, Request("m", (), "d", engine="caffe", device="cuda"))
    except DeviceError as error:
        print(error)
work()
worker = threading.Thread(target=work, name="worker")
worker.start()
worker.join()
"""


def run_script(repository, folder, **environment):
    """What the script above prints, and what was noted: (by the asking process?, thread, what)."""
    (folder / "caffe").mkdir()
    (folder / "caffe/__init__.py").write_text(CAFFE)
    notes = folder / "notes"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(repository / "prototxt/lenet/deploy.prototxt")],
        capture_output=True, text=True, timeout=60,
        env={"PYTHONPATH": f"{folder}:{repository}", "NOTES": str(notes), "PATH": "", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [tuple(line.split(" ", 2)) for line in notes.read_text().splitlines()]
    return done.stdout.splitlines(), [line[1:] for line in lines if line[0] == "True"], len(lines)


def test_mode_and_device_are_set_before_each_net_in_its_thread(repository, tmp_path):
    errors, notes, n_calls = run_script(repository, tmp_path)
    wanted = ["set_device 0", "set_mode_gpu", "Net"]
    assert not errors
    assert notes == [("MainThread", what) for what in wanted] + [("worker", what) for what in wanted]
    assert n_calls == 9, "it is tried once, in a process of its own"


def test_a_caffe_that_would_end_the_process_is_one_error(repository, tmp_path):
    errors, notes, n_calls = run_script(repository, tmp_path, FATAL=WITHOUT_CUDA)
    assert (
        errors
        == [
            f"no GPU can be used by the real Caffe in {tmp_path}: it is built without CUDA; docker/README.md says how "
            "to get one with it, or use the engine 'torch'; analyse with --device cpu"
        ]
        * 2
    )
    assert not notes and n_calls == 1


@pytest.mark.pycaffe
def test_debians_caffe_says_that_it_has_no_cuda(repository, real_caffe):
    script = (
        "from cnnvis_caffe import engines\n"
        "try: engines.use_device('caffe', 'cuda')\n"
        "except Exception as error: print(error)"
    )
    words = [*real_caffe, "env", f"PYTHONPATH={repository}", "python3", "-c", script]
    done = subprocess.run(words, cwd=repository, capture_output=True, text=True, timeout=120)
    assert "it is built without CUDA" in done.stdout, done.stderr


@pytest.mark.pycaffe
def test_layers_are_recorded_elsewhere_and_on_a_gpu_only_where_there_is_one(repository, real_caffe):
    recorder = [*real_caffe, "python3", "tests/recorders/record_layers.py"]
    with tempfile.TemporaryDirectory(dir=repository, prefix=".recorded.") as folder:  # which the other root sees
        asked = [*recorder, "--gpu", "--to", folder, "Threshold"]
        refused = subprocess.run(asked, cwd=repository, capture_output=True, text=True, timeout=120)
        assert refused.returncode == 1 and "it is built without CUDA" in refused.stderr.splitlines()[-1]
        assert not os.listdir(folder)
        subprocess.run([*recorder, "--to", folder, "Threshold"], cwd=repository, check=True, timeout=120)
        (name,) = os.listdir(folder)
        found, wanted = np.load(f"{folder}/{name}"), np.load(LAYERS / "Threshold.npz")
        assert set(found) == set(wanted)
        numbers = [key for key in wanted if wanted[key].dtype.kind == "f"]
        assert numbers and all(np.array_equal(found[key], wanted[key]) for key in numbers)
