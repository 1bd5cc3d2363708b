"""On a GPU, recorded iterations come to the same as those that are computed one operation after the other."""

from __future__ import annotations

import logging
import re

import pytest
import torch
from small_solver import NET, make_solver, same, weights_of

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.layers.relu import ReLU
from cnnvis_caffe.runtime.recording import record_cuda_graph
from cnnvis_caffe.runtime.solvers import SOLVER_TYPES
from cnnvis_caffe.runtime.solvers.callback import Callback
from cnnvis_caffe.runtime.solvers.recorded_iteration import N_WARM_UPS, RecordedIteration

pytestmark = pytest.mark.gpu

# Dropout may draw other numbers in a recording than outside of one.
NET = NET.replace(
    'layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" }\n',
    'layer { name: "norm" type: "BatchNorm" bottom: "ip" top: "ip" }\n'
    'layer { name: "scale" type: "Scale" bottom: "ip" top: "ip" scale_param { bias_term: true } }\n',
).replace(
    'layer { name: "ip" type: "InnerProduct" bottom: "conv"',
    'layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }\n'
    'layer { name: "ip" type: "InnerProduct" bottom: "pool"',
)
SOLVER = """base_lr: 0.05 weight_decay: 0.001 lr_policy: "inv" gamma: 0.1 power: 0.75 max_iter: 20 random_seed: 3
    snapshot_after_train: false test_iter: 1 test_interval: 7"""
LATE = SOLVER.replace("test_interval: 7", "test_interval: 1000 test_initialization: false")


@pytest.fixture
def recording(on_gpu):
    """The functions that were recorded, and what records them."""
    calls = []

    def record(run):
        calls.append(run)
        return record_cuda_graph(run)

    return calls, record


def make(folder, record, text=SOLVER, net=NET, records=True):
    """A solver that records, or one that does not."""
    folder.mkdir(exist_ok=True)
    solver = make_solver(folder, text, net)
    solver.uses_recordings = records
    solver._recorded = RecordedIteration(solver, record)
    return solver


def train(solver, n_iters=9):
    """Train; return the losses and all that has changed."""
    losses = []

    class Watch(Callback):
        def on_updated(self, solver):
            losses.append(solver.loss)

    solver.callbacks.append(Watch())
    solver.step(n_iters)
    blobs = [blob for layer in solver.net.layers for blob in layer.blobs]
    histories = [blob for row in solver.histories for blob in row]
    arrays = [blob.data.copy() for blob in blobs + histories] + [
        blob.diff.copy() for blob in solver.net.params.learnable
    ]
    return losses, arrays


@pytest.mark.parametrize("iter_size", [1, 3])
@pytest.mark.parametrize("kind", SOLVER_TYPES)
def test_equals_the_unrecorded(kind, iter_size, tmp_path, recording):
    calls, record = recording
    momentum = "momentum: 0.9" if kind not in ("AdaGrad", "RMSProp") else ""
    text = f'{SOLVER} type: "{kind}" {momentum} iter_size: {iter_size}'
    plain, arrays = train(make(tmp_path / "plain", record, text, records=False))
    assert not calls
    losses, recorded_arrays = train(make(tmp_path / "recorded", record, text))
    assert len(calls) == 2  # the passes and the update, each once
    assert losses == pytest.approx(plain, rel=1e-5)
    for found, expected in zip(recorded_arrays, arrays):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


def data_and(name, repository):
    """A net of the papers, on data that it makes itself."""
    net = read_network(repository / "prototxt" / name / "train_val.prototxt").message
    layers = [layer for layer in net.layer if layer.type != "Data" and layer.type != "Accuracy"]
    side, channels = (28, 1) if name == "lenet" else (32, 3)
    text = f"""layer {{ name: "data" type: "DummyData" top: "data" top: "label" dummy_data_param {{
        shape {{ dim: 2 dim: {channels} dim: {side} dim: {side} }} shape {{ dim: 2 }}
        data_filler {{ type: "gaussian" }} data_filler {{ type: "uniform" max: 9.99 }} }} }}"""
    text += "".join(f"layer {{ {layer} }}" for layer in layers)
    return text


