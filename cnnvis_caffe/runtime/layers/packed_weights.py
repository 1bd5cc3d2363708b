"""Weights in the order in which the CPU library reads them, kept while they stay the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob


class PackedWeights:
    """Packs weights once they have stayed the same for two passes, as they do unless the net is being trained.

    The library would otherwise reorder a convolution's weights at every call, which costs small nets a tenth of their
    time; a matrix product with few rows is five times as fast with packed weights. They take their room once more.
    """

    def __init__(self) -> None:
        self._seen: Any = None
        self._key: Any = None
        self._packed: Any = None

    def get(self, blob: Blob, shape: Any, pack: Callable[[], Any]) -> Any:
        """Return the packed weights, or None where there are none.

        Parameters
        ----------
        blob : Blob
            Holds the weights.
        shape : hashable
            Of the input that they are packed for.
        pack : callable
            Makes them.
        """
        version = blob.version
        if version is None:
            return None
        key = version, shape
        if key == self._key:
            return self._packed
        if key != self._seen or not _is_available():
            self._seen, self._key, self._packed = key, None, None
            return None
        self._key, self._packed = key, pack()
        return self._packed


def _is_available() -> bool:
    """Whether this build of PyTorch has the operations (since 2.0, where oneDNN is on)."""
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and all(hasattr(torch.ops.mkldnn, name) for name in ("_convolution_pointwise", "_linear_pointwise"))
    )
