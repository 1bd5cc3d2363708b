"""ContinuationIndicator: where sequences go on, for an LSTM whose batches are whole sequences."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class ContinuationIndicator(Layer):
    """(time_step, batch_size): 0 in the first step, 1 behind it.

    Notes
    -----
    Follows `src/caffe/layers/continuation_indicator_layer.cpp` of xmfbit's Caffe.
    """

    fork = "xmfbit"
    fork_settings = ("continuation_indicator_param",)
    n_bottoms = (0, 0)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the shape."""
        param = self.param.continuation_indicator_param
        if param.time_step < 1 or param.batch_size < 1:
            raise self.error("continuation_indicator_param: time_step and batch_size must be at least 1")
        tops[0].reshape(param.time_step, param.batch_size)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Begin once."""
        tops[0].value = (torch.arange(tops[0].shape[0]) > 0).float()[:, None].repeat(1, tops[0].shape[1])

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """There is nothing to give."""
