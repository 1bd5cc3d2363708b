"""An iteration of a solver, recorded once and computed again as a whole (see `runtime/recording.py`)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.layers.prefetch import PrefetchingLayer
from cnnvis_caffe.runtime.memory import Memory
from cnnvis_caffe.runtime.recording import NotRecordedError, Recorder, Recording, record_cuda_graph

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.net import Net
    from cnnvis_caffe.runtime.solvers.solver import Solver

logger = logging.getLogger(__name__)

#: Passes before anything is recorded: after them every blob is on its device in the memory format that it keeps.
N_WARM_UPS = 3
#: Fields of a solver that its kernels take as they are; the learning rate is handed over anew each time.
_CONSTANTS = (
    "momentum", "momentum2", "rms_decay", "delta", "weight_decay", "regularization_type", "iter_size",
    "clip_gradients",
)  # fmt: skip


class RecordedIteration:
    """Forward and backward pass as one recording, the update as another, so that callbacks find both as ever.

    Layers that bring in data run first, each time, as they always do; where their batches cross to the GPU as bytes,
    only the crossing is left to be done first. Nobody waits for a loss: `losses` brings those of many passes.

    Parameters
    ----------
    solver : Solver
    record : callable, default=record_cuda_graph
    """

    def __init__(self, solver: Solver, record: Recorder = record_cuda_graph) -> None:
        self._solver = solver
        self._record = record
        layers, bottoms = solver.net.layers, solver.net.bottoms
        self._sources = [i for i, layer in enumerate(layers) if not bottoms[i] and layer.type != "Parameter"]
        self._loading = [layer for layer in layers if isinstance(layer, PrefetchingLayer)]
        self._others = [i for i in range(len(layers)) if i not in self._sources]
        # Why nothing is recorded, if so.
        self._obstacle = next((layers[i].where for i in self._others if not layers[i].can_be_recorded), None)
        self._is_said = False
        self._passes: Recording | None = None
        self._update: Recording | None = None
        self._losses: list[float] = []
        self._norms: list[float] = []
        self._forget(None)

    def _forget(self, key: Any) -> None:
        """Begin again: something has changed that recordings depend on."""
        self._fetch_losses()
        self._fetch_norms()
        self._key = key
        self._n_passes = 0
        self._passes = None
        self._update = None

    def forward_backward(self) -> float | None:
        """Make a pass over the next batch; return its loss, or None where `losses` will tell it."""
        net = self._solver.net
        for layer in self._loading:
            layer.fetch()
        if not self._is_ready():
            loss = net.forward()
            net.backward()
            return loss
        for index in self._outside():
            net.run_forward([index])
        if self._now() != self._key:  # this batch has another shape
            return float(self._pass())
        if self._passes is None:
            try:
                self._passes = Recording(self._pass, self._read_by_pass(), _written_by_pass(net), self._record)
            except NotRecordedError as error:
                self._give_up(error)
                if self._solver.param.iter_size == 1:
                    net.clear_param_diffs()  # the recording has begun to fill them
                return float(self._pass())
        self._passes.replay()
        for layer in self._loading:
            if layer.kind_of_batch != "values":
                layer.was_shown()
        return None

    def losses(self) -> list[float]:
        """Wait; return the losses of all passes since this was last called whose loss was not told.

        Raises
        ------
        CnnvisError
            If a layer was given what it cannot take.
        """
        self._fetch_losses()
        losses, self._losses = self._losses, []
        return losses

    def _fetch_losses(self) -> None:
        """Bring them here."""
        if self._passes is not None:
            self._losses += self._passes.numbers()

    def _outside(self) -> list[int]:
        """Layers that bring in data by what cannot be recorded."""
        layers = self._solver.net.layers
        inside = [layer for layer in self._loading if layer.kind_of_batch != "values"]
        return [i for i in self._sources if layers[i] not in inside]

    def _say_obstacle(self) -> None:
        """Say once why nothing is recorded."""
        if not self._is_said:
            logger.warning("Iterations are not recorded as CUDA graphs, so that training is slower: %s", self._obstacle)
            self._is_said = True

    def _is_ready(self) -> bool:
        """Whether the next pass can be a recorded one."""
        if self._obstacle:
            self._say_obstacle()
            return False
        solver, net = self._solver, self._solver.net
        is_watched = net.before_forward or net.after_forward or net.before_backward or net.after_backward
        if is_watched or net.check_finite or solver.param.debug_info:
            return False
        key = self._now()
        if key != self._key:
            self._forget(key)
        self._n_passes += 1
        return self._n_passes > N_WARM_UPS

    def _give_up(self, error: NotRecordedError) -> None:
        """Never record again."""
        self._obstacle = str(error)
        self._say_obstacle()

    def _now(self) -> tuple[Any, ...]:
        """Everything that recordings depend on."""
        solver = self._solver
        multipliers = tuple(solver.net.params.lr_mults), tuple(solver.net.params.decay_mults)
        constants = tuple(getattr(solver.param, name) for name in _CONSTANTS)
        kinds = tuple(layer.kind_of_batch for layer in self._loading)
        return Blob.n_changes, backend.precision(), backend.device(), multipliers, constants, kinds

    def _pass(self) -> Any:
        """Forward and backward without what ran before."""
        net, outside = self._solver.net, self._outside()
        loss = net.run_forward([i for i in range(len(net.layers)) if i not in outside])
        net.backward()
        return loss

    def _read_by_pass(self) -> list[tuple[Memory, tuple[int, ...]]]:
        """What a pass finds: data, parameters, loss weights, and the gradients that it adds to."""
        net = self._solver.net
        blobs = [top for index in self._outside() for top in net.tops[index]]
        blobs += [blob for layer in net.layers for blob in layer.blobs]
        diffs = [top for layer, tops in zip(net.layers, net.tops) for top, w in zip(tops, layer.loss_weights) if w]
        if self._solver.param.iter_size > 1:
            diffs += net.params.learnable
        return _distinct([(blob.memories[0], blob.shape) for blob in blobs if blob.count]
                         + [(blob.memories[1], blob.shape) for blob in diffs])  # fmt: skip

    def update(self, rates: Sequence[Any]) -> bool:
        """Update all parameters; say whether that was possible.

        Parameters
        ----------
        rates : sequence of tensors of a single value
            For each group of parameters, always in the same place.
        """
        if self._obstacle or self._passes is None or self._now() != self._key:
            return False
        if self._update is None:
            try:
                self._update = Recording(
                    lambda: self._solver.update_params(rates), self._read_by_update(), (), self._record
                )
            except NotRecordedError as error:
                self._give_up(error)
                return False
        self._update.replay()
        return True

    def norms(self) -> list[float]:
        """Wait; return how long gradients were before they were clipped, in all updates since this was last called."""
        self._fetch_norms()
        norms, self._norms = self._norms, []
        return norms

    def _fetch_norms(self) -> None:
        """Bring them here."""
        if self._update is not None:
            self._norms += self._update.numbers()

    def _read_by_update(self) -> list[tuple[Memory, tuple[int, ...]]]:
        """What an update finds: parameters, gradients and histories."""
        learnable = self._solver.net.params.learnable
        histories = [blob for row in self._solver.histories for blob in row]
        return _distinct([(blob.memories[0], blob.shape) for blob in [*learnable, *histories]]
                         + [(blob.memories[1], blob.shape) for blob in learnable])  # fmt: skip


def _written_by_pass(net: Net) -> list[Memory]:
    """What may be looked at behind a pass."""
    blobs = [*net.blobs, *net.params.learnable]
    return [memory for memory, _ in _distinct([(memory, ()) for blob in blobs for memory in blob.memories])]


def _distinct(pairs: list[tuple[Memory, tuple[int, ...]]]) -> list[tuple[Memory, tuple[int, ...]]]:
    """Each memory once, in order."""
    return list({id(memory): (memory, shape) for memory, shape in pairs}.values())
