"""Standard normal draws from 32-bit words, bit for bit as boost's ziggurat makes them for Caffe.

The area under the bell curve is cut into 128 strips of equal area, numbered from the bottom, each a
rectangle that sticks out of the curve at its right end. One word chooses a strip (bits 1 to 7), a sign
(bit 0, set for positive) and a place along the strip (the upper 24 bits). The place nearly always lies where
the whole strip is under the curve and is the answer. Otherwise a second word chooses a height and the point
is tested against the curve; in the bottom strip, which runs to infinity, the answer comes from the tail.

Because a try eats one word, two, or many, where each try begins depends on all tries before it. Only about
one word in forty cannot be answered at once, so the rest is vectorised and a short loop walks over these.

Notes
-----
Caffe draws with `boost::normal_distribution<float>` (`src/caffe/util/math_functions.cpp`), here that of
boost 1.74. Boost up to 1.55 used the Box-Muller transform, so logs from such builds cannot be matched. The
method is that of Marsaglia and Tsang, "The ziggurat method for generating random variables", Journal of
Statistical Software 5 (2000).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

_F4 = np.float32
_HALF, _ONE, _TWO = _F4(0.5), _F4(1), _F4(2)
_WORD_TO_UNIT = _F4(2.0**-32)
_PLACE_TO_UNIT = _F4(2.0**-24)
# From here on a word becomes 2**32 as float32, hence the unit 1.0, which boost draws again.
_FIRST_WORD_AT_ONE = 2**32 - 128


def standard_normal(words: np.ndarray, next_word: Callable[[], int]) -> np.ndarray:
    """Turn words of a random stream into normal draws of mean 0 and standard deviation 1.

    All of `words` are used up. The last try may need more words than there are; it then takes them from
    `next_word`, so that the stream never has to be turned back.

    Parameters
    ----------
    words : ndarray of shape (n,), uint32
        Next words of the stream.
    next_word : callable
        Gives the word of the stream that follows, as int.

    Returns
    -------
    ndarray of shape (m,), float32
        The draws in the order of the stream, ``m <= n``.
    """
    strips = _normal_strips()
    choice = (words & np.uint32(255)).astype(np.intp)
    place = words >> np.uint32(8)
    value = place.astype(_F4)
    value *= strips.signed_width.take(choice)
    keep = place < strips.n_inside.take(choice)

    undecided = np.flatnonzero(~keep)
    if not undecided.size:
        return value
    irregular = choice[undecided] < 2  # the bottom strip
    following = undecided + 1
    if following[-1] == len(words):
        irregular[-1] = True
        following[-1] = 0
    irregular |= words[following] >= _FIRST_WORD_AT_ONE

    edges = []  # where tries begin that need just one word more
    free = 0  # the first word that no earlier try has used
    for position, is_irregular in zip(undecided.tolist(), irregular.tolist()):
        if position < free:
            continue
        if not is_irregular:
            edges.append(position)
            free = position + 2
            continue
        tape = _Tape(words, position + 1, next_word)
        draw = _irregular_try(int(words[position]), tape)
        free = tape.position
        keep[position + 1 : free] = False
        if draw is not None:
            value[position], keep[position] = draw, True

    edge = np.asarray(edges, dtype=np.intp)
    keep[edge + 1] = False
    keep[edge] = _is_under_curve(choice[edge] >> 1, np.abs(value[edge]), _unit(words[edge + 1]))
    return value[keep]


class _Strips(NamedTuple):
    """Numbers of the strips that the tests need, rounded as boost rounds them; index is the strip."""

    x: np.ndarray  # right end, float32
    y: np.ndarray  # lower edge, float32
    dx: np.ndarray  # how far the strip sticks out, float32
    dy: np.ndarray  # height, float32
    is_convex: np.ndarray  # whether the curve bends away from zero here
    signed_width: np.ndarray  # per low byte of a word: factor from place to draw, float32
    n_inside: np.ndarray  # per low byte of a word: places below this need no test, uint32


class _Tape:
    """Reads words one by one: first those at hand, then new ones."""

    def __init__(self, words: np.ndarray, position: int, next_word: Callable[[], int]) -> None:
        self.words, self.position, self.next_word = words, position, next_word

    def word(self) -> int:
        """Read the next word."""
        self.position += 1
        return int(self.words[self.position - 1]) if self.position <= len(self.words) else self.next_word()

    def unit(self) -> np.float32:
        """Read a number in [0, 1), as often as it takes."""
        while True:
            word = self.word()
            if word < _FIRST_WORD_AT_ONE:
                return _F4(word) * _WORD_TO_UNIT


def _unit(words: np.ndarray) -> np.ndarray:
    """Scale words to [0, 1] in float32."""
    return words.astype(_F4) * _WORD_TO_UNIT


def _is_under_curve(strip: np.ndarray, x: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Tell which points, at `height` in [0, 1] of their strips, lie under the curve."""
    strips = _normal_strips()
    y = strips.y[strip] + height * strips.dy[strip]
    to_end = strips.x[strip] - x
    above_chord = strips.dx[strip] * height - to_end
    above_tangent = y - (strips.y[strip] + to_end * strips.y[strip] * strips.x[strip])
    convex = strips.is_convex[strip]
    above_upper = np.where(convex, above_chord, above_tangent)
    above_lower = np.where(convex, above_tangent, above_chord)
    # numpy's float32 exp is less exact than C's; that of float64, rounded, is what C gives.
    curve = np.exp((-(x * x / _TWO)).astype(np.float64)).astype(_F4)
    return (above_upper < 0) & ((above_lower < 0) | (y < curve))


