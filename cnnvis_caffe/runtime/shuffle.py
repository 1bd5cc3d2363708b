"""Orders exactly as Caffe and the C library shuffle them."""

from __future__ import annotations

from collections import deque

import numpy as np

from cnnvis_caffe.runtime.rng import CaffeRandom

_LARGEST_WORD = 2**32 - 1


def shuffled(values: np.ndarray, random: CaffeRandom) -> np.ndarray:
    """Return the values in a new order.

    Parameters
    ----------
    values : ndarray of shape (n,)
    random : CaffeRandom
        Where the order comes from.

    Returns
    -------
    ndarray of shape (n,)
        A copy.

    Notes
    -----
    ``shuffle`` in ``include/caffe/util/rng.hpp``: from the end, each place is swapped with one at or before it,
    which boost's uniform_int draws: by division into buckets of equal size, once more where a word lies above them.
    """
    result = values.tolist()
    last = np.arange(len(result) - 1, 0, -1, dtype=np.uint64)  # the place to fill, and the largest draw for it
    buckets = _LARGEST_WORD // (last + 1) + (_LARGEST_WORD % (last + 1) == last)
    words = np.empty(0, np.uint64)
    done = 0
    while done < len(last):
        if not len(words):
            words = random.uint32(len(last) - done).astype(np.uint64)
        n = len(words)
        draws = words // buckets[done : done + n]
        # Once in a very long while a word lies above all buckets; the next one takes its turn.
        above = np.flatnonzero(draws > last[done : done + n])
        n_good = int(above[0]) if len(above) else n
        for place, other in zip(last[done : done + n_good].tolist(), draws[:n_good].tolist()):
            result[place], result[other] = result[other], result[place]
        done += n_good
        words = words[n_good + 1 :]
    return np.asarray(result, values.dtype)


class LibcRandom:
    """The stream of the C library's `rand` (glibc), as a process has it that never called `srand`.

    Parameters
    ----------
    seed : int, default=1
        What `srand` would be given.

    Notes
    -----
    glibc's TYPE_3 generator: each number is the sum of those 3 and 31 before it; the first 310 are thrown away.
    """

    def __init__(self, seed: int = 1) -> None:
        state = [seed]
        for _ in range(30):
            state.append(16807 * state[-1] % (2**31 - 1))
        self._state = deque(state[3:] + state[:3], maxlen=31)
        for _ in range(310):
            self.rand()

    def rand(self) -> int:
        """Return the next number, in [0, 2**31 - 1]."""
        value = (self._state[-31] + self._state[-3]) % 2**32
        self._state.append(value)
        return value >> 1

    def shuffled(self, values: np.ndarray) -> np.ndarray:
        """Return the values in a new order.

        Parameters
        ----------
        values : ndarray of shape (n,)

        Returns
        -------
        ndarray of shape (n,)
            A copy.

        Notes
        -----
        ``std::random_shuffle`` of libstdc++: from the second on, each is swapped with one at or before it.
        """
        result = values.tolist()
        for place in range(1, len(result)):
            other = self.rand() % (place + 1)
            result[place], result[other] = result[other], result[place]
        return np.asarray(result, values.dtype)

    def get_state(self) -> np.ndarray:
        """Return the place in the stream.

        Returns
        -------
        ndarray of shape (31,), uint32
        """
        return np.array(self._state, np.uint32)

    def set_state(self, state: np.ndarray) -> None:
        """Continue from a place in the stream.

        Parameters
        ----------
        state : ndarray of shape (31,), uint32
            What `get_state` returned.
        """
        self._state = deque((int(value) for value in state), maxlen=31)
