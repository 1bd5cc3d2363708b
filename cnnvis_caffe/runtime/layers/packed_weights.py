"""Weights of a convolution, kept in the order in which the CPU library reads them."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.windows import Windows


class PackedWeights:
    """Packs weights once they have stayed the same for two passes, as they do unless the net is being trained.

    The library would otherwise reorder them at every call, which costs small nets a tenth of their time.
    """

    def __init__(self) -> None:
        self._key: Any = None
        self._seen: Any = None
        self._arguments: tuple[Any, ...] = ()
        self._weight: Any = None

    def get(self, blob: Blob, weight: Any, x: Any, windows: Windows, group: int) -> PackedWeights | None:
        """Return itself if the weights are packed for this input, else None.

        Parameters
        ----------
        blob : Blob
            Holds the weights.
        weight, x : Tensor of four axes
        windows : Windows
        group : int
        """
        version = blob.version
        if version is None:
            return None
        key = version, x.shape
        if key == self._key:
            return self
        if key != self._seen or not _is_available():
            self._seen = key
            return None
        self._arguments = list(windows.pad), list(windows.stride), list(windows.dilation), group
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self._arguments, list(x.shape))
        self._key = key
        return self

    def convolve(self, x: Any, bias: Any) -> Any:
        """Convolve a tensor of the shape that the weights were packed for."""
        return torch.ops.mkldnn._convolution_pointwise(x, self._weight, bias, *self._arguments, "none", [], "")


def _is_available() -> bool:
    """Whether this build of PyTorch has the two operations (since 2.0, where oneDNN is on)."""
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and hasattr(torch.ops.mkldnn, "_reorder_convolution_weight")
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    )