@pytest.mark.parametrize("name", ["lenet", "cifar10_quick", "cifar10_full"])
def test_the_papers_nets_can_be_recorded(name, tmp_path, recording, repository):
    calls, record = recording
    text = data_and(name, repository)
    plain, _ = train(make(tmp_path / "plain", record, LATE, text, records=False), N_WARM_UPS + 3)
    losses, _ = train(make(tmp_path / "recorded", record, LATE, text), N_WARM_UPS + 3)
    assert len(calls) == 2
    assert losses == pytest.approx(plain, rel=1e-4)


def test_what_a_script_changes_counts(tmp_path, recording):
    """Weights, the learning rate and the momentum may change between iterations."""

    def change(solver):
        losses, _ = train(solver, 6)
        solver.net.params.learnable[0].data[...] *= 1.5
        solver.param.base_lr = 0.01
        losses += train(solver, 3)[0]
        solver.param.momentum = 0.5
        return losses + train(solver, 5)[0]

    _, record = recording
    expected = change(make(tmp_path / "plain", record, SOLVER + " momentum: 0.9", records=False))
    found = change(make(tmp_path / "recorded", record, SOLVER + " momentum: 0.9"))
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_passes_are_replayed(tmp_path, recording):
    calls, record = recording
    solver = make(tmp_path, record)
    solver.step(N_WARM_UPS)
    assert not calls
    solver.step(10)
    assert len(calls) == 2


