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
from helpers.recordings import LAYERS

from cnnvis_caffe import pycaffe
from cnnvis_caffe.errors import CaffeQuirkWarning, CnnvisError
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.layers import LAYER_MODULES
from cnnvis_caffe.runtime.memory import BOTH, TENSOR

CASES = all_cases()
each_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
#: Those with a blob of four axes, written in one shape.
IMAGE_CASES = [case for case in CASES if re.search(r"shape *\{(\s*dim: *\d+){4}\s*\}", case.text)]
#: Those without the masks of Dropout, which a GPU draws by itself.
GPU_CASES = [case for case in CASES if not draws_masks(case)]
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
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.abs(expected[finite]).max())) if finite.any() else 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol * scale, err_msg=name)


@pytest.mark.filterwarnings("ignore::cnnvis_caffe.errors.CaffeQuirkWarning")
@each_case
def test_matches_caffe(case):
    """Everything that Caffe had after each step, and an error where it aborted."""
    assert_matches_recording(case)


@pytest.mark.filterwarnings("ignore::cnnvis_caffe.errors.CaffeQuirkWarning")
@pytest.mark.parametrize("case", IMAGE_CASES, ids=[case.name for case in IMAGE_CASES])
def test_matches_caffe_in_channels_last(case):
    """The same numbers when images lie in memory as convolutions leave them: channels side by side."""
    assert_matches_recording(case, before=to_channels_last)


@pytest.mark.filterwarnings("ignore::cnnvis_caffe.errors.CaffeQuirkWarning")
@each_case
def test_matches_caffe_unseen(case):
    """The same numbers in the end when nobody looks before: values stay where layers left them, weights packed."""
    assert_matches_recording_unseen(case, recording_of(case.name.split("/")[0]))


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore::cnnvis_caffe.errors.CaffeQuirkWarning")
@pytest.mark.parametrize("case", GPU_CASES, ids=[case.name for case in GPU_CASES])
def test_matches_caffe_on_gpu(case, on_gpu):
    """The same numbers on a GPU: those of Caffe's CPU, or of its GPU where CNNVIS_GPU_RECORDINGS names a folder."""
    folder, recording = os.environ.get("CNNVIS_GPU_RECORDINGS"), None
    if folder and not {"raises", "drops"} & set(case.settings):  # in these Caffe uses foreign memory
        recording = recording_of(case.name.split("/")[0], Path(folder))
    assert_matches_recording(case, least_tolerance=CLASSES["recurrent"], recording=recording)


def to_channels_last(net):
    """Turn the memory of all blobs with four axes."""
    for shown in net.blobs.values():
        blob = shown.runtime_blob
        if len(blob.shape) == 4 and blob.count:
            blob.value = blob.value.contiguous(memory_format=torch.channels_last)
            blob.grad = blob.grad.contiguous(memory_format=torch.channels_last)


def assert_matches_recording(case, before=None, least_tolerance=(0.0, 0.0), recording=None):
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
    """Run a case that does not fail, and compare what there is in the end."""
    recorded = recording.cases[case.name]
    if recorded["aborted"] or "raises" in case.settings or "drops" in case.settings:
        return
    expected, found = {}, {}
    for index, (net, filled) in enumerate(run_actions(pycaffe, case)):
        expected.update(filled)
        expected.update(recording.changed(case.name, index))
        if index == len(case.actions) - 1:
            found = _arrays(net)
    assert set(found) == set(expected)
    for name in found:
        assert_same(f"{name} in the end", found[name], expected[name], *tolerance(case))


@pytest.mark.filterwarnings("ignore::cnnvis_caffe.errors.CaffeQuirkWarning")
@each_case
def test_tensors_have_one_owner(case):
    """No two blobs hold the same tensor unless they share their memory, as only looking at them would hide."""
    net = None
    with contextlib.suppress(CnnvisError):
        for net, _ in run_actions(pycaffe, case):
            owners = {}
            for shown in [*net.blobs.values(), *(blob for blobs in net.params.values() for blob in blobs)]:
                blob = shown.runtime_blob
                for part, memory in (("data", blob._data), ("diff", blob._diff)):
                    if memory.where not in (TENSOR, BOTH):
                        continue
                    place = memory._tensor.untyped_storage().data_ptr()
                    owner, name = owners.setdefault(place, (memory, f"{blob.name}.{part}"))
                    assert owner is memory, f"{blob.name}.{part} and {name} hold the same tensor"


@pytest.mark.parametrize("layer_type", sorted(LAYER_MODULES))
def test_every_type_has_cases(layer_type):
    """No layer type goes unchecked, and none is checked by aborts alone."""
    names = [case.name for case in CASES if case.name.startswith(f"{layer_type}/")]
    assert len(names) >= 3
    recorded = recording_of(layer_type).cases
    assert sum(len(recorded[name]["states"]) > 1 for name in names) >= 3
    # Caffe inserts layers of type Split by itself.
    texts = [case.text for case in CASES if case.name in names]
    assert layer_type == "Split" or sum(f'type: "{layer_type}"' in text for text in texts) >= 3


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


@pytest.mark.parametrize("layer_type", sorted({case.name.split("/")[0] for case in CASES}))
def test_quirks_warn(layer_type):
    """Where Caffe's own gradient is wrong in place, the user is told once; nowhere else."""
    wrong = []
    for case in CASES:
        if case.name.split("/")[0] == layer_type and warns(case) not in (None, "quirk" in case.settings):
            wrong.append(case.name)
    assert not wrong


def warns(case):
    """Whether making a net warns of a quirk; None if it fails."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CaffeQuirkWarning)
        try:
            next(run_case(pycaffe, case))
        except CnnvisError:
            return None
    return any(issubclass(warning.category, CaffeQuirkWarning) for warning in caught)
