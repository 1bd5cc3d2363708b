"""A training whose loss is no longer a number goes on, as Caffe's does, and says once where that began."""

from __future__ import annotations

import math

import pytest
from small_solver import NET, make_solver

from cnnvis_caffe.runtime.solvers.divergence import find_divergence

#: Every layer that looks at values lies on the way of NaN.
DEEP = NET.replace(
    'layer { name: "ip" type: "InnerProduct" bottom: "conv"',
    'layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }\n'
    'layer { name: "norm" type: "LRN" bottom: "pool" top: "norm" }\n'
    'layer { name: "ip" type: "InnerProduct" bottom: "norm"',
)
QUIET = "momentum: 0.9 max_iter: 40 random_seed: 3 test_iter: 1 test_interval: 6 snapshot_after_train: false"
RUN = QUIET + " display: 1"


def warnings_of(caplog):
    """What was said about a loss."""
    return [one.getMessage() for one in caplog.records if "the loss is no longer a number" in one.getMessage()]


@pytest.mark.parametrize("rate", ["1e3", "1e20"])
def test_it_goes_on_and_says_so_once(rate, mode, tmp_path, caplog):
    solver = make_solver(tmp_path, f'{RUN} base_lr: {rate} lr_policy: "fixed"', DEEP)
    solver.step(1)
    losses = []
    while math.isfinite(solver.loss) and solver.iter < 30:
        assert solver.divergence is None
        losses.append(solver.loss)
        solver.step(1)
    at = solver.iter - 1
    solver.step(10)
    assert solver.iter == at + 11
    assert solver.divergence.iteration == at
    (said,) = warnings_of(caplog)
    assert said.startswith(f"Iteration {at}: the loss is no longer a number") and "base_lr" in said
    assert repr(solver.divergence.layer) in said


def test_the_layer_whose_values_came_first_is_named(mode, tmp_path, caplog):
    solver = make_solver(tmp_path, f'{RUN} base_lr: 0.01 lr_policy: "fixed"', DEEP)
    solver.step(5)
    solver.net.params.learnable[2].data[...] = 3e38  # weights of ip: they are numbers, what they give is none
    solver.step(2)
    assert (solver.divergence.iteration, solver.divergence.layer, solver.divergence.part) == (5, "ip", "values")
    assert "It began with the values of layer 'ip' (InnerProduct)" in warnings_of(caplog)[0]


def test_the_layer_whose_gradients_came_first_is_named(mode, tmp_path, caplog):
    solver = make_solver(tmp_path, f'{RUN} base_lr: 0.01 lr_policy: "fixed"', DEEP)
    solver.step(5)
    for index in (0, 2):  # as an update leaves them: from "ip" downwards
        solver.net.params.learnable[index].data.flat[0] = math.nan
    solver.step(2)
    assert (solver.divergence.iteration, solver.divergence.layer, solver.divergence.part) == (5, "ip", "gradients")
    (said,) = warnings_of(caplog)
    assert "gradients of layer 'ip' (InnerProduct): after the update of iteration 4 its parameters" in said


@pytest.mark.gpu
def test_a_gpu_that_nobody_waited_for_tells_the_iteration(on_gpu, tmp_path, caplog):
    solver = make_solver(tmp_path, f'{QUIET} base_lr: 0.01 lr_policy: "fixed"', DEEP)
    solver.step(5)
    solver.net.params.learnable[2].data[...] = 3e38
    solver.step(4)
    assert (solver.divergence.iteration, solver.divergence.layer) == (5, None)
    assert "set display: 1 to see it" in warnings_of(caplog)[0]


def test_data_that_are_no_numbers_are_named(tmp_path):
    net = DEEP.replace('data_filler { type: "gaussian" }', "data_filler { value: inf }")
    solver = make_solver(tmp_path, f'{RUN} base_lr: 0.01 lr_policy: "fixed"', net)
    solver.step(1)
    assert (solver.divergence.iteration, solver.divergence.layer, solver.divergence.part) == (0, "data", "values")


def test_losses_that_are_read_later_tell_the_iteration():
    assert find_divergence(7, [1.0, 2.0]) is None
    found = find_divergence(7, [1.0, math.inf, math.nan])
    assert (found.iteration, found.loss, found.layer) == (8, math.inf, None)
    assert "The layer where it began can no longer be seen; set display: 1 to see it" in str(found)
