"""Compare what a net does here with what real Caffe did."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from net_cases import NetCase, NetRecording, run_net

from cnnvis_caffe.errors import CaffeQuirkWarning, CnnvisError

#: Several layers in a row, each with sums of its own: relative; relative to the largest value of an array; and what
#: may be left where values of about 1 cancel.
RTOL, ATOL, NOISE = 1e-4, 2e-5, 1e-4


def compare(module: Any, recording: NetRecording, net: dict, look: str = "always") -> None:
    """Run a recorded net on a module that looks like pycaffe; raise AssertionError where it differs.

    Parameters
    ----------
    net : dict
        One of `recording.nets`.
    look : {"always", "last", "held"}
        As in `run_net`.
    """
    case = NetCase(net["name"], net["text"])
    actions = [step for step in case.steps if step[0] != "fill"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CaffeQuirkWarning)
        run = run_net(module, case, look)
        expected: dict[str, Any] = {}
        shared: list[list[str]] = []
        for index, recorded in enumerate(net["states"]):
            where = f"{net['name']} after step {index}, {' '.join(actions[index])!r}"
            state = next(run)
            expected.update(state["filled"])
            expected.update(recording.changed(net, index))
            shared = recorded.get("shared", shared)
            if index == 0:
                for what, names in recorded["wiring"].items():
                    assert state["wiring"][what] == names, f"{what} {where}: {state['wiring'][what]}, in Caffe {names}"
            if "loss" in recorded:
                assert_same(f"loss {where}", np.array(state["loss"]), np.array(recorded["loss"]), 3 * NOISE)
            if "arrays" in state:
                assert sorted(state["arrays"]) == sorted(expected), where
                for name, array in state["arrays"].items():
                    assert_same(f"{name} {where}", array, expected[name])
                extra = [pair for pair in state["shared"] if pair not in shared]
                assert not extra, f"{where}: in the same memory, which in Caffe they are not: {extra}"
        if not net["death"]:
            assert next(run, None) is None
            return
        where = (
            f"{net['name']}: Caffe died of {net['death']} at {' '.join(actions[len(net['states'])])!r}, ours did not"
        )
        try:
            next(run)
        except CnnvisError:
            return
        raise AssertionError(where)


def assert_same(name: str, found: np.ndarray, expected: np.ndarray, noise: float = NOISE) -> None:
    """Compare values; infinities must be equal and NaNs at the same places."""
    assert found.shape == expected.shape, f"{name}: shape {found.shape}, Caffe has {expected.shape}"
    if found.dtype == expected.dtype and found.tobytes() == expected.tobytes():
        return  # most are, and comparing numbers takes twenty times as long
    finite = np.isfinite(expected)
    largest = float(np.abs(expected[finite]).max()) if finite.any() else 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_allclose(found, expected, rtol=RTOL, atol=ATOL * largest + noise, err_msg=name)
