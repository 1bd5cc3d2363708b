"""CtcLoss: CTC with labels that are filled up with blanks."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.ctc import CtcBase, without


class CtcLoss(CtcBase):
    """loss = mean over the sequences of -log p(labels), from scores (T, N, classes) and labels (N, L).

    Notes
    -----
    Follows `src/caffe/layers/ctc_loss_layer.cpp` of xmfbit's Caffe, which also counts only the first `time_step` steps.
    Labels that are `blank_label` (0 unless given) do not count.
    """

    fork = "xmfbit"
    fork_settings = ("ctc_loss_param",)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that the bottoms belong together."""
        super().reshape(bottoms, tops)
        param = self.param.ctc_loss_param
        if bottoms[1].shape[:1] != (self.n_sequences,):
            raise self.shape_error(
                f"bottom {bottoms[1].name!r} has shape {bottoms[1].shape}; its first axis must be {self.n_sequences}"
            )
        if param.alphabet_size not in (0, self.n_classes) or param.time_step > self.n_steps:
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} has shape {bottoms[0].shape}; alphabet_size {param.alphabet_size} and "
                f"time_step {param.time_step} do not go with it"
            )

    def blank_label(self) -> int:
        """Return the class that means nothing is said."""
        return self.param.ctc_loss_param.blank_label

    def targets(self, bottoms: Sequence[Blob]) -> tuple[list[list[int]], list[int]]:
        """Read the labels."""
        steps = self.param.ctc_loss_param.time_step or self.n_steps
        return without(bottoms[1], self.blank_label()), [steps] * self.n_sequences

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Average the costs."""
        tops[0].value = self.costs(bottoms).sum() / self.n_sequences

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the gradient of the sum."""
        self.refuse_gradients(propagate_down, "labels")
        if propagate_down[0]:
            # Caffe quirk: not divided by the number of sequences.
            bottoms[0].grad = (self.scores_gradient() * tops[0].grad).reshape(bottoms[0].shape)
