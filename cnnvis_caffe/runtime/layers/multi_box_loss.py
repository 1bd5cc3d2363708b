"""MultiBoxLoss: SSD's loss of codes and scores against the boxes that are in the images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.boxes import encoded, overlap

_PARAM = schema.MultiBoxLossParameter
#: Boxes that share less than this do not meet at all.
_LEAST_OVERLAP = 1e-6


class MultiBoxLoss(Layer):
    """loss = (loc_weight * loss of the codes of matched boxes + loss of the scores of chosen boxes) / matched boxes.

    Bottoms are codes (N, P * 4), scores (N, P * classes), prior boxes (1, 2, P * 4) and what is in the images,
    (1, 1, boxes, 8): image, class, number, x1, y1, x2, y2, difficult. Each box is matched with the prior box that
    shares most with it, then (PER_PREDICTION) each other prior box with the box it shares most with, if that is enough.
    Of the rest, those whose background score is worst are chosen, `neg_pos_ratio` for each matched one.

    Notes
    -----
    Follows `src/caffe/layers/multibox_loss_layer.cpp` and `src/caffe/util/bbox_util.cpp` of SSD's Caffe. Not here:
    codes by class (`share_location: false`), `mining_type: HARD_EXAMPLE`, `map_object_to_agnostic`, `bp_inside` and
    matching by predictions (`use_prior_for_matching: false`).
    """

    fork = "SSD"
    fork_settings = ("multibox_loss_param",)
    n_bottoms = (4, 4)
    auto_tops = True
    is_loss = True
    can_be_in_place = False
    can_be_recorded = False  # how many boxes are matched depends on values

    def allows_force_backward(self, index: int) -> bool:
        """Codes and scores have gradients."""
        return index < 2

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Read the settings."""
        param = self.param.multibox_loss_param
        if param.num_classes < 1:
            raise self.error(f"multibox_loss_param.num_classes must be at least 1, got {param.num_classes}")
        missing = {
            "share_location: false": not param.share_location,
            "mining_type: HARD_EXAMPLE": param.mining_type == _PARAM.HARD_EXAMPLE,
            "map_object_to_agnostic": param.map_object_to_agnostic,
            "bp_inside": param.bp_inside,
            "use_prior_for_matching: false": not param.use_prior_for_matching,
        }
        for name, is_wanted in missing.items():
            if is_wanted:
                raise self.error(f"multibox_loss_param: {name} is not supported")
        self.n_classes, self.background = param.num_classes, param.background_label_id
        # Caffe quirk: do_neg_mining is the older setting and wins where it is given.
        mining = param.do_neg_mining if param.HasField("do_neg_mining") else param.mining_type != _PARAM.NONE
        self.mines = bool(mining)
        # What a loss wants is written nowhere else: codes and scores get gradients, the rest does not.
        self.counts = [True, True]
        for index, wanted in enumerate(list(self.param.propagate_down)[:2]):
            self.counts[index] = wanted

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that the bottoms belong together."""
        codes, scores, priors, truth = bottoms
        self.n_images, self.n_priors = codes.shape[0], priors.count // 8
        wanted = self.n_images * self.n_priors
        if (codes.count, scores.count) != (4 * wanted, self.n_classes * wanted) or truth.shape[-1:] != (8,):
            raise self.shape_error(
                f"{self.n_priors} prior boxes and {self.n_classes} classes need {4 * wanted} codes, "
                f"{self.n_classes * wanted} scores and boxes of 8 numbers; found "
                + ", ".join(f"{bottom.name!r} {bottom.shape}" for bottom in bottoms)
            )
        tops[0].reshape()

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Match, choose, and add both losses."""
        param = self.param.multibox_loss_param
        codes = bottoms[0].value.reshape(self.n_images, -1, 4)
        scores = bottoms[1].value.reshape(self.n_images, -1, self.n_classes)
        priors, variances = bottoms[2].value.reshape(2, -1, 4)
        boxes, labels = self._truth(bottoms[3].value.reshape(-1, 8))
        matched, shared = self._matches(overlap(boxes, priors[None]), labels, priors)
        is_matched = matched >= 0
        n_matched = int(is_matched.sum())
        # -- codes
        image, prior = is_matched.nonzero(as_tuple=True)
        wanted = encoded(
            priors[prior], variances[prior], boxes[image, matched[image, prior]], param.code_type,
            param.encode_variance_in_target,
        )  # fmt: skip
        difference = codes[image, prior] - wanted
        if param.loc_loss_type == _PARAM.L2:
            loc_loss, slope = difference.square().sum() / 2, difference
        else:
            size = difference.abs()
            loc_loss = torch.where(size < 1, difference.square() / 2, size - 0.5).sum()
            slope = difference.clamp(-1, 1)
        # -- scores
        target = torch.where(is_matched, labels.gather(1, matched.clamp(min=0)), self.background)
        loss, gradient = self._score_loss(scores, target)
        chosen = self._chosen(is_matched, matched, shared, loss) if self.mines else torch.ones_like(is_matched)
        self._normalizer = max(1.0, self._normalized_by(n_matched))
        total = param.loc_weight * loc_loss * self.counts[0] + (loss * chosen).sum() * self.counts[1]
        tops[0].value = total / self._normalizer
        self._d_codes = torch.zeros_like(codes)
        self._d_codes[image, prior] = param.loc_weight * slope
        self._d_scores = gradient * chosen[..., None]

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the gradients of codes and scores."""
        if any(propagate_down[2:]):
            raise self.error("has no gradient for prior boxes and labels; set propagate_down: false for these bottoms")
        for bottom, wanted, gradient in zip(bottoms, propagate_down, (self._d_codes, self._d_scores)):
            if wanted:
                bottom.grad = (gradient * (tops[0].grad / self._normalizer)).reshape(bottom.shape)

    def _truth(self, rows: Any) -> tuple[Any, Any]:
        """The boxes of each image (N, most, 4) and their classes (N, most), -1 where there is no box."""
        rows = rows[rows[:, 0] >= 0]
        if not self.param.multibox_loss_param.use_difficult_gt:
            rows = rows[rows[:, 7] == 0]
        if bool((rows[:, 1] == self.background).any()):
            raise self.error(f"a box has class {self.background}, which is the background")
        image = rows[:, 0].to(torch.int64)
        if len(image) and int(image.max()) >= self.n_images:
            raise self.error(f"a box lies in image {int(image.max())} of a batch of {self.n_images}")
        # The number of each box in its image.
        number = (image[:, None] == image[None]).tril(-1).sum(1) if len(image) else image
        most = int(number.max()) + 1 if len(image) else 1
        boxes = rows.new_zeros(self.n_images, most, 4)
        labels = torch.full((self.n_images, most), -1, dtype=torch.int64, device=rows.device)
        boxes[image, number], labels[image, number] = rows[:, 3:7], rows[:, 1].to(torch.int64)
        return boxes, labels

    def _matches(self, shared: Any, labels: Any, priors: Any) -> tuple[Any, Any]:
        """For each prior box the box that it is matched with, or -1, or -2 where it does not count; and what it shares.

        `shared` has shape (N, boxes, P); both results (N, P).
        """
        param = self.param.multibox_loss_param
        shared = torch.where((labels >= 0)[..., None] & (shared > _LEAST_OVERLAP), shared, 0)
        n_images, n_boxes, n_priors = shared.shape
        best = shared.amax(1)
        matched = torch.full((n_images, n_priors), -1, dtype=torch.int64, device=shared.device)
        if param.ignore_cross_boundary_bbox:
            outside = ((priors < 0) | (priors > 1)).any(1)
            matched[:, outside] = -2
            shared = shared * ~outside
        left = shared.clone()
        every = torch.arange(n_images, device=shared.device)
        for _ in range(n_boxes):
            value, place = left.flatten(1).max(1)
            box, prior = place // n_priors, place % n_priors
            meets = value > 0
            matched[every[meets], prior[meets]] = box[meets]
            left[every[meets], box[meets], :] = 0
            left[every[meets], :, prior[meets]] = 0
        if param.match_type == _PARAM.PER_PREDICTION:
            value, box = shared.max(1)
            joins = (matched == -1) & (value > 0) & (value >= param.overlap_threshold)
            matched = torch.where(joins, box, matched)
        return matched, best

    def _score_loss(self, scores: Any, target: Any) -> tuple[Any, Any]:
        """Loss of each prior box (N, P), and its gradient (N, P, classes)."""
        one_hot = torch.nn.functional.one_hot(target, self.n_classes).to(scores.dtype)
        if self.param.multibox_loss_param.conf_loss_type == _PARAM.SOFTMAX:
            log = torch.log_softmax(scores, 2)
            return -(log * one_hot).sum(2), log.exp() - one_hot
        loss = torch.nn.functional.binary_cross_entropy_with_logits(scores, one_hot, reduction="none")
        return loss.sum(2), scores.sigmoid() - one_hot

    def _chosen(self, is_matched: Any, matched: Any, shared: Any, loss: Any) -> Any:
        """Which prior boxes' scores count: the matched ones, and the worst of those far from every box."""
        param = self.param.multibox_loss_param
        is_candidate = (matched == -1) & (shared < param.neg_overlap)
        order = torch.where(is_candidate, loss, -torch.inf).sort(dim=1, descending=True, stable=True).indices
        rank = order.argsort(dim=1)
        n_wanted = (is_matched.sum(1, keepdim=True) * param.neg_pos_ratio).floor()
        return is_matched | is_candidate & (rank < n_wanted)

    def _normalized_by(self, n_matched: int) -> float:
        """What the sum is divided by, as loss_param says."""
        param = self.param.loss_param
        if not param.HasField("normalization") and param.HasField("normalize"):
            return n_matched if param.normalize else self.n_images
        by_mode = {
            schema.LossParameter.VALID: n_matched,
            schema.LossParameter.FULL: self.n_images * self.n_priors,
            schema.LossParameter.BATCH_SIZE: self.n_images,
        }
        return by_mode.get(param.normalization, 1)
