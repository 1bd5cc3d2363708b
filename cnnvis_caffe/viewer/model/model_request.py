"""Says which model is to be analysed, and what is still missing."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ModelRequest:
    """What is to be analysed.

    Attributes
    ----------
    model : str
    weights : tuple of str
    data : str
    out : str
        The analysis file.
    limit : int or None
        Images at most.
    gradients : bool
    options : dict
        What else `pipeline.analyze` takes.
    has_random_weights : bool or None
        Whether weights from the network's fillers are wanted where no file is named; None where nobody was asked.
    """

    model: str
    weights: tuple[str, ...]
    data: str
    out: str
    limit: int | None = None
    gradients: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    has_random_weights: bool | None = None

    def arguments(self) -> dict[str, Any]:
        """Return them as `pipeline.analyze` takes them."""
        return {
            "model": self.model,
            "weights": list(self.weights) or None,
            "data": self.data,
            "out": self.out,
            "limit": self.limit,
            "gradients": self.gradients,
            **self.options,
        }

    def problem(self) -> str:
        """Return what is missing or not there, in a sentence; empty where the analysis can begin."""
        if not self.model:
            return "Which network? Choose its prototxt."
        for path in (self.model, *self.weights):
            if not os.path.isfile(path):
                return f"{path}: there is no such file."
        if not self.weights and self.has_random_weights is False:
            return "Which weights? Choose snapshots, or tick Random weights."
        if not self.data:
            return "Which data? Name a data set such as mnist:test, or choose a folder."
        if not self.out:
            return "Where should the result go?"
        folder = os.path.dirname(os.path.abspath(self.out))
        return "" if os.path.isdir(folder) else f"{os.path.dirname(self.out)}: there is no such folder."


def usual_file(model: str) -> str:
    """Return the name of the analysis file of a model: that of the model's folder."""
    return f"{os.path.basename(os.path.dirname(os.path.abspath(model))) or 'network'}.cnnvis.h5"
