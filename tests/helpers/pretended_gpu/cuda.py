"""What stands in for `torch.cuda` where there is no GPU, and how it is put there and taken away."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.pretended_gpu.device import MEMORY, Device
from helpers.pretended_gpu.graph import Graph, recording
from helpers.pretended_gpu.tensor import CUDA, compute

#: Numbers of PyTorch's kinds of devices.
_CUDA, _META = 1, 14


@contextlib.contextmanager
def pretended_gpu(memory: int = MEMORY) -> Iterator[Device]:
    """Let torch say that there is one CUDA device, and give what tells what is asked of it.

    Parameters
    ----------
    memory : int
        How much it has, in bytes.
    """
    assert not torch.cuda.is_available(), "there is a real one"
    gpu = Device(memory)
    _kernels()
    with contextlib.ExitStack() as stack:
        if torch.version.cuda is not None:
            stack.enter_context(_BeforeKernels())
        stack.enter_context(_devices_that_can_be_changed())
        # torch.tensor(..., device="cuda") makes it on the CPU, and copies it.
        torch._C._set_only_lift_cpu_tensors(True)
        stack.callback(torch._C._set_only_lift_cpu_tensors, False)
        stack.enter_context(patch.multiple(torch.cuda, **_functions(gpu)))
        stack.enter_context(patch.multiple(torch.Tensor, **_methods(gpu)))
        stack.enter_context(patch.multiple(torch, **_makers(gpu)))
        stack.enter_context(patch.object(Device, "current", gpu))
        yield gpu


@functools.lru_cache(maxsize=1)
def _kernels() -> list[torch.library.Library]:
    """Let operations that make a tensor on a GPU arrive here; there for good, since putting it there takes 10 ms."""

    def make(function: Any, *arguments: Any, **options: Any) -> Any:
        if Device.current is None:
            raise NotImplementedError(f"Could not run '{function}' with arguments from the 'CUDA' backend.")
        return compute(function, arguments, options)

    everything, single = torch.library.Library("_", "IMPL"), torch.library.Library("aten", "IMPL")
    everything.fallback(make, "CUDA")
    # These would make a tensor without values and give it another shape.
    for operation in (torch.ops.aten.arange, torch.ops.aten.eye):
        for function in (getattr(operation, name) for name in operation.overloads() if "out" not in name):
            single.impl(function, functools.partial(make, function), "CUDA")
    return [everything, single]


class _BeforeKernels(TorchDispatchMode):
    """Catches what would make a tensor on a GPU in a build of PyTorch with CUDA, whose own kernels want a driver."""

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        options = options or {}
        device = options.get("device")
        if device is not None and torch.device(device).type == "cuda":
            return compute(function, arguments, options)
        return function(*arguments, **options)


def _functions(gpu: Device) -> dict[str, Any]:
    """What is replaced in `torch.cuda`."""

    def nothing(*arguments: Any, **options: Any) -> None:
        pass

    def reset_peak(*arguments: Any) -> None:
        gpu.memory.peak = gpu.memory.taken

    def synchronize(*arguments: Any) -> None:
        gpu.wait("synchronize")

    def seed(value: int) -> None:
        gpu.random.manual_seed(value)

    properties = SimpleNamespace(
        name="pretended GPU", total_memory=gpu.memory.total, major=9, minor=0, multi_processor_count=1
    )
    return dict(
        _lazy_init=nothing, empty_cache=nothing, set_device=nothing, set_stream=nothing,
        is_available=lambda: True, is_initialized=lambda: True, device_count=lambda: 1, current_device=lambda: 0,
        device=lambda *arguments: contextlib.nullcontext(),
        get_device_name=lambda *arguments: properties.name,
        get_device_capability=lambda *arguments: (properties.major, properties.minor),
        get_device_properties=lambda *arguments: properties,
        mem_get_info=lambda *arguments: (gpu.memory.total - gpu.memory.taken, gpu.memory.total),
        memory_allocated=lambda *arguments: gpu.memory.taken,
        memory_reserved=lambda *arguments: gpu.memory.taken,
        max_memory_allocated=lambda *arguments: gpu.memory.peak,
        reset_peak_memory_stats=reset_peak, synchronize=synchronize,
        manual_seed=seed, manual_seed_all=seed,
        get_rng_state=lambda *arguments: gpu.random.get_state(),
        set_rng_state=lambda state, *arguments: gpu.random.set_state(state) and None,
        is_current_stream_capturing=lambda: gpu.graph is not None,
        CUDAGraph=Graph, graph=recording, Stream=Stream, Event=Event,
        current_stream=Stream, default_stream=Stream, stream=contextlib.nullcontext,
    )  # fmt: skip


def _methods(gpu: Device) -> dict[str, Any]:
    """What is replaced in `torch.Tensor`."""
    to = _numbered(torch.Tensor.to)
    return dict(
        to=to,
        cuda=lambda tensor, *arguments, **options: to(tensor, CUDA, **options),
        pin_memory=lambda tensor, *arguments: gpu.pin(tensor.clone()),
        is_pinned=lambda tensor, *arguments: gpu.is_pinned(tensor),
        record_stream=lambda tensor, stream: None,
    )


def _makers(gpu: Device) -> dict[str, Any]:
    """What is replaced in `torch`."""
    empty = torch.empty

    def pinning(*arguments: Any, pin_memory: bool = False, **options: Any) -> torch.Tensor:
        tensor = empty(*arguments, **options)
        return gpu.pin(tensor) if pin_memory else tensor

    return dict(empty=pinning, tensor=_numbered(torch.tensor), as_tensor=_numbered(torch.as_tensor))


def _numbered(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The same function where "cuda" means "cuda:0": PyTorch would ask the guard of the meta device which one."""

    def number(value: Any) -> Any:
        is_name = isinstance(value, torch.device) or isinstance(value, str) and value.startswith("cuda")
        return CUDA if is_name and torch.device(value).type == "cuda" else value

    def numbered(*arguments: Any, **options: Any) -> torch.Tensor:
        return function(*map(number, arguments), **{name: number(value) for name, value in options.items()})

    return numbered


class Stream:
    """Everything is computed at once, in order."""

    device = CUDA

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def wait_stream(self, *arguments: Any) -> None:
        pass

    wait_event = wait_stream

    def record_event(self, event: Event | None = None) -> Event:
        return event or Event()

    def query(self) -> bool:
        Device.current.copies.arrive()
        return True

    def synchronize(self) -> None:
        Device.current.wait("Stream.synchronize")


class Event:
    """A point in what was asked for."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._at = time.perf_counter()

    def record(self, *arguments: Any) -> None:
        self._at = time.perf_counter()

    def wait(self, *arguments: Any) -> None:
        pass

    def elapsed_time(self, other: Event) -> float:
        return (other._at - self._at) * 1000

    def query(self) -> bool:
        Device.current.copies.arrive()
        return True

    def synchronize(self) -> None:
        Device.current.wait("Event.synchronize")


@contextlib.contextmanager
def _devices_that_can_be_changed() -> Iterator[None]:
    """Give CUDA the guard of the meta device, which does nothing: a CPU build of PyTorch has none for CUDA."""
    name = "libc10.dylib" if sys.platform == "darwin" else "libc10.so"
    library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / name))
    guards = (ctypes.c_void_p * (_META + 1)).in_dll(library, "_ZN3c104impl26device_guard_impl_registryE")
    before = guards[_CUDA]
    guards[_CUDA] = guards[_META]
    try:
        yield
    finally:
        guards[_CUDA] = before
