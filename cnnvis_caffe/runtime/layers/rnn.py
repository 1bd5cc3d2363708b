"""RNN: a simple recurrent net over a sequence."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.recurrent import Recurrent


class RNN(Recurrent):
    """h = tanh(W_xh x + b_h + W_xh_static x_static + W_hh (cont h)); output tanh(W_ho h + b_o).

    Notes
    -----
    Follows `src/caffe/layers/rnn_layer.cpp`. Parameters in order: W_xh (H, D), b_h (H,), with a static input
    W_xh_static (H, S), W_hh (H, H), W_ho (H, H), b_o (H,).
    """

    def recurrent_params(self) -> list[tuple[tuple[int, ...], Any]]:
        """Return W_hh, W_ho and b_o."""
        param, n_hidden = self.param.recurrent_param, self.n_hidden
        square = (n_hidden, n_hidden)
        return [
            (square, param.weight_filler),
            (square, param.weight_filler),
            ((n_hidden,), param.bias_filler),
        ]

    def unroll(self, sums: Any, cont: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Go through the steps."""
        (h,) = states
        first_weight, weight = (matrix.t() for matrix in self.weights(0))
        h_before = torch.empty_like(sums)
        for step in range(self.n_steps):
            self.carry(h, cont[step], out=h_before[step])
            h = sums[step].addmm_(h_before[step], weight if step else first_weight).tanh_()
        h_all = sums
        first_out, later_out = zip(self.weights(1), self.weights(2))
        outputs = torch.empty_like(sums)
        for part, (matrix, bias) in ((slice(0, 1), first_out), (slice(1, None), later_out)):
            outputs[part] = torch.matmul(h_all[part], matrix.t()) + bias
        outputs.tanh_()
        # With a single step Caffe reads the top in backward, which a layer in place may have changed.
        self._saved = h_before, h_all, outputs.clone() if self.n_steps > 1 else None
        return outputs, [h]

    def unroll_backward(self, top: Blob, cont: Any) -> Any:
        """Go back through the steps."""
        assert self._saved is not None
        dy = top.grad
        h_before, h_all = (tensor.to(dy.device) for tensor in self._saved[:2])
        y = top.value if self._saved[2] is None else self._saved[2].to(dy.device)
        d_out = dy * (1 - y * y)
        first_matrix, matrix = self.weights(1)
        d_h = torch.cat([torch.matmul(d_out[:1], first_matrix), torch.matmul(d_out[1:], matrix)])
        slopes = 1 - h_all * h_all
        weight = self.weights(0)[1]
        d_sums = torch.empty_like(slopes)
        dh = None
        for step in range(self.n_steps - 1, -1, -1):
            dh = d_h[step] if dh is None else d_h[step] + dh
            torch.mul(slopes[step], dh, out=d_sums[step])
            if step:
                dh = self.carry(torch.mm(d_sums[step], weight), cont[step])
        self.add_recurrent_grad(0, d_sums, h_before)
        self.add_recurrent_grad(1, d_out, h_all)
        self.add_recurrent_grad(2, d_out)
        return d_sums
