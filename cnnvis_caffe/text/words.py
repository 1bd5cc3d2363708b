"""Numbers and names as they are written in the picture."""

from __future__ import annotations

import math

from cnnvis_caffe.records.analysis import Analysis, Snapshot


def figure(value: float, digits: int = 3) -> str:
    """Write a number with that many significant digits; powers of ten only where they are shorter to read."""
    if math.isnan(value):
        return "–"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size >= 5 or size < -3:
        mantissa, _, power = f"{value:.{digits - 2}e}".partition("e")
        raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa}·10{raised}".replace("-", "−")
    if size >= digits:
        return whole(round(value)).replace("-", "−")
    text = f"{value:.{max(0, digits - 1 - size)}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")


def whole(value: int) -> str:
    """Write a whole number with its thousands apart."""
    return f"{value:,}".replace(",", "\u00a0") if abs(value) >= 10000 else str(value)


def percent(share: float, unknown: str = "–") -> str:
    """Write a share of one in percent with three significant digits; `unknown` where it is not a number."""
    return f"{figure(100 * share)}%" if math.isfinite(share) else unknown


def probability(share: float) -> str:
    """Write a probability; of one below a thousandth only that."""
    return "< 0.1%" if share < 0.001 else percent(share)


def counted(n: int, thing: str) -> str:
    """Write a number of things."""
    return f"{whole(n)} {thing}" if n == 1 else f"{whole(n)} {thing}s"


def class_name(analysis: Analysis, index: int) -> str:
    """Return the name of a class, without what follows its first comma (ImageNet's synonyms)."""
    return analysis.data.class_names[index].split(",")[0].strip()


def numbered_class(analysis: Analysis, index: int) -> str:
    """Return number and name of a class; the number alone where that is its name."""
    name = class_name(analysis, index)
    return name if name == str(index) else f"{index}  {name}"


def data_line(analysis: Analysis, snapshot: Snapshot) -> str:
    """Say what was analysed and how well it does."""
    data = analysis.data
    parts = [snapshot.label, data.source, counted(data.n_images, data.item)]
    if not math.isnan(snapshot.error):
        parts.append(f"error {percent(snapshot.error)}")
    if not math.isnan(snapshot.loss):
        parts.append(f"loss {figure(snapshot.loss)}")
    return " · ".join(part for part in parts if part)
