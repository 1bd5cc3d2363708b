"""Records what a function computes on a GPU once, and computes it again as a whole.

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
#: Raises the error about a value at a place.
Explain = Callable[[int, float], None]
#: Replays before what they gave has to be brought from the device.
N_ROWS = 1000


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

    Notes
    -----
    What it returns, and what the checks find that were put off, goes to a list on the device, one row for each replay:
    nobody waits before somebody wants to know.
    """

    _current: Recording | None = None

    def __init__(
        self,
        run: Callable[[], Any],
        kept: Sequence[tuple[Memory, tuple[int, ...]]],
        written: Iterable[Memory],
        record: Recorder = record_cuda_graph,
    ) -> None:
        self._checks: list[tuple[Any, Explain]] = []
        self._writes_rows = False
        device = backend.device()
        self._rows = torch.zeros(N_ROWS, 4, dtype=torch.float64, device=device)
        self._at = torch.zeros(1, dtype=torch.int64, device=device)
        self._n_written = 0
        self._read: list[float] = []
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
        """Compute; bring what is kept back to its place for the next time, and write the row."""
        with backend.computing():
            number = run()
            for place in self._places:
                place.bring()
            if torch.is_tensor(number) or self._checks:
                self._writes_rows = True
                self._rows.index_copy_(0, self._at, self._row(number))
                self._at.add_(1)

    def _row(self, number: Any) -> Any:
        """The number; of the first check that failed its number from 1, or 0; and what the check found."""
        row = self._rows.new_zeros(4)
        if torch.is_tensor(number):
            row[0] = number.reshape(())
        if self._checks:
            found = torch.stack([found for found, _ in self._checks])
            has_failed = found[:, 0] >= 0
            first = has_failed.int().argmax()
            row[1] = (first + 1) * has_failed.any()
            row[2:] = found.index_select(0, first.reshape(1)).reshape(2)
        return row.reshape(1, 4)

    def replay(self) -> None:
        """Compute it again with what `kept` holds now; waits for nothing, except once in many times.

        Raises
        ------
        CnnvisError
            If there is no more room to write down what checks find, and one of them has failed.
        """
        for place in self._places:
            place.bring()
        if self._n_written == N_ROWS:
            self._fetch()
        self._replay()
        self._n_written += self._writes_rows
        for memory, tensor in self._written:
            memory.write(tensor)

    def numbers(self) -> list[float]:
        """Wait; return what the replays gave since this was last asked.

        Raises
        ------
        CnnvisError
            If one of the checks that were put off has failed.
        """
        self._fetch()
        numbers, self._read = self._read, []
        return numbers

    def _fetch(self) -> None:
        """Bring the rows here, and begin again with the first."""
        n, self._n_written = self._n_written, 0
        if not n:
            return
        rows = self._rows[:n].tolist()
        self._at.zero_()
        for number, check, place, value in rows:
            if check:
                self._checks[int(check) - 1][1](int(place), value)
            self._read.append(number)


def is_recording() -> bool:
    """Say whether something is recorded now."""
    return Recording._current is not None


def put_off(find_fault: Callable[[], Any], explain: Explain) -> bool:
    """While something is recorded, note a check that has to wait for a value.

    Parameters
    ----------
    find_fault : callable
        Computes a tensor of two float64: the place of the first fault, -1 where there is none, and the value there.
    explain : callable
        Takes the two and raises the error about them.

    Returns
    -------
    bool
        False where nothing is recorded: then the caller is to check now.
    """
    if Recording._current is None:
        return False
    Recording._current._checks.append((find_fault(), explain))
    return True
