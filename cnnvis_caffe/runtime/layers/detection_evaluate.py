"""DetectionEvaluate: which of the boxes that were found are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.boxes import overlap


class DetectionEvaluate(Layer):
    """From boxes found (1, 1, D, 7) and true boxes (1, 1, B, 8) to rows of 5 numbers (1, 1, classes + found, 5).

    First a row -1, class, number of true boxes, -1, -1 for each class but the background; then for each box found
    image, class, score, 1 or 0 for a hit, 1 or 0 for a miss, by image, then by class, then by falling score. A box hits
    the true box of its image and class with which it shares most, if that is at least `overlap_threshold` and has not
    been hit before. A box that hits a difficult one is neither a hit nor a miss without `evaluate_difficult_gt`.

    Notes
    -----
    Follows `src/caffe/layers/detection_evaluate_layer.cpp` of SSD's Caffe. Boxes are compared as shares of the image;
    `name_size_file`, with which SSD compares them in pixels, is not here.
    """

    fork = "SSD"
    fork_settings = ("detection_evaluate_param",)
    n_bottoms = (2, 2)
    can_be_in_place = False
    can_be_recorded = False  # how many boxes there are depends on values

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the settings."""
        param = self.param.detection_evaluate_param
        if param.num_classes < 1:
            raise self.error(f"detection_evaluate_param.num_classes must be at least 1, got {param.num_classes}")
        if param.name_size_file:
            raise self.error("detection_evaluate_param: name_size_file is not supported; boxes count as shares")
        if param.overlap_threshold <= 0:
            raise self.error("detection_evaluate_param.overlap_threshold must be above 0")
        self.classes = [c for c in range(param.num_classes) if c != param.background_label_id]

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """How many boxes are found is not known yet."""
        for bottom, length in zip(bottoms, (7, 8)):
            if bottom.shape[-1:] != (length,):
                raise self.shape_error(f"bottom {bottom.name!r} has shape {bottom.shape}; rows of {length} are needed")
        tops[0].reshape(1, 1, len(self.classes) + bottoms[0].count // 7, 5)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Compare image by image and class by class."""
        param = self.param.detection_evaluate_param
        found, truth = bottoms[0].value.reshape(-1, 7), bottoms[1].value.reshape(-1, 8)
        found, truth = found[found[:, 1] != -1], truth[truth[:, 0] != -1]
        if bool((found[:, 1] == param.background_label_id).any() or (truth[:, 1] == param.background_label_id).any()):
            raise self.error(f"a box has class {param.background_label_id}, which is the background")
        # By image, then by class, then by falling score.
        for column, falls in ((2, True), (1, False), (0, False)):
            found = found[found[:, column].sort(descending=falls, stable=True).indices]
        counted = truth if param.evaluate_difficult_gt else truth[truth[:, 7] == 0]
        rows = torch.full((len(self.classes) + len(found), 5), -1.0, dtype=found.dtype, device=found.device)
        for row, number in zip(rows, self.classes):
            row[1], row[2] = number, (counted[:, 1] == number).sum()
        rows[len(self.classes) :, :3] = found[:, :3]
        rows[len(self.classes) :, 3:] = self._hits(found, truth)
        tops[0].reshape(1, 1, len(rows), 5)
        tops[0].value = rows.view(tops[0].shape)

    def _hits(self, found: Any, truth: Any) -> Any:
        """Hit and miss (D, 2) of each box found."""
        param = self.param.detection_evaluate_param
        result = torch.zeros(len(found), 2, dtype=found.dtype, device=found.device)
        result[:, 1] = 1
        if not len(found) or not len(truth):
            return result
        belongs = (found[:, None, :2] == truth[None, :, :2]).all(2)
        shared, best = torch.where(belongs, overlap(found[:, 3:7], truth[:, 3:7]), -1).max(1)
        meets = shared >= param.overlap_threshold
        if not param.evaluate_difficult_gt:
            is_difficult = meets & (truth[best, 7] != 0)
            result[is_difficult] = 0
            meets = meets & ~is_difficult
        # Of the boxes that meet a true one, the first has the highest score.
        met = meets.nonzero()[:, 0]
        first = torch.full((len(truth),), len(found), device=found.device)
        first.scatter_reduce_(0, best[met], met, "amin")
        hits = met[first[best[met]] == met]
        result[hits, 0], result[hits, 1] = 1, 0
        return result
