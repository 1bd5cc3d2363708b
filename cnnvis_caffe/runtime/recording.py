"""What a function computes on a GPU, recorded once and computed again as a whole.

A small net is done with a layer before the processor has asked for the next one. A recording (a CUDA graph) asks for
all of them at once. It reads and writes the same memory each time, and nobody may wait for a value while it is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.memory import BOTH, TENSOR, Memory

#: Takes a function, notes what it computes without a wait, and returns one that computes it again.
Recorder = Callable[[Callable[[], None]], Callable[[], None]]


def record_cuda_graph(run: Callable[[], None]) -> Callable[[], None]:
    """Record what a function computes on the current GPU.

    Raises
    ------
    RuntimeError
        If it waits for the GPU or copies from memory of the processor.
    """
    graph = torch.cuda.CUDAGraph()
    stream = torch.cuda.current_stream()
    try:
        # Threads that load data may use the GPU meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            run()
    except BaseException:
        torch.cuda.set_stream(stream)  # where the end of a broken recording fails, its own stream would stay
        raise
    replay: Callable[[], None] = graph.replay
    return replay


class NotRecordedError(Exception):
    """Something cannot be recorded, and is to be computed as ever; never leaves the runtime."""


class _Place:
    """A memory whose values must lie at one place whenever the recording begins."""

    def __init__(self, memory: Memory, shape: tuple[int, ...]) -> None:
        self._memory, self._shape = memory, shape
        self._tensor = memory.read(shape)
        memory.write(self._tensor)

    def bring(self) -> None:
        """Bring the values there, wherever they are now."""
        values = self._memory.read(self._shape)
        if values is not self._tensor:
            self._tensor.copy_(values)
        self.hold()

    def hold(self) -> None:
        """Let the memory have what lies there."""
        self._memory.write(self._tensor)


class Recording:
    """What a function computes, to be computed again.

    Parameters
    ----------
    run : callable
        Computes; may return a tensor of a single value. It is called once, now.
    kept : sequence of (Memory, tuple of int)
        Everything that is there before and read: data, parameters, states; with the shape in which it is read.
    written : sequence of Memory
        Everything that is looked at afterwards.
    record : callable, default=record_cuda_graph

    Raises
    ------
    NotRecordedError
        If `run` cannot be recorded. What is in `kept` has its values, what is in `written` may not.
    """

    _current: Recording | None = None

    def __init__(
        self,
        run: Callable[[], Any],
        kept: Sequence[tuple[Memory, tuple[int, ...]]],
        written: Iterable[Memory],
        record: Recorder = record_cuda_graph,
    ) -> None:
        self._checks: list[tuple[Any, Callable[[], None]]] = []
        self._numbers: Any = None
        self._places = [_Place(memory, shape) for memory, shape in kept]
        Recording._current = self
        try:
            self._replay = record(lambda: self._run(run))
        except RuntimeError as error:
            raise NotRecordedError(str(error).splitlines()[0]) from error
        finally:
            Recording._current = None
            for place in self._places:
                place.hold()
        self._written = [(memory, memory.tensor) for memory in written if memory.where in (TENSOR, BOTH)]

    def _run(self, run: Callable[[], Any]) -> None:
        """Compute; bring what is kept back to its place for the next time, and all numbers together."""
        with backend.computing():
            number = run()
            for place in self._places:
                place.bring()
            flags = [flag.float().reshape(()) for flag, _ in self._checks]
            self._has_number = torch.is_tensor(number)
            numbers = [number.float().reshape(()), *flags] if self._has_number else flags
            if numbers:
                self._numbers = torch.stack(numbers)

    def replay(self) -> float:
        """Compute it again with what `kept` holds now; return the number.

        Raises
        ------
        CnnvisError
            If one of the checks that were put off fails.
        """
        for place in self._places:
            place.bring()
        self._replay()
        for memory, tensor in self._written:
            memory.write(tensor)
        if self._numbers is None:
            return 0.0
        numbers = self._numbers.tolist()  # the only wait
        flags = numbers[1:] if self._has_number else numbers
        for flag, (_, explain) in zip(flags, self._checks):
            if flag:
                explain()
        return float(numbers[0]) if self._has_number else 0.0


def is_recording() -> bool:
    """Say whether something is recorded now."""
    return Recording._current is not None


def put_off(find_fault: Callable[[], Any], explain: Callable[[], None]) -> bool:
    """While something is recorded, note a check that has to wait for a value.

    Parameters
    ----------
    find_fault : callable
        Computes a tensor of a single value: whether there is a fault.
    explain : callable
        Raises the error about it.

    Returns
    -------
    bool
        False where nothing is recorded: then the caller is to check now.
    """
    if Recording._current is None:
        return False
    Recording._current._checks.append((find_fault(), explain))
    return True
