"""LSTMUnit: one step of an LSTM, from gates that were computed before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class LSTMUnit(Layer):
    """c = cont * f * c_prev + i * g and h = o * tanh(c), from the sums (i, f, o, g) that go into the gates.

    Notes
    -----
    Follows `src/caffe/layers/lstm_unit_layer.cpp`. Bottoms are c_prev (1, N, H), the sums (1, N, 4 H) and
    cont (1, N); tops are c and h.
    """

    n_bottoms = (3, 3)
    n_tops = (2, 2)

    def allows_force_backward(self, index: int) -> bool:
        """Where sequences begin has no gradient."""
        return index != 2

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Refuse to write h where the sums are."""
        if tops[1] is bottoms[1]:
            raise self.error("cannot write h over the gates' sums; give that top a name of its own")

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Check the shapes, which belong together."""
        c_prev, sums, cont = bottoms
        n, n_hidden = (c_prev.shape + (0, 0, 0))[1:3]
        for blob, shape in ((c_prev, (1, n, n_hidden)), (sums, (1, n, 4 * n_hidden)), (cont, (1, n))):
            if blob.shape != shape:
                raise self.shape_error(
                    f"bottom {blob.name!r} has shape {blob.shape}, which does not fit {c_prev.name!r} of "
                    f"shape {c_prev.shape}; (1, N, H), (1, N, 4 H) and (1, N) are needed"
                )
        for top in tops:
            top.reshape(*c_prev.shape)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Go one step."""
        c_prev = bottoms[0].value
        i, f, o, g = _gates(bottoms[1].value, bottoms[2].value)
        c = f * c_prev + i * g
        tops[0].value = c
        tops[1].value = o * torch.tanh(c)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Go one step back."""
        if propagate_down[2]:
            raise self.error("cont has no gradient; set propagate_down: false for the third bottom")
        if not any(propagate_down[:2]):
            return
        c_prev = bottoms[0].value
        i, f, o, g = _gates(bottoms[1].value, bottoms[2].value)
        tanh_c = torch.tanh(tops[0].value)
        dh = tops[1].grad
        dc = tops[0].grad + dh * o * (1 - tanh_c * tanh_c)
        parts = (
            dc * g * i * (1 - i),
            # Caffe quirk: f already holds cont, so this is exact only where cont is 0 or 1.
            dc * c_prev * f * (1 - f),
            dh * tanh_c * o * (1 - o),
            dc * i * (1 - g * g),
        )
        # Both are written when one is asked for.
        bottoms[0].grad = dc * f
        bottoms[1].grad = torch.cat(parts, 2)


def _gates(sums: Any, cont: Any) -> tuple[Any, Any, Any, Any]:
    """Input, forget and output gate and the new candidate; the forget gate is multiplied by cont."""
    i, f, o, g = sums.chunk(4, 2)
    cont = cont.unsqueeze(2)
    f = (cont * torch.sigmoid(f)).masked_fill_(cont == 0, 0)
    return torch.sigmoid(i), f, torch.sigmoid(o), torch.tanh(g)
