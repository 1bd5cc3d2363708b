"""The contrast of two colours, as WCAG 2 defines it."""

from __future__ import annotations

from cnnvis_caffe.scene.colour_maps import rgb


def luminance(colour: str) -> float:
    """Return the relative luminance of "#RRGGBB", 0 to 1."""
    parts = [part / 255 for part in rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
