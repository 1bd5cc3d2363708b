"""The record of the place that the code of a Python layer would come from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerCode:
    """The code that one Python layer of a network would run.

    Attributes
    ----------
    layer : str
    module, class_name : str
        As python_param has them.
    place : str
        The file that importing the module would run; empty where none is found.
    where : str
        File, line, name and type of the layer, for messages.
    """

    layer: str
    module: str
    class_name: str
    place: str
    where: str
