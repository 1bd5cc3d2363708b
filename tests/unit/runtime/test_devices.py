"""Why a GPU cannot be used: judged from what PyTorch and the driver report on such machines."""

from __future__ import annotations

import dataclasses
import warnings

import pytest
import torch

from cnnvis_caffe.errors import DeviceError, NoGpuWarning
from cnnvis_caffe.runtime import backend, devices
from cnnvis_caffe.runtime.devices import Gpu, Sight

#: What PyTorch's wheels of these versions say of themselves (torch.cuda.get_arch_list()).
CUDA13 = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
CUDA126 = ("sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86", "sm_90")
H200 = Gpu("NVIDIA H200", 150_754_820_096, (9, 0))
V100 = Gpu("Tesla V100-SXM2-16GB", 16_935_682_048, (7, 0))
GTX1080 = Gpu("NVIDIA GeForce GTX 1080", 8_506_769_408, (6, 1))
GOOD = Sight("2.13.0+cu130", "13.0", CUDA13, usable=True, gpus=(H200, V100))


def test_a_gpu_that_can_be_used():
    assert devices.why_not(GOOD) is None


@pytest.mark.parametrize(
    ("sight", "index", "said"),
    [
        (GOOD, 2, ("0 to 1 are there",)),
        (GOOD, -1, ("0 to 1 are there",)),
        (dataclasses.replace(GOOD, gpus=(H200,), visible="3"), 1, ("0 to 0 are there (CUDA_VISIBLE_DEVICES is '3')",)),
        (GOOD, 1, ("Tesla V100-SXM2-16GB has compute capability 7.0", "7.5, 8.0", "12.0", "constraints-cuda12.txt")),
        (
            dataclasses.replace(GOOD, gpus=(Gpu("NVIDIA Next", 10**11, (14, 0)),)), 0,
            ("compute capability 14.0", "install a newer PyTorch"),
        ),
        (Sight("2.13.0+cpu", None, said="nvidia-smi is not there"), 0, ("a build without CUDA", "no NVIDIA driver")),
        (
            Sight("2.13.0+cpu", None, driver="580.95.05", gpus=(H200,)), 0,
            ("a build without CUDA", "the driver 580.95.05 shows NVIDIA H200", "docker/README.md"),
        ),
        (Sight("2.13.0", "13.0", CUDA13, said="nvidia-smi is not there"), 0, ("no NVIDIA driver answers",)),
        (
            Sight("2.13.0", "13.0", CUDA13, said="Failed to initialize NVML: Driver/library version mismatch"), 0,
            ("no NVIDIA driver answers", "Driver/library version mismatch"),
        ),
        (
            Sight("2.13.0", "13.0", CUDA13, driver="570.133.07", gpus=(H200,), said="The NVIDIA driver is too old"), 0,
            ("the driver 570.133.07 is too old", "CUDA 13.0", "driver 580 or newer", "constraints-cuda12.txt"),
        ),
        (
            Sight("2.7.1", "12.6", CUDA126, driver="470.182.03", gpus=(GTX1080,)), 0,
            ("the driver 470.182.03 is too old", "driver 525 or newer"),
        ),
        (
            Sight("2.13.0", "13.0", CUDA13, driver="580.95.05", gpus=(H200,), visible=""), 0,
            ("CUDA_VISIBLE_DEVICES='' hides NVIDIA H200",),
        ),
        (
            Sight("2.13.0", "13.0", CUDA13, driver="580.95.05", gpus=(H200,), said="CUDA unknown error"), 0,
            ("PyTorch finds no GPU (CUDA unknown error)",),
        ),
    ],
)  # fmt: skip
def test_why_a_gpu_cannot_be_used(sight, index, said):
    reason = devices.why_not(sight, index)
    assert reason is not None and "\n" not in reason
    for words in said:
        assert words in reason


def test_the_suggestion_for_a_driver_that_is_too_old_even_for_cuda_12_is_no_older_pytorch():
    reason = devices.why_not(Sight("2.7.1", "12.6", CUDA126, driver="470.182.03", gpus=(GTX1080,)))
    assert reason.endswith("install a newer driver")


