"""Solvers against recordings of real Caffe: weights and updates, rates, snapshots, refusals, and log lines.

`tests/recorders/record_solvers.py` makes the recordings; `solver_cases.py` holds the cases.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess

import numpy as np
import pytest
import solver_cases as cases
from helpers.recordings import SOLVERS

from cnnvis_caffe import pycaffe
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.formats.prototxt import read_solver
from cnnvis_caffe.runtime.solvers import create_solver

RUNS = np.load(SOLVERS / "runs.npz")
TEXTS = json.loads((SOLVERS / "texts.json").read_text())
CASES = dict(cases.cases())
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf)")


def recorded(prefix):
    """Arrays of a recording by what they hold, stacked over iterations."""
    arrays = {key[len(prefix) + 1 :]: RUNS[key] for key in RUNS.files if key.startswith(f"{prefix}/")}
    assert arrays, prefix
    return arrays


def assert_same_run(states, expected, rtol):
    """Compare everything that was seen after each iteration."""
    states = list(states)
    assert sorted(states[0]) == sorted(expected)
    for key, arrays in expected.items():
        found = np.array([state[key] for state in states], np.float32)
        scale = np.abs(arrays).max()
        np.testing.assert_allclose(found, arrays, rtol=rtol, atol=rtol * scale, err_msg=key)


@pytest.mark.parametrize("name", CASES)
def test_weights_updates_rates_and_losses_are_caffes(name, tmp_path):
    """Six iterations of every rule; the diff of a parameter is what was subtracted."""
    # A square root of nearly nothing makes much of the last bit.
    rtol = 5e-5 if name.startswith(("AdaDelta", "RMSProp", "AdaGrad", "Adam")) else 2e-5
    assert_same_run(cases.run(pycaffe, CASES[name], tmp_path), recorded(f"runs/{name}"), rtol)


@pytest.mark.gpu
@pytest.mark.parametrize("name", CASES)
def test_updates_are_caffes_on_a_gpu(name, tmp_path, on_gpu):
    assert_same_run(cases.run(pycaffe, CASES[name], tmp_path), recorded(f"runs/{name}"), 2e-4)


@pytest.mark.parametrize("name", cases.POLICIES)
def test_learning_rates_are_caffes(name, tmp_path):
    """Forty iterations of every policy, to the last bit but one."""
    expected = RUNS[f"rates/{name}"]
    found = np.array(list(cases.rates(pycaffe, cases.POLICIES[name], tmp_path, len(expected))), np.float32)
    np.testing.assert_array_max_ulp(found[np.isfinite(expected)], expected[np.isfinite(expected)], 1)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))


def test_some_policies_end_in_nan_as_in_caffe():
    """The comparison above is not empty: beyond max_iter a fractional power is not a number."""
    assert np.isnan(RUNS["rates/poly"][21:]).all()
    assert np.isfinite(RUNS["rates/poly_whole_power"]).all()


@pytest.mark.parametrize("name", cases.REFUSED)
def test_what_caffe_refuses_is_refused_at_the_same_time(name, tmp_path, monkeypatch):
    """One error that says what is wrong."""
    phase, text = cases.REFUSED[name]
    assert TEXTS["refused"][name] == phase
    monkeypatch.chdir(tmp_path)
    path = cases.write_files(tmp_path, f"{text} max_iter: 1")
    if phase == "make":
        with pytest.raises(CnnvisError):
            pycaffe.get_solver(path)
        return
    solver = pycaffe.get_solver(path)
    before = [blob.data.copy() for blobs in solver.net.params.values() for blob in blobs]
    with pytest.raises(CnnvisError):
        solver.step(1)
    after = [blob.data for blobs in solver.net.params.values() for blob in blobs]
    assert all((a == b).all() for a, b in zip(after, before))


SNAPSHOTS = sorted({"/".join(key.split("/")[1:3]) for key in RUNS.files if key.startswith("snapshots/")})


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_snapshot_of_caffe_is_gone_on_from(name, tmp_path):
    """Weights, histories, iteration and the steps of the rate come from Caffe's own files, wherever they lie now."""
    arrays = recorded(f"snapshots/{name}")
    files = {key[len("files/") :]: arrays.pop(key) for key in list(arrays) if key.startswith("files/")}
    text = arrays.pop("text").tobytes().decode()
    for file, data in files.items():
        (tmp_path / file).write_bytes(data.tobytes())
    (state,) = tmp_path.glob("*.solverstate*")
    with pytest.warns(UserWarning, match="as in Caffe"):
        states = list(cases.run(pycaffe, text, tmp_path, first=3, n_steps=3, restore=str(state)))
    assert_same_run(states, arrays, 5e-5)


