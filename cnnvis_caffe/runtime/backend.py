"""The computing library and the device that nets run on.

`torch` here is imported when it is first *used*, so that a net can be built (shapes, parameters, geometry) where
PyTorch is not installed. The mode is one for the whole process; Caffe keeps one per thread, which made nets in worker
threads fall back to the CPU without a word.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import importlib
import os
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.errors import DeviceError, DeviceMemoryError, MissingDependencyError, NoGpuWarning
from cnnvis_caffe.runtime import devices

if TYPE_CHECKING:
    import torch
else:

    class _LazyModule:
        """Stands in for a module until one of its attributes is asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            # OpenMP's threads wait for each other by spinning for up to milliseconds. That gains nothing, and costs
            # tenfold where other programs want the cores, too.
            os.environ.setdefault("GOMP_SPINCOUNT", "1000")
            try:
                module = importlib.import_module(self._name)
            except ImportError as error:
                raise MissingDependencyError(self._name, self._name, "running a net") from error
            value = getattr(module, attribute)
            setattr(self, attribute, value)  # the next look-up does not come here
            return value

    torch = _LazyModule("torch")


#: Units in PyTorch's messages about memory.
_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class Precision(enum.Enum):
    """What convolutions and matrix products compute with; everything else is float32 always, parameters included."""

    FLOAT32 = "float32"  #: As in Caffe.
    TF32 = "tf32"  #: On a GPU, factors are cut to 10 bits behind the point; elsewhere the same as float32.
    BFLOAT16 = "bfloat16"  #: Factors and results are rounded to 7 bits behind the point.


class _Mode:
    """Where and how nets run: on the CPU, in float32, until told otherwise."""

    device: Any = None  # torch.device of the GPU, or None for the CPU
    index = 0
    cpu: Any = None  # torch.device of the CPU, once it was asked for
    precision = Precision.FLOAT32


def set_mode_cpu() -> None:
    """Run nets on the CPU from now on."""
    _Mode.device = None


def set_mode_gpu() -> None:
    """Run nets on the GPU from now on; without one, stay on the CPU and warn.

    Notes
    -----
    A CPU build of Caffe accepts the call and kills the process at the next forward.
    """
    sight = devices.look(torch)
    if sight.usable:
        _Mode.device = _gpu(_Mode.index, sight)
    else:
        warnings.warn(NoGpuWarning("set_mode_gpu", str(devices.why_not(sight))), stacklevel=2)


def set_device(index: int) -> None:
    """Choose the GPU that `set_mode_gpu` uses; without any GPU, warn.

    Raises
    ------
    DeviceError
        If there are GPUs, but none with this index.
    """
    sight = devices.look(torch)
    if not sight.usable:
        warnings.warn(NoGpuWarning(f"set_device({index})", str(devices.why_not(sight))), stacklevel=2)
        return
    _Mode.index = index
    device = _gpu(index, sight)
    if _Mode.device is not None:
        _Mode.device = device


def require_gpu(index: int) -> None:
    """Run nets on GPU `index` from now on.

    Raises
    ------
    DeviceError
        If that GPU is not there.
    """
    _Mode.device = _gpu(index, devices.look(torch))
    _Mode.index = index


def device() -> Any:
    """Return the torch.device that nets run on now."""
    if _Mode.device is not None:
        return _Mode.device
    if _Mode.cpu is None:
        _Mode.cpu = torch.device("cpu")
    return _Mode.cpu


def on_gpu() -> bool:
    """Say whether nets run on a GPU now."""
    return _Mode.device is not None


def set_precision(precision: Precision) -> None:
    """Choose what convolutions and matrix products compute with from now on."""
    _Mode.precision = Precision(precision)


def precision() -> Precision:
    """Return what convolutions and matrix products compute with."""
    return _Mode.precision


def is_narrow() -> bool:
    """Say whether convolutions and matrix products take other factors than float32."""
    return _Mode.precision is Precision.BFLOAT16