def test_clipped_updates_are_recorded_as_well(tmp_path, recording):
    calls, record = recording
    text = SOLVER + " clip_gradients: 0.01"
    plain, arrays = train(make(tmp_path / "plain", record, text, records=False))
    losses, recorded_arrays = train(make(tmp_path / "recorded", record, text))
    assert len(calls) == 2
    assert losses == pytest.approx(plain, rel=1e-5)
    assert recorded_arrays[0] == pytest.approx(arrays[0], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("records", [False, True])
def test_lines_about_clipping_come_with_the_loss(records, tmp_path, recording, caplog):
    """Each says what it says on a CPU, where it comes at once."""

    def lines():
        found = [one.getMessage() for one in caplog.records if "scaling down" in one.getMessage()]
        caplog.clear()
        return found

    _, record = recording
    text = SOLVER + " clip_gradients: 0.8 display: 6 test_initialization: false"
    caplog.set_level(logging.INFO)
    solver = make(tmp_path / "gpu", record, text, records=records)
    found = []
    for first in (0, 6):
        solver.step(6)
        found.append(lines())
        assert solver.iter == first + 6
    backend.set_mode_cpu()
    solver = make(tmp_path / "cpu", record, text)
    for expected in found:
        solver.step(6)
        on_the_cpu = lines()
        assert 0 < len(on_the_cpu) < 12
        numbers = [[float(number) for number in re.findall(r"[\d.]+", line)] for line in expected]
        assert numbers == [
            pytest.approx([float(number) for number in re.findall(r"[\d.]+", line)], rel=1e-3) for line in on_the_cpu
        ]


@pytest.mark.parametrize("kind", SOLVER_TYPES)
def test_a_resumed_run_ends_with_the_same_bits(kind, tmp_path, recording, monkeypatch):
    """Whether an update was recorded in the one and not in the other does not matter."""
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    _, record = recording
    momentum = "momentum: 0.9" if kind not in ("AdaGrad", "RMSProp") else ""
    text = f'{LATE} type: "{kind}" {momentum} snapshot: 8 clip_gradients: 0.7'
    solver = make(tmp_path / "whole", record, text)
    solver.step(14)
    resumed = make(tmp_path / "resumed", record, text)
    resumed.restore(str(tmp_path / "whole" / "snap_iter_8.solverstate"))
    resumed.step(6)
    assert same(weights_of(resumed), weights_of(solver))


def test_a_label_out_of_range_is_found_behind_the_replay(tmp_path, recording):
    calls, record = recording
    solver = make(tmp_path, record, LATE, NET.replace("max: 3.99", "max: 4.01"))
    solver.uses_recordings = False
    with pytest.raises(LayerError, match=r"label 4\.0\d* at .* is out of range; 0 to 3"):
        solver.step(100)
    at = solver.iter
    assert at > N_WARM_UPS, "the seed must give the fault late enough for a recording"
    solver = make(tmp_path, record, LATE, NET.replace("max: 3.99", "max: 4.01"))
    with pytest.raises(LayerError, match=r"label 4\.0\d* at .* is out of range; 0 to 3"):
        solver.step(at + 10)
    assert solver.iter == at + 10  # nobody waited before
    assert calls


@pytest.mark.parametrize("iter_size", [1, 2])
def test_what_cannot_be_recorded_is_computed_as_ever(iter_size, tmp_path, recording, monkeypatch, caplog):
    """A layer that waits for a value costs the recording, and nothing else."""
    calls, record = recording
    text = f"{SOLVER} iter_size: {iter_size} momentum: 0.9"
    forward = ReLU.forward

    def look(layer, bottoms, tops):
        assert bottoms[0].value.isfinite().all()
        forward(layer, bottoms, tops)

    monkeypatch.setattr(ReLU, "forward", look)
    plain, arrays = train(make(tmp_path / "plain", record, text, records=False))
    losses, recorded_arrays = train(make(tmp_path / "recorded", record, text))
    assert len(calls) == 1
    assert caplog.text.count("not recorded as CUDA graphs, so that training is slower: ") == 1
    assert "layer 'relu' (ReLU)" in caplog.text
    assert losses == plain
    assert same(recorded_arrays, arrays)


def test_an_update_that_cannot_be_recorded_is_not_lost(tmp_path, recording, caplog):
    """The passes are recorded already; their gradients still count."""
    calls, record = recording

    def record_passes(run):
        if calls:
            calls.append(run)
            raise RuntimeError("operation not permitted when stream is capturing")
        return record(run)

    text = SOLVER + " momentum: 0.9"
    plain, arrays = train(make(tmp_path / "plain", record, text, records=False))
    losses, recorded_arrays = train(make(tmp_path / "recorded", record_passes, text))
    assert len(calls) == 2
    assert "not recorded as CUDA graphs" in caplog.text
    assert losses == pytest.approx(plain, rel=1e-5)
    for found, expected in zip(recorded_arrays, arrays):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_a_layer_that_looks_at_values_is_not_recorded(tmp_path, recording, caplog):
    calls, record = recording
    ones = "dummy_data_param { shape { dim: 5 } data_filler { value: 1 } }"
    selector = f'layer {{ name: "all" type: "DummyData" top: "all" {ones} }}'
    kept = 'layer { name: "filter" type: "Filter" bottom: "scores" bottom: "all" top: "kept" }'
    net = selector + NET.replace('layer { name: "accuracy"', kept + '\nlayer { name: "accuracy"')
    net = net.replace('bottom: "scores" bottom: "label" top: "loss"', 'bottom: "kept" bottom: "label" top: "loss"')
    solver = make(tmp_path, record, net=net)
    solver.step(6)
    assert not calls
    assert caplog.text.count("not recorded as CUDA graphs, so that training is slower: ") == 1
    assert "layer 'filter' (Filter)" in caplog.text


def test_weights_are_whole_for_a_snapshot_and_a_test(tmp_path, recording):
    _, record = recording
    text = SOLVER.replace("test_interval: 7", "test_interval: 2 snapshot: 3")
    _, arrays = train(make(tmp_path / "plain", record, text, records=False), 9)
    scores = []

    class Watch(Callback):
        def on_tested(self, solver, result):
            scores.append(result.loss)

    solver = make(tmp_path / "recorded", record, text)
    solver.callbacks.append(Watch())
    _, found = train(solver, 9)
    assert len(set(scores)) == 5
    for array, expected in zip(found, arrays):
        assert array == pytest.approx(expected, rel=1e-4, abs=1e-5)
    resumed = make(tmp_path / "resumed", record, text)
    resumed.restore(str(tmp_path / "recorded" / "snap_iter_9.solverstate"))
    assert same(weights_of(resumed), weights_of(solver))
