"""The training loop: what happens when, who is told, and what the parameters look like to a solver."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from small_solver import NET, USUAL, make_solver, same, weights_of

from cnnvis_caffe.errors import DataNotFoundError, NetError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.solvers import SOLVER_TYPES, Action
from cnnvis_caffe.runtime.solvers.callback import Callback
from cnnvis_caffe.runtime.solvers.smoothed_loss import SmoothedLoss

pytestmark = pytest.mark.usefixtures("mode")
#: Of views that were taken before a pass, and of the memory format that a CPU keeps.
on_the_cpu = pytest.mark.parametrize("mode", ["cpu"], indirect=True)

QUIET = USUAL.replace("snapshot: 3", "snapshot_after_train: false")


class Witness(Callback):
    """Writes down what it is told."""

    def __init__(self):
        self.seen = []

    def on_start(self, solver):
        self.seen.append(("start", solver.iter))

    def on_gradients_ready(self, solver):
        self.seen.append(("gradients", solver.iter))

    def on_updated(self, solver):
        self.seen.append(("updated", solver.iter))

    def on_tested(self, solver, result):
        self.seen.append(("tested", solver.iter))

    def on_snapshot(self, solver, path):
        self.seen.append(("snapshot", solver.iter))


def test_who_watches_is_told_in_order(tmp_path):
    solver = make_solver(tmp_path, USUAL.replace("max_iter: 12", "max_iter: 2 test_initialization: false"))
    solver.param.test_interval, solver.param.snapshot = 1, 2
    witness = Witness()
    solver.callbacks.append(witness)
    solver.solve()
    assert witness.seen == [
        ("start", 0), ("gradients", 0), ("updated", 1),
        ("tested", 1), ("start", 1), ("gradients", 1), ("updated", 2), ("snapshot", 2),
        ("tested", 2),
    ]  # fmt: skip


def test_diffs_are_gradients_before_the_update_and_updates_behind_it(tmp_path):
    solver = make_solver(tmp_path, QUIET.replace("momentum: 0.9 weight_decay: 0.001", ""))
    seen = {}

    class Watch(Callback):
        def on_gradients_ready(self, solver):
            seen["gradient"] = [blob.diff.copy() for blob in solver.net.params.learnable]
            seen["before"] = weights_of(solver)

    solver.callbacks.append(Watch())
    solver.step(1)
    after = weights_of(solver)
    for blob, lr_mult, gradient, before, value in zip(
        solver.net.params.learnable, solver.net.params.lr_mults, seen["gradient"], seen["before"], after
    ):
        update = (np.float32(0.05) * np.float32(lr_mult)) * gradient
        assert gradient.any()
        assert (blob.diff == update).all()
        assert (value == before - update).all()


@pytest.mark.parametrize("solver_type", SOLVER_TYPES)
@on_the_cpu
def test_views_that_a_script_holds_stay_live(solver_type, tmp_path):
    """A numpy view of weights and diffs, taken before training, shows them behind it."""
    momentum = "momentum: 0.9" if solver_type not in ("AdaGrad", "RMSProp") else ""
    text = f'type: "{solver_type}" {QUIET.replace("momentum: 0.9", momentum)}'
    reference = make_solver(tmp_path, text)
    reference.step(3)
    solver = make_solver(tmp_path, text)
    views = [(blob.data, blob.diff) for blob in solver.net.params.learnable]
    solver.step(3)
    assert same([data for data, _ in views], weights_of(reference))
    assert same([diff for _, diff in views], [blob.diff for blob in reference.net.params.learnable])


def test_a_request_to_stop_ends_the_iteration_and_leaves_a_snapshot(tmp_path):
    solver = make_solver(tmp_path, USUAL.replace("snapshot: 3", "").replace("test_interval: 4", "test_interval: 100"))
    requests = [Action.NONE] * 4 + [Action.SNAPSHOT, Action.STOP]  # two batches of a test, then one for each update
    solver.requested_action = lambda: requests.pop(0) if requests else Action.NONE
    solver.solve()
    assert solver.stopped_early
    assert solver.iter == 4
    assert sorted(path.name for path in tmp_path.glob("*.solverstate")) == [
        "snap_iter_3.solverstate",
        "snap_iter_4.solverstate",
    ]
    solver.solve()
    assert (solver.stopped_early, solver.iter) == (False, 12)


def test_a_request_to_stop_ends_a_test(tmp_path, caplog):
    solver = make_solver(tmp_path, QUIET)
    requests = [Action.NONE, Action.STOP]
    solver.requested_action = lambda: requests.pop(0) if requests else Action.NONE
    with caplog.at_level(logging.INFO, logger="cnnvis_caffe"):
        solver.solve()
    assert (solver.stopped_early, solver.iter) == (True, 0)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[-2:] == ["Test interrupted.", "Optimization stopped early."]


def test_iterations_instead_of_max_iter(tmp_path):
    solver = make_solver(tmp_path, QUIET)
    solver.solve(n_iters=2)
    solver.solve(n_iters=3)
    assert solver.iter == 5
    solver.solve()
    assert solver.iter == 12


def test_looking_at_the_rate_steps_multistep(tmp_path):
    """Caffe's own oddity: each look counts, and one look takes one step."""
    solver = make_solver(tmp_path, QUIET.replace("stepvalue: 3 stepvalue: 5", "stepvalue: 0 stepvalue: 0 stepvalue: 9"))
    assert np.allclose([solver.lr, solver.lr, solver.lr], [0.025, 0.0125, 0.0125])
    assert solver.current_step == 2


