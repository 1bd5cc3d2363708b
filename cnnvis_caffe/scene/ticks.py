"""Round places on an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnvis_caffe.text.words import figure, whole


def linear_ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Return round numbers that cover a range: multiples of 1, 2, 2.5 or 5 times a power of ten.

    Parameters
    ----------
    low, high : float
        Finite; a range without length is widened.
    n : int
        About how many steps are wished for.

    Returns
    -------
    list of float
        Ascending; the first at most `low`, the last at least `high`.
    """
    if not high > low:
        spread = abs(low) or 1.0
        low, high = (0.0, 2 * spread) if low >= 0 else (low - spread, low + spread)
    raw = (high - low) / max(n, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(f * power for f in (1.0, 2.0, 2.5, 5.0, 10.0) if f * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12 - math.floor(math.log10(step))) for number in range(first, last + 1)]


def log_ticks(low: float, high: float, n: int = 6) -> list[float]:
    """Return powers of ten that cover a range, every second or third one where there are many.

    Parameters
    ----------
    low, high : float
        Above 0.
    n : int
        At most about how many are wished for.
    """
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    step = max(1, math.ceil((last - first) / n))
    last = first + step * math.ceil((last - first) / step)
    return [10.0**power for power in range(first, last + 1, step)]


def tick_texts(ticks: Sequence[float], unit: str = "", *, is_log: bool = False) -> list[str]:
    """Write ticks alike: as many decimals for all of them; shares in percent."""
    if is_log:
        return [_power(tick) for tick in ticks]
    factor = 100.0 if unit == "%" else 1.0
    shown = [tick * factor for tick in ticks]
    largest = max(abs(value) for value in shown)
    if largest >= 1e5 or 0 < largest < 1e-3:
        texts = [figure(value) for value in shown]
    else:
        step = min((abs(b - a) for a, b in zip(shown, shown[1:])), default=1.0)
        decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step < 1 else 0
        decimals += round(step * 10**decimals, 6) % 1 > 1e-6  # steps of 2.5
        texts = [(f"{v:.{decimals}f}" if decimals else whole(round(v))).replace("-", "−") for v in shown]
    return [f"{text}{unit}" if unit == "%" else text for text in texts]


def _power(value: float) -> str:
    """A power of ten: 0.01, 1, 100, or 10⁻⁵."""
    power = round(math.log10(value))
    if -3 <= power <= 3:
        return figure(10.0**power)
    return "10" + "".join("⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".index(c)] for c in str(power))
