"""Draws the boxes that a detection network found over the image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnvis_caffe.scene.lettering import cap_height, text_width
from cnnvis_caffe.scene.shapes import Bitmap, Rectangle, Scene, Shape, Style, Text
from cnnvis_caffe.scene.theme import LIGHT, Theme

_SHORTEST = 480.0  # side of the picture in scene units
_TEXT = 13.0
_PAD = 4.0
_BRIGHT = 150.0  # of 255


def build_boxes(
    image: np.ndarray, boxes: np.ndarray, names: Sequence[str], title: str = "", theme: Theme = LIGHT
) -> Scene:
    """Paint boxes over an image.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
        RGB.
    boxes : ndarray of shape (n, 6), float32
        Class, score, x0, y0, x1, y1 in pixels of the image.
    names : sequence of str
        Of the classes; a class without one is shown by its number.
    title : str, default=""
    theme : Theme, optional

    Returns
    -------
    Scene
        As large as the image, or larger where that is small. The best boxes lie on top.
    """
    height, width = image.shape[:2]
    zoom = max(1.0, _SHORTEST / min(height, width))
    shapes: list[Shape] = [Bitmap("image", 0, 0, width * zoom, height * zoom, image)]
    ordered = boxes[np.argsort(boxes[:, 1], kind="stable")]
    labels: list[Shape] = []
    for number, score, x0, y0, x1, y1 in ordered.tolist():
        left, top = max(x0, 0) * zoom, max(y0, 0) * zoom
        right, bottom = min(x1, width) * zoom, min(y1, height) * zoom
        if right <= left or bottom <= top:
            continue
        colour = theme.classes[int(number) % len(theme.classes)]
        shapes.append(
            Rectangle("box", left, top, right - left, bottom - top, Style(stroke=colour, stroke_width=2.5))
        )
        name = names[int(number)] if int(number) < len(names) else str(int(number))
        labels += _label(f"{name} {score:.2f}", left, top, width * zoom, colour, theme)
    description = f"{len(ordered)} boxes: " + ", ".join(f"{int(row[0])} {row[1]:.2f}" for row in ordered[::-1][:9])
    return Scene(width * zoom, height * zoom, theme.ground, (*shapes, *labels), title, description)


def _label(text: str, left: float, top: float, width: float, colour: str, theme: Theme) -> list[Shape]:
    """The name on a ground of the box's colour, above the box where there is room."""
    wide, high = text_width(text, _TEXT) + 2 * _PAD, cap_height(_TEXT) + 2 * _PAD
    x = min(left, max(width - wide, 0))
    y = top - high if top >= high else top
    return [
        Rectangle("label", x, y, wide, high, Style(fill=colour)),
        Text("label", x + _PAD, y + high - _PAD, text, _TEXT, "#000000" if _is_bright(colour) else "#ffffff"),
    ]


def _is_bright(colour: str) -> bool:
    """Whether black is read better on a colour than white."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue > _BRIGHT