def test_smoothed_loss_begins_anew_with_each_call():
    """Caffe's arithmetic by hand: 1, 2, 3 in a window of 2, then the window slides."""
    smoothed = SmoothedLoss(2)
    values = []
    for loss in [1.0, 2.0, 5.0, 5.0]:
        smoothed.add(loss)
        values.append(smoothed.value)
    assert values == [1.0, 1.5, 3.5, 5.0]


def test_step_one_by_one_never_averages(tmp_path):
    text = QUIET + " average_loss: 5"
    solver = make_solver(tmp_path, text)
    losses = []
    for _ in range(3):
        solver.step(1)
        losses.append(solver.loss)
        assert solver.smoothed_loss == solver.loss
    at_once = make_solver(tmp_path, text)
    at_once.step(3)
    assert at_once.smoothed_loss == pytest.approx(np.mean(losses), rel=1e-6)


def test_test_nets_hold_their_own_weights_until_the_first_test(tmp_path):
    solver = make_solver(tmp_path, QUIET + " test_initialization: false")
    train, test = solver.net.params.learnable[0], solver.test_nets[0].params.learnable[0]
    assert not (train.data == test.data).all()
    solver.test(0)
    assert train.shares_data_with(test)
    assert not train.shares_diff_with(test)


def test_states_decide_which_layers_there_are(tmp_path):
    """The file's state overrules the solver's default, and train_state or test_state overrule both."""
    layer = 'layer { name: "%s" type: "Silence" bottom: "%s" include { %s } }\n'
    net = NET.replace('name: "small"', 'name: "small" state { level: 2 stage: "file" }')
    net += layer % ("by_file", "seen", 'stage: "file" min_level: 2') + layer % ("by_solver", "seen", 'stage: "own"')
    net += layer % ("low", "seen", "max_level: 1")
    net = net.replace(
        'layer { name: "conv"',
        'layer { name: "copy" type: "Split" bottom: "data" top: "seen" }\nlayer { name: "conv"',
        1,
    )
    plain = make_solver(tmp_path, QUIET, net)
    assert {"by_file", "by_solver", "low"} & set(plain.net.layer_names) == {"by_file"}
    text = QUIET + ' train_state { stage: "own" level: 1 } test_state { stage: "own" }'
    solver = make_solver(tmp_path, text, net)
    assert {"by_file", "by_solver", "low"} & set(solver.net.layer_names) == {"by_solver", "low"}
    assert {"by_file", "by_solver", "low"} & set(solver.test_nets[0].layer_names) == {"by_file", "by_solver"}
    assert [net.phase for net in (solver.net, *solver.test_nets)] == [schema.TRAIN, schema.TEST]


