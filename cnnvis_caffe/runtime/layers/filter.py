"""Filter: those items of a batch that a selector keeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Filter(Layer):
    """Keeps the items of all bottoms for which the last bottom is not 0.

    Notes
    -----
    Follows `src/caffe/layers/filter_layer.cpp`. The batch of the tops changes with every forward.
    """

    n_bottoms = (2, None)
    n_tops = (1, None)
    can_be_in_place = False
    always_reshape = True  # the shapes depend on the selector's values
    can_be_recorded = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check the number of tops."""
        if len(tops) != len(bottoms) - 1:
            raise self.error(
                f"has {len(tops)} tops for {len(bottoms)} bottoms; one for each bottom but the selector is needed"
            )
        self._is_first_reshape = True

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Count the items that stay."""
        *sources, selector = bottoms
        if not selector.shape or any(length != 1 for length in selector.shape[1:]):
            raise self.shape_error(
                f"selector {selector.name!r} has shape {selector.shape}; all its axes but the first must have length 1"
            )
        n_items = selector.shape[0]
        for source in sources:
            if source.shape[:1] != (n_items,):
                raise self.shape_error(
                    f"bottom {source.name!r} of shape {source.shape} and selector {selector.name!r} of shape "
                    f"{selector.shape} must have the same number of items"
                )
        if self._is_first_reshape:
            # Caffe quirk: when the net is built, the tops have the whole batch.
            self._is_first_reshape = False
            self.kept = np.arange(n_items)
        else:
            self.kept = np.flatnonzero(selector.data)
        for source, top in zip(sources, tops):
            top.reshape(len(self.kept), *source.shape[1:])

    def _kept(self, bottom: Blob) -> Any:
        """The items that stay, as a tensor next to the values of a blob."""
        return torch.from_numpy(self.kept).to(bottom.value.device)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Pick the items."""
        for bottom, top in zip(bottoms, tops):
            top.value = bottom.value.index_select(0, self._kept(bottom))

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the items that stayed their gradient, and the others zero."""
        if propagate_down[-1]:
            raise self.error("the selector has no gradient; set propagate_down: false for the last bottom")
        for bottom, top, wanted in zip(bottoms, tops, propagate_down):
            if not wanted:
                continue
            if not len(self.kept):
                raise self.error(
                    f"selector {bottoms[-1].name!r} kept none of {bottom.shape[0]} items, and Caffe dies of "
                    "a division by zero here; skip backward for such batches"
                )
            dx = torch.zeros_like(bottom.value)
            bottom.grad = dx.index_copy_(0, self._kept(bottom), top.grad)
