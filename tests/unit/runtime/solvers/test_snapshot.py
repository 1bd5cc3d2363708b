"""Snapshots: resumed runs are undisturbed runs; what cannot be written or does not fit leaves everything whole."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest
from helpers import programs
from helpers.left_behind import left_behind
from small_solver import NET, USUAL, make_solver, same, weights_of, write_files

from cnnvis_caffe.errors import DataNotFoundError, LayerError, NetError, ParamMismatchError, SolverStateError
from cnnvis_caffe.formats.resume import ResumeState, read_resume, write_resume
from cnnvis_caffe.runtime.solvers import SOLVER_TYPES

pytestmark = pytest.mark.usefixtures("mode")
#: In another process, where no GPU is pretended.
on_the_cpu = pytest.mark.parametrize("mode", ["cpu"], indirect=True)

EXTRA = {"AdaGrad": "momentum: 0", "RMSProp": "momentum: 0"}


def text_of(solver_type, *more):
    """A solver's text with a type; momentum where the type takes it."""
    text = USUAL if solver_type not in EXTRA else USUAL.replace("momentum: 0.9", "")
    return " ".join([f'type: "{solver_type}"', text, *more])


@pytest.mark.parametrize(
    ("solver_type", "snapshot_format"), [("Adam", "HDF5"), *((name, "BINARYPROTO") for name in SOLVER_TYPES)]
)
def test_a_resumed_run_ends_with_the_bits_of_an_undisturbed_one(solver_type, snapshot_format, tmp_path):
    """Data and dropout are random in every pass, and the test net draws from the same stream."""
    text = text_of(solver_type, f"snapshot_format: {snapshot_format}")
    undisturbed = make_solver(tmp_path, text)
    undisturbed.solve()
    resumed = make_solver(tmp_path, text)
    assert not same(weights_of(resumed), weights_of(undisturbed))
    (state,) = tmp_path.glob("snap_iter_6.solverstate*")
    resumed.solve(str(state))
    assert (resumed.iter, resumed.current_step) == (12, undisturbed.current_step)
    assert same(weights_of(resumed), weights_of(undisturbed))
    for ours, theirs in zip(resumed.histories, undisturbed.histories):
        assert same([blob.data for blob in ours], [blob.data for blob in theirs])


def test_without_our_own_file_the_run_differs_and_says_why(tmp_path):
    undisturbed = make_solver(tmp_path)
    undisturbed.solve()
    (tmp_path / "snap_iter_6.resume").unlink()
    resumed = make_solver(tmp_path)
    with pytest.warns(UserWarning, match=r"there is no snap_iter_6\.resume .* as in Caffe"):
        resumed.restore(str(tmp_path / "snap_iter_6.solverstate"))
    resumed.step(6)
    assert not same(weights_of(resumed), weights_of(undisturbed))


def test_a_resume_file_of_another_iteration_is_not_believed(tmp_path):
    make_solver(tmp_path).step(6)
    shutil.copy(tmp_path / "snap_iter_3.resume", tmp_path / "snap_iter_6.resume")
    with pytest.warns(UserWarning, match="is of iteration 3, not 6"):
        make_solver(tmp_path).restore(str(tmp_path / "snap_iter_6.solverstate"))


def test_layers_that_stand_in_their_data_are_asked_and_told(tmp_path):
    """Any layer may take part, by two methods."""
    position = {"row": 7, "share": 0.25, "key": "00000012_ä", "order": np.array([2, 0, 1]), "empty": np.zeros((0, 3))}
    solver = make_solver(tmp_path)
    solver.net.layers[0].get_position = lambda: position
    solver.snapshot()
    told = []
    other = make_solver(tmp_path)
    other.net.layers[0].set_position = told.append
    other.restore(str(tmp_path / "snap_iter_0.solverstate"))
    (found,) = told
    assert {key: type(value) for key, value in found.items()} == {key: type(value) for key, value in position.items()}
    assert all(np.array_equal(found[key], value) for key, value in position.items())

    other.test_nets[0].layers[0].set_position = told.append
    with pytest.warns(UserWarning, match=r"says nothing of 'data' \(test0\)"):
        other.restore(str(tmp_path / "snap_iter_0.solverstate"))


MEMORY_NET = """layer { name: "data" type: "MemoryData" top: "data" top: "label"
        memory_data_param { batch_size: 2 channels: 3 height: 1 width: 4 } }
layer { name: "x" type: "Reshape" bottom: "data" top: "x" reshape_param { shape { dim: 3 dim: 2 dim: 4 } } }
layer { name: "cont" type: "DummyData" top: "cont"
        dummy_data_param { shape { dim: 3 dim: 2 } data_filler { type: "constant" value: 1 } } }
layer { name: "lstm" type: "LSTM" bottom: "x" bottom: "cont" top: "y" recurrent_param { num_output: 5
        weight_filler { type: "uniform" min: -0.3 max: 0.3 } } }
layer { name: "loss" type: "Reduction" bottom: "y" top: "loss" loss_weight: 1 }
"""


