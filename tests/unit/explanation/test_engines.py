"""Projections of a residual net by our runtime and by a real Caffe."""

from __future__ import annotations

import io
import subprocess

import numpy as np
import pytest
from helpers.engine_projections import projections

from cnnvis_caffe import pycaffe


def test_the_sum_of_a_residual_net_takes_both_ways():
    found = projections(pycaffe)
    assert set(found) == {"gradient", "deconvnet", "guided", "cam", "integrated"}
    assert all(np.isfinite(values).all() and np.abs(values).max() > 0 for values in found.values())
    # Three rules, three results.
    assert np.abs(found["gradient"] - found["guided"]).max() > 1e-3 < np.abs(found["deconvnet"] - found["guided"]).max()


@pytest.mark.pycaffe
def test_a_real_caffe_gives_the_same(real_caffe, repository):
    places = f"PYTHONPATH={repository}:{repository / 'tests'}"
    command = [*real_caffe, "env", places, "python3", "tests/helpers/engine_projections.py"]
    output = subprocess.run(command, cwd=repository, capture_output=True, check=True).stdout
    theirs = np.load(io.BytesIO(output))
    for name, values in projections(pycaffe).items():
        np.testing.assert_allclose(values, theirs[name], rtol=1e-3, atol=1e-4 * np.abs(values).max(), err_msg=name)
