"""Keeps results from one picture to the next, so that a change of view costs only what it changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, TypeVar

Value = TypeVar("Value")


class SceneCache:
    """Results by what they were made from; the least used are forgotten.

    Parameters
    ----------
    n_most : int
        Results that are kept.

    Notes
    -----
    Keys are made of contents (bytes of arrays, names), so that an aggregation made anew finds what the last one left,
    and of the identity of snapshots, which are kept alive beside the result.
    """

    def __init__(self, n_most: int = 4096) -> None:
        self._n_most = n_most
        self._kept: OrderedDict[Hashable, tuple[object, Any]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value], *, alive: object = None) -> Value:
        """Return the result of a key, making it if it is new; `alive` is kept as long as the result."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][1]
        value = make()
        self._kept[key] = (alive, value)
        if len(self._kept) > self._n_most:
            self._kept.popitem(last=False)
        return value

    def get_all(
        self, keys: Sequence[Hashable], make: Callable[[list[int]], Sequence[Value]], *, alive: object = None
    ) -> list[Value]:
        """Return the results of some keys; those that are new are made together, named by their places in `keys`."""
        known = {key: self._kept[key][1] for key in keys if key in self._kept}
        new = [place for place, key in enumerate(keys) if key not in known]
        known.update(zip([keys[place] for place in new], make(new)))
        return [self.get(key, partial(known.__getitem__, key), alive=alive) for key in keys]

    def __len__(self) -> int:
        return len(self._kept)
