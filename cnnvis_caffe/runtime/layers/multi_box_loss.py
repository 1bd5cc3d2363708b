"""MultiBoxLoss: SSD's loss of codes and scores against the boxes that are in the images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer
from cnnvis_caffe.runtime.layers.boxes import decoded, encoded, overlap, suppressed

_PARAM = schema.MultiBoxLossParameter
#: Boxes that share less than this do not meet at all.
_LEAST_OVERLAP = 1e-6


class MultiBoxLoss(Layer):
    """loss = (loc_weight * loss of the codes of matched boxes + loss of the scores of chosen boxes) / matched boxes.

    Bottoms are codes (N, P * 4), scores (N, P * classes), prior boxes (1, 2, P * 4) and what is in the images,
    (1, 1, boxes, 8): image, class, number, x1, y1, x2, y2, difficult. Each box is matched with the prior box that
    shares most with it, then (PER_PREDICTION) each other prior box with the box it shares most with, if that is enough.
    Of the rest, those whose background score is worst are chosen, `neg_pos_ratio` for each matched one (MAX_NEGATIVE);
    or of all, matched or not, the `sample_size` of each image with the largest losses, and no others count
    (HARD_EXAMPLE). With `nms_param`, of those that overlap only the one with the largest loss can be chosen.

    Notes
    -----
    Follows `src/caffe/layers/multibox_loss_layer.cpp` and `src/caffe/util/bbox_util.cpp` of SSD's Caffe. Not here:
    codes by class (`share_location: false`) that are matched by what they predict or mined, which SSD refuses or nobody
    uses.
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
        self.n_classes, self.background = param.num_classes, param.background_label_id
        # Caffe quirk: do_neg_mining is the older setting and wins where it is given.
        mining = param.do_neg_mining if param.HasField("do_neg_mining") else param.mining_type != _PARAM.NONE
        self.mines = bool(mining)
        self.is_hard = self.mines and param.mining_type == _PARAM.HARD_EXAMPLE
        self.n_coded = 1 if param.share_location else param.num_classes
        self._check_settings()
        # What a loss wants is written nowhere else: codes and scores get gradients, the rest does not.
        self.counts = [True, True]
        for index, wanted in enumerate(list(self.param.propagate_down)[:2]):
            self.counts[index] = wanted

    def _check_settings(self) -> None:
        """Refuse what does not go together."""
        param = self.param.multibox_loss_param
        if self.n_coded > 1 and (self.mines or not param.use_prior_for_matching):
            raise self.error(
                "multibox_loss_param: with share_location: false, boxes are matched by the prior boxes and not mined "
                "(use_prior_for_matching: true, mining_type: NONE)"
            )
        if param.map_object_to_agnostic and self.n_classes != 2:
            raise self.error(
                f"multibox_loss_param: map_object_to_agnostic needs num_classes: 2, got {self.n_classes}"
            )
        if self.is_hard and param.sample_size < 1:
            raise self.error(f"multibox_loss_param.sample_size must be at least 1, got {param.sample_size}")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that the bottoms belong together."""
        codes, scores, priors, truth = bottoms
        self.n_images, self.n_priors = codes.shape[0], priors.count // 8
        wanted = self.n_images * self.n_priors
        n_codes = 4 * wanted * self.n_coded
        if (codes.count, scores.count) != (n_codes, self.n_classes * wanted) or truth.shape[-1:] != (8,):
            raise self.shape_error(
                f"{self.n_priors} prior boxes and {self.n_classes} classes need {n_codes} codes, "
                f"{self.n_classes * wanted} scores and boxes of 8 numbers; found "
                + ", ".join(f"{bottom.name!r} {bottom.shape}" for bottom in bottoms)
            )
        tops[0].reshape()

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Match, choose, and add both losses."""
        param = self.param.multibox_loss_param
        codes = bottoms[0].value.reshape(self.n_images, -1, self.n_coded, 4)
        scores = bottoms[1].value.reshape(self.n_images, -1, self.n_classes)
        priors, variances = bottoms[2].value.reshape(2, -1, 4)
        boxes, labels = self._truth(bottoms[3].value.reshape(-1, 8))
        # Boxes that codes predict: those of each image, the prior boxes are the same for all.
        predicted = decoded(priors, variances, codes[:, :, 0], param.code_type, param.encode_variance_in_target)
        sources = priors[None] if param.use_prior_for_matching else predicted
        matched, shared = self._matches(overlap(boxes, sources), labels, sources)
        is_matched = matched >= 0
        # -- scores
        label = labels.gather(1, matched.clamp(min=0))
        found = self.background + 1 if param.map_object_to_agnostic else label
        loss, gradient = self._score_loss(scores, torch.where(is_matched, found, self.background))
        # -- codes
        image, prior = is_matched.nonzero(as_tuple=True)
        places = (image, prior, label[image, prior] if self.n_coded > 1 else torch.zeros_like(image))
        wanted = boxes[image, matched[image, prior]]
        outer = sources.expand(self.n_images, -1, -1)[image, prior]
        difference = self._difference(codes[places], wanted, priors[prior], variances[prior], outer)
        code_loss, slope = self._code_loss(difference)
        # -- which of them count
        if self.is_hard:
            loss_of_both = loss.index_put((image, prior), code_loss.sum(1), accumulate=True)
            chosen = self._chosen(is_matched, matched, shared, loss_of_both, priors, predicted)
            is_matched = is_matched & chosen
            # An image without boxes has no loss at all.
            chosen = chosen & (matched > -2) & (labels >= 0).any(1, keepdim=True)
            counts = is_matched[image, prior].to(slope.dtype)[:, None]
            code_loss, slope = code_loss * counts, slope * counts
        elif self.mines:
            chosen = is_matched | self._chosen(is_matched, matched, shared, loss, priors, predicted)
        else:
            chosen = torch.ones_like(is_matched)
        self._normalizer = max(1.0, self._normalized_by(int(is_matched.sum())))
        total = param.loc_weight * code_loss.sum() * self.counts[0] + (loss * chosen).sum() * self.counts[1]
        tops[0].value = total / self._normalizer
        # Caffe quirk: where codes are multiplied with the variances already, the gradient is not divided by them.
        self._d_codes = torch.zeros_like(codes).index_put(places, param.loc_weight * slope)
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

    def _matches(self, shared: Any, labels: Any, sources: Any) -> tuple[Any, Any]:
        """For each prior box the box that it is matched with, or -1, or -2 where it does not count; and what it shares.

        `shared` has shape (N, boxes, P), `sources` (N or 1, P, 4); both results (N, P).
        """
        param = self.param.multibox_loss_param
        shared = torch.where((labels >= 0)[..., None] & (shared > _LEAST_OVERLAP), shared, 0)
        n_images, n_boxes, n_priors = shared.shape
        best = shared.amax(1)
        matched = torch.full((n_images, n_priors), -1, dtype=torch.int64, device=shared.device)
        if param.ignore_cross_boundary_bbox:
            outside = ((sources < 0) | (sources > 1)).any(2).expand(n_images, -1)
            matched[outside] = -2
            shared = shared * ~outside[:, None]
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

    def _difference(self, codes: Any, boxes: Any, priors: Any, variances: Any, sources: Any) -> Any:
        """By how much codes differ from those of the boxes that they are matched with; all of shape (matches, 4)."""
        param = self.param.multibox_loss_param
        is_plain = param.encode_variance_in_target
        difference = codes - encoded(priors, variances, boxes, param.code_type, is_plain)
        if is_plain:
            difference = difference / variances
        if param.bp_inside:  # no gradient moves a side that lies outside of the image
            difference = difference * ((sources >= 0) & (sources <= 1))
        return difference

    def _code_loss(self, difference: Any) -> tuple[Any, Any]:
        """Loss of each number of each matched code, and its gradient."""
        if self.param.multibox_loss_param.loc_loss_type == _PARAM.L2:
            return difference.square() / 2, difference
        size = difference.abs()
        return torch.where(size < 1, difference.square() / 2, size - 0.5), difference.clamp(-1, 1)

    def _chosen(
        self, is_matched: Any, matched: Any, shared: Any, loss: Any, priors: Any, predicted: Any
    ) -> Any:  # fmt: skip
        """Which prior boxes have the largest losses: of those far from every box, or of all; all of shape (N, P)."""
        param = self.param.multibox_loss_param
        if self.is_hard:
            is_candidate = torch.ones_like(is_matched)
            n_wanted = torch.full_like(matched[:, :1], param.sample_size)
        else:
            is_candidate = (matched == -1) & (shared < param.neg_overlap)
            n_wanted = (is_matched.sum(1, keepdim=True) * param.neg_pos_ratio).floor()
        if param.HasField("nms_param") and param.nms_param.nms_threshold > 0:
            best = [
                suppressed(priors if param.use_prior_for_nms else boxes, values, candidates, param.nms_param)
                for boxes, values, candidates in zip(predicted, loss, is_candidate)
            ]
            is_candidate = torch.stack(best)
        order = torch.where(is_candidate, loss, -torch.inf).sort(dim=1, descending=True, stable=True).indices
        return is_candidate & (order.argsort(dim=1) < n_wanted)

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
