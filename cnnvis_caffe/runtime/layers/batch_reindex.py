"""BatchReindex: items of a batch in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class BatchReindex(Layer):
    """Takes the items of the first bottom that the second one lists; items may be left out or repeated.

    Notes
    -----
    Follows `src/caffe/layers/batch_reindex_layer.cpp`. Indices are cut to whole numbers.
    """

    n_bottoms = (2, 2)
    can_be_in_place = False

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Give the top one item for each index."""
        source, index = bottoms
        if len(index.shape) != 1:
            raise self.shape_error(
                f"bottom {index.name!r} has shape {index.shape}; a list of indices with one axis is needed"
            )
        if not source.shape:
            raise self.shape_error(f"bottom {source.name!r} has no axes; at least one is needed")
        tops[0].reshape(index.shape[0], *source.shape[1:])

    def _indices(self, bottoms: Sequence[Blob]) -> Any:
        """The indices as whole numbers, all within the batch."""
        source, index = bottoms
        given = index.value
        n_items = source.shape[0]
        outside = ~((given >= 0) & (given < n_items))
        if bool(outside.any()):
            place = int(outside.nonzero()[0, 0])
            raise self.error(
                f"index {float(given[place]):g} at place {place} of bottom {index.name!r} is out of range; "
                f"bottom {source.name!r} has {n_items} items, so 0 to {n_items - 1} is allowed"
            )
        return given.long()

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Pick the items."""
        tops[0].value = bottoms[0].value.index_select(0, self._indices(bottoms))

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Add the gradient of each copy to that of its item."""
        if propagate_down[1]:
            raise self.error("the indices have no gradient; set propagate_down: false for the second bottom")
        if propagate_down[0]:
            dx = torch.zeros_like(bottoms[0].value)
            bottoms[0].grad = dx.index_add_(0, self._indices(bottoms), tops[0].grad)
