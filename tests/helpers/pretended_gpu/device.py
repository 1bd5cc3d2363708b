"""What there is of the pretended GPU: its memory, its random numbers, and what was asked of it."""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch

#: How much memory it has unless told otherwise, in bytes.
MEMORY = 16 * 10**9


class Counts:
    """What a process has asked of the GPU since `reset`.

    Attributes
    ----------
    operations : int
        Operations that were asked for one by one; what a graph records does not count.
    replays : int
    waits : int
        How often the CPU waited for the GPU. A copy between them is a wait unless it is told not to be (`non_blocking`)
        and the CPU's side is pinned, as in PyTorch.
    waited_for : Counter of str
        The same by the name of what waited.
    bytes_there, bytes_back : int
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin to count anew."""
        self.operations = self.replays = self.bytes_there = self.bytes_back = 0
        self.waited_for: Counter[str] = Counter()

    @property
    def waits(self) -> int:
        return sum(self.waited_for.values())

    def __repr__(self) -> str:
        return (
            f"{self.operations} operations, {self.replays} replays, {self.waits} waits, "
            f"{self.bytes_there} bytes there, {self.bytes_back} bytes back"
        )


class DeviceMemory:
    """How much of the GPU's memory is taken, and by what.

    Attributes
    ----------
    total, taken, peak : int
        In bytes.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = self.peak = 0
        self._users: Counter[int] = Counter()

    def hold(self, owner: Any, storage: torch.UntypedStorage) -> None:
        """Take memory, until all who hold it are gone."""
        place, size = storage.data_ptr(), storage.nbytes()
        if not size:
            return
        if not self._users[place]:
            self.check(size)
            self.taken += size
            self.peak = max(self.peak, self.taken)
        self._users[place] += 1
        weakref.finalize(owner, self._let_go, place, size).atexit = False

    def check(self, size: int) -> None:
        """Refuse what does not fit."""
        free = self.total - self.taken
        if size > free:
            raise torch.cuda.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {size / 2**20:.2f} MiB. GPU 0 has a total capacity of "
                f"{self.total / 2**20:.2f} MiB of which {free / 2**20:.2f} MiB is free."
            )

    def is_held(self, place: int) -> bool:
        return self._users[place] > 0

    def _let_go(self, place: int, size: int) -> None:
        self._users[place] -= 1
        if not self._users[place]:
            del self._users[place]
            self.taken -= size


class CopiesUnderWay:
    """Copies that nobody has waited for: they arrive as late as they can."""

    def __init__(self) -> None:
        self._arrivals: list[Callable[[], None]] = []

    def back(self, target: torch.Tensor, source: torch.Tensor) -> None:
        """Bring values to the CPU at the next wait."""
        values = source.clone()
        target.fill_(float("nan") if target.is_floating_point() else 0)
        self._arrivals.append(lambda: target.copy_(values))

    def there(self, source: torch.Tensor) -> None:
        """See at the next wait that the CPU has left alone what was copied to the GPU."""
        values = source.clone()

        def check() -> None:
            if not torch.equal(source.view(-1), values.view(-1)) and not values.isnan().any():
                raise AssertionError("pinned memory was written while a copy to the GPU still read it")

        self._arrivals.append(check)

    def arrive(self) -> None:
        arrivals, self._arrivals = self._arrivals, []
        for arrival in arrivals:
            arrival()


class Device:
    """The pretended GPU.

    Attributes
    ----------
    counts : Counts
    memory : DeviceMemory
    copies : CopiesUnderWay
    graph : Graph or None
        The one that is recorded now; None in all threads but the one that records, as the runtime asks for
        (`capture_error_mode`).
    """

    current: Device | None = None

    def __init__(self, memory: int = MEMORY) -> None:
        self.counts = Counts()
        self.memory = DeviceMemory(memory)
        self.copies = CopiesUnderWay()
        self._graph: Any = None
        self._recording_thread = 0
        self.random = torch.Generator()
        self._pinned: weakref.WeakSet[torch.Tensor] = weakref.WeakSet()

    @property
    def graph(self) -> Any:
        return self._graph if threading.get_ident() == self._recording_thread else None

    @graph.setter
    def graph(self, graph: Any) -> None:
        self._graph, self._recording_thread = graph, threading.get_ident()

    def wait(self, what: str) -> None:
        """Let the CPU wait for the GPU; refused while a graph is recorded."""
        if self.graph is not None:
            raise RuntimeError(f"CUDA error: operation not permitted when stream is capturing ({what})")
        self.counts.waited_for[what] += 1
        self.copies.arrive()

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        """Note that memory of the CPU cannot be moved, so that the GPU reads it by itself."""
        self._pinned.add(tensor)
        return tensor

    def is_pinned(self, tensor: torch.Tensor) -> bool:
        place = tensor.untyped_storage().data_ptr()
        return any(one.untyped_storage().data_ptr() == place for one in self._pinned)