def test_nets_inside_the_solver(tmp_path):
    """net_param serves as train and test net; an old network in it is upgraded."""
    from cnnvis_caffe.formats.prototxt import parse_text
    from cnnvis_caffe.records.network_file import SolverFile
    from cnnvis_caffe.runtime.solvers import create_solver

    old = """layers { name: "data" type: DUMMY_DATA top: "data"
                 dummy_data_param { num: 2 channels: 3 height: 1 width: 1 } }
        layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" blobs_lr: 1 blobs_lr: 2
                 inner_product_param { num_output: 4 } }"""
    text = f"{QUIET} test_net_param {{ {old} }} test_iter: 1 net_param {{ {NET} }}"
    message = parse_text(text, schema.SolverParameter).message
    solver = create_solver(SolverFile("<string>", message, (), ()))
    assert [net.layer_names[:2] for net in solver.test_nets] == [["data", "ip"], ["data", "label_data_1_split"]]
    assert solver.net.name == "small"


def test_weights_of_the_solver_go_into_all_nets(tmp_path):
    first = make_solver(tmp_path)
    first.step(3)
    model = tmp_path / "snap_iter_3.caffemodel"
    solver = make_solver(tmp_path, f'{QUIET} weights: "{model}, {model}"')
    assert same(weights_of(solver), weights_of(first))
    assert same([blob.data for blob in solver.test_nets[0].params.learnable], weights_of(first))
    with pytest.raises(DataNotFoundError, match="missing.caffemodel"):
        make_solver(tmp_path, f'{QUIET} weights: "missing.caffemodel"')


def test_messages_say_what_to_do(tmp_path):
    with pytest.raises(NetError, match=r"unknown; did you mean 'AdaGrad'\? \(types: SGD, Nesterov"):
        make_solver(tmp_path, f'type: "Adagrad" {QUIET}')
    with pytest.raises(NetError, match="lr_policy 'polly' is unknown; write one of fixed, step"):
        make_solver(tmp_path, QUIET.replace('"multistep"', '"polly"')).step(1)
    (tmp_path / "gone").mkdir()
    solver_text = f'train_net: "nowhere/net.prototxt" test_net: "x" {QUIET}'
    with pytest.raises(NetError, match="more than one train net .net, train_net.; give exactly one of net, net_param"):
        make_solver(tmp_path, solver_text)


@on_the_cpu
def test_parameters_in_channels_last_are_updated_all_the_same(tmp_path):
    """Convolutions leave their weights as they like them; solver and snapshot do not mind."""
    from cnnvis_caffe.runtime.backend import torch

    one, two = make_solver(tmp_path, QUIET), make_solver(tmp_path, QUIET)
    for index, solver in enumerate((one, two)):
        for _ in range(3):
            for number, blob in enumerate(solver.net.params.learnable):
                gradient = np.random.default_rng(number).normal(size=blob.shape).astype(np.float32)
                blob.diff[...] = gradient
                if index and len(blob.shape) == 4:
                    blob.value = torch.tensor(blob.data).contiguous(memory_format=torch.channels_last)
                    blob.grad = torch.tensor(gradient).contiguous(memory_format=torch.channels_last)
            solver.apply_update()
    assert two.net.params.learnable[0].value.is_contiguous(memory_format=torch.channels_last)
    assert same(weights_of(one), weights_of(two))


def test_a_shared_parameter_is_updated_once(tmp_path):
    shared = 'param { name: "w" } param { name: "b" } inner_product_param { num_output: 9'
    net = NET.replace("inner_product_param { num_output: 9", shared)
    twin = f'layer {{ name: "twin" type: "InnerProduct" bottom: "conv" top: "twin" {shared} }} }}'
    rest = 'layer { name: "rest" type: "Silence" bottom: "twin" }'
    net = net.replace('layer { name: "scores"', f'{twin}\n{rest}\nlayer {{ name: "scores"')
    solver = make_solver(tmp_path, QUIET.replace("momentum: 0.9 weight_decay: 0.001", ""), net)
    assert [len(row) for row in solver.histories] == [6]
    ip, twin = (solver.net.layers[solver.net.layer_names.index(name)].blobs[0] for name in ("ip", "twin"))
    ip.data[...], ip.diff[...] = 1, 2
    solver.apply_update()
    np.testing.assert_allclose(twin.data, 1 - 0.05 * 2, rtol=1e-6)
