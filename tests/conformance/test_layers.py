"""Every case file gives the numbers, shapes, outputs and errors of real Caffe, step by step."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from case_files import Recording, _arrays, all_cases, draws_masks, run_actions, run_case
from helpers.each import check_each
from helpers.recordings import LAYERS

from cnnvis_caffe import pycaffe
from cnnvis_caffe.errors import CaffeQuirkWarning, CnnvisError
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.layers import LAYER_MODULES
from cnnvis_caffe.runtime.memory import BOTH, TENSOR

CASES = all_cases()
TYPES = sorted({case.name.split("/")[0] for case in CASES})
each_type = pytest.mark.parametrize("layer_type", TYPES)
RECORD = "run $CNNVIS_REAL_CAFFE python3 tests/recorders/record_layers.py TYPE"

#: (rtol, atol relative to the largest value of the array) of each class; README.md says which is for what.
CLASSES = {"exact": (0.0, 0.0), "elementwise": (4e-6, 2e-7), "sums": (1e-5, 1e-6), "recurrent": (1e-4, 1e-5)}
EXACT = """AbsVal ArgMax Accuracy BatchReindex Clip Concat Crop Dropout DummyData Filter Flatten Input MemoryData
    Parameter Reshape Silence Slice Split Threshold"""
ELEMENTWISE = "BNLL ELU Exp Log Power Sigmoid Softmax Swish TanH Eltwise LSTMUnit"
RECURRENT = "LSTM RNN"
CLASS_OF_TYPE = {
    **dict.fromkeys(EXACT.split(), "exact"),
    **dict.fromkeys(ELEMENTWISE.split(), "elementwise"),
    **dict.fromkeys(RECURRENT.split(), "recurrent"),
}


@functools.cache
def recording_of(layer_type, folder=LAYERS):
    """What real Caffe did with the cases of a type."""
    return Recording.read(folder / f"{layer_type}.npz")


def cases_of(layer_type, of=lambda case: True):
    """The cases of a type, or those of which something holds."""
    return [case for case in CASES if case.name.startswith(f"{layer_type}/") and of(case)]


def has_images(case):
    """Whether a blob has four axes, written in one shape."""
    return bool(re.search(r"shape *\{(\s*dim: *\d+){4}\s*\}", case.text))


def types_of(of):
    """A test for each type that has a case of which something holds."""
    return pytest.mark.parametrize("layer_type", [name for name in TYPES if cases_of(name, of)])


def name_of(case):
    """What a failure calls a case."""
    return case.name


def tolerance(case):
    """The tolerance that a case asks for, or the widest of the layer types in its net."""
    own = case.settings.get("tolerance")
    if own is None:
        types = set(re.findall(r'type: *"(\w+)"', case.text)) & set(LAYER_MODULES)
        return max(CLASSES[CLASS_OF_TYPE.get(layer_type, "sums")] for layer_type in types)
    numbers, because, reason = own.partition(" because ")
    assert because and reason, f"{case.name}: a tolerance of its own needs a reason"
    if numbers in CLASSES:
        return CLASSES[numbers]
    rtol, atol = map(float, numbers.split())
    return rtol, atol


def assert_same(name, found, expected, rtol, atol):
    """Compare one array; infinities must be equal and NaNs at the same places."""
    assert found.shape == expected.shape, f"{name}: shape {found.shape}, Caffe has {expected.shape}"
    if found.dtype == expected.dtype and found.tobytes() == expected.tobytes():
        return  # most are, and comparing numbers takes twenty times as long
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.abs(expected[finite]).max())) if finite.any() else 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol * scale, err_msg=name)


ignore_quirks = pytest.mark.filterwarnings("ignore::cnnvis_caffe.errors.CaffeQuirkWarning")


@each_type
def test_matches_caffe(layer_type):
    """Everything that Caffe had after each step, and an error where it aborted; quirks are told when a net is made.

    Where Caffe's own gradient is wrong in place, the user is told once; nowhere else.
    """
    check_each(assert_matches_recording_and_tells, cases_of(layer_type), name_of)


@ignore_quirks
@types_of(has_images)
def test_matches_caffe_in_channels_last(layer_type):
    """The same numbers when images lie in memory as convolutions leave them: channels side by side."""
    cases = cases_of(layer_type, has_images)
    check_each(lambda case: assert_matches_recording(case, before=to_channels_last), cases, name_of)


@ignore_quirks
@each_type
def test_matches_caffe_unseen(layer_type):
    """The same numbers in the end when nobody looks before: values stay where layers left them, weights packed.

    No two blobs hold the same tensor unless they share their memory, as only looking at them would hide.
    """
    recording = recording_of(layer_type)
    check_each(lambda case: assert_matches_recording_unseen(case, recording), cases_of(layer_type), name_of)


@pytest.mark.gpu
@ignore_quirks
@types_of(lambda case: not draws_masks(case))
def test_matches_caffe_on_gpu(layer_type, on_gpu):
    """The same numbers on a GPU: those of Caffe's CPU, or of its GPU where CNNVIS_GPU_RECORDINGS names a folder.

    Dropout's masks a GPU draws by itself.
    """
    folder, tolerance = os.environ.get("CNNVIS_GPU_RECORDINGS"), CLASSES["recurrent"]

    def check(case):
        recording = None
        if folder and not {"raises", "drops"} & set(case.settings):  # in these Caffe uses foreign memory
            recording = recording_of(layer_type, Path(folder))
        assert_matches_recording(case, least_tolerance=tolerance, recording=recording)

    check_each(check, cases_of(layer_type, lambda case: not draws_masks(case)), name_of)


def to_channels_last(net):
    """Turn the memory of all blobs with four axes."""
    for shown in net.blobs.values():
        blob = shown.runtime_blob
        if len(blob.shape) == 4 and blob.count:
            blob.value = blob.value.contiguous(memory_format=torch.channels_last)
            blob.grad = blob.grad.contiguous(memory_format=torch.channels_last)


def assert_matches_recording_and_tells(case):
    """The same, and see that making the net warns where a case says that Caffe is wrong."""
    told = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CaffeQuirkWarning)
        assert_matches_recording(case, when_made=lambda: told.append({warning.category for warning in caught}))
    for categories in told:  # none where it cannot be made
        assert (CaffeQuirkWarning in categories) == ("quirk" in case.settings)


def assert_matches_recording(case, before=None, least_tolerance=(0.0, 0.0), recording=None, when_made=None):
    """Run a case and compare it with what was recorded."""
    recording = recording or recording_of(case.name.split("/")[0])
    assert case.name in recording.cases, f"not recorded yet; {RECORD}"
    recorded = recording.cases[case.name]
    assert recorded["text"] == case.text, f"the case has changed since it was recorded; {RECORD}"
    rtol, atol = max(tolerance(case), least_tolerance)
    n_states = len(recorded["states"])
    drops = "drops" in case.settings
    fails = (recorded["aborted"] or "raises" in case.settings) and not drops
    if ("raises" in case.settings or drops) and not recorded["aborted"]:
        n_states -= 1  # what Caffe read or wrote there was not its own
    run = run_case(pycaffe, case, before)
    expected = {}
    for index in range(n_states):
        where = f"after {' '.join(case.actions[index])!r} (step {index})"
        state = next(run)
        if index == 0 and when_made:
            when_made()
        recorded_state = recorded["states"][index]
        arrays = state["arrays"]
        expected.update(state["filled"])
        expected.update(recording.changed(case.name, index))
        assert state["outputs"] == recorded_state["outputs"], where
        assert set(arrays) == set(expected), where
        for name in arrays:
            assert_same(f"{name} {where}", arrays[name], expected[name], rtol, atol)
        extra = [pair for pair in state["shared"] if pair not in recorded_state["shared"]]
        assert not extra, f"{where}: in the same memory, which in Caffe they are not: {extra}"
    if fails:
        with pytest.raises(CnnvisError):
            next(run)
        return
    if drops:
        assert_gradients_are_dropped(next(run)["arrays"])
    assert next(run, None) is None


def assert_gradients_are_dropped(arrays):
    """Maxima, of numbers that occur once, pass their gradients on; windows without a number pass on none."""
    x, y, dy = arrays["a"], arrays["y"].ravel(), arrays["y.diff"].ravel()
    expected = ((x[..., None] == y) * dy).sum(-1) * (x > -np.finfo(np.float32).max)
    assert (y == -np.finfo(np.float32).max).any()
    assert_same("a.diff", arrays["a.diff"], expected, 1e-6, 1e-6)


def assert_matches_recording_unseen(case, recording):
    """Run a case; compare what there is in the end, unless it fails."""
    recorded = recording.cases[case.name]
    expected, found = {}, {}
    fails = recorded["aborted"] or "raises" in case.settings or "drops" in case.settings
    with contextlib.suppress(CnnvisError) if fails else contextlib.nullcontext():
        for index, (net, filled) in enumerate(run_actions(pycaffe, case)):
            assert_tensors_have_one_owner(net)
            if fails:
                continue
            expected.update(filled)
            expected.update(recording.changed(case.name, index))
            if index == len(case.actions) - 1:
                found = _arrays(net)
    assert set(found) == set(expected)
    for name in found:
        assert_same(f"{name} in the end", found[name], expected[name], *tolerance(case))


def assert_tensors_have_one_owner(net):
    """See that whoever holds a tensor holds it alone."""
    owners = {}
    for shown in [*net.blobs.values(), *(blob for blobs in net.params.values() for blob in blobs)]:
        blob = shown.runtime_blob
        for part, memory in (("data", blob._data), ("diff", blob._diff)):
            if memory.where not in (TENSOR, BOTH):
                continue
            place = memory._tensor.untyped_storage().data_ptr()
            owner, name = owners.setdefault(place, (memory, f"{blob.name}.{part}"))
            assert owner is memory, f"{blob.name}.{part} and {name} hold the same tensor"


def test_every_type_has_cases():
    """No layer type goes unchecked, and none is checked by aborts alone."""
    check_each(assert_has_cases, sorted(LAYER_MODULES))


def assert_has_cases(layer_type):
    cases = cases_of(layer_type)
    assert len(cases) >= 3
    recorded = recording_of(layer_type).cases
    assert sum(len(recorded[case.name]["states"]) > 1 for case in cases) >= 3
    # Caffe inserts layers of type Split by itself.
    assert layer_type == "Split" or sum(f'type: "{layer_type}"' in case.text for case in cases) >= 3


def test_no_recording_is_left_over():
    """Files without cases would only look like coverage."""
    assert {path.stem for path in LAYERS.glob("*.npz")} == {case.name.split("/")[0] for case in CASES}


def test_axes_differ():
    """Axes of equal length hide transposed results."""
    equal = []
    for case in CASES:
        if case.settings.get("equal_axes", "").startswith("because "):
            continue
        for shape in re.findall(r"shape *\{([^}]*)\}", case.text):
            lengths = re.findall(r"dim: *(\d+)", shape)
            equal += [f"{case.name}: {length}" for length, times in Counter(lengths).items() if times > 1]
    assert not equal, f"two axes have this length; change one, or say: #: equal_axes because ...\n{equal}"
