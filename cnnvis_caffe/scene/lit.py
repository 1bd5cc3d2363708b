"""Lights a picture of the network up: each neuron as bright as an image drives it, each curve by what flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Shape, Style, Target, Text
from cnnvis_caffe.scene.theme import Theme

#: Power of the share that becomes brightness: what is driven most stands out from what is driven somewhat.
CONTRAST = 1.6
#: How opaque what nothing drives stays, so that the network can still be read.
DARK, DARK_EDGE, BRIGHT_EDGE = 0.1, 0.04, 0.9
#: A neuron that is driven by at least this share of the most has a glow around it.
GLOWS_FROM = 0.35
_GLOW_WIDTH = 2.0


def light_up(
    scene: Scene,
    theme: Theme,
    drive: Mapping[str, np.ndarray],
    flow: Callable[[Target], float],
    *,
    has_signs: bool = False,
) -> Scene:
    """Return the picture as an image lights it.

    Parameters
    ----------
    scene : Scene
        A picture of learned features.
    theme : Theme
        Its theme.
    drive : mapping of str to ndarray of shape (n_neurons,), float32
        By node, how strongly each neuron is driven, 1 for as strongly as ever. Nodes that are missing stay as they are.
    flow : callable
        From the target of a curve or bar to the share of what could flow there, in [0, 1].
    has_signs : bool, default=False
        Whether two images are compared: what one of them drives more glows in the colours of the signs.

    Returns
    -------
    Scene
        With the same shapes in the same places, and a glow over each neuron that is driven strongly.
    """
    shapes: list[Shape] = []
    for shape in scene.shapes:
        target = shape.target
        if target is None:
            shapes.append(shape)
        elif target.kind in ("edge", "bicluster") and isinstance(shape, (Path, Rectangle)):
            share = min(abs(flow(target)), 1.0)
            shapes.append(replace(shape, style=replace(shape.style, opacity=_between(DARK_EDGE, BRIGHT_EDGE, share))))
        elif target.kind == "neuron" and target.node in drive and len(target.members) == 1:
            value = float(drive[target.node][target.members[0]])
            colour = theme.sign(1 if value > 0 else -1) if has_signs else theme.lit
            shapes += _lit(shape, value, colour)
        else:
            shapes.append(shape)
    return replace(scene, shapes=tuple(shapes))


def _between(low: float, high: float, share: float) -> float:
    return float(low + (high - low) * share**CONTRAST)


def _lit(shape: Shape, value: float, colour: str) -> list[Shape]:
    """A part of a neuron, as bright as it is driven; its patch with a glow."""
    share = min(abs(value), 1.0)
    if isinstance(shape, Bitmap):
        found: list[Shape] = [replace(shape, opacity=_between(DARK, 1.0, share))]
        if share >= GLOWS_FROM:
            found.append(_glow(shape, share, colour))
        return found
    if isinstance(shape, Rectangle) and shape.name.endswith("/colour"):
        style = replace(shape.style, opacity=_between(DARK, 1.0, share))
        return [replace(shape, style=style)]
    if isinstance(shape, Text):
        return [replace(shape, opacity=_between(0.4, 1.0, share))]
    return [shape]


def _glow(shape: Bitmap, share: float, colour: str) -> Rectangle:
    """A frame around a patch, the more opaque the stronger."""
    opacity = (share - GLOWS_FROM) / (1 - GLOWS_FROM)
    out = _GLOW_WIDTH / 2
    box = shape.x - out / 2, shape.y - out / 2, shape.width + out, shape.height + out
    style = Style("", colour, _GLOW_WIDTH, opacity)
    return Rectangle(f"{shape.name}/glow", *box, style, 1.0, shape.target, shape.min_zoom)
