"""ShuffleChannel: channels dealt out of groups in turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class ShuffleChannel(Layer):
    """Channel j of group i goes to place j * group + i.

    Notes
    -----
    Follows `src/caffe/layers/shuffle_channel_layer.cpp` of ShuffleNet's Caffe.
    """

    fork = "ShuffleNet"
    fork_settings = ("shuffle_channel_param",)
    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the number of groups."""
        self.group = self.param.shuffle_channel_param.group
        if self.group < 1:
            raise self.error(f"shuffle_channel_param.group must be at least 1, got {self.group}")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top the bottom's shape."""
        shape = bottoms[0].shape
        if len(shape) < 2 or shape[1] % self.group:
            raise self.shape_error(
                f"shuffle_channel_param.group {self.group} does not divide the channels of bottom "
                f"{bottoms[0].name!r} of shape {shape}"
            )
        tops[0].reshape(*shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Deal the channels out."""
        tops[0].value = _dealt(bottoms[0].value, self.group)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Take them back."""
        if propagate_down[0]:
            bottoms[0].grad = _dealt(tops[0].grad, tops[0].shape[1] // self.group)


def _dealt(x: Any, group: int) -> Any:
    """One channel of each group after another."""
    n_images, n_channels = x.shape[:2]
    return x.reshape(n_images, group, n_channels // group, -1).transpose(1, 2).reshape(x.shape)
