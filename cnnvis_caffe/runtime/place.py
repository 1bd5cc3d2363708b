"""Says in messages which layer of which file they are about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def place_of(layer: Any, path: str = "", lines: Mapping[str, int] | None = None) -> str:
    """Return file, line, name and type of a layer, such as ``lenet.prototxt:12: layer 'conv1' (Convolution)``.

    Parameters
    ----------
    layer : LayerParameter
    path : str, optional
        The file it was read from.
    lines : mapping of str to int, optional
        Line of each layer, by name.
    """
    line = (lines or {}).get(layer.name)
    file = f"{path}:{line}: " if line else f"{path}: " if path else ""
    return f"{file}layer {layer.name!r} ({layer.type})"
