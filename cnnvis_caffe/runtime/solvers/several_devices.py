"""Trains one net on several devices through torch.distributed: one process for each, gradients averaged as in Caffe."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.errors import DeviceLostError
from cnnvis_caffe.runtime import backend, ranks
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.solvers.action import Action
from cnnvis_caffe.runtime.solvers.callback import Callback
from cnnvis_caffe.runtime.solvers.one_device import OneDevice

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.solvers.solver import Solver

logger = logging.getLogger(__name__)

#: Where our own launcher lets its processes meet; under torchrun it is not set.
RENDEZVOUS = "CNNVIS_RENDEZVOUS"
#: All others wait while the root tests. A process that ends is noticed at once, whatever this says.
_LONGEST_TEST = datetime.timedelta(hours=12)


def join_processes() -> bool:
    """Join the processes that a launcher started, if there are several.

    Returns
    -------
    bool
        False where this process trains alone.

    Raises
    ------
    DeviceLostError
        If the others cannot be reached.

    Notes
    -----
    Reads what torchrun sets: WORLD_SIZE, RANK, MASTER_ADDR, MASTER_PORT. To be called once the device is chosen, and
    before a net is built.
    """
    count = int(os.environ.get("WORLD_SIZE", 1))
    if count < 2:
        return False
    rank = int(os.environ["RANK"])
    kind = "nccl" if backend.on_gpu() else "gloo"
    try:
        torch.distributed.init_process_group(
            kind, init_method=os.environ.get(RENDEZVOUS, "env://"), rank=rank, world_size=count, timeout=_LONGEST_TEST
        )
    except (RuntimeError, ValueError) as error:
        raise DeviceLostError(f"process {rank} of {count}: cannot reach the others: {_first_line(error)}") from error
    ranks.set_solver_count(count)
    ranks.set_solver_rank(rank)
    return True


def leave_processes() -> None:
    """Leave the processes that `join_processes` joined; nothing happens where this process trains alone."""
    ranks.set_solver_count(1)
    ranks.set_solver_rank(0)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


class SeveralDevices(Callback, OneDevice):
    """Averages the gradients of a solver with those of all other processes.

    Parameters
    ----------
    solver : Solver
        It gets the root's parameters, and this as its first callback. Its data layers deal out their records, which
        `join_processes` had them do.

    Notes
    -----
    `src/caffe/parallel.cpp`: each device has the prototxt's batch size. Gradients are summed over the devices, then
    multiplied by 1 / their number, before they are clipped. With `layer_wise_reduce`, Caffe's default, the gradients of
    a layer travel while the layers below it run backward; not so where `iter_size` sums up passes, nor where a GPU
    replays its iterations.
    """

    def __init__(self, solver: Solver) -> None:
        self.is_root = ranks.is_root()
        self._solver = solver
        self._snapshot = ""
        params = solver.net.params
        learning = [index for index, lr_mult in enumerate(params.lr_mults) if lr_mult]
        # The gradient of a shared parameter is whole once the first of its layers has run backward.
        first_layer = dict(
            (index, place[0]) for index, place in reversed(list(zip(params.learnable_ids, params.places)))
        )
        self._by_layer: dict[int, list[Any]] = {}
        for index in learning:
            self._by_layer.setdefault(first_layer[index], []).append(params.learnable[index])
        self._under_way: list[_Travelling] = []
        # Decisions go through the CPU, so that nobody waits for a GPU.
        is_gloo = torch.distributed.get_backend() == "gloo"
        with self._company():
            self._decisions = None if is_gloo else torch.distributed.new_group(backend="gloo", timeout=_LONGEST_TEST)
            self._take_parameters_of_root()
        solver.callbacks.insert(0, self)
        replays = backend.on_gpu() and solver.uses_recordings
        self._overlaps = bool(solver.param.layer_wise_reduce) and solver.param.iter_size == 1 and not replays
        if self._overlaps:
            solver.net.after_backward.append(self._send_layer)

    def _take_parameters_of_root(self) -> None:
        """Begin with the root's parameters, as each device has filled its own by other random numbers."""
        with torch.no_grad():
            for blob in self._solver.net.params.learnable:
                value = blob.value.contiguous()
                torch.distributed.broadcast(value, src=0)
                blob.value = value

    # -- gradients -----------------------------------------------------------------------------------------------

    def _send_layer(self, index: int) -> None:
        """Let the gradients of a layer travel."""
        blobs = self._by_layer.get(index)
        if blobs:
            with self._company():
                self._under_way.append(_Travelling(blobs))

    def on_gradients_ready(self, solver: Solver) -> None:
        """Have the mean over all devices in the diff of each parameter."""
        with torch.no_grad(), self._company():
            if not self._overlaps:
                every = [blob for blobs in self._by_layer.values() for blob in blobs]
                self._under_way = [_Travelling(every)] if every else []
            for gradients in self._under_way:
                gradients.arrive()
        self._under_way = []

    # -- decisions -----------------------------------------------------------------------------------------------

    def agree(self, action: Action) -> Action:
        """Return the `Action` that all devices take: any may ask to stop, the root may ask for a snapshot."""
        actions = list(Action)
        asked = actions.index(action) if self.is_root or action is Action.STOP else 0
        return actions[self._largest(asked)]

    def agree_to_stop(self, stops: bool) -> bool:
        """Return whether the root has decided to stop while the others waited for its test."""
        return bool(self._largest(int(stops)))

    def can_act_in_test(self) -> bool:
        """Say that a snapshot needs all devices, which wait while the root tests."""
        return False

    def _largest(self, number: int) -> int:
        """The largest of the numbers of all devices."""
        tensor = torch.tensor([number])
        with self._company():
            torch.distributed.all_reduce(tensor, torch.distributed.ReduceOp.MAX, group=self._decisions)
        return int(tensor[0])

    def gather(self, state: Any) -> tuple[Any, ...]:
        """Return the states of all other devices in order of their ranks; only the root gets them."""
        states: list[Any] | None = [None] * ranks.solver_count() if self.is_root else None
        with self._company():
            torch.distributed.gather_object(state, states, dst=0, group=self._decisions)
        return tuple(states[1:]) if states else ()

    # -- errors --------------------------------------------------------------------------------------------------

    def on_snapshot(self, solver: Solver, path: str) -> None:
        """Note where one can go on."""
        self._snapshot = path

    @contextlib.contextmanager
    def _company(self) -> Iterator[None]:
        """Let the loss of another device be one error that says how to go on."""
        try:
            yield
        except RuntimeError as error:  # what torch.distributed raises, whatever has happened
            advice = (
                f"go on from the last snapshot, which is whole: --snapshot {self._snapshot}"
                if self._snapshot
                else "no snapshot was written since training began here"
            )
            raise DeviceLostError(
                f"{self._solver.path}: iteration {self._solver.iter}: one of the {ranks.solver_count()} processes that "
                f"train together has ended, or cannot be reached ({_first_line(error)}); {advice}"
            ) from error


class _Travelling:
    """Gradients of some parameters on their way to all devices."""

    def __init__(self, blobs: list[Any]) -> None:
        self._blobs = blobs
        self._grads = [blob.grad for blob in blobs]
        self._flat = torch.cat([grad.reshape(-1) for grad in self._grads])
        self._work = torch.distributed.all_reduce(self._flat, async_op=True)

    def arrive(self) -> None:
        """Wait for the sum, and make it the mean."""
        self._work.wait()
        self._flat.mul_(1 / ranks.solver_count())
        pieces = self._flat.split([grad.numel() for grad in self._grads])
        for blob, grad, piece in zip(self._blobs, self._grads, pieces):
            grad.copy_(piece.view(grad.shape))
            blob.grad = grad


def _first_line(error: BaseException) -> str:
    """Beginning of PyTorch's message, which goes on with a stack."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
