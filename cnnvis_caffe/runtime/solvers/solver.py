"""The loop that trains a net, whatever the rule by which its parameters are updated."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats import beside
from cnnvis_caffe.records.network_file import SolverFile
from cnnvis_caffe.runtime import backend, net_weights, ranks
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.net import Net
from cnnvis_caffe.runtime.rng import set_random_seed
from cnnvis_caffe.runtime.solvers import snapshot, tensor_lists
from cnnvis_caffe.runtime.solvers.action import Action
from cnnvis_caffe.runtime.solvers.callback import Callback
from cnnvis_caffe.runtime.solvers.divergence import Divergence, find_divergence
from cnnvis_caffe.runtime.solvers.learnable_group import LearnableGroup, group_learnables
from cnnvis_caffe.runtime.solvers.loss_log import LossLog
from cnnvis_caffe.runtime.solvers.lr_policy import learning_rate
from cnnvis_caffe.runtime.solvers.one_device import OneDevice
from cnnvis_caffe.runtime.solvers.recorded_iteration import RecordedIteration
from cnnvis_caffe.runtime.solvers.several_devices import SeveralDevices
from cnnvis_caffe.runtime.solvers.solver_nets import make_test_nets, make_train_net
from cnnvis_caffe.runtime.solvers.step_sizes import StepSizes
from cnnvis_caffe.runtime.solvers.testing import TestResult, mean_outputs, outputs_of, score_lines

logger = logging.getLogger(__name__)

_F4 = np.float32


class Solver:
    """Base of all solvers: everything but the update rule.

    Parameters
    ----------
    solver : SolverFile
        What was read from a solver prototxt.
    allow_python_layers : bool, default=False
        Whether the code of the nets' Python layers may be run.

    Attributes
    ----------
    param : SolverParameter
        May be changed while training; `base_lr`, for instance, counts from the next update on.
    net : Net
        The net that learns.
    test_nets : list of Net
        They use the weights of `net` from their first test on.
    iter : int
        Number of updates made.
    current_step : int
        Steps that the learning rate has taken under the policies step and multistep.
    histories : list of list of Blob
        For each kind of memory that the rule has, one blob for each learnable parameter.
    callbacks : list of Callback
        Those who watch.
    requested_action : callable
        Asked for an `Action` after each update and before each batch of a test.
    displays : bool
        Whether the iteration under way is one that is displayed.
    rate : float
        Learning rate of the last update.
    loss, smoothed_loss : float
        Of the last iteration, and the mean of the last `average_loss` ones since `step` was called. On a GPU, whoever
        looks waits for it.
    stopped_early : bool
        Whether the last `solve` or `step` ended because `requested_action` said so.
    divergence : Divergence or None
        Where the loss ceased to be a number, once it has.
    last_snapshot_iter : int or None
        Iteration of the last snapshot that this object wrote.
    devices : OneDevice
        Those that train this net together; `train_together` makes them several.
    uses_recordings : bool
        Whether iterations on a GPU are recorded and replayed, where the net allows it.

    Raises
    ------
    NetError
        If the solver is not as Caffe allows it.

    Notes
    -----
    Follows `src/caffe/solver.cpp` and `src/caffe/solvers/sgd_solver.cpp`.
    """

    #: Name in the field `type` of a solver prototxt.
    type: ClassVar[str]
    #: How many arrays the rule keeps for each parameter.
    n_histories: ClassVar[int] = 1

    def __init__(self, solver: SolverFile, *, allow_python_layers: bool = False) -> None:
        self.path = solver.path
        self.param: Any = type(solver.message)()
        self.param.CopyFrom(solver.message)
        beside.find_in_solver(self.param, self.path)
        self.iter = 0
        self.current_step = 0
        self.callbacks: list[Callback] = []
        self.requested_action: Callable[[], Action] = lambda: Action.NONE
        self.displays = False
        self.rate = 0.0
        self.stopped_early = False
        self.last_snapshot_iter: int | None = None
        self.devices = OneDevice()
        self.uses_recordings = True
        self.divergence: Divergence | None = None
        self._waits_for_snapshot = False
        self._last_displayed = 0
        self._display_started = time.perf_counter()

        logger.info("Initializing solver from parameters: \n%s", str(self.param).rstrip())
        self._check_param()
        if ranks.is_root():
            snapshot.check_prefix(self)
        if self.param.random_seed >= 0:
            self._seed()
        allowed = {"allow_python_layers": allow_python_layers}
        self.net: Net = make_train_net(self.param, self.path, **allowed)
        self.test_nets: list[Net] = make_test_nets(self.param, self.path, **allowed)
        learnable = self.net.params.learnable
        self.histories = [[Blob(blob.shape) for blob in learnable] for _ in range(self.n_histories)]
        self._groups = group_learnables(self.net.params, self.histories)
        self._step_sizes = StepSizes()
        self._norms: list[Any] = []  # of gradients that were clipped on a GPU and of which the log says nothing yet
        self._recorded = RecordedIteration(self)
        self._losses = LossLog(lambda: self._recorded.losses(), self._look_for_divergence)
        logger.info("Solver scaffolding done.")

    def _check_param(self) -> None:
        """Refuse a solver that no rule can work with; rules add what they refuse themselves."""
        for field in ("average_loss", "iter_size"):
            if getattr(self.param, field) < 1:
                raise NetError(f"{self.path}: {field} must be at least 1, got {getattr(self.param, field)}")

    def _seed(self) -> None:
        """Start the random streams at the solver's seed."""
        seed = (self.param.random_seed + ranks.solver_rank()) % 2**32  # Caffe's conversion to unsigned int
        set_random_seed(seed)
        if backend.on_gpu():
            torch.cuda.manual_seed(seed)

    # -- training ------------------------------------------------------------------------------------------------

    def train_together(self) -> None:
        """Train with the processes that `several_devices.join_processes` has joined, from the root's parameters on."""
        self.devices = SeveralDevices(self)

    def solve(self, resume_file: str | None = None, *, n_iters: int | None = None) -> None:
        """Train until `max_iter`, then show the losses that were reached.

        Parameters
        ----------
        resume_file : str, optional
            A solver state to go on from.
        n_iters : int, optional
            Make so many iterations instead.
        """
        logger.info("Solving %s", self.net.name)
        logger.info("Learning Rate Policy: %s", self.param.lr_policy)
        self.stopped_early = False
        if resume_file is not None:
            logger.info("Restoring previous solver status from %s", resume_file)
            self.restore(resume_file)
        self.step(self.param.max_iter - self.iter if n_iters is None else n_iters)
        if self.param.snapshot_after_train and not self._is_due(self.param.snapshot):
            self.snapshot()
        if self.stopped_early:
            logger.info("Optimization stopped early.")
            return
        if not self.devices.is_root:
            return
        if self._is_due(self.param.display):
            self._losses.add(self.iter, [self.net.forward()])
            logger.info("Iteration %d, loss = %g", self.iter, self.smoothed_loss)
        if self._is_due(self.param.test_interval):
            self.test_all()
        logger.info("Optimization Done.")

    def step(self, n_iters: int) -> None:
        """Make some iterations, with the tests, lines and snapshots that belong to them.

        Parameters
        ----------
        n_iters : int
        """
        end = self.iter + n_iters
        self._losses.begin(self.param.average_loss)
        self.stopped_early = False
        self._display_started = time.perf_counter()
        while self.iter < end:
            self.net.clear_param_diffs()
            if self._is_due(self.param.test_interval) and (self.iter > 0 or self.param.test_initialization):
                if self.devices.is_root:
                    self.test_all()
                self.stopped_early = self.devices.agree_to_stop(self.stopped_early)
                if self.stopped_early:
                    break
            self.displays = self._is_due(self.param.display)
            for callback in self.callbacks:
                callback.on_start(self)
            self.net.param.debug_info = self.displays and self.param.debug_info
            self._losses.add(self.iter, self._forward_backward())
            if self.displays:
                self._display()
            for callback in self.callbacks:
                callback.on_gradients_ready(self)
            self.apply_update()
            for callback in self.callbacks:
                callback.on_updated(self)
            action = self.devices.agree(self._take_request())
            if self._is_due(self.param.snapshot) or action is Action.SNAPSHOT:
                self.snapshot()
            if action is Action.STOP:
                self.stopped_early = True
                break
        _ = self.loss  # where something was wrong with the last batches, here is who hears of it
        self._tell_norms()

    def _take_request(self) -> Action:
        """What is asked for, also by a test that could not do it."""
        if self._waits_for_snapshot:
            self._waits_for_snapshot = False
            return Action.SNAPSHOT
        return self.requested_action()

    def _look_for_divergence(self, iteration: int, losses: list[float]) -> None:
        """Say it once when the loss has ceased to be a number."""
        if self.divergence is None:
            is_not_updated = iteration + len(losses) > self.iter
            self.divergence = find_divergence(iteration, losses, self.net if is_not_updated else None)
            if self.divergence is not None:
                logger.warning("%s", self.divergence)

    def _is_due(self, interval: int) -> bool:
        """Whether something that is done every so many iterations is to be done now."""
        return interval != 0 and self.iter % interval == 0

    def _forward_backward(self) -> list[float | None]:
        """Sum up the gradients of `iter_size` batches; return their losses, None where one is still on the GPU."""
        losses: list[float | None] = []
        for _ in range(self.param.iter_size):
            if self._records():
                losses.append(self._recorded.forward_backward())
            else:
                losses.append(self.net.forward())
                self.net.backward()
            if self.net.param.debug_info:
                self._log_all_params()
        return losses

    def _records(self) -> bool:
        """Whether iterations are recorded where they can be."""
        return self.uses_recordings and backend.on_gpu()

    @property
    def loss(self) -> float:
        """Loss of the last iteration."""
        return self._losses.last

    @property
    def smoothed_loss(self) -> float:
        """Mean of the last losses."""
        return self._losses.smoothed

    # -- updating ------------------------------------------------------------------------------------------------

    @property
    def lr(self) -> float:
        """Learning rate of this iteration; under the policy multistep, looking at it may take a step."""
        rate, self.current_step = learning_rate(self.param, self.iter, self.current_step)
        return rate

    def apply_update(self) -> None:
        """Update all parameters by their gradients; then their diffs are what was subtracted, and `iter` moves on.

        Raises
        ------
        NetError
            If the learning rate policy or the kind of regularization is unknown.
        """
        rate = self.rate = self.lr
        if self._is_due(self.param.display):
            logger.info("Iteration %d, lr = %g", self.iter, rate)
        self._check_regularization()
        rates = self._step_sizes.bring([self.step_size(rate, group.lr_mult) for group in self._groups])
        if not (self._records() and self._recorded.update(rates)):
            with backend.memory_explained(self.path, f"the update of {self.type}"):
                norm = self.update_params(rates)
            if norm is not None:
                self._norms += [*self._recorded.norms(), norm]  # those of before come first
        self.iter += 1

    def step_size(self, rate: float, lr_mult: float) -> float:
        """Return what the updates of a group are multiplied by.

        Parameters
        ----------
        rate : float
            Learning rate of this iteration.
        lr_mult : float
            Multiplier of the group.
        """
        return float(_F4(rate) * _F4(lr_mult))

    def update_params(self, rates: Sequence[Any]) -> Any:
        """Update all parameters, all in float32, and wait for nothing.

        Parameters
        ----------
        rates : sequence of float or of tensors of a single value
            For each group what `step_size` gives.

        Returns
        -------
        tensor of a single value, or None
            The norm of the gradients, where they were clipped on a GPU.
        """
        with torch.no_grad():
            for group in self._groups:
                group.read()
            norm = self._clip_gradients()
            for group, rate in zip(self._groups, rates):
                if self.param.iter_size != 1:
                    torch._foreach_mul_(group.grads, float(_F4(1) / _F4(self.param.iter_size)))
                self._regularize(group)
                self.compute_update(group, rate)
                torch._foreach_sub_(group.values, group.grads)
                group.write()
        return norm

    def compute_update(self, group: LearnableGroup, rate: Any) -> None:
        """Turn the gradients of a group into what is to be subtracted, in place.

        Parameters
        ----------
        group : LearnableGroup
            Its `grads` are clipped, averaged and decayed; its `memories` are brought up to date.
        rate : float or tensor of a single value
            The step size of these parameters.
        """
        raise NotImplementedError

    def _clip_gradients(self) -> Any:
        """Scale all gradients down if together they are longer than `clip_gradients`.

        On a GPU their norm is returned, and nobody waits for it; the line of the log comes when the loss is read.
        """
        limit = _F4(self.param.clip_gradients)
        # Caffe quirk: this comes before the average over iter_size, so that the sum is clipped.
        if limit < 0 or not self._groups:
            return None
        norm = tensor_lists.sum_of_squares([grad for group in self._groups for grad in group.grads]).sqrt()
        if backend.on_gpu():
            factor = torch.where(norm > float(limit), float(limit) / norm, 1.0)
            for group in self._groups:
                tensor_lists.scale(group.grads, factor)
            return norm
        if norm > float(limit):
            factor = limit / _F4(norm)
            self._log_clipping(_F4(norm))
            for group in self._groups:
                tensor_lists.scale(group.grads, float(factor))
        return None

    def _log_clipping(self, norm: np.float32) -> None:
        """Caffe's line about gradients that were too long."""
        limit = _F4(self.param.clip_gradients)
        if norm > limit:
            logger.info(
                "Gradient clipping: scaling down gradients (L2 norm %g > %g) by scale factor %g",
                norm, limit, limit / norm,
            )  # fmt: skip

    def _tell_norms(self) -> None:
        """Write the lines about clipping that could not be written without a wait."""
        norms, self._norms = self._norms + self._recorded.norms(), []
        late = [norm for norm in norms if torch.is_tensor(norm)]
        brought = iter(torch.stack(late).tolist() if late else ())  # one wait for all
        for norm in norms:
            self._log_clipping(_F4(next(brought) if torch.is_tensor(norm) else norm))

    def _local_decay(self, group: LearnableGroup) -> float:
        """Weight decay of a group."""
        return float(_F4(self.param.weight_decay) * _F4(group.decay_mult))

    def _check_regularization(self) -> None:
        """Refuse an unknown kind, before anything is changed, if any parameter decays."""
        kind = self.param.regularization_type
        if kind not in ("L1", "L2") and any(self._local_decay(group) for group in self._groups):
            raise NetError(f"{self.path}: regularization_type {kind!r} is unknown; write L1 or L2")

    def _regularize(self, group: LearnableGroup) -> None:
        """Add the gradient of the weight decay."""
        decay = self._local_decay(group)
        if not decay:
            return
        direction = group.values
        if self.param.regularization_type == "L1":
            direction = group.scratch()
            for target, value in zip(direction, group.values):
                torch.sign(value, out=target)
        torch._foreach_add_(group.grads, direction, alpha=decay)

    # -- testing -------------------------------------------------------------------------------------------------

    def test_all(self) -> None:
        """Run all test nets, until one is interrupted."""
        for index in range(len(self.test_nets)):
            if not self.stopped_early:
                self.test(index)

    def test(self, index: int) -> TestResult | None:
        """Run `test_iter` batches through a test net.

        Parameters
        ----------
        index : int

        Returns
        -------
        TestResult or None
            None if `requested_action` asked to stop.
        """
        logger.info("Iteration %d, Testing net (#%d)", self.iter, index)
        net = self.test_nets[index]
        net_weights.share_with(net, self.net)
        means = mean_outputs(net, self.param.test_iter[index], self._goes_on_testing)
        if means is None:
            logger.info("Test interrupted.")
            return None
        result = TestResult(index, *means)
        if self.param.test_compute_loss:
            logger.info("Test loss: %g", result.loss)
        for number, line in enumerate(score_lines(result.outputs)):
            logger.info("    Test net output #%d: %s", number, line)
        for callback in self.callbacks:
            callback.on_tested(self, result)
        return result

    def _goes_on_testing(self) -> bool:
        """Do what is asked for between two batches of a test; say whether to go on."""
        action = self.requested_action()
        while action is not Action.NONE:
            if action is Action.SNAPSHOT and self.devices.can_act_in_test():
                self.snapshot()
            elif action is Action.SNAPSHOT:
                self._waits_for_snapshot = True
            else:
                self.stopped_early = True
            action = self.requested_action()
        return not self.stopped_early

    # -- files ---------------------------------------------------------------------------------------------------

    def snapshot(self) -> str:
        """Write weights, solver state and what else is needed to resume exactly.

        Returns
        -------
        str
            Path of the solver state. Of several devices only the root writes; all must take part.

        Raises
        ------
        SolverStateError
            If a file cannot be written; all earlier snapshots are whole then.
        """
        path = snapshot.write(self)
        self.last_snapshot_iter = self.iter
        for callback in self.callbacks:
            callback.on_snapshot(self, path)
        return path

    def restore(self, path: str) -> None:
        """Go on from a solver state and the weights that it names.

        Parameters
        ----------
        path : str

        Raises
        ------
        DataNotFoundError, SolverStateError, CaffemodelError
            If a file is missing or damaged.
        ParamMismatchError
            If it is that of another net or solver; nothing is changed then.
        """
        snapshot.restore(self, path)
        self._last_displayed = self.iter

    # -- lines ---------------------------------------------------------------------------------------------------

    def _display(self) -> None:
        """Caffe's lines of an iteration that is displayed."""
        self._tell_norms()
        now = time.perf_counter()
        seconds = now - self._display_started
        rate = (self.iter - self._last_displayed) / (seconds or 1)
        logger.info(
            "Iteration %d (%g iter/s, %gs/%d iters), loss = %g",
            self.iter, rate, seconds, self.param.display, self.smoothed_loss,
        )  # fmt: skip
        self._display_started, self._last_displayed = now, self.iter
        if logger.isEnabledFor(logging.INFO):
            for number, line in enumerate(score_lines(outputs_of(self.net))):
                logger.info("    Train net output #%d: %s", number, line)

    def _log_all_params(self) -> None:
        """Caffe's last debug_info line of a backward pass."""
        blobs = self.net.params.learnable
        with torch.no_grad():
            sums = [[float(part(blob).abs().sum()) for blob in blobs] for part in (_value, _grad)]
            squares = [float(tensor_lists.sum_of_squares([part(blob) for blob in blobs])) for part in (_value, _grad)]
        # Caffe quirk: of all debug_info lines this one is an error by severity.
        logger.error(
            "    [Backward] All net params (data, diff): L1 norm = (%g, %g); L2 norm = (%g, %g)",
            *(sum(row) for row in sums), *(total**0.5 for total in squares),
        )  # fmt: skip


def _value(blob: Blob) -> Any:
    """Values of a blob."""
    return blob.value


def _grad(blob: Blob) -> Any:
    """Gradients of a blob."""
    return blob.grad
