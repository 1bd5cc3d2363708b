"""Random numbers exactly as Caffe draws them on the CPU.

Caffe keeps one Mersenne Twister per thread and draws everything from it through boost: the values of
fillers, the masks of dropout, the seeds of data layers. Here the same stream is drawn in blocks, so that a
net built and trained from the same seed gets the same bits.

Notes
-----
Follows `src/caffe/util/math_functions.cpp` and `src/caffe/common.cpp` of BVLC/caffe together with boost 1.74,
which Debian 11 builds Caffe with.
"""

from __future__ import annotations

import operator
import os
import threading
from collections.abc import Callable
from typing import Any, overload

import numpy as np

from cnnvis_caffe.runtime.ziggurat import standard_normal

_F4 = np.float32
_N_WORDS = 2**32
_LARGEST_F4 = np.finfo(_F4).max
_WORD_TO_UNIT = _F4(2.0**-32)
# Draws are made in blocks that stay in the processor's cache.
_BLOCK = 1 << 15


class CaffeRandom:
    """One random stream.

    Parameters
    ----------
    seed : int or None, default=None
        Reduced modulo 2**32, as Caffe's conversion to unsigned int does. None takes a seed from the system.

    Notes
    -----
    Each draw uses exactly the words that Caffe would use, so calls can be mixed and repeated freely. A stream
    must not be used from two threads at once.
    """

    def __init__(self, seed: int | None = None) -> None:
        if seed is None:
            seed = int.from_bytes(os.urandom(4), "little")
        # The legacy generator is the one whose seeding is init_genrand and whose stream numpy froze.
        self._words = np.random.RandomState(operator.index(seed) % _N_WORDS)  # noqa: NPY002

    @overload
    def uint32(self, n: None = None) -> int: ...

    @overload
    def uint32(self, n: int) -> np.ndarray: ...

    def uint32(self, n: int | None = None) -> int | np.ndarray:
        """Draw raw words.

        Parameters
        ----------
        n : int or None, default=None
            How many; None draws a single int.

        Returns
        -------
        int or ndarray of shape (n,), uint32
            Uniform in [0, 2**32 - 1].
        """
        if n is None:
            return int(self._words.randint(0, _N_WORDS, dtype=np.uint32))
        return self._words.randint(0, _N_WORDS, n, dtype=np.uint32)

    def uniform(self, n: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """Draw from the uniform distribution.

        Parameters
        ----------
        n : int
            How many.
        low, high : float, default=0, 1
            Range, both ends included up to rounding; finite, ``low <= high`` once rounded to float32.

        Returns
        -------
        ndarray of shape (n,), float32

        Raises
        ------
        ValueError
            If the range is empty or not finite (Caffe aborts or never returns).
        """
        start, end = _F4(low), _F4(high)
        if not (np.isfinite(start) and np.isfinite(end) and start <= end):
            raise ValueError(f"range must be finite and not empty, got [{start}, {end}]")
        # Caffe quirk: boost's range excludes its upper end, so Caffe moves that end up by one float.
        end = np.nextafter(end, _LARGEST_F4)
        if start == end:
            raise ValueError(f"range must not be the largest float32 alone, got [{start}, {end}]")
        factor = _F4(1)
        if end / _F4(2) - start / _F4(2) > _LARGEST_F4 / _F4(2):
            # The width would overflow: boost draws at half the scale.
            start, end, factor = start / _F4(2), end / _F4(2), _F4(2)
        width = end - start

        def from_words(words: np.ndarray) -> np.ndarray:
            values = words.astype(_F4)
            values *= _WORD_TO_UNIT
            values *= width
            values += start
            inside = values < end
            return values if inside.all() else values[inside]

        values = self._draw(n, from_words)
        values *= factor
        return values

    def gaussian(self, n: int, mean: float = 0.0, std: float = 1.0) -> np.ndarray:
        """Draw from the normal distribution.

        Parameters
        ----------
        n : int
            How many.
        mean, std : float, default=0, 1
            Mean and standard deviation; ``std`` must be positive once rounded to float32.

        Returns
        -------
        ndarray of shape (n,), float32

        Raises
        ------
        ValueError
            If `std` is not positive (Caffe aborts).
        """
        if not _F4(std) > 0:
            raise ValueError(f"std must be greater than 0, got {std}")
        values = self._draw(n, lambda words: standard_normal(words, self.uint32))
        values *= _F4(std)
        values += _F4(mean)
        return values

    def bernoulli(self, n: int, p: float) -> np.ndarray:
        """Draw true with probability `p`, as fillers do.

        Parameters
        ----------
        n : int
            How many.
        p : float
            In [0, 1]; rounded to float32, and compared in float32.

        Returns
        -------
        ndarray of shape (n,), bool

        Raises
        ------
        ValueError
            If `p` is outside [0, 1] (Caffe aborts).
        """
        _check_probability("p", p)
        if _F4(p) == 0:
            # Caffe quirk: boost answers without touching the stream.
            return np.zeros(n, bool)
        bound = _F4(p) * _F4(_N_WORDS)
        return self._draw(n, lambda words: words.astype(_F4) <= bound, bool)

    def dropout_mask(self, n: int, ratio: float) -> np.ndarray:
        """Draw which of `n` values a Dropout layer keeps.

        Parameters
        ----------
        n : int
            How many.
        ratio : float
            ``dropout_ratio`` of the layer, the share that is dropped, in [0, 1]; rounded to float32.

        Returns
        -------
        ndarray of shape (n,), bool
            True where the value is kept.

        Raises
        ------
        ValueError
            If `ratio` is outside [0, 1] (Caffe aborts in the forward pass).

        Notes
        -----
        Unlike in fillers, the probability ``1 - ratio`` is a double here
        (`src/caffe/layers/dropout_layer.cpp`), and so is the comparison: the two differ for one word in some
        ten millions.
        """
        _check_probability("dropout_ratio", ratio)
        p = 1.0 - float(_F4(ratio))
        if p == 0:
            # Caffe quirk: boost answers without touching the stream.
            return np.zeros(n, bool)
        bound = np.uint32(p * float(_N_WORDS - 1))
        return self._draw(n, lambda words: words <= bound, bool)

    def get_state(self) -> dict:
        """Return the position in the stream, to be given to `set_state`.

        Returns
        -------
        dict
            ``key``: ndarray of shape (624,), uint32; ``position``: int in [0, 624].
        """
        _, key, position, _, _ = self._words.get_state()
        return {"key": np.array(key, dtype=np.uint32), "position": int(position)}

    def set_state(self, state: dict) -> None:
        """Continue from a position that `get_state` returned.

        Parameters
        ----------
        state : dict
            ``key``: ndarray of shape (624,), uint32; ``position``: int in [0, 624].

        Raises
        ------
        ValueError
            If the key has another length.
        """
        key = np.asarray(state["key"], dtype=np.uint32)
        self._words.set_state(("MT19937", key, int(state["position"]), 0, 0.0))

    def _draw(self, n: int, from_words: Callable[[np.ndarray], np.ndarray], dtype: Any = _F4) -> np.ndarray:
        """Collect `n` values from blocks of words, where a block may yield fewer values than it has words.

        A value never takes less than one word, so asking for as many words as values are missing
        never draws too far.
        """
        n = operator.index(n)
        result = np.empty(n, dtype)
        filled = 0
        while filled < n:
            values = from_words(self.uint32(min(n - filled, _BLOCK)))
            result[filled : filled + len(values)] = values
            filled += len(values)
        return result


_THREAD = threading.local()


def default_random() -> CaffeRandom:
    """Return the stream of the calling thread, made from a seed of the system when there is none yet.

    Returns
    -------
    CaffeRandom
    """
    if not hasattr(_THREAD, "random"):
        _THREAD.random = CaffeRandom()
    return _THREAD.random


def set_random_seed(seed: int) -> None:
    """Start the calling thread's stream afresh.

    Parameters
    ----------
    seed : int
        In [0, 2**32 - 1].

    Raises
    ------
    OverflowError
        If the seed is outside that range, as pycaffe does.
    TypeError
        If it is not an integer.
    """
    seed = operator.index(seed)
    if not 0 <= seed < _N_WORDS:
        raise OverflowError(f"random seed must be in [0, {_N_WORDS - 1}], got {seed}")
    _THREAD.random = CaffeRandom(seed)


def _check_probability(what: str, p: float) -> None:
    """Refuse what is not in [0, 1] once rounded to float32, NaN included."""
    if not 0 <= _F4(p) <= 1:
        raise ValueError(f"{what} must be in [0, 1], got {p}")