def test_arrays_in_memory_and_states_of_sequences_are_gone_on_from(tmp_path):
    """Batches go on in the middle of the arrays, and an LSTM with the sequence that it was in."""
    images = np.random.default_rng(2).normal(size=(10, 3, 1, 4)).astype(np.float32)
    text = 'base_lr: 0.1 lr_policy: "fixed" max_iter: 7 snapshot: 3 random_seed: 3'

    def make():
        solver = make_solver(tmp_path, text, MEMORY_NET)
        solver.net.layers[0].reset(images, np.zeros(10, np.float32), 10)
        return solver

    undisturbed = make()
    undisturbed.solve()
    resumed = make()
    resumed.solve(str(tmp_path / "snap_iter_3.solverstate"))
    assert same(weights_of(resumed), weights_of(undisturbed))
    resumed.net.layers[0].reset(images, np.zeros(10, np.float32), 4)
    with pytest.raises(LayerError, match="has 4 items, but training resumes at item 6"):
        resumed.restore(str(tmp_path / "snap_iter_3.solverstate"))


def test_a_position_that_is_no_plain_value_is_refused(tmp_path):
    state = ResumeState(1, {"train": {"data": {"rows": [1, 2]}}}, {"caffe": {}})
    with pytest.raises(SolverStateError, match="x.resume: cannot be written: 'rows' of a layer's position must be"):
        write_resume(tmp_path / "x.resume", state)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["empty", "half", "other", "newer"])
def test_damaged_resume_files_are_refused(damage, tmp_path):
    path = tmp_path / "x.resume"
    write_resume(path, ResumeState(3, {}, {"caffe": {"position": 3, "key": np.zeros(624, np.uint32)}}))
    assert read_resume(path).random["caffe"]["position"] == 3
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "half":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "r+") as file:
            file.attrs["format" if damage == "other" else "version"] = "x" if damage == "other" else 99
    with pytest.raises(SolverStateError, match=re.escape(str(path))):
        read_resume(path)


def test_a_snapshot_of_another_net_changes_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    make_solver(tmp_path / "a").step(3)
    state = str(tmp_path / "a" / "snap_iter_3.solverstate")
    other_type = make_solver(tmp_path / "b", f'type: "Adam" {USUAL}')
    wider = make_solver(tmp_path / "b", net=NET.replace("num_output: 9", "num_output: 10"))
    deeper = make_solver(tmp_path / "b", net=NET.replace("num_output: 9", "num_output: 9 bias_term: false"))
    for solver, words in (
        (other_type, "holds 6 history blobs.* needs 12"),
        (wider, "history blob 2"),
        (deeper, "needs 5"),
    ):
        before = weights_of(solver)
        with pytest.raises(ParamMismatchError, match=words):
            solver.restore(state)
        assert solver.iter == 0
        assert same(weights_of(solver), before)


def test_weights_that_are_gone(tmp_path):
    """A moved snapshot finds its weights beside it; without them it is refused."""
    (tmp_path / "a").mkdir()
    make_solver(tmp_path / "a").step(3)
    (tmp_path / "a").rename(tmp_path / "b")
    state = str(tmp_path / "b" / "snap_iter_3.solverstate")
    (tmp_path / "c").mkdir()
    solver = make_solver(tmp_path / "c")
    solver.restore(state)
    assert solver.iter == 3
    (tmp_path / "b" / "snap_iter_3.caffemodel").unlink()
    fresh = make_solver(tmp_path / "c")
    with pytest.raises(DataNotFoundError, match="snap_iter_3.caffemodel"):
        fresh.restore(state)
    assert fresh.iter == 0


def test_a_full_disk_is_one_error_and_leaves_the_snapshot_before(tmp_path):
    """The size that files may have is limited to what a caffemodel does not fit in."""
    solver = make_solver(tmp_path)
    solver.step(3)
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("snap_*")}
    assert len(kept) == 3
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(SolverStateError, match=r"snap_iter_3.solverstate: .*earlier ones are whole"):
            solver.snapshot()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if "snap_" in path.name} == kept


