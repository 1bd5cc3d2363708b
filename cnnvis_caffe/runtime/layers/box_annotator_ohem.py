"""BoxAnnotatorOHEM: of each image's regions, those with the largest losses."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class BoxAnnotatorOHEM(Layer):
    """From regions (N, 5), losses, labels and box weights to labels and weights, of which most are switched off.

    In each image the `roi_per_img` regions with the largest losses keep theirs; the others get `ignore_label` and 0.

    Notes
    -----
    Follows `src/caffe/layers/box_annotator_ohem_layer.cu` of R-FCN's Caffe, which sorts in no fixed order where losses
    are equal; here the first one wins.
    """

    fork = "R-FCN"
    fork_settings = ("box_annotator_ohem_param",)
    n_bottoms = (4, 4)
    n_tops = (2, 2)
    can_be_in_place = False

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the settings."""
        if self.param.box_annotator_ohem_param.roi_per_img < 1:
            raise self.error("box_annotator_ohem_param.roi_per_img must be given, and be at least 1")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that all bottoms speak of the same regions."""
        regions, losses, labels, weights = bottoms
        n_regions, (height, width) = regions.num, (*weights.shape[2:], 1, 1)[:2]
        self.n_places = height * width
        wanted = n_regions * self.n_places
        if (regions.count, losses.count, labels.count) != (5 * wanted, wanted, wanted) or weights.num != n_regions:
            raise self.shape_error(
                "regions (N, 5, H, W), losses and labels (N, 1, H, W) and weights (N, C, H, W) must belong together; "
                "found " + ", ".join(f"{bottom.name!r} {bottom.shape}" for bottom in bottoms)
            )
        tops[0].reshape(n_regions, 1, height, width)
        tops[1].reshape(n_regions, weights.count // max(1, wanted), height, width)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Rank the losses of each image."""
        param = self.param.box_annotator_ohem_param
        regions, losses, labels, weights = (bottom.value for bottom in bottoms)
        image = regions.reshape(-1, 5, self.n_places)[:, 0].reshape(-1)
        # By image, and within by falling loss: the rank is the distance to the image's first.
        order = losses.reshape(-1).sort(descending=True, stable=True).indices
        order = order[image[order].sort(stable=True).indices]
        ordered = image[order].contiguous()
        rank = torch.arange(len(order), device=order.device) - torch.searchsorted(ordered, ordered)
        kept = torch.empty_like(order, dtype=torch.bool)
        kept[order] = rank < param.roi_per_img
        tops[0].value = labels.reshape(tops[0].shape).masked_fill(~kept.reshape(tops[0].shape), param.ignore_label)
        tops[1].value = weights.reshape(tops[1].shape).masked_fill(~kept.reshape(tops[0].shape), 0)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Nothing goes back through a choice."""
        for bottom, wanted in zip(bottoms, propagate_down):
            if wanted:
                bottom.grad = torch.zeros_like(bottom.value)
