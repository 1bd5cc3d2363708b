"""What an iteration asks of a GPU, counted; and that what was put off is told in the end."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats.datum import Datum, serialize_datum
from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.formats.prototxt import read_network, read_solver
from cnnvis_caffe.runtime.solvers import create_solver
from cnnvis_caffe.runtime.solvers.callback import Callback
from cnnvis_caffe.runtime.solvers.recorded_iteration import N_WARM_UPS

pytestmark = pytest.mark.gpu
#: Images of a batch, and their shape.
NETS = {"lenet": (64, (1, 28, 28)), "base_cnn": (2, (3, 32, 32))}
POLICY = 'base_lr: 0.001 momentum: 0.9 weight_decay: 0.0005 lr_policy: "inv" gamma: 0.01 power: 0.75 random_seed: 3'


def write_database(path, shape, labels):
    random = np.random.RandomState(1)
    with LmdbWriter(path, overwrite=True) as writer:
        for index, label in enumerate(labels):
            pixels = random.randint(0, 256, shape).astype(np.uint8).tobytes()
            writer.put(b"%08d" % index, serialize_datum(Datum(*shape, pixels, label)))


def make_solver(folder, repository, name, more="", labels=None):
    """One of the papers' nets on random images."""
    batch, shape = NETS[name]
    write_database(folder / "db", shape, labels or np.random.RandomState(2).randint(0, 10, 3 * batch + 1).tolist())
    write_mean(folder / "mean.binaryproto", np.full(shape, 120, np.float32))
    network = read_network(repository / "prototxt" / name / "train_val.prototxt").message
    for layer in network.layer:
        if layer.type == "Data":
            layer.data_param.source = str(folder / "db")
            layer.data_param.batch_size = batch
            if layer.transform_param.mean_file:
                layer.transform_param.mean_file = str(folder / "mean.binaryproto")
    (folder / "net.prototxt").write_text(str(network))
    path = folder / "solver.prototxt"
    files = f'net: "{folder / "net.prototxt"}" snapshot_prefix: "{folder / "snap"}" test_iter: 1'
    path.write_text(f"{files} {POLICY} {more}")
    return create_solver(read_solver(str(path)))


QUIET = "test_interval: 1000 test_initialization: false"


@pytest.mark.parametrize("name", NETS)
def test_an_iteration_is_two_replays_and_two_operations(name, tmp_path, repository, pretended):
    solver = make_solver(tmp_path, repository, name, QUIET)
    # Three passes over the data, until all images are there, and whatever the first iterations need.
    solver.step(4 + 2 * N_WARM_UPS)
    seen = []

    class Watch(Callback):
        def on_updated(self, solver):
            counts = pretended.counts
            seen.append((counts.operations, counts.replays, counts.waits, counts.bytes_there))

    solver.callbacks.append(Watch())
    solver.step(6)
    first, last = np.array(seen[0]), np.array(seen[-1])
    operations, replays, waits, there = last - first
    # The thread that loads may be a few batches ahead, in which an operation each.
    assert operations <= 2 * 5 + 3
    assert replays == 2 * 5
    assert waits == 0
    batch = NETS[name][0]
    assert there <= (5 + 3) * (batch * 5 * 4 + 4 * 4)


@pytest.mark.parametrize("name", NETS)
def test_images_cross_as_bytes(name, tmp_path, repository, pretended, monkeypatch):
    monkeypatch.setattr("cnnvis_caffe.runtime.layers.staging.SHARE_FOR_DATA", 0.0)
    solver = make_solver(tmp_path, repository, name, QUIET)
    solver.step(N_WARM_UPS + 2)
    pretended.counts.reset()
    solver.step(5)
    batch, shape = NETS[name]
    a_batch = batch * (int(np.prod(shape)) + 5 * 4) + 4 * 4
    assert 2 * a_batch <= pretended.counts.bytes_there <= (5 + 3) * a_batch
    assert pretended.counts.operations <= 2 * 5 + 3 + 2  # the last two bring the losses
    assert pretended.counts.waits == 1


def test_display_test_and_snapshot_leave_the_recording_whole(tmp_path, repository, pretended):
    solver = make_solver(tmp_path, repository, "lenet", "test_interval: 5 display: 3 snapshot: 4")
    solver.step(4 + 2 * N_WARM_UPS)
    passes, update = solver._recorded._passes, solver._recorded._update
    pretended.counts.reset()
    solver.step(10)
    assert solver._recorded._passes is passes is not None
    assert solver._recorded._update is update is not None
    assert pretended.counts.replays == 2 * 10


def test_losses_are_those_of_a_cpu(tmp_path, repository, gpu):
    from cnnvis_caffe.runtime import backend

    def losses(folder):
        folder.mkdir()
        solver = make_solver(folder, repository, "lenet", QUIET + " average_loss: 4")
        solver.step(15)
        return [solver.loss, solver.smoothed_loss]

    expected = losses(tmp_path / "cpu")
    backend.require_gpu(0)
    assert losses(tmp_path / "gpu") == pytest.approx(expected, rel=1e-4)


def test_a_wrong_label_is_named_in_the_end(tmp_path, repository, on_gpu):
    """It was seen in the middle of iterations that nobody waited for."""
    labels = [3] * (64 * 9)
    labels[64 * 6 + 5] = 11
    solver = make_solver(tmp_path, repository, "lenet", QUIET, labels)
    with pytest.raises(LayerError, match=r"label 11 at \[5\] of blob .* is out of range; 0 to 9"):
        solver.step(9)
