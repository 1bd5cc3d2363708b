"""The parameters of a net that learn alike, and what the solver remembers of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.param_table import ParamTable


class LearnableGroup:
    """Parameters with the same multipliers, as lists of tensors that are updated together.

    Parameters
    ----------
    lr_mult, decay_mult : float
    blobs : sequence of Blob
        The parameters.
    histories : sequence of sequence of Blob
        What the solver remembers: for each kind of memory, one blob for each parameter.

    Attributes
    ----------
    values, grads : list of Tensor
        Between `read` and `write`: the parameters and their gradients, to be changed in place.
    memories : list of list of Tensor
        Likewise the histories, in the memory format of the gradients.
    """

    def __init__(
        self, lr_mult: float, decay_mult: float, blobs: Sequence[Blob], histories: Sequence[Sequence[Blob]]
    ) -> None:
        self.lr_mult, self.decay_mult = lr_mult, decay_mult
        self._blobs = list(blobs)
        self._histories = [list(row) for row in histories]
        self._scratch: dict[int, list[Any]] = {}
        self.values: list[Any] = []
        self.grads: list[Any] = []
        self.memories: list[list[Any]] = []

    def read(self) -> None:
        """Bring all tensors to the current device."""
        self.values = [blob.value for blob in self._blobs]
        self.grads = [blob.grad for blob in self._blobs]
        self.memories = [
            [_in_format_of(grad, blob.value) for grad, blob in zip(self.grads, row)] for row in self._histories
        ]

    def write(self) -> None:
        """Hand all tensors back to their blobs."""
        for blob, value, grad in zip(self._blobs, self.values, self.grads):
            blob.value = value
            blob.grad = grad
        for row, tensors in zip(self._histories, self.memories):
            for blob, tensor in zip(row, tensors):
                blob.value = tensor
        self.values, self.grads, self.memories = [], [], []

    def scratch(self, number: int = 0) -> list[Any]:
        """Return tensors like the gradients whose values nobody needs; the same ones every time."""
        kept = self._scratch.get(number)
        if kept is None or not all(_is_like(a, b) for a, b in zip(kept, self.grads)):
            kept = self._scratch[number] = [torch.empty_like(grad) for grad in self.grads]
        return kept


def group_learnables(params: ParamTable, histories: Sequence[Sequence[Blob]]) -> list[LearnableGroup]:
    """Sort the learnable parameters of a net by their multipliers.

    Parameters
    ----------
    params : ParamTable
    histories : sequence of sequence of Blob
        For each kind of memory, one blob for each learnable parameter.

    Returns
    -------
    list of LearnableGroup
    """
    indices: dict[tuple[float, float], list[int]] = {}
    for index, key in enumerate(zip(params.lr_mults, params.decay_mults)):
        indices.setdefault(key, []).append(index)
    return [
        LearnableGroup(*key, [params.learnable[i] for i in members], [[row[i] for i in members] for row in histories])
        for key, members in indices.items()
    ]


def _is_like(a: Any, b: Any) -> bool:
    """Whether two tensors have shape, memory format and device in common."""
    return a.shape == b.shape and a.stride() == b.stride() and a.device == b.device


def _in_format_of(model: Any, tensor: Any) -> Any:
    """The tensor itself, or a copy in the memory format of the model."""
    return tensor if _is_like(model, tensor) else torch.empty_like(model).copy_(tensor)