def _irregular_try(word: int, tape: _Tape) -> np.float32 | None:
    """Finish a try that starts with `word` and may need any number of words; None when it is rejected."""
    choice, place = word & 255, word >> 8
    signed_width = _normal_strips().signed_width[choice]
    if choice < 2:
        tail = _tail(tape)
        return tail if signed_width > 0 else -tail
    draw = _F4(place) * signed_width
    under = _is_under_curve(np.array([choice >> 1]), np.abs(draw).reshape(1), tape.unit().reshape(1))
    return draw if under[0] else None


def _tail(tape: _Tape) -> np.float32:
    """Draw from the part of the bell curve beyond the bottom strip's rectangle."""
    start = _normal_strips().x[1]
    while True:
        x = _exponential(tape) / start
        y = _exponential(tape)
        if _TWO * y > x * x:
            return x + start


def _exponential(tape: _Tape) -> np.float32:
    """Draw from the exponential distribution of mean 1, by a ziggurat of 256 strips."""
    strips = _exponential_strips()
    shift = _F4(0)
    while True:
        word = tape.word()
        strip = word & 255
        x = _F4(word >> 8) * _PLACE_TO_UNIT * strips.x[strip]
        if x < strips.x[strip + 1]:
            return shift + x
        if strip == 0:
            # What is left of the curve has the shape of the whole.
            shift = shift + strips.x[1]
            continue
        height = tape.unit()
        y = strips.y[strip] + height * strips.dy[strip]
        above_chord = strips.dx[strip] * height - (strips.x[strip] - x)
        inner_x, inner_y = strips.x[strip + 1], strips.y[strip + 1]
        above_tangent = y - (inner_y + (inner_x - x) * inner_y)
        if above_chord < 0 and (above_tangent < 0 or y < _F4(math.exp(-x))):
            return x + shift


def _cut(end: float, area: float, curve: Callable, inverse: Callable, n_strips: int) -> tuple:
    """Cut the area under a falling curve into strips: their right ends and lower edges, float64."""
    x, y = [area / curve(end), end], [0.0, curve(end)]
    while len(x) < n_strips:
        y.append(y[-1] + area / x[-1])
        x.append(inverse(y[-1]))
    return np.array([*x, 0.0]), np.array([*y, 1.0])


@functools.cache
def _normal_strips() -> _Strips:
    """Cut the bell curve exp(-x**2 / 2)."""
    end = 3.4426198558966521  # where 128 strips of equal area end

    def curve(x: float) -> float:
        return math.exp(-x * x / 2)

    area = end * curve(end) + math.sqrt(math.pi / 2) * math.erfc(end / math.sqrt(2))
    x, y = _cut(end, area, curve, lambda y: math.sqrt(-2 * math.log(y)), 128)
    width = x[:-1].astype(_F4) * _PLACE_TO_UNIT
    return _Strips(
        x=x.astype(_F4),
        y=y.astype(_F4),
        dx=(x[:-1] - x[1:]).astype(_F4),
        dy=(y[1:] - y[:-1]).astype(_F4),
        is_convex=x >= 1,
        signed_width=np.stack([-width, width], axis=1).ravel(),
        n_inside=np.repeat(_count_inside(width, x[1:]), 2).astype(np.uint32),
    )


@functools.cache
def _exponential_strips() -> _Strips:
    """Cut the curve exp(-x); what only the bell curve needs is left empty."""
    end = 7.6971174701310497  # where 256 strips of equal area end
    x, y = _cut(end, (end + 1) * math.exp(-end), lambda x: math.exp(-x), lambda y: -math.log(y), 256)
    none = np.empty(0)
    dx, dy = (x[:-1] - x[1:]).astype(_F4), (y[1:] - y[:-1]).astype(_F4)
    return _Strips(x.astype(_F4), y.astype(_F4), dx, dy, is_convex=none, signed_width=none, n_inside=none)


def _count_inside(width: np.ndarray, inner_end: np.ndarray) -> np.ndarray:
    """Count, per strip, the places whose float32 value is less than the end of the strip above."""
    # By bisection: rounding makes a formula wrong by one now and then.
    low, high = np.zeros(len(width), np.int64), np.full(len(width), 2**24, np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        is_inside = middle.astype(_F4) * width < inner_end
        low, high = np.where(is_inside, middle + 1, low), np.where(is_inside, high, middle)
    return low