@pytest.mark.parametrize("failing", [".caffemodel", ".resume", ".solverstate"])
def test_a_snapshot_is_never_half_of_two(failing, tmp_path, monkeypatch):
    """Wherever moving the files into place ends, no solver state stands beside weights that are not its own."""
    solver = make_solver(tmp_path)
    solver.step(3)
    model, state = (tmp_path / f"snap_iter_3{ending}" for ending in (".caffemodel", ".solverstate"))
    old = model.read_bytes()
    solver.net.params.learnable[0].data[...] += 1
    replace = os.replace

    def replace_or_fail(source, target):
        if str(target).endswith(failing) and ".tmp" not in str(target):
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_or_fail)
    with pytest.raises(SolverStateError, match="Input/output error"):
        solver.snapshot()
    assert not state.exists() or model.read_bytes() == old
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path):
    solver = make_solver(tmp_path)
    dead = left_behind(tmp_path / "snap_iter", folder=True)
    others = [
        left_behind(tmp_path / "snap_iter", folder=True, pid=os.getppid()),
        left_behind(tmp_path / "other_iter", folder=True),
    ]
    solver.snapshot()
    assert not dead.exists()
    assert all(folder.exists() for folder in others)


def test_a_prefix_that_cannot_be_written_is_refused_at_once(tmp_path):
    with pytest.raises(NetError, match=r"solver.prototxt: snapshot_prefix '.*nowhere/x'.*No such file"):
        make_solver(tmp_path, f'{USUAL} snapshot_prefix: "{tmp_path}/nowhere/x"')
    solver = make_solver(tmp_path, f'{USUAL.replace("snapshot: 3", "")} snapshot_prefix: "{tmp_path}/nowhere/x"')
    with pytest.raises(SolverStateError, match="No such file"):
        solver.snapshot()


def test_snapshot_rules(tmp_path):
    """Each `snapshot` iterations, and at the end unless one was just written."""

    def iterations(text):
        for path in tmp_path.glob("snap_*"):
            path.unlink()
        make_solver(tmp_path, text).solve()
        return sorted(
            int(path.name[len("snap_iter_") : -len(".solverstate")]) for path in tmp_path.glob("*.solverstate")
        )

    assert iterations(USUAL) == [3, 6, 9, 12]
    assert iterations(USUAL.replace("max_iter: 12", "max_iter: 7")) == [3, 6, 7]
    assert iterations(USUAL.replace("max_iter: 12", "max_iter: 7 snapshot_after_train: false")) == [3, 6]
    assert iterations(USUAL.replace("snapshot: 3", "max_iter: 7").replace("max_iter: 12", "")) == [7]


@pytest.mark.parametrize("snapshot_format", ["BINARYPROTO", "HDF5"])
def test_snapshot_diff_adds_the_updates(snapshot_format, tmp_path):
    from cnnvis_caffe.formats.weights import read_weights

    for wanted in (False, True):
        solver = make_solver(
            tmp_path, f"{USUAL} snapshot_format: {snapshot_format} snapshot_diff: {str(wanted).lower()}"
        )
        solver.step(3)
        (path,) = tmp_path.glob("snap_iter_3.caffemodel*")
        (conv,) = [layer for layer in read_weights(path).layers if layer.name == "conv"]
        diff = solver.net.params.learnable[0].diff
        assert diff.any()
        assert (conv.blobs[0].diff is not None) == wanted
        if wanted:
            assert (conv.blobs[0].diff == diff).all()


KILL = """
import sys
from cnnvis_caffe.pycaffe import get_solver
path, state = sys.argv[1:]
solver = get_solver(path)
sys.stdout.write("ready\\n")
sys.stdout.flush()
solver.solve(state or None)
"""


@on_the_cpu
def test_killed_at_any_moment_training_ends_with_the_same_weights(tmp_path):
    """SIGKILL, five times; a snapshot is being written most of the time."""
    text = USUAL.replace("snapshot: 3", "snapshot: 1").replace("max_iter: 12", "max_iter: 60")
    (tmp_path / "undisturbed").mkdir()
    undisturbed = make_solver(tmp_path / "undisturbed", text.replace("snapshot: 1", ""))
    undisturbed.solve()
    (tmp_path / "killed").mkdir()
    path = write_files(tmp_path / "killed", text)
    random = np.random.default_rng(5)
    n_kills = 0
    for _ in range(40):
        states = list((tmp_path / "killed").glob("*.solverstate"))
        state = max(states, key=lambda found: int(re.findall(r"\d+", found.name)[0]), default="")
        with programs.start([sys.executable, "-c", KILL, path, str(state)], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == "ready\n"
            try:
                process.wait(random.uniform(0.05, 0.4) if n_kills < 5 else 60)
            except subprocess.TimeoutExpired:
                process.kill()
                n_kills += 1
                continue
        assert process.returncode == 0
        if n_kills == 5:
            break
        for left in (tmp_path / "killed").glob("snap_*"):
            left.unlink()
    assert n_kills == 5
    final = make_solver(tmp_path / "killed", text)
    final.restore(str(tmp_path / "killed" / "snap_iter_60.solverstate"))
    assert same(weights_of(final), weights_of(undisturbed))
