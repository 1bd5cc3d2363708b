"""What scripts of 2013 to 2018 do beside calling Caffe 1.0: old calls, old names, and children that import caffe."""

from __future__ import annotations

import os
import sys
import textwrap

import numpy as np
import pytest
from helpers import programs

from cnnvis_caffe import pycaffe
from cnnvis_caffe.errors import NetError
from cnnvis_caffe.pycaffe import _caffe, io
from cnnvis_caffe.pycaffe import pycaffe as module

NET = """
force_backward: true
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 5 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 6 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "relu" }
layer { name: "ip" type: "InnerProduct" bottom: "relu" top: "ip"
        inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET, encoding="utf-8")
    return pycaffe.Net(str(tmp_path / "net.prototxt"), pycaffe.TEST)


def run(tmp_path, script, *, status=0, **environment):
    """Run a script as people do, in its own folder; return what it prints."""
    (tmp_path / "net.prototxt").write_text(NET, encoding="utf-8")
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(script), encoding="utf-8")
    words = [sys.executable, "-m", "cnnvis_caffe.pycaffe", str(path)]
    result = programs.run(words, cwd=tmp_path, env={**os.environ, **environment})
    assert result.returncode == status, result.stderr
    return result.stdout.split()


# -- calls and names -------------------------------------------------------------------------------------------------


def test_blobs_take_attributes_of_a_script(net):
    net.blobs["data"].note = 5
    assert net.blobs["data"].note == 5


def test_the_phase_is_what_the_net_was_made_for(net):
    net.set_phase_test()
    with pytest.raises(NetError, match=r"made for phase TEST.*caffe\.Net\(file, caffe\.TRAIN\)"):
        net.set_phase_train()


def test_images_are_prepared_as_in_2014(net, tmp_path):
    image = np.random.default_rng(1).random((4, 5, 3)).astype(np.float32)
    mean = np.random.default_rng(2).random((3, 4, 5)).astype(np.float32)
    net.set_mode_cpu()
    net.set_raw_scale("data", 255)
    net.set_channel_swap("data", (2, 1, 0))
    net.set_input_scale("data", 0.5)
    net.set_mean("data", mean)
    expected = (image[:, :, ::-1].transpose(2, 0, 1) * 255 - mean) * 0.5
    assert net.preprocess("data", image.copy()) == pytest.approx(expected, rel=1e-5, abs=1e-4)
    assert net.deprocess("data", expected) == pytest.approx(image, abs=1e-5)
    np.save(tmp_path / "mean.npy", mean)
    net.set_mean("data", str(tmp_path / "mean.npy"), "channel")
    expected = (image[:, :, ::-1].transpose(2, 0, 1) * 255 - mean.mean((1, 2))[:, None, None]) * 0.5
    assert net.preprocess("data", image.copy()) == pytest.approx(expected, rel=1e-5, abs=1e-4)


def weights_of(net):
    return net.params["conv"][0].data.copy(), net.params["ip"][0].data.copy()


def to_pixels(d_conv, kernel):
    """Transposed convolution, one tap at a time."""
    result = np.zeros((2, 3, 4, 5))
    for y in range(2):
        for x in range(3):
            result[:, :, y : y + 3, x : x + 3] += np.einsum("no,oikl->nikl", d_conv[:, :, y, x], kernel)
    return result


def test_backward_and_deconv_from_a_layer(net):
    net.blobs["data"].data[...] = np.random.default_rng(1).standard_normal((2, 3, 4, 5))
    net.forward()
    diff = np.random.default_rng(2).standard_normal((2, 5)).astype(np.float32)
    kernel, matrix = weights_of(net)
    d_relu = (diff @ matrix).reshape(2, 6, 2, 3)
    found = net.backward_from_layer("ip", diff, ["conv"], zero_higher=True)
    assert sorted(found) == ["conv", "data"]
    expected = to_pixels(d_relu * (net.blobs["conv"].data > 0), kernel)
    assert found["data"] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    # A deconvnet rectifies what comes back, whatever went in.
    found = net.deconv_from_layer("ip", diff)
    assert found["data"] == pytest.approx(to_pixels(np.maximum(d_relu, 0), kernel), rel=1e-4, abs=1e-5)
    net.backward_from_layer("conv", 0 * d_relu, zero_higher=True)
    assert not net.blobs["ip"].diff.any() and not net.blobs["data"].diff.any()


def test_a_python_layer_of_2015_reads_its_string():
    class Layer(pycaffe.Layer):
        pass

    layer = Layer()
    layer.param_str = "stride=3"
    assert layer.param_str_ == "stride=3"


def test_modules_have_the_names_of_the_real_ones():
    for name in ("SGDSolver", "AdamSolver", "NCCL", "Timer", "Net", "Layer"):
        assert getattr(module, name) is getattr(_caffe, name)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        module.Nothing  # noqa: B018
    image = np.arange(48.0).reshape(4, 4, 3)
    assert io.resize(image, (2, 2)) == pytest.approx(image.reshape(2, 2, 2, 2, 3).mean((1, 3)))
    assert io.skimage.__name__ == "skimage"


# -- children --------------------------------------------------------------------------------------------------------


def test_a_python_that_a_script_starts_finds_caffe(tmp_path):
    script = """
        import subprocess, sys
        import caffe
        code = "import caffe, caffe.io; from caffe.proto.caffe_pb2 import Datum; print(caffe.__name__, Datum.__name__)"
        subprocess.run([sys.executable, "-c", code], check=True, cwd="/")
    """
    assert run(tmp_path, script) == ["cnnvis_caffe.pycaffe", "Datum"]


LOADER = """
    import multiprocessing, sys
    import numpy as np
    import caffe

    class Loader:
        def __init__(self, seed):
            self.net = caffe.Net("net.prototxt", caffe.TEST)
            self.random = np.random.RandomState(seed)

        def batch(self):
            return self.random.rand(*self.net.blobs["data"].data.shape)

    def load(queue, seed):
        loader = Loader(seed)
        for _ in range(3):
            queue.put(loader.batch())

    if __name__ == "__main__":
        context = multiprocessing.get_context("METHOD")
        queue = context.Queue()
        workers = [context.Process(target=load, args=(queue, seed)) for seed in range(2)]
        for worker in workers:
            worker.start()
        net = caffe.Net("net.prototxt", caffe.TEST)
        for _ in range(6):
            net.blobs["data"].data[...] = queue.get()
            net.forward()
        for worker in workers:
            worker.join()
        print(net.blobs["ip"].data.shape, [worker.exitcode for worker in workers])
