"""Our own speed, with pytest-benchmark, to be compared with that of earlier days: `make benchmark`.

Results are asserted, times never: benchmarks/report.py compares those with the peers'.
"""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pytest_benchmark")

from benchmarks import opening
from benchmarks.nets import NETS
from benchmarks.peers import assert_same_results, ours, torch_variants
from benchmarks.pycaffe_loop import PycaffeLoop
from benchmarks.speed import files
from cnnvis_caffe import pycaffe

PASSES = [(name, pass_name) for name, net in NETS.items() for pass_name in net.passes]


@pytest.mark.benchmark(group="nets")
@pytest.mark.parametrize(("name", "pass_name"), PASSES)
def test_net(name, pass_name, benchmark):
    """One iteration gives what the net written by hand gives."""
    with files(NETS[name]) as (folder, params):
        loop = PycaffeLoop(pycaffe, folder, pass_name)
        peers = [ours(folder, pass_name), *torch_variants(name, folder, pass_name, params)]
    assert_same_results(peers)
    outputs = benchmark(loop.step, 0)
    assert outputs
    for key, values in outputs.items():
        np.testing.assert_allclose(values, peers[0].results[key], rtol=1e-5, atol=1e-7)


@pytest.mark.benchmark(group="opening")
@pytest.mark.parametrize("case", opening.CASES)
def test_opening(case, benchmark, tmp_path):
    """The weights of a file of 244 MB arrive in the net."""
    params = opening.write_files(tmp_path)
    nets = []

    def build():
        nets[:] = [pycaffe.Net(str(tmp_path / f"{case}.prototxt"), pycaffe.TEST)]
        return (nets[0], str(tmp_path / "weights.caffemodel")), {}

    benchmark.pedantic(lambda net, path: net.copy_from(path), setup=build, rounds=3)
    assert params.keys() == nets[0].params.keys()
    for name, arrays in params.items():
        for array, blob in zip(arrays, nets[0].params[name]):
            assert np.array_equal(array, blob.data)
