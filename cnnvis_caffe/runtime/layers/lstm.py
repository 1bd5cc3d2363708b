"""LSTM: long short-term memory over a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.recurrent import Recurrent


class LSTM(Recurrent):
    """(i, f, o, g) = W_xc x + b_c + W_xc_static x_static + W_hc (cont h); c = cont f c + i g; h = o tanh(c).

    Notes
    -----
    Follows `src/caffe/layers/lstm_layer.cpp`. Parameters in order: W_xc (4 H, D), b_c (4 H,), with a static
    input W_xc_static (4 H, S), and W_hc (4 H, H).
    """

    n_states = 2
    n_gates = 4

    def recurrent_params(self) -> list[tuple[tuple[int, ...], Any]]:
        """Return W_hc."""
        return [((4 * self.n_hidden, self.n_hidden), self.param.recurrent_param.weight_filler)]

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Shape the outputs; with a single step they are the state itself."""
        super().reshape(bottoms, tops)
        if self.n_steps == 1:
            # Caffe quirk: a layer that works in place on the top then changes the state that is carried on.
            tops[0].share_data(self._last_states[0])

    def show_outputs(self, top: Blob, outputs: Any) -> None:
        """Hand the outputs over, unless they lie in the state."""
        if not top.shares_data_with(self._last_states[0]):
            top.value = outputs

    def unroll(self, sums: Any, cont: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Go through the steps."""
        h, c = states
        n_hidden = self.n_hidden
        first_weight, weight = (matrix.t() for matrix in self.weights(0))
        gates = sums
        h_before = sums.new_empty(self.n_steps, self.n_sequences, n_hidden)
        c_all = sums.new_empty(self.n_steps + 1, self.n_sequences, n_hidden)
        outputs = torch.empty_like(h_before)
        c_all[0] = c
        for step in range(self.n_steps):
            self.carry(h, cont[step], out=h_before[step])
            gate = gates[step].addmm_(h_before[step], weight if step else first_weight)
            gate[:, : 3 * n_hidden].sigmoid_()
            gate[:, 3 * n_hidden :].tanh_()
            i, f, o, g = gate.chunk(4, 1)
            f *= cont[step]
            c = torch.mul(f, c, out=c_all[step + 1]).addcmul_(i, g)
            h = torch.mul(o, torch.tanh(c), out=outputs[step])
        self._saved = gates, h_before, c_all
        return outputs, [h, c]

    def unroll_backward(self, top: Blob, cont: Any) -> Any:
        """Go back through the steps."""
        assert self._saved is not None
        dy = top.grad
        gates, h_before, c_all = (tensor.to(dy.device) for tensor in self._saved)
        i, f, o, g = gates.chunk(4, 2)
        tanh_c = torch.tanh(c_all[1:])
        # All that does not depend on the step behind, for all steps at once.
        c_from_h = o * (1 - tanh_c * tanh_c)
        # Caffe quirk: f already holds cont, so its gradient is exact only where cont is 0 or 1.
        slopes = torch.stack((g * i * (1 - i), c_all[:-1] * f * (1 - f), tanh_c * o * (1 - o), i * (1 - g * g)), 2)
        weight = self.weights(0)[1]
        d_sums = torch.empty_like(slopes)
        dh = dc = None
        for step in range(self.n_steps - 1, -1, -1):
            dh = dy[step] if dh is None else dy[step] + dh
            dc = dh * c_from_h[step] if dc is None else torch.addcmul(dc, dh, c_from_h[step])
            torch.mul(slopes[step], dc.unsqueeze(1), out=d_sums[step])
            torch.mul(slopes[step, :, 2], dh, out=d_sums[step, :, 2])
            if step:
                dc = dc * f[step]
                dh = self.carry(torch.mm(d_sums[step].view(self.n_sequences, -1), weight), cont[step])
        d_sums = d_sums.view(gates.shape)
        self.add_recurrent_grad(0, d_sums, h_before)
        return d_sums
