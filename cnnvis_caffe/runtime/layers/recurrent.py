"""The base of LSTM and RNN: sequences, their beginnings, and a state that stays between forwards."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from cnnvis_caffe.errors import CaffeQuirkWarning
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layer import Layer, is_train

logger = logging.getLogger(__name__)

_MAX_STEPS = 20_000


class Recurrent(Layer):
    """Base of the layers that go through a sequence step by step.

    Bottoms are x (T, N, ...), cont (T, N), which is 0 where a sequence begins, if wanted x_static (N, ...),
    and with `expose_hidden` the states to begin with; tops the outputs (T, N, H) and with `expose_hidden` the
    last states.

    Notes
    -----
    Follows `src/caffe/layers/recurrent_layer.cpp`, which builds a net of small layers. Here the products with
    x are one for all steps, and only what depends on the step before is done step by step.
    """

    #: How many states go from step to step.
    n_states: ClassVar[int] = 1
    #: Rows of the matrix on x, in units of num_output.
    n_gates: ClassVar[int] = 1
    can_be_in_place = False
    can_be_recorded = False  # the last states of a batch are the first of the next

    def __init__(self, param: Any, where: str = "", *, initialize: bool = True) -> None:
        super().__init__(param, where, initialize=initialize)
        self.exposes = self.param.recurrent_param.expose_hidden
        n_exposed = self.n_states if self.exposes else 0
        self.n_bottoms = (2 + n_exposed, 3 + n_exposed)  # type: ignore[misc]
        self.n_tops = (1 + n_exposed, 1 + n_exposed)  # type: ignore[misc]

    def allows_force_backward(self, index: int) -> bool:
        """Where sequences begin has no gradient."""
        return index != 1

    def recurrent_params(self) -> list[tuple[tuple[int, ...], Any]]:
        """Return shape and filler of each parameter that is used once in every step."""
        raise NotImplementedError

    # -- building --------------------------------------------------------------------------------------------

    def setup(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Make the parameters and room for the last states."""
        param = self.param.recurrent_param
        self.n_hidden = param.num_output
        if self.n_hidden < 1:
            raise self.error(f"recurrent_param.num_output must be at least 1, got {self.n_hidden}")
        self.first_state = 3 if len(bottoms) == self.n_bottoms[1] else 2
        self.has_static = self.first_state == 3
        self._check_sequence(bottoms)
        self.n_steps = bottoms[0].shape[0]
        rows = self.n_gates * self.n_hidden
        self.n_in = math.prod(bottoms[0].shape[2:])
        self.n_static = math.prod(bottoms[2].shape[1:]) if self.has_static else 0
        wanted = [((rows, self.n_in), param.weight_filler), ((rows,), param.bias_filler)]
        if self.has_static:
            wanted.append(((rows, self.n_static), param.weight_filler))
        self.n_input_params = len(wanted)
        # Caffe quirk: blobs in the net's file are dropped, and the fillers run.
        self.blobs = []
        self.make_params(*wanted, *self.recurrent_params())
        self._draw_for_later_steps()
        self._later = []
        for blob in self.blobs[self.n_input_params :]:
            later = Blob(blob.shape, name=blob.name)
            later.share_data(blob)
            later.share_diff(blob)
            self._later.append(later)
        self._is_warned = False
        self._last_states = [Blob(name=f"{self.name} state {index}") for index in range(self.n_states)]
        self._saved: tuple[Any, ...] | None = None

    def _check_sequence(self, bottoms: Sequence[Blob]) -> None:
        """Check that x, cont and x_static belong together."""
        x, cont = bottoms[:2]
        if len(x.shape) < 3:
            raise self.shape_error(
                f"bottom {x.name!r} has shape {x.shape}; steps, sequences and at least one more axis are needed"
            )
        if x.shape[0] > _MAX_STEPS:
            raise self.shape_error(
                f"bottom {x.name!r} has shape {x.shape}, that is {x.shape[0]} steps; at most {_MAX_STEPS} are computed "
                f"(Caffe makes a net with a copy of its layers for each)"
            )
        if cont.shape != x.shape[:2]:
            raise self.shape_error(
                f"bottom {cont.name!r} has shape {cont.shape}; for {x.name!r} of shape {x.shape} it must be "
                f"{x.shape[:2]}"
            )
        if self.has_static and (len(bottoms[2].shape) < 2 or bottoms[2].shape[0] != x.shape[1]):
            raise self.shape_error(
                f"bottom {bottoms[2].name!r} has shape {bottoms[2].shape}; for {x.name!r} of shape "
                f"{x.shape} it needs a first axis of length {x.shape[1]} and at least one more"
            )

    def _draw_for_later_steps(self) -> None:
        """Draw what Caffe draws for the parameters of steps that then use those of the first."""
        if self.initialize:
            for _ in range(1, self.n_steps):
                for shape, filler in self.recurrent_params():
                    if filler.type not in ("constant", "bilinear"):
                        self.fill(Blob(shape, name=self.name), filler)

    def reshape(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Take the number of sequences from x; the number of steps may not change."""
        self._check_sequence(bottoms)
        n_steps, n_sequences, *rest = bottoms[0].shape
        if n_steps != self.n_steps:
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} now has {n_steps} steps; the net was built for {self.n_steps}, "
                "which cannot change"
            )
        if math.prod(rest) != self.n_in:
            raise self.shape_error(
                f"bottom {bottoms[0].name!r} of shape {bottoms[0].shape} gives {math.prod(rest)} inputs; "
                f"the weights are for {self.n_in}"
            )
        if self.has_static and math.prod(bottoms[2].shape[1:]) != self.n_static:
            raise self.shape_error(
                f"bottom {bottoms[2].name!r} of shape {bottoms[2].shape} gives "
                f"{math.prod(bottoms[2].shape[1:])} inputs; the weights are for {self.n_static}"
            )
        self.n_sequences = n_sequences
        state_shape = (1, n_sequences, self.n_hidden)
        for state in self._last_states:
            state.reshape(*state_shape)
        tops[0].reshape(n_steps, n_sequences, self.n_hidden)
        if self.exposes:
            for bottom, top in zip(bottoms[self.first_state :], tops[1:]):
                if bottom.shape != state_shape:
                    raise self.shape_error(
                        f"bottom {bottom.name!r} has shape {bottom.shape}; as a state it must be {state_shape}"
                    )
                top.reshape(*state_shape)

    # -- running ---------------------------------------------------------------------------------------------

    def weights(self, index: int) -> tuple[Any, Any]:
        """Return a parameter of `recurrent_params` for the first step, and for the steps behind it."""
        blob, later = self.blobs[self.n_input_params + index], self._later[index]
        return blob.value, later.value

    def _bring_later_up_to_date(self) -> None:
        """Let all steps use the same parameters, as far as Caffe does."""
        blobs = self.blobs[self.n_input_params :]
        if not is_train(self):
            for blob, later in zip(blobs, self._later):
                later.share_data(blob)
                later.share_diff(blob)
        elif not self._is_warned and not all(later.shares_data_with(blob) for blob, later in zip(blobs, self._later)):
            # Caffe quirk: when training, a parameter that is shared with another layer is shared for the
            # first step only; the steps behind it keep what this layer's filler gave.
            self._is_warned = True
            warnings.warn(
                f"{self.where}: shares its recurrent parameters with another layer; when training, this "
                "reaches the first step only, as in Caffe",
                CaffeQuirkWarning,
                stacklevel=2,
            )

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """Go through the sequence from the last states, or from those that are given."""
        self._bring_later_up_to_date()
        n_rows = self.n_steps * self.n_sequences
        x = bottoms[0].value.reshape(n_rows, self.n_in)
        sums = torch.addmm(self.blobs[1].value, x, self.blobs[0].value.t())
        sums = sums.view(self.n_steps, self.n_sequences, -1)
        if self.has_static:
            static = bottoms[2].value.reshape(self.n_sequences, self.n_static)
            sums += torch.mm(static, self.blobs[2].value.t())
        shape = (self.n_sequences, self.n_hidden)
        if self.exposes:
            states = [bottom.value.reshape(shape) for bottom in bottoms[self.first_state :]]
        else:
            states = [state.value.reshape(shape).clone() for state in self._last_states]
        outputs, states = self.unroll(sums, bottoms[1].value.unsqueeze(2), states)
        for blob, state in zip(self._last_states, states):
            # Into the old memory: sequences that are out of use for a while keep their state in Caffe.
            memory = blob.value
            blob.value = memory.copy_(state.view(blob.shape))
        self.show_outputs(tops[0], outputs)
        if self.exposes:
            for top, state in zip(tops[1:], self._last_states):
                top.share_data(state)
        if self.param.recurrent_param.debug_info:
            self._log("Forward", "outputs data", outputs)

    def get_position(self) -> dict[str, np.ndarray]:
        """Return the last states, which the next sequence may go on from; a snapshot of a solver keeps them.

        Returns
        -------
        dict of str to ndarray, float32
        """
        return {f"state {index}": state.data.copy() for index, state in enumerate(self._last_states)}

    def set_position(self, position: dict[str, np.ndarray]) -> None:
        """Go on from states that `get_position` returned.

        Parameters
        ----------
        position : dict of str to ndarray

        Raises
        ------
        ShapeError
            If they are of other sequences.
        """
        for index, state in enumerate(self._last_states):
            values = position[f"state {index}"]
            if values.shape != state.shape:
                raise self.shape_error(f"has states of shape {state.shape}; those to go on from have {values.shape}")
            state.data[...] = values

    def show_outputs(self, top: Blob, outputs: Any) -> None:
        """Make the outputs of all steps, a new tensor, the values of the top."""
        top.value = outputs

    def backward(self, tops: Sequence[Blob], propagate_down: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """Go back through the sequence; what came before it counts as constant."""
        if propagate_down[1]:
            raise self.error("cont has no gradient; set propagate_down: false for the second bottom")
        if self._saved is None:
            raise self.error("backward needs a forward pass before it")
        # The gradients of exposed last states are not looked at, and those of states to begin with are not
        # given.
        d_sums = self.unroll_backward(tops[0], bottoms[1].value.unsqueeze(2))
        flat = d_sums.view(self.n_steps * self.n_sequences, -1)
        x = bottoms[0].value.reshape(len(flat), self.n_in)
        # Caffe quirk: all gradients are computed, whatever lr_mult and propagate_down say.
        self.blobs[0].add_grad(torch.mm(flat.t(), x))
        self.blobs[1].add_grad(flat.sum(0))
        bottoms[0].grad = torch.mm(flat, self.blobs[0].value).view(bottoms[0].shape)
        if self.has_static:
            static = bottoms[2].value.reshape(self.n_sequences, self.n_static)
            d_static = d_sums.sum(0)
            self.blobs[2].add_grad(torch.mm(d_static.t(), static))
            bottoms[2].grad = torch.mm(d_static, self.blobs[2].value).view(bottoms[2].shape)
        if self.param.recurrent_param.debug_info:
            self._log("Backward", "sums diff", d_sums)

    @staticmethod
    def carry(state: Any, cont: Any, out: Any = None) -> Any:
        """Return what of a state, or of its gradient, goes from one step to the next: state times cont."""
        # Caffe quirk: 0 times NaN is 0 in its BLAS, so that a new sequence does not inherit a NaN.
        return torch.mul(state, cont, out=out).masked_fill_(cont == 0, 0)

    def unroll(self, sums: Any, cont: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Go through the steps.

        Parameters
        ----------
        sums : tensor of shape (T, N, n_gates * H)
            What x adds; may be overwritten.
        cont : tensor of shape (T, N, 1)
        states : list of n_states tensors of shape (N, H)

        Returns
        -------
        outputs : tensor of shape (T, N, H)
        states : list of n_states tensors of shape (N, H)
        """
        raise NotImplementedError

    def unroll_backward(self, top: Blob, cont: Any) -> Any:
        """Go back through the steps, add to the recurrent parameters' gradients, return that of `sums`."""
        raise NotImplementedError

    def add_recurrent_grad(self, index: int, d_sums: Any, inputs: Any = None) -> None:
        """Add the sum over steps and sequences of d_sums x inputs to a recurrent parameter's gradient.

        Parameters
        ----------
        index : int
            In `recurrent_params`.
        d_sums : tensor of shape (T, N, rows)
        inputs : tensor of shape (T, N, columns), optional
            None for a bias.
        """
        blob, later = self.blobs[self.n_input_params + index], self._later[index]
        if blob.shares_diff_with(later):
            blob.add_grad(_outer_sum(d_sums, inputs))
        else:
            blob.add_grad(_outer_sum(d_sums[:1], None if inputs is None else inputs[:1]))
            later.add_grad(_outer_sum(d_sums[1:], None if inputs is None else inputs[1:]))

    def _log(self, direction: str, what: str, values: Any) -> None:
        """A debug_info line for each step."""
        for step, value in enumerate(values, 1):
            mean = float(value.abs().mean())
            logger.info("    [%s] Layer %s_step_%d, %s: %g", direction, self.name, step, what, mean)


def _outer_sum(d_sums: Any, inputs: Any) -> Any:
    """Sum over all rows of d_sums x inputs, or of d_sums alone."""
    rows = d_sums.reshape(-1, d_sums.shape[-1])
    return rows.sum(0) if inputs is None else torch.mm(rows.t(), inputs.reshape(-1, inputs.shape[-1]))