@pytest.mark.parametrize("name", [name for name in SNAPSHOTS if name.endswith("BINARYPROTO")])
def test_snapshots_have_caffes_names_and_sizes(name, tmp_path):
    """The binary files that we write after the same iterations are as long as Caffe's, to the byte."""
    arrays = recorded(f"snapshots/{name}")
    text = arrays["text"].tobytes().decode()
    solver = pycaffe.get_solver(cases.write_files(tmp_path, cases.full_text(tmp_path, text)))
    for index in range(3):
        cases.step(solver, index)
    solver.snapshot()
    for key in (key for key in arrays if key.startswith("files/")):
        file = key[len("files/") :]
        ours, theirs = (tmp_path / file).stat().st_size, len(arrays[key])
        # The folder's name is in the solver state.
        assert abs(ours - theirs) <= (len(str(tmp_path)) if "solverstate" in file else 0), file
    assert (tmp_path / "snap_iter_3.resume").exists()


@pytest.mark.parametrize("name", cases.LOGS)
def test_log_lines_are_caffes(name, tmp_path, monkeypatch, caplog):
    """Every line behind "Solving", word for word; numbers nearly, times not."""
    monkeypatch.chdir(tmp_path)
    path = cases.write_files(tmp_path, f'net: "NET" random_seed: 11 {cases.LOGS[name]}', cases.LOG_NET)
    with caplog.at_level(logging.INFO, logger="cnnvis_caffe"):
        create_solver(read_solver(path)).solve()
    found = [f"{record.levelname[0]} {record.getMessage()}" for record in caplog.records]
    found = found[found.index("I Solving logged") :]
    expected = TEXTS["logs"][name]
    assert expected[-1] == "I Optimization Done."
    expected = expected[:-1]  # the tool itself says so once more
    assert [blanked(line) for line in found] == [blanked(line) for line in expected]
    for ours, theirs in zip(found, expected):
        if " iter/s" not in ours:
            numbers = [np.array(NUMBER.findall(line), float) for line in (ours, theirs)]
            np.testing.assert_allclose(*numbers, rtol=2e-4, atol=2e-5, err_msg=ours)
        else:
            assert ours.rpartition("loss")[2][:5] == theirs.rpartition("loss")[2][:5]


def blanked(line):
    """A line without its numbers."""
    return NUMBER.sub("#", line)


@pytest.mark.pycaffe
@pytest.mark.parametrize("solver_type", ["SGD", "AdaDelta"])
@pytest.mark.parametrize("kind", ["BINARYPROTO", "HDF5"])
def test_caffe_goes_on_from_our_snapshots(solver_type, kind, tmp_path, real_caffe, repository):
    """Half of a run here, half in real Caffe: the end is that of our own run."""
    text = CASES[f"{solver_type}/l2"] + f" snapshot_format: {kind}"
    folder = repository / ".scratch" / f"restore-{solver_type}-{kind}"
    folder.mkdir(parents=True, exist_ok=True)
    solver = pycaffe.get_solver(cases.write_files(folder, cases.full_text(folder, text)))
    for index in range(3):
        cases.step(solver, index)
    solver.snapshot()
    expected = [cases.step(solver, index) for index in range(3, 6)]
    (state,) = folder.glob("*.solverstate*")
    program = (
        "import sys, pickle; sys.path.insert(0, 'tests/conformance'); import caffe, solver_cases as c; "
        "text, folder, state, out = sys.argv[1:]; "
        "pickle.dump(list(c.run(caffe, text, folder, 3, 3, state)), open(out, 'wb'))"
    )
    arguments = [text, str(folder), str(state), str(folder / "out.pkl")]
    subprocess.run([*real_caffe, "python3", "-c", program, *arguments], check=True, cwd=repository)
    theirs = np.load(folder / "out.pkl", allow_pickle=True)
    stacked = {key: np.array([step[key] for step in expected], np.float32) for key in expected[0]}
    assert_same_run(theirs, stacked, 5e-5)