def narrowed(*tensors: Any) -> tuple[Any, ...]:
    """Return the factors of a convolution or matrix product as they enter it; None stays None."""
    if not is_narrow():
        return tensors
    narrow = tuple(tensor if tensor is None else tensor.to(torch.bfloat16) for tensor in tensors)
    if on_gpu() or _cpu_multiplies_bfloat16():
        return narrow
    return tuple(tensor if tensor is None else tensor.float() for tensor in narrow)


def widened(tensor: Any) -> Any:
    """Return the result of `narrowed` factors, rounded as they were, in float32; None stays None."""
    return tensor.to(torch.bfloat16).float() if is_narrow() and tensor is not None else tensor


@functools.cache
def _cpu_multiplies_bfloat16() -> bool:
    """Whether the CPU library has products of bfloat16 for this processor; else float32 multiplies rounded factors.

    It is tried, because what PyTorch tells knows nothing of a limit such as ONEDNN_MAX_CPU_ISA.
    """
    factors = torch.ones(2, 3, dtype=torch.bfloat16), torch.ones(4, 3, dtype=torch.bfloat16)
    images = torch.ones(2, 3, 6, 5, dtype=torch.bfloat16), torch.ones(3, 4, 3, 3, dtype=torch.bfloat16)
    try:
        torch.ops.mkldnn._linear_pointwise(*factors, None, "none", [], "")
        torch.conv_transpose2d(*images)
    except (AttributeError, RuntimeError):  # no such operation in this PyTorch; no kernel
        return False
    return True


@contextlib.contextmanager
def computing() -> Iterator[None]:
    """Compute without autograd, and on a GPU in full float32 as Caffe does, unless TF32 was asked for."""
    with torch.no_grad():
        if not on_gpu():
            yield
            return
        before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        allowed = _Mode.precision is Precision.TF32
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
        try:
            yield
        finally:
            torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


def gpus(ask_driver: bool = False) -> devices.Sight:
    """Say what is seen of GPUs; the driver is asked where PyTorch sees none, or on request."""
    return devices.look(torch, ask_driver)


def free_memory() -> int:
    """Return how many bytes are free on the GPU that nets run on, or would; 0 where there is none."""
    if not torch.cuda.is_available():
        return 0
    free, _ = torch.cuda.mem_get_info(_Mode.index)
    # What PyTorch has let go of but keeps for itself counts as well.
    return int(free + torch.cuda.memory_reserved(_Mode.index) - torch.cuda.memory_allocated(_Mode.index))


@contextlib.contextmanager
def memory_explained(where: str, what: str) -> Iterator[None]:
    """Let a GPU that is full be one error that says what needed how much.

    Parameters
    ----------
    where : str
        File, or a command.
    what : str
        What needs the memory.

    Raises
    ------
    DeviceMemoryError
        In place of PyTorch's own error.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise memory_error(error, where, what) from error


def memory_error(error: Exception, where: str, what: str) -> DeviceMemoryError:
    """Return PyTorch's error about a GPU that is full in our own words."""
    found = re.search(r"Tried to allocate ([\d.]+) (\w+)", str(error))
    asked = float(found[1]) * _UNITS.get(found[2], 0) if found else 0
    _, total = torch.cuda.mem_get_info(_Mode.index)
    return DeviceMemoryError(
        where, what, int(asked), free_memory(), int(total),
        "take a smaller batch (batch_size, or the shape of the input; iter_size adds up the gradients of several), end "
        "other programs that use the GPU, or compute on the CPU",
    )  # fmt: skip


def _gpu(index: int, sight: devices.Sight) -> Any:
    """The torch.device of a GPU that can be used."""
    reason = devices.why_not(sight, index)
    if reason is not None:
        raise DeviceError(f"GPU {index} cannot be used: {reason}")
    return torch.device("cuda", index)
