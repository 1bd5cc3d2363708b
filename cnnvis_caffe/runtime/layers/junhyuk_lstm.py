"""Lstm: long short-term memory as Caffe had it before its own LSTM."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer


class Lstm(Layer):
    """(i, f, o, g) = W_x x + W_h h + b; c = f c + i g; h = o tanh(c).

    The bottom is (T * batch_size, ...), or (T, N, D) where the file gives no batch_size, as in CRNN's Caffe; the top
    (T * batch_size, H) or (T, N, H). A second bottom, as long as the first, is 0 where a sequence begins; with it, the
    last state of a forward is the first of the next. Without it, each forward is a sequence.

    Notes
    -----
    Follows `src/caffe/layers/lstm_layer.cpp` of junhyukoh's Caffe. Parameters: W_x (4 H, D), W_h (4 H, H), b (4 H,).
    """

    fork = "junhyukoh, CRNN"
    fork_settings = ("lstm_param",)
    n_bottoms = (1, 2)
    can_be_in_place = False
    can_be_recorded = False  # the last states of a batch are the first of the next

    def allows_force_backward(self, index: int) -> bool:
        """Where sequences begin has no gradient."""
        return index == 0

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the parameters."""
        param = self.param.lstm_param
        if param.num_output < 1 or param.batch_size < 1:
            raise self.error("lstm_param: num_output and batch_size must be at least 1")
        self.n_hidden = param.num_output
        self.states: tuple[Any, Any] | None = None
        self.is_by_steps = len(bottoms[0].shape) == 3 and not param.HasField("batch_size")
        self.n_in = math.prod(bottoms[0].shape[2 if self.is_by_steps else 1 :])
        rows = 4 * self.n_hidden
        self.make_params(
            ((rows, self.n_in), param.weight_filler),
            ((rows, self.n_hidden), param.weight_filler),
            ((rows,), param.bias_filler),
        )

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Find steps and sequences."""
        shape, n_batch = bottoms[0].shape, self.param.lstm_param.batch_size
        first = shape[:2] if self.is_by_steps else (shape[0] // n_batch, n_batch)
        if math.prod(first) * self.n_in != bottoms[0].count:
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} has shape {shape}; batch_size {n_batch} and weights for {self.n_in} "
                "inputs do not go with it"
            )
        for cont in bottoms[1:]:
            if cont.count != math.prod(first):
                raise self.shape_error(f"bottom {cont.name!r} has shape {cont.shape}; {math.prod(first)} are needed")
        self.n_steps: int = first[0]
        self.n_sequences: int = first[1]
        tops[0].reshape(*(first if self.is_by_steps else shape[:1]), self.n_hidden)

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Go through the steps."""
        weight_x, weight_h, bias = (blob.value for blob in self.blobs)
        x = bottoms[0].value.reshape(-1, self.n_in)
        gates = torch.addmm(bias, x, weight_x.t()).view(self.n_steps, self.n_sequences, -1)
        cont = self._cont(bottoms, x)
        h, c = self._first_states(len(bottoms) > 1, x)
        h_all, c_all = [h], [c]
        for gate, goes_on in zip(gates, cont):
            # Caffe quirk: on a CPU the fork adds the first sequence's W_h h to all; on a GPU each its own, as here.
            gate += goes_on * (h @ weight_h.t())
            gate[:, : 3 * self.n_hidden].sigmoid_()
            gate[:, 3 * self.n_hidden :].tanh_()
            i, f, o, g = gate.chunk(4, 1)
            f *= goes_on
            c = f * c + i * g
            h = o * c.tanh()
            h_all.append(h)
            c_all.append(c)
        self.states = h, c
        self._saved = gates, torch.stack(h_all), torch.stack(c_all), cont
        tops[0].value = self._saved[1][1:].reshape(tops[0].shape)

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Go back through the steps."""
        gates, h_all, c_all, cont = self._saved
        dy = tops[0].grad.reshape(self.n_steps, self.n_sequences, -1)
        limit = self.param.lstm_param.clipping_threshold
        sums, weight_h = torch.empty_like(gates), self.blobs[1].value
        dh = dc = torch.zeros_like(h_all[0])
        for step in range(self.n_steps - 1, -1, -1):
            i, f, o, g = gates[step].chunk(4, 1)
            tanh_c = c_all[step + 1].tanh()
            dh = dy[step] + dh
            dc = dc + dh * o * (1 - tanh_c.square())
            slopes = dc * g * i * (1 - i), dc * c_all[step] * f * (1 - f), dh * tanh_c * o * (1 - o)
            torch.cat([*slopes, dc * i * (1 - g.square())], 1, out=sums[step])
            if limit > 0:
                sums[step].clamp_(-limit, limit)
            dc, dh = dc * f, cont[step] * (sums[step] @ weight_h)
        flat = sums.view(-1, 4 * self.n_hidden)
        x = bottoms[0].value.reshape(-1, self.n_in)
        # Caffe quirk: counts the output before a sequence's beginning as if it had been used, and of what came before
        # the first step only the first sequence's.
        d_weight_h = sums[1:].flatten(0, 1).t() @ h_all[1:-1].flatten(0, 1) + sums[0, :1].t() @ h_all[0, :1]
        for blob, wanted, gradient in zip(
            self.blobs, self.param_propagate_down, (flat.t() @ x, d_weight_h, flat.sum(0))
        ):
            if wanted:
                blob.add_grad(gradient)
        if propagate_down[0]:
            bottoms[0].grad = (flat @ self.blobs[0].value).reshape(bottoms[0].shape)

    def _cont(self, bottoms: Sequence[Blob], x: Any) -> Any:
        """Where sequences go on: (T, N, 1), 0 or 1."""
        if len(bottoms) > 1:
            return (bottoms[1].value.reshape(self.n_steps, self.n_sequences, 1) != 0).to(x.dtype)
        cont = torch.ones(self.n_steps, self.n_sequences, 1, dtype=x.dtype, device=x.device)
        cont[:1] = 0
        return cont

    def _first_states(self, carries_on: bool, x: Any) -> tuple[Any, Any]:
        """H and c before the first step."""
        shape = self.n_sequences, self.n_hidden
        if carries_on and self.states is not None and self.states[0].shape == shape:
            return self.states
        return x.new_zeros(shape), x.new_zeros(shape)
