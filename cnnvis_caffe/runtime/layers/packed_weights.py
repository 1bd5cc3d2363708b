"""Weights in the order in which the CPU library reads them, kept while they stay the same."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer, is_train


class PackedWeights:
    """Packs the weights of a layer in the TEST phase, where they stay the same from pass to pass.

    The library would otherwise reorder a convolution's weights at every call, which costs small nets a tenth of their
    time; a matrix product with few rows is five times as fast with packed weights. They take their room once more.
    """

    def __init__(self) -> None:
        self._key: Any = None
        self._packed: Any = None

    def get(self, layer: Layer, blob: Blob, shape: Any, pack: Callable[[], Any]) -> Any:
        """Return the packed weights, or None where they are better left as they are.

        Parameters
        ----------
        layer : Layer
        blob : Blob
            Holds the weights.
        shape : hashable
            Of the input that they are packed for.
        pack : callable
            Makes them.
        """
        version = blob.version
        if version is None or is_train(layer) or not has_onednn():
            return None
        key = blob._data, version, shape  # a net may come to share the memory of another
        if self._key != key:
            self._key, self._packed = key, pack()
        return self._packed


@functools.cache
def has_onednn() -> bool:
    """Whether this build of PyTorch has the operations (since 2.0, where oneDNN is on)."""
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and all(hasattr(torch.ops.mkldnn, name) for name in ("_convolution_pointwise", "_linear_pointwise"))
    )
