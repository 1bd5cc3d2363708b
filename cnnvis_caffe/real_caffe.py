"""A real Caffe that is installed here: found, and put on a device.

Caffe ends the process where it cannot use a GPU, some at the call and some at the next pass. So a process of its own
tries one first.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
import subprocess
import sys
import tempfile
from types import ModuleType

from cnnvis_caffe.errors import DeviceError, EngineError
from cnnvis_caffe.processes import environment, python_code
from cnnvis_caffe.runtime.devices import Gpu, driver_answer

_NAME = "caffe"
_GPU = 0  # CUDA_VISIBLE_DEVICES says which one that is

#: One layer with a kernel of Caffe's own; what it gives is 3.
_NETWORK = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 } } }
layer { name: "y" type: "ReLU" bottom: "x" top: "y" }
"""
_TRIAL = """
import sys
sys.path.insert(0, sys.argv[1])
import caffe
caffe.set_device(int(sys.argv[3]))
caffe.set_mode_gpu()
net = caffe.Net(sys.argv[2], caffe.TEST)
net.blobs["x"].data[...] = 3
net.forward()
sys.exit(int(net.blobs["y"].data[0] != 3))
"""


def import_caffe() -> ModuleType:
    """Return the real pycaffe, which is not to be mistaken for our own under its name, nor for some folder.

    Raises
    ------
    EngineError
        If there is none.
    """
    hint = "install it (Debian 11 has a package: python3-caffe-cpu), or use the engine 'torch'"
    before = sys.modules.get(_NAME)
    if before is not None and before.__name__.startswith("cnnvis_caffe"):
        raise EngineError(
            "in this process 'caffe' is cnnvis_caffe itself, because install_as_caffe() was called; "
            "start another process for the engine 'caffe'"
        )
    try:
        caffe = importlib.import_module(_NAME)
    except ModuleNotFoundError as error:
        if error.name == _NAME:
            raise EngineError(f"there is no real Caffe here; {hint}") from error
        raise EngineError(f"the real Caffe cannot be imported, as the module {error.name!r} is missing") from error
    except ImportError as error:
        raise EngineError(f"the real Caffe cannot be imported: {error}") from error
    if not (hasattr(caffe, "Net") and hasattr(caffe, "TEST")):
        place = getattr(caffe, "__file__", None) or next(iter(getattr(caffe, "__path__", ())), "somewhere")
        raise EngineError(f"'import caffe' gives {place}, which is not pycaffe; {hint}")
    return caffe


def use_device(device: str) -> None:
    """Run real Caffe's nets on a device from now on, in this thread: Caffe keeps its mode for each thread.

    Parameters
    ----------
    device : {"cpu", "cuda"}

    Raises
    ------
    EngineError
        If there is no real Caffe.
    DeviceError
        If it cannot use a GPU.
    """
    caffe = import_caffe()
    if device == "cpu":
        caffe.set_mode_cpu()
        return
    check_gpu()
    caffe.set_device(_GPU)
    caffe.set_mode_gpu()


def check_gpu() -> None:
    """Let a process of its own try the GPU with real Caffe; this one stays away from it, and may still fork.

    Raises
    ------
    EngineError
        If there is no real Caffe.
    DeviceError
        If it cannot use a GPU.
    """
    folder = os.path.dirname(os.path.dirname(os.path.abspath(str(import_caffe().__file__))))
    reason = _tried(folder)
    if reason:
        raise DeviceError(f"no GPU can be used by the real Caffe in {folder}: {reason}")


@functools.cache
def _tried(folder: str) -> str:
    """Run a net on the GPU in a process of its own; why that failed, or nothing."""
    with tempfile.TemporaryDirectory(prefix="cnnvis_caffe.") as place:
        path = os.path.join(place, "trial.prototxt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(_NETWORK)
        words = python_code(_TRIAL, [folder, path, str(_GPU)])
        around = environment(GLOG_logtostderr="1", GLOG_minloglevel="2")
        done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=around)
    return "" if done.returncode == 0 else why_not(done.stderr, *driver_answer())


def why_not(said: str, driver: str | None, gpus: tuple[Gpu, ...] = (), driver_said: str = "") -> str:
    """Say why a real Caffe cannot use a GPU.

    Parameters
    ----------
    said : str
        What it wrote to standard error before it ended its process.
    driver, gpus, driver_said
        What the driver answers, as `runtime.devices.driver_answer` gives it.

    Returns
    -------
    str
        One line that says what is wrong and what to do.
    """
    if "CPU-only Caffe" in said:
        return "it is built without CUDA; docker/README.md says how to get one with it, or use the engine 'torch'"
    if driver is None:
        return f"no NVIDIA driver answers ({driver_said or 'no reason given'})"
    if "driver version is insufficient" in said or "unsupported toolchain" in said:
        return f"the driver {driver} is too old for the CUDA that it is built with; install a newer one"
    if "no CUDA-capable device" in said or "invalid device ordinal" in said:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        hidden = f", as CUDA_VISIBLE_DEVICES={visible!r} hides {_names(gpus)}" if visible is not None and gpus else ""
        return f"CUDA finds no GPU{hidden}"
    if "no kernel image" in said:
        return f"it is not built for {_names(gpus)}; build it with this GPU's ARCHITECTURES (docker/README.md)"
    return _last_words(said)


def _names(gpus: tuple[Gpu, ...]) -> str:
    return ", ".join(gpu.name for gpu in gpus) or "this GPU"


def _last_words(said: str) -> str:
    """The line of a fatal error without what glog puts before it, or whatever was said last."""
    fatal = re.findall(r"^F\d{4} \S+ +\d+ \S+\] (.*)$", said, re.MULTILINE)
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("***")]
    return " ".join((fatal or lines or ["its process ended without a word"])[-1].split())
