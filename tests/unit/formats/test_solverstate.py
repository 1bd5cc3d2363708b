"""Solver states: against files of real Caffe in both formats."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.recordings import WEIGHTS
from helpers.same import assert_same_array

from cnnvis_caffe.errors import DataNotFoundError, SolverStateError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.solverstate import read_solverstate, write_solverstate, write_solverstate_hdf5
from cnnvis_caffe.records.solver_state import SolverState
from cnnvis_caffe.records.weights import ParamArray

# Learned arrays of the net are conv (2), bn (3), scale, ip1 (2) and the bias of ip2; Adam and AdaDelta keep two each.
SHAPES = [(4, 3, 3, 3), (4,), (4,), (4,), (1,), (), (24, 24), (24,), (24,)]


@pytest.mark.parametrize(
    ("name", "format", "n_times"),
    [
        ("plain_iter_3.solverstate", "binary", 1),
        ("slashes_iter_3.solverstate", "binary", 2),
        ("hdf5_iter_3.solverstate.h5", "hdf5", 1),
        ("hdf5_diff_iter_3.solverstate.h5", "hdf5", 2),
    ],
)
def test_states_of_real_caffe(name: str, format: str, n_times: int) -> None:
    state = read_solverstate(WEIGHTS / name)
    assert (state.iter, state.current_step, state.format) == (3, 1, format)
    assert state.learned_net == name.replace("solverstate", "caffemodel")
    assert [blob.shape for blob in state.history] == SHAPES * n_times
    assert state.unknown == ()
    assert any(blob.data.any() for blob in state.history)


def test_history_is_the_momentum_of_the_last_step() -> None:
    # Caffe's SGD: the history is what was last taken off the weights. Two runs with the same seed, in either
    # format, went the same way, so it must be the same array.
    binary = read_solverstate(WEIGHTS / "plain_iter_3.solverstate")
    hdf5 = read_solverstate(WEIGHTS / "hdf5_iter_3.solverstate.h5")
    for first, second in zip(binary.history, hdf5.history):
        assert_same_array(first.data, second.data)


@pytest.mark.parametrize("stem", ["plain", "slashes"])
def test_written_bytes_are_caffes(stem: str, tmp_path: Path) -> None:
    original = WEIGHTS / f"{stem}_iter_3.solverstate"
    write_solverstate(tmp_path / "copy", read_solverstate(original))
    assert (tmp_path / "copy").read_bytes() == original.read_bytes()


def test_written_hdf5_has_caffes_structure(tmp_path: Path) -> None:
    original = WEIGHTS / "hdf5_iter_3.solverstate.h5"
    write_solverstate_hdf5(tmp_path / "copy.h5", read_solverstate(original))
    with h5py.File(original, "r") as theirs, h5py.File(tmp_path / "copy.h5", "r") as ours:
        assert sorted(ours) == sorted(theirs)
        assert sorted(ours["history"]) == sorted(theirs["history"])
        for name in ("iter", "current_step", "learned_net", "history/0", "history/5"):
            assert (ours[name].shape, ours[name].dtype) == (theirs[name].shape, theirs[name].dtype)
            assert ours[name].id.get_type().equal(theirs[name].id.get_type())
            np.testing.assert_array_equal(ours[name][()], theirs[name][()])


@pytest.mark.parametrize("write", [write_solverstate, write_solverstate_hdf5])
def test_round_trip(write, tmp_path: Path) -> None:
    array = np.arange(4, dtype=np.float32).reshape(2, 2)
    history = (ParamArray((2, 2), array), ParamArray((), np.array(3, np.float32)))
    for learned_net in ("snäpshots/a b.caffemodel", "gbk \udcca\udcfd", "", None):
        write(tmp_path / "s", SolverState(2_000_000_000, 0, learned_net, history))
        state = read_solverstate(str(tmp_path / "s"))
        assert (state.iter, state.current_step, state.learned_net) == (2_000_000_000, 0, learned_net)
        assert [blob.data.tolist() for blob in state.history] == [[[0, 1], [2, 3]], 3]


def test_more_than_ten_arrays_keep_their_order(tmp_path: Path) -> None:
    history = tuple(ParamArray((), np.array(index, np.float32)) for index in range(12))
    write_solverstate_hdf5(tmp_path / "s.h5", SolverState(1, 0, None, history))
    found = [float(blob.data) for blob in read_solverstate(tmp_path / "s.h5").history]
    assert found == list(range(12))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<html><body>Not found", "is not a solver state; it looks like an HTML page"),
        (schema.NetParameter(name="net", force_backward=True), "it looks like a caffemodel"),
        (schema.BlobProto(num=1, channels=3, height=1, width=1, data=[1, 2, 3]), "is it a mean image?"),
        (schema.SolverState(learned_net="x\1"), "does not say how many iterations were done"),
        (
            schema.SolverState(iter=1, history=[schema.BlobProto(data=[1, 2, 3])]),
            "history blob 0 has shape of a single number, that is 1 numbers, but its data holds 3",
        ),
    ],
)
def test_refused(content, reason: str, tmp_path: Path) -> None:
    data = content if isinstance(content, bytes) else content.SerializeToString()
    (tmp_path / "s").write_bytes(data)
    with pytest.raises(SolverStateError, match=re.escape(reason)):
        read_solverstate(tmp_path / "s")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda file: file.__delitem__("iter"), "lacks 'iter'"),
        (lambda file: file.__delitem__("history/1"), "lacks history blob 1"),
        (lambda file: file.__setitem__("iter_", 1) or file.move("iter_", "iter2"), None),
        (lambda file: file.move("history", "data"), "lacks 'history'; it looks like a caffemodel"),
        (lambda file: file.move("learned_net", "x") or file.__setitem__("learned_net", "heap"), "of fixed length"),
        (lambda file: file.move("iter", "x") or file.__setitem__("iter", [1, 2]), "is not a single integer"),
        (lambda file: file.move("iter", "x") or file.__setitem__("iter", 1.5), "is not a single integer"),
        (lambda file: file.move("iter", "x") or file.__setitem__("iter", h5py.SoftLink("/x")), "is a link"),
    ],
)
def test_refused_hdf5(change, reason: str | None, tmp_path: Path) -> None:
    path = tmp_path / "s.h5"
    path.write_bytes((WEIGHTS / "hdf5_iter_3.solverstate.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
    if reason is None:
        assert read_solverstate(path).iter == 3
    else:
        with pytest.raises(SolverStateError, match=re.escape(reason)):
            read_solverstate(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError):
        read_solverstate(tmp_path / "nowhere.solverstate")


def test_zoo(zoo_dir: Path) -> None:
    paths = sorted(zoo_dir.glob("*/*.solverstate*"))
    assert len(paths) == 12
    for path in paths:
        state = read_solverstate(path)
        assert f"_iter_{state.iter}." in path.name
        assert len(state.history) in (8, 10)
        assert state.unknown == ()
