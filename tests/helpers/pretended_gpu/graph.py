"""What stands in for `torch.cuda.CUDAGraph`: notes operations with the very memory that they read and write.

As with the real one, nothing that is recorded counts before the first replay, and a replay reads what lies in the same
places then. Where somebody looks earlier, or at memory that a replay would not find any more, it shows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from helpers.pretended_gpu.device import Device
from helpers.pretended_gpu.tensor import _run, tensors_in


class Graph:
    """A recording of operations."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._steps: list[tuple[Any, Any, Any, list[torch.Tensor], list[bool]]] = []
        self._before: dict[int, tuple[torch.UntypedStorage, torch.UntypedStorage]] = {}
        self._own: set[int] = set()
        self._foreign: set[int] = set()
        self._is_whole = False

    def capture_begin(self, *arguments: Any, **options: Any) -> None:
        gpu = Device.current
        if gpu.graph is not None:
            raise RuntimeError("CUDA error: a graph is recorded already")
        self._draws = gpu.random.get_state()
        gpu.graph = self

    def capture_end(self, is_whole: bool = True) -> None:
        """Put back what was there before; nothing has been computed yet, and what is new holds NaN."""
        gpu = Device.current
        gpu.graph = None
        gpu.random.set_state(self._draws)
        for storage, contents in self._before.values():
            storage.copy_(contents)
        self._before = {}
        self._is_whole = is_whole
        for *_, outputs, are_fresh in self._steps:
            for output, is_fresh in zip(outputs, are_fresh):
                if is_fresh:
                    output.fill_(float("nan") if output.is_floating_point() else 0)

    def before(self, function: Any, arguments: Any, options: Any) -> None:
        """Keep the contents of what an operation is about to write."""
        for tensor in tensors_in((arguments, options)):
            storage = tensor.untyped_storage()
            place = storage.data_ptr()
            if place in self._own:
                continue
            self._foreign.add(place)
            if function._schema.is_mutable and place not in self._before:
                self._before[place] = storage, storage.clone()

    def after(self, function: Any, arguments: Any, options: Any, result: Any) -> None:
        """Note an operation."""
        known = {tensor.untyped_storage().data_ptr() for tensor in tensors_in((arguments, options))}
        outputs = tensors_in(result)
        are_fresh = [output.untyped_storage().data_ptr() not in known for output in outputs]
        for output, is_fresh in zip(outputs, are_fresh):
            if is_fresh:
                self._own.add(output.untyped_storage().data_ptr())
                Device.current.memory.hold(self, output.untyped_storage())
        self._steps.append((function, arguments, options, outputs, are_fresh))

    def replay(self) -> None:
        """Compute it again, in the same places."""
        gpu = Device.current
        if not self._is_whole:
            raise RuntimeError("CUDA error: this graph's recording was broken off")
        if not all(place == 0 or gpu.memory.is_held(place) for place in self._foreign):
            raise AssertionError("a replay reads memory that was let go since it was recorded")
        gpu.counts.replays += 1
        for function, arguments, options, outputs, are_fresh in self._steps:
            again = tensors_in(_run(gpu, function, arguments, options))
            for output, value, is_fresh in zip(outputs, again, are_fresh):
                if is_fresh:
                    output.copy_(value)

    def reset(self) -> None:
        self._steps = []
        self._is_whole = False

    def pool(self) -> tuple[int, int]:
        return 0, 0


@contextlib.contextmanager
def recording(graph: Graph, *arguments: Any, **options: Any) -> Iterator[None]:
    """Stands in for `torch.cuda.graph`."""
    graph.capture_begin()
    is_whole = False
    try:
        yield
        is_whole = True
    finally:
        graph.capture_end(is_whole)