@pytest.mark.parametrize(
    ("kernels", "capability", "runs"),
    [
        (CUDA13, (7, 5), True),
        (CUDA13, (7, 0), False),
        (CUDA13, (8, 9), True),  # an L4 runs what was built for 8.6
        (CUDA13, (12, 1), True),
        (CUDA13, (11, 0), False),
        (CUDA126, (6, 1), True),
        (CUDA126, (3, 7), False),
        (CUDA126, (12, 0), False),
        (("sm_86",), (8, 0), False),
        (("sm_80", "compute_80"), (12, 0), True),
        (("sm_90a",), (9, 0), True),
        (("sm_100a",), (10, 3), False),
        ((), (3, 0), True),
    ],
)
def test_which_gpus_a_build_runs_on(kernels, capability, runs):
    """As NVIDIA's rules for machine code (same major version, same or newer minor) and PTX (anything newer) have it."""
    assert devices.has_kernels(kernels, capability) is runs


def test_every_gpu_is_described():
    assert devices.describe(dataclasses.replace(GOOD, driver="580.95.05")) == [
        "PyTorch 2.13.0+cu130, built for CUDA 13.0",
        "its kernels: compute capability 7.5, 8.0, 8.6, 9.0, 10.0, 12.0",
        "NVIDIA driver: 580.95.05",
        "GPU 0: NVIDIA H200, compute capability 9.0, 140.4 GiB: can be used",
        "GPU 1: Tesla V100-SXM2-16GB, compute capability 7.0, 15.8 GiB: cannot be used: " + devices.why_not(GOOD, 1),
    ]


def test_a_machine_without_a_usable_gpu_is_described():
    sight = Sight("2.13.0", "13.0", (*CUDA13, "compute_120"), driver="570.133.07", gpus=(H200,))
    found = devices.describe(sight)
    assert found[1] == "its kernels: compute capability 7.5, 8.0, 8.6, 9.0, 10.0, 12.0 and newer"
    assert found[3:] == [
        "GPU 0: NVIDIA H200, compute capability 9.0, 140.4 GiB, seen by the driver alone",
        f"no GPU can be used: {devices.why_not(sight)}",
    ]


def test_the_driver_s_table_is_read():
    text = "0, 580.95.05, 143771, NVIDIA H200, 9.0\n1, 580.95.05, [N/A], Tesla V100-SXM2-16GB, 7.0\n"
    driver, gpus = devices.read_smi(text)
    assert driver == "580.95.05"
    assert gpus == (Gpu("NVIDIA H200", 143771 * 2**20, (9, 0)), Gpu("Tesla V100-SXM2-16GB", 0, (7, 0)))
    assert devices.read_smi("0, 470.182.03, 8112, NVIDIA GeForce GTX 1080\n")[1][0].capability is None
    assert devices.read_smi("No devices were found\n") == (None, ())


#: Commands that answer as the driver's own does.
COMMANDS = {
    "of an older driver": (
        'case "$1" in *compute_cap*) echo \'Field "compute_cap" is not a valid field to query.\'; exit 2;; esac\n'
        "echo '0, 470.182.03, 8112, NVIDIA GeForce GTX 1080'\n",
        ("470.182.03", "NVIDIA GeForce GTX 1080"),
    ),
    "without a driver": (
        'echo "NVIDIA-SMI has failed because it couldn\'t communicate with the NVIDIA driver."; exit 9\n',
        ("couldn't communicate with the NVIDIA driver",),
    ),
}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("name", COMMANDS)
def test_the_error_says_what_the_driver_says(name, tmp_path, monkeypatch):
    answer, said = COMMANDS[name]
    command = tmp_path / "nvidia-smi"
    command.write_text(f"#!/bin/sh\n{answer}")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError) as caught:
        backend.require_gpu(0)
    assert str(caught.value).startswith("GPU 0 cannot be used: ")
    for words in said:
        assert words in str(caught.value) or words in " ".join(devices.describe(backend.gpus()))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize(
    ("ask", "asked"), [(backend.set_mode_gpu, "set_mode_gpu"), (lambda: backend.set_device(3), "set_device(3)")]
)
def test_pycaffes_calls_warn_once_with_the_reason(ask, asked):
    with pytest.warns(NoGpuWarning) as found:
        ask()
    assert len(found) == 1
    reason = devices.why_not(backend.gpus())
    assert str(found[0].message) == f"{asked}: no GPU can be used: {reason}; nets run on the CPU"
    assert not backend.on_gpu()


@pytest.mark.gpu
def test_the_gpu_at_hand_is_seen(gpu):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sight = backend.gpus(ask_driver=True)
    assert devices.why_not(sight) is None
    assert len(sight.gpus) == torch.cuda.device_count()
    assert devices.describe(sight)[-1].endswith("can be used")


@pytest.mark.gpu
def test_a_gpu_that_is_not_there(gpu):
    with pytest.raises(DeviceError, match=r"GPU 99 cannot be used: 0 to \d+ are there"):
        backend.require_gpu(99)
    assert not backend.on_gpu()
