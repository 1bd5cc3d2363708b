"""`cnnvis-caffe upgrade`: old files in, current files out, nothing lost."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.recordings import WEIGHTS

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.caffemodel import read_caffemodel
from cnnvis_caffe.formats.prototxt import parse_text, read_network
from cnnvis_caffe.formats.weights import read_weights

V1 = """# a comment
input: 'data' input_dim: 1 input_dim: 1 input_dim: 4 input_dim: 4
layers { name: 'ip' type: INNER_PRODUCT bottom: 'data' top: 'ip' blobs_lr: 2 inner_product_param { num_output: 2 } }
"""


@pytest.mark.parametrize("same", [False, True])
def test_network(tmp_path, call, same):
    old = tmp_path / "old.prototxt"
    old.write_text(V1)
    new = old if same else tmp_path / "new.prototxt"
    wanted = read_network(old).message
    output = call("upgrade", old, new).stdout
    assert "generation V1" in output
    assert f"Wrote {new}" in output
    upgraded = read_network(new)
    assert (upgraded.generation, upgraded.upgrades) == ("V2", ())
    assert upgraded.message == wanted
    assert upgraded.message.layer[1].param[0].lr_mult == 2
    assert [path.name for path in tmp_path.iterdir() if "tmp" in path.name] == []


def test_a_current_network_keeps_its_comments(tmp_path, call, repository):
    path = tmp_path / "net.prototxt"
    text = "# mine\n" + (repository / "prototxt/lenet/deploy.prototxt").read_text()
    path.write_text(text)
    assert "current format already" in call("upgrade", path, path).stdout
    call("upgrade", path, tmp_path / "copy.prototxt")
    assert path.read_text() == (tmp_path / "copy.prototxt").read_text() == text


def test_solver(tmp_path, call):
    path = tmp_path / "solver.prototxt"
    path.write_text("net: 'a.prototxt' base_lr: 0.1 lr_policy: 'fixed' solver_type: ADAM")
    assert "ADAM" in call("upgrade", path, path).stdout
    solver = parse_text(path.read_text(), schema.SolverParameter).message
    assert (solver.type, solver.HasField("solver_type"), solver.HasField("snapshot_prefix")) == ("Adam", False, False)


@pytest.mark.parametrize("same", [False, True])
def test_weights(tmp_path, call, same):
    network = schema.NetParameter(name="old")
    layer = network.layers.add(name="ip", type=schema.V1LayerParameter.INNER_PRODUCT, bottom=["x"], top=["ip"])
    blob = layer.blobs.add(num=1, channels=1, height=2, width=3)
    blob.data.extend(range(6))
    old = tmp_path / "old.caffemodel"
    old.write_bytes(network.SerializeToString())
    new = old if same else tmp_path / "new.caffemodel"
    assert "generation V1" in call("upgrade", old, new).stdout
    weights = read_caffemodel(new)
    assert weights.generation == "V2"
    (array,) = weights.layers[0].blobs
    assert (array.shape, array.legacy) == ((1, 1, 2, 3), True)
    assert np.array_equal(array.data.ravel(), np.arange(6))


def test_hdf5_passes_through(tmp_path, call, repository):
    source = WEIGHTS / "hdf5_iter_3.caffemodel.h5"
    new = tmp_path / "new.caffemodel.h5"
    call("upgrade", source, new)
    assert new.read_bytes() == source.read_bytes()
    assert read_weights(new).layers


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"layer { name: 3 }", "name takes text in quotes"),
        (b"words", "is not a network, solver or weights"),
    ],
)
def test_errors_leave_the_target_alone(tmp_path, call, content, message):
    old, new = tmp_path / "old.prototxt", tmp_path / "new.prototxt"
    new.write_text("as it was")
    if content is not None:
        old.write_bytes(content)
    result = call("upgrade", old, new, code=1)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert new.read_text() == "as it was"