"""
POOL = """
    import multiprocessing
    import caffe

    def shape_of(size):
        datum = caffe.proto.caffe_pb2.Datum(channels=3, height=size, width=size, data=bytes(3 * size * size))
        return caffe.io.datum_to_array(datum).shape

    if __name__ == "__main__":
        with multiprocessing.get_context("METHOD").Pool(2) as pool:
            print(pool.map(shape_of, [2, 3]))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize(
    ("script", "printed"),
    [(LOADER, "(2, 5) [0, 0]"), (POOL, "[(3, 2, 2), (3, 3, 3)]")],
    ids=["loaders", "pool"],
)
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_workers_of_a_script_find_caffe(tmp_path, script, printed, method):
    assert " ".join(run(tmp_path, script.replace("METHOD", method))) == printed


def test_helpers_in_a_forks_own_caffe_are_found(tmp_path):
    helpers = tmp_path / "fork" / "python" / "caffe"
    helpers.mkdir(parents=True)
    (helpers / "__init__.py").write_text("raise ImportError('compiled for another machine')")
    (helpers / "model_libs.py").write_text("from caffe import layers as L\nname = L.__class__.__name__\n")
    script = """
        import sys
        sys.path.insert(0, "fork/python")
        import caffe
        from caffe.model_libs import *
        from caffe import model_libs
        print(name, model_libs.name, caffe.__name__)
    """
    assert run(tmp_path, script) == ["Layers", "Layers", "cnnvis_caffe.pycaffe"]


def test_the_messages_by_themselves(tmp_path):
    script = "import caffe, caffe_pb2\nprint(caffe_pb2.Datum is caffe.proto.caffe_pb2.Datum)\n"
    assert run(tmp_path, script) == ["True"]
    (tmp_path / "caffe_pb2.py").write_text("Datum = None\n")
    assert run(tmp_path, script) == ["False"]
