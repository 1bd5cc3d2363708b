"""Weights go from net to net, through files of every generation and format, and give the same outputs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

NETS = Path(__file__).parent / "nets"
sys.path.insert(0, str(NETS))

from helpers.recordings import GENERATIONS, RANDOM_NETS  # noqa: E402
from net_cases import NetCase, NetRecording, load_net  # noqa: E402

from cnnvis_caffe import pycaffe  # noqa: E402

pytestmark = pytest.mark.usefixtures("mode")

WEIGHTS = ("v0.caffemodel", "v1.caffemodel", "v2.caffemodel", "v2.caffemodel.h5")


def generation(text, weights=None):
    """A net of a text of one generation, with weights of the same or another."""
    net = pycaffe.Net(str(GENERATIONS / f"{text}.prototxt"), pycaffe.TEST)
    if weights:
        net.copy_from(str(weights))
    return net


@pytest.fixture(scope="module")
def recorded():
    """Input of the net of three generations, and what real Caffe gave."""
    with np.load(GENERATIONS / "outputs.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("text", ["v0", "v1", "v2"])
def test_generations_give_the_same_outputs(text, weights, recorded):
    found = generation(text, GENERATIONS / weights).forward(data=recorded["data"])["prob"]
    np.testing.assert_allclose(found, recorded["prob"], rtol=1e-5)
    other = generation("v2", GENERATIONS / "v2.caffemodel").forward(data=recorded["data"])["prob"]
    assert (found == other).all()


@pytest.mark.parametrize("method", ["save", "save_hdf5"])
@pytest.mark.parametrize("text", ["v0", "v1", "v2"])
def test_written_weights_give_the_same_outputs(text, method, recorded, tmp_path):
    net = generation(text, GENERATIONS / f"{text}.caffemodel")
    getattr(net, method)(str(tmp_path / "weights"))
    again = generation("v2", tmp_path / "weights")
    assert (again.forward(data=recorded["data"])["prob"] == net.forward(data=recorded["data"])["prob"]).all()


def test_shared_parameters_are_saved_once_in_hdf5_and_everywhere_in_binary(tmp_path):
    network = tmp_path / "net.prototxt"
    layer = (
        'layer {{ name: "{0}" type: "InnerProduct" bottom: "x" top: "{0}" param {{ name: "w" }} '
        'inner_product_param {{ num_output: 3 weight_filler {{ type: "gaussian" }} }} }}\n'
    )
    network.write_text(
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }\n'
        + layer.format("a")
        + layer.format("b")
    )
    net = pycaffe.Net(str(network), pycaffe.TEST)
    net.params["b"][1].data[...] = 4
    import h5py

    for method, file in (("save", "w.caffemodel"), ("save_hdf5", "w.caffemodel.h5")):
        getattr(net, method)(str(tmp_path / file))
        other = pycaffe.Net(str(network), str(tmp_path / file), pycaffe.TEST)
        assert (other.params["b"][0].data == net.params["a"][0].data).all()
        assert (other.params["b"][1].data == 4).all()
        assert np.may_share_memory(other.params["a"][0].data, other.params["b"][0].data)
    with h5py.File(tmp_path / "w.caffemodel.h5", "r") as file:
        assert {name: sorted(group) for name, group in file["data"].items()} == {
            "x": [],
            "x_x_0_split": [],
            "a": ["0", "1"],
            "b": ["1"],
        }


def test_names_with_slashes_go_through_hdf5(tmp_path):
    """Caffe cannot write such files."""
    network = tmp_path / "net.prototxt"
    network.write_text(
        'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 3 } } }\n'
        'layer { name: "a/b" type: "InnerProduct" bottom: "x" top: "y" '
        'inner_product_param { num_output: 2 weight_filler { type: "gaussian" } } }\n'
    )
    net = pycaffe.Net(str(network), pycaffe.TEST)
    net.save_hdf5(str(tmp_path / "w.h5"))
    other = pycaffe.Net(str(network), pycaffe.TEST)
    other.load_hdf5(str(tmp_path / "w.h5"))
    assert (other.params["a/b"][0].data == net.params["a/b"][0].data).all()
    assert net.params["a/b"][0].data.any()


# -- with real Caffe -----------------------------------------------------------------------------------------------


def nets_with_parameters(count):
    """Recorded nets with parameters that draw nothing, with and without slashes in names."""
    found = {True: [], False: []}
    for net in NetRecording.read(RANDOM_NETS).nets:
        text = net["text"]
        is_repeatable = "DummyData" not in text and "\n  phase: TRAIN" not in text
        is_test = "#: phase TEST" in text
        if not net["death"] and is_repeatable and is_test and net["states"][0]["wiring"]["params"]:
            has_slash = any("/" in name for name in net["states"][0]["wiring"]["layers"])
            found[has_slash].append(net)
    return found[False][:count] + found[True][: count // 2]


def outputs_of(net, inputs):
    """What a net gives."""
    for name, values in inputs.items():
        net.blobs[name].data[...] = values
    net.forward()
    return {name: net.blobs[name].data.copy() for name in net.outputs}


def assert_close(found, expected):
    """Compare outputs by name."""
    assert sorted(found) == sorted(expected)
    for name, values in expected.items():
        scale = np.abs(values[np.isfinite(values)]).max(initial=0)
        np.testing.assert_allclose(found[name], values, rtol=1e-4, atol=1e-5 * scale + 1e-6, err_msg=name)


@pytest.mark.pycaffe
@pytest.mark.filterwarnings("ignore::cnnvis_caffe.errors.CaffeQuirkWarning")
def test_weights_go_there_and_back(real_caffe, repository):
    """What we save, real Caffe loads, and the reverse, in both formats: same outputs."""
    nets = nets_with_parameters(16)
    assert len(nets) >= 12
    (repository / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=repository / "build") as name:
        folder = Path(name)
        ours = {}
        for entry in nets:
            base = folder / entry["name"]
            network = base.with_suffix(".prototxt")
            network.write_text(entry["text"])
            net = load_net(pycaffe, NetCase(entry["name"], entry["text"]))
            random = np.random.default_rng(2)
            for blobs in net.params.values():
                for blob in blobs:
                    blob.data[...] = random.uniform(0.1, 0.6, blob.data.shape)
            inputs = {blob: random.integers(0, 2, net.blobs[blob].data.shape) for blob in net.inputs}
            np.savez(f"{base}.npz", **inputs)
            net.save(f"{base}.caffemodel")
            # Names with slashes end Caffe's writing of HDF5; ours nests groups.
            if not any("/" in layer for layer in net._layer_names):
                net.save_hdf5(f"{base}.caffemodel.h5")
            ours[entry["name"]] = inputs, outputs_of(net, inputs)
        script = NETS / "weights_under_caffe.py"
        subprocess.run([*real_caffe, "python3", str(script), str(folder)], check=True)
        n_hdf5 = 0
        for name, (inputs, outputs) in ours.items():
            base = folder / name
            with np.load(f"{base}.found.npz") as file:
                found = dict(file)
            formats = sorted({key.split(":")[0] for key in found})
            n_hdf5 += len(formats) - 1
            for ending in formats:
                assert_close({blob: found[f"{ending}:{blob}"] for blob in outputs}, outputs)
            with np.load(f"{base}.other.npz") as file:
                expected = dict(file)
            for ending in formats:
                net = load_net(pycaffe, NetCase(name, base.with_suffix(".prototxt").read_text()))
                net.copy_from(f"{base}.other{ending}")
                assert_close(outputs_of(net, inputs), expected)
        assert n_hdf5 >= 8
