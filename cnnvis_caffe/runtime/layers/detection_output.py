"""DetectionOutput: from codes and scores of prior boxes to the boxes that are found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.boxes import decoded, overlap


class DetectionOutput(Layer):
    """From codes (N, P * classes * 4), scores (N, P * classes) and prior boxes (1, 2, P * 4) to (1, 1, found, 7).

    A row is image, class, score, x1, y1, x2, y2 with corners as shares of the image; by image, then by class, then by
    falling score. Where nothing is found: a row for each image, of its number and -1.

    Notes
    -----
    Follows `src/caffe/layers/detection_output_layer.cpp` of SSD's Caffe, but writes no files
    (`save_output_param`) and shows no window (`visualize`).
    """

    fork = "SSD"
    fork_settings = ("detection_output_param",)
    n_bottoms = (3, 3)
    can_be_in_place = False
    can_be_recorded = False  # how many boxes there are depends on values

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the settings."""
        param = self.param.detection_output_param
        if param.num_classes < 1:
            raise self.error(f"detection_output_param.num_classes must be at least 1, got {param.num_classes}")
        if not 0 < param.nms_param.eta <= 1 or param.nms_param.nms_threshold < 0:
            raise self.error("detection_output_param.nms_param: nms_threshold must not be below 0, eta from 0 to 1")
        self.n_classes = param.num_classes
        self.n_coded = 1 if param.share_location else param.num_classes
        self.background = param.background_label_id

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that codes, scores and prior boxes belong together; how many boxes are found is not known yet."""
        codes, scores, priors = bottoms
        n_priors, n_images = priors.count // 8, codes.shape[0]
        wanted = (n_images * n_priors * self.n_coded * 4, n_images * n_priors * self.n_classes)
        if priors.shape[1:2] != (2,) or (codes.count, scores.count) != wanted:
            raise self.shape_error(
                f"{n_priors} prior boxes and {self.n_classes} classes need {wanted[0]} codes and {wanted[1]} scores; "
                f"found {codes.name!r} {codes.shape}, {scores.name!r} {scores.shape}, {priors.name!r} {priors.shape}"
            )
        tops[0].reshape(1, 1, 1, 7)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Decode, and of boxes that overlap keep the best."""
        param, n_images = self.param.detection_output_param, bottoms[0].shape[0]
        priors, variances = bottoms[2].value.reshape(2, -1, 4)
        codes = bottoms[0].value.reshape(n_images, -1, self.n_coded, 4).transpose(1, 2)
        boxes = decoded(priors, variances, codes, param.code_type, param.variance_encoded_in_target)
        scores = bottoms[1].value.reshape(n_images, -1, self.n_classes).transpose(1, 2)  # (N, classes, P)
        found = [self._of_image(number, boxes[number], scores[number]) for number in range(n_images)]
        rows = torch.cat(found)
        if not len(rows):
            rows = torch.full((n_images, 7), -1.0, dtype=scores.dtype, device=scores.device)
            rows[:, 0] = torch.arange(n_images)
        tops[0].reshape(1, 1, len(rows), 7)
        tops[0].value = rows.view(tops[0].shape)

    def _of_image(self, number: int, boxes: Any, scores: Any) -> Any:
        """The rows of one image; boxes (1 or classes, P, 4), scores (classes, P)."""
        param = self.param.detection_output_param
        classes = torch.arange(self.n_classes, device=scores.device)
        classes = classes[classes != self.background]
        scores, order = scores[classes].sort(dim=1, descending=True, stable=True)
        if param.nms_param.HasField("top_k") and param.nms_param.top_k > -1:
            scores, order = scores[:, : param.nms_param.top_k], order[:, : param.nms_param.top_k]
        sources = boxes[classes] if self.n_coded > 1 else boxes.expand(len(classes), -1, -1)
        sources = sources.gather(1, order[..., None].expand(-1, -1, 4))
        least = param.confidence_threshold if param.HasField("confidence_threshold") else -torch.inf
        kept = _best(sources, scores > least, param.nms_param.nms_threshold, param.nms_param.eta)
        label, rank = kept.nonzero(as_tuple=True)
        score = scores[label, rank]
        if -1 < param.keep_top_k < len(score):
            best = score.sort(descending=True, stable=True).indices[: param.keep_top_k].sort().values
            label, rank, score = label[best], rank[best], score[best]
        about = torch.stack([torch.full_like(score, number), classes[label].to(score.dtype), score], 1)
        return torch.cat([about, sources[label, rank]], 1)


def _best(boxes: Any, is_candidate: Any, threshold: float, eta: float) -> Any:
    """Which boxes of each class stay, gone through by falling score, for all classes at once.

    Parameters
    ----------
    boxes : tensor of shape (classes, K, 4)
    is_candidate : tensor of shape (classes, K), bool
    threshold, eta : float
        A box goes if it shares more than the threshold with one that stays; with each that stays, a threshold above
        0.5 is multiplied with eta.

    Returns
    -------
    tensor of shape (classes, K), bool
    """
    shared = overlap(boxes, boxes)
    kept = torch.zeros_like(is_candidate)
    limit = torch.full((len(boxes),), threshold, dtype=boxes.dtype, device=boxes.device)
    for rank in range(boxes.shape[1]):
        worst = torch.where(kept[:, :rank], shared[:, rank, :rank], 0).amax(1) if rank else torch.zeros_like(limit)
        stays = is_candidate[:, rank] & (worst <= limit)
        kept[:, rank] = stays
        if eta < 1:
            limit = torch.where(stays & (limit > 0.5), limit * eta, limit)
    return kept
