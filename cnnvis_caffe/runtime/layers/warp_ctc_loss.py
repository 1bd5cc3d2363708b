"""WarpCTCLoss: CTC as Baidu's library computes it."""

from __future__ import annotations

from collections.abc import Sequence

from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.ctc import CtcBase, check_columns, indicated, without


class WarpCTCLoss(CtcBase):
    """loss = mean of -log p(labels) over the sequences that have enough steps.

    Bottoms are scores (T, N, classes) and either labels (N, L) with blanks that do not count; or indicators (T, N) and
    labels (T, N) as for CTCLoss, which count from 0 behind a blank of 0; or numbers of steps (N,), numbers of labels
    (N,) and labels (L, N).

    Notes
    -----
    Follows `src/caffe/layers/warp_ctc_loss_layer.cpp` of ChWick's Caffe. The blank is `blank_index`, or `blank_label`
    (0 unless given).
    """

    fork = "ChWick"
    fork_settings = ("ctc_loss_param",)
    n_bottoms = (2, 4)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check that the bottoms belong together."""
        super().reshape(bottoms, tops)
        if len(bottoms) == 2:
            if bottoms[1].shape[:1] != (self.n_sequences,):
                raise self.shape_error(
                    f"bottom {bottoms[1].name!r} has shape {bottoms[1].shape}; its first axis must be "
                    f"{self.n_sequences}"
                )
        elif len(bottoms) == 3:
            check_columns(self, *bottoms)
        else:
            check_columns(self, bottoms[0], bottoms[3])
            for blob in bottoms[1:3]:
                if blob.count != self.n_sequences:
                    raise self.shape_error(
                        f"bottom {blob.name!r} has shape {blob.shape}; {self.n_sequences} numbers are needed"
                    )

    def blank_label(self) -> int:
        """Return the class that means nothing is said."""
        param = self.param.ctc_loss_param
        return param.blank_index if param.blank_index >= 0 else param.blank_label

    def targets(self, bottoms: Sequence[Blob]) -> tuple[list[list[int]], list[int]]:
        """Read labels and lengths."""
        if len(bottoms) == 2:
            return without(bottoms[1], self.blank_label()), [self.n_steps] * self.n_sequences
        if len(bottoms) == 3:
            labels, steps = indicated(self, bottoms, offset=int(self.blank_label() == 0))
            return labels, [length if row else 0 for row, length in zip(labels, steps)]
        steps, lengths = ([int(value) for value in blob.value.reshape(-1).tolist()] for blob in bottoms[1:3])
        rows = bottoms[3].value.reshape(bottoms[3].shape[0], -1).t().tolist()
        return [[int(label) for label in row[:length]] for row, length in zip(rows, lengths)], steps

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Average the costs."""
        costs = self.costs(bottoms)
        finite = costs.isfinite()
        tops[0].value = costs.masked_fill(~self._counted, 0).sum() / finite.sum()

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Give the gradient of the sum."""
        self.refuse_gradients(propagate_down, *[bottom.name for bottom in bottoms[1:]])
        if propagate_down[0]:
            # Caffe quirk: neither divided by the number of sequences nor multiplied by the weight of the loss.
            bottoms[0].grad = self.scores_gradient().reshape(bottoms[0].shape)
