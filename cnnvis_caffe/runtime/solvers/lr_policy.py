"""Learning rate policies: the rate of each iteration."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from cnnvis_caffe.errors import NetError

logger = logging.getLogger(__name__)

POLICIES = ("fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid")
_NEED_GAMMA = ("step", "exp", "inv", "multistep", "sigmoid")
_NEED_STEPSIZE = ("step", "sigmoid")
_F4, _F8 = np.float32, np.float64


def learning_rate(param: Any, iteration: int, step: int) -> tuple[float, int]:
    """Return the learning rate of an iteration, and the number of steps taken.

    Parameters
    ----------
    param : SolverParameter
        Its base_lr, lr_policy, gamma, power, stepsize, stepvalue and max_iter count.
    iteration : int
    step : int
        Steps taken so far; multistep goes on from there, other policies ignore it.

    Returns
    -------
    rate : float
        A float32; NaN for poly with a fractional power beyond max_iter.
    step : int

    Raises
    ------
    NetError
        If the policy is unknown, or gamma or stepsize are not as it needs them; Caffe, too, says so only here, at the
        first update.

    Notes
    -----
    `SGDSolver::GetLearningRate` in `src/caffe/solvers/sgd_solver.cpp`. Caffe's powers of an integer are computed in
    double precision, the others in single precision.
    """
    policy = param.lr_policy
    _check(param, policy)
    base, gamma, power = _F4(param.base_lr), _F4(param.gamma), _F4(param.power)
    rate: Any
    with np.errstate(all="ignore"):
        if policy == "fixed":
            rate = base
        elif policy == "step":
            step = iteration // param.stepsize
            rate = _F8(base) * _F8(gamma) ** step
        elif policy == "exp":
            rate = _F8(base) * _F8(gamma) ** iteration
        elif policy == "inv":
            rate = base * _power(_F4(1) + gamma * _F4(iteration), -power)
        elif policy == "multistep":
            # Caffe quirk: one step at a time, so that after a jump over several values the rate takes as many
            # evaluations to arrive; looking at the rate is an evaluation.
            if step < len(param.stepvalue) and iteration >= param.stepvalue[step]:
                step += 1
                logger.info("MultiStep Status: Iteration %d, step = %d", iteration, step)
            rate = _F8(base) * _F8(gamma) ** step
        elif policy == "poly":
            rate = base * _power(_F4(1) - _F4(iteration) / _F4(param.max_iter), power)
        else:
            exponent = _F4(np.exp(_F8(-gamma * (_F4(iteration) - _F4(param.stepsize)))))
            rate = base * (_F4(1) / (_F4(1) + exponent))
    return float(_F4(rate)), step


def _power(base: np.float32, exponent: np.float32) -> np.float32:
    """Power in single precision, rounded once."""
    return _F4(_F8(base) ** _F8(exponent))


def _check(param: Any, policy: str) -> None:
    """Refuse what Caffe refuses."""
    if policy not in POLICIES:
        found = f"lr_policy {policy!r} is unknown" if policy else "lr_policy is not given"
        raise NetError(f"solver: {found}; write one of {', '.join(POLICIES)}")
    if policy in _NEED_GAMMA and not param.gamma >= 0:
        raise NetError(f"solver: lr_policy {policy!r} needs a gamma of at least 0, got {param.gamma:g}")
    if policy in _NEED_STEPSIZE and param.stepsize <= 0:
        raise NetError(f"solver: lr_policy {policy!r} needs a stepsize above 0, got {param.stepsize}")
