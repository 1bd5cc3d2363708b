"""Factors of the updates of each group of parameters, kept on the device of the parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.backend import torch


class StepSizes:
    """Numbers on a CPU; on a GPU tensors of a single value that always lie in the same place.

    A kernel that takes a number may round otherwise than one that takes a tensor, and a recording needs the tensor: so
    updates that are not recorded take it, too, and a run that is resumed ends with the same bits.
    """

    def __init__(self) -> None:
        self._there: Any = None
        self._each: Sequence[Any] = ()
        self._numbers: list[float] = []

    def bring(self, numbers: Sequence[float]) -> Sequence[Any]:
        """Return the step sizes as updates take them.

        Parameters
        ----------
        numbers : sequence of float

        Returns
        -------
        sequence of float or of tensors of a single value
        """
        if not backend.on_gpu():
            return numbers
        device = backend.device()
        if self._there is None or self._there.device != device or len(self._numbers) != len(numbers):
            self._there = torch.empty(len(numbers), device=device)
            self._each = tuple(self._there.unbind())
            self._numbers = []
        if self._numbers != list(numbers):
            self._there.copy_(torch.tensor(numbers, dtype=torch.float32).pin_memory(), non_blocking=True)
            self._numbers = list(numbers)
        return self._each
