"""Work that a thread does ahead of whoever wants the results."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def read_ahead(load: Callable[[_Item], _Result], items: Iterable[_Item], n_ahead: int = 3) -> Iterator[_Result]:
    """Call a function for each of some items, in a thread and a few items ahead.

    Parameters
    ----------
    load : callable
    items : iterable
    n_ahead : int, default=3
        How many results wait at most.

    Yields
    ------
    object
        Results in the order of the items. What `load` raises is raised here; the thread ends with the generator.
    """
    results: queue.Queue[Any] = queue.Queue(n_ahead)
    stop = threading.Event()

    def put(result: Any) -> bool:
        while not stop.is_set():
            try:
                results.put(result, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((load(item), None)):
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001 - raised again by the reader
            put((None, error))

    thread = threading.Thread(target=work, name="cnnvis_caffe images", daemon=True)
    thread.start()
    try:
        while True:
            found = results.get()
            if found is None:
                return
            result, error = found
            if error is not None:
                raise error
            yield result
    finally:
        stop.set()
        thread.join()
