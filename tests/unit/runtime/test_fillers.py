from __future__ import annotations

import hashlib
import io
import json
import os
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format
from helpers.each import check_each
from helpers.recordings import FILLERS

from cnnvis_caffe.errors import NetError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.runtime.fillers import fill
from cnnvis_caffe.runtime.rng import CaffeRandom

TESTS = Path(__file__).resolve().parents[2]
RECORDER = TESTS / "recorders" / "record_fillers.py"


def filler(text: str) -> schema.FillerParameter:
    return text_format.Parse(text, schema.FillerParameter())


def load(file) -> tuple[list, np.ndarray]:
    with np.load(file) as recording:
        cases, values = json.loads(recording["cases"].tobytes()), recording["values"]
    start = 0
    for case in cases:
        for step in case["steps"]:
            if "sha256" not in step:
                size = step.get("count") or int(np.prod(step["shape"]))
                step["values"] = values[start : start + size]
                start += size
    assert start == len(values)
    return cases, values


def draw(step: dict, random: CaffeRandom) -> np.ndarray:
    if "ratio" in step:
        return random.dropout_mask(step["count"], step["ratio"]).astype(np.float32)
    array = np.full(step["shape"], np.nan, np.float32)
    fill(array, filler(step["filler"]), random, "test")
    return array


CASES, VALUES = load(FILLERS)


def test_recording_is_complete():
    types = {filler(step["filler"]).type for case in CASES for step in case["steps"] if "filler" in step}
    assert types == {"constant", "uniform", "gaussian", "positive_unitball", "xavier", "msra", "bilinear"}
    assert len(CASES) > 50
    assert len(VALUES) > 10000


def test_bits_equal_those_of_real_caffe():
    check_each(assert_same_bits, CASES, lambda case: case["name"])


def assert_same_bits(case):
    random = CaffeRandom(case["seed"])
    for number, step in enumerate(case["steps"]):
        array = draw(step, random)
        if "sha256" in step:
            assert hashlib.sha256(array.tobytes()).hexdigest() == step["sha256"], (number, step)
        else:
            # Compared as integers: -0.0 is not 0.0.
            np.testing.assert_array_equal(
                array.ravel().view(np.uint32), step["values"].view(np.uint32), err_msg=f"{number} {step}"
            )


@pytest.mark.pycaffe
@pytest.mark.skipif("CNNVIS_REAL_CAFFE" not in os.environ, reason="CNNVIS_REAL_CAFFE names no real Caffe")
def test_recording_equals_that_of_real_caffe():
    command = shlex.split(os.environ["CNNVIS_REAL_CAFFE"])
    result = subprocess.run([*command, "python3", str(RECORDER), "-"], stdout=subprocess.PIPE, check=True)
    with np.load(io.BytesIO(result.stdout)) as live, np.load(FILLERS) as recorded:
        assert json.loads(live["cases"].tobytes()) == json.loads(recorded["cases"].tobytes())
        assert live["values"].tobytes() == recorded["values"].tobytes()


@pytest.mark.parametrize(
    ("text", "shape", "words"),
    [
        ("type: 'Xavier'", (2, 3), "no filler type 'Xavier'; allowed: constant, uniform"),
        ("", (2, 0), r"shape \(2, 0\) has no elements"),
        ("type: 'uniform' min: 1 max: 0", (2,), "min must not exceed max, got min 1.0 and max 0.0"),
        ("type: 'uniform' min: nan", (2,), "min must not exceed max, got min nan"),
        ("type: 'uniform' max: inf", (2,), "must be finite"),
        ("type: 'gaussian' std: 0", (2,), "std must be greater than 0, got 0.0"),
        ("type: 'gaussian' std: -1", (2,), "std must be greater than 0, got -1.0"),
        ("type: 'gaussian' std: nan", (2,), "std must be greater than 0, got nan"),
        ("type: 'gaussian' sparse: 3", (2, 9), r"first axis of the blob \(2\), got 3"),
        ("type: 'gaussian' sparse: -2", (2, 9), "got -2"),
        ("type: 'gaussian' sparse: 0", (), "at least 1 axis, got a scalar"),
        ("type: 'xavier'", (), "at least 1 axis, got a scalar"),
        ("type: 'msra'", (), "at least 1 axis, got a scalar"),
        ("type: 'positive_unitball'", (), "at least 1 axis, got a scalar"),
        ("type: 'bilinear'", (2, 3, 3), r"4 axes and a square kernel, got shape \(2, 3, 3\)"),
        ("type: 'bilinear'", (1, 1, 2, 3), "square kernel"),
        (
            "sparse: 1",
            (2,),
            "sparse works with the filler type 'gaussian' only, got sparse 1 with 'constant'",
        ),
        ("type: 'bilinear' sparse: 0", (1, 1, 2, 2), "got sparse 0 with 'bilinear'"),
    ],
)
def test_where_caffe_aborts_an_error_says_why(text, shape, words):
    with pytest.raises(NetError, match=r"^layer 'conv1', weight_filler: .*" + words):
        fill(np.zeros(shape, np.float32), filler(text), CaffeRandom(1), "layer 'conv1', weight_filler")


@pytest.mark.parametrize("text", ["value: 2.5", "type: 'uniform'", "type: 'gaussian'"])
def test_scalar_blob_can_be_filled(text):
    array = np.full((), np.nan, np.float32)
    fill(array, filler(text), CaffeRandom(1), "test")
    assert np.isfinite(array)


@pytest.mark.parametrize(
    "array", [np.zeros(3), np.zeros((3, 4), np.float32).T], ids=["float64", "transposed"]
)
def test_arrays_that_would_be_copied_are_refused(array):
    with pytest.raises(TypeError, match="C-contiguous float32"):
        fill(array, filler("value: 1"), CaffeRandom(1), "test")
