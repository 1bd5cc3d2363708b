"""CTCLoss: what a sequence of scores says, beside what it should."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.ctc import CtcBase, check_columns, indicated


class CTCLoss(CtcBase):
    """loss = mean over the sequences of -log p(labels).

    Bottoms are scores (T, N, classes), indicators (T, N), 0 where a sequence begins, and labels (T, N), below 0 behind
    the last one. The blank is the last class, unless `blank_index` says otherwise.

    Notes
    -----
    Follows `src/caffe/layers/ctc_loss_layer.cpp` of ChWick's Caffe. Not here: `output_delay`,
    `preprocess_collapse_repeated` and `ctc_merge_repeated: false`.
    """

    fork = "ChWick"
    fork_settings = ("ctc_loss_param",)
    n_bottoms = (3, 3)

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Refuse what is not here."""
        param = self.param.ctc_loss_param
        if param.output_delay or param.preprocess_collapse_repeated or not param.ctc_merge_repeated:
            raise self.error(
                "ctc_loss_param: output_delay, preprocess_collapse_repeated and ctc_merge_repeated: false are not "
                "supported"
            )

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that the bottoms belong together."""
        super().reshape(bottoms, tops)
        check_columns(self, *bottoms)
        for blob in bottoms[1:]:
            if blob.shape[0] != self.n_steps:
                raise self.shape_error(f"bottom {blob.name!r} has shape {blob.shape}; {self.n_steps} steps are needed")

    def blank_label(self) -> int:
        """Return the class that means nothing is said."""
        index = self.param.ctc_loss_param.blank_index
        return index if index >= 0 else self.n_classes - 1

    def targets(self, bottoms: Sequence[Blob]) -> tuple[list[list[int]], list[int]]:
        """Read labels and lengths."""
        labels, steps = indicated(self, bottoms)
        for number, row in enumerate(labels):
            if not row:
                raise self.error(f"sequence {number} has no label")
        return labels, steps

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Add up the costs."""
        tops[0].value = self.costs(bottoms).sum() / self.n_sequences

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the gradient of the sum."""
        self.refuse_gradients(propagate_down, "indicators", "labels")
        if propagate_down[0]:
            # Caffe quirk: neither divided by the number of sequences nor multiplied by the weight of the loss.
            bottoms[0].grad = self.scores_gradient().reshape(bottoms[0].shape)
