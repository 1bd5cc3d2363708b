"""Files are known by what is in them."""

from __future__ import annotations

import h5py
import pytest

from cnnvis_caffe.errors import DataNotFoundError
from cnnvis_caffe.formats import file_kind, schema
from cnnvis_caffe.formats.file_kind import guess_kind

BLOB = schema.BlobProto(num=1, channels=3, height=1, width=2, data=range(6))
BINARIES = {
    "old mean": (BLOB, file_kind.MEAN),
    "mean with shape": (schema.BlobProto(shape=schema.BlobShape(dim=[2]), data=[0, 1]), file_kind.MEAN),
    "mean of doubles": (schema.BlobProto(double_data=[1.5]), file_kind.MEAN),
    "weights": (
        schema.NetParameter(name="net", layer=[schema.LayerParameter(name="ip", blobs=[BLOB])]),
        file_kind.CAFFEMODEL,
    ),
    "weights without a name": (schema.NetParameter(layer=[schema.LayerParameter()]), file_kind.CAFFEMODEL),
    "weights of generation V1": (
        schema.NetParameter(name="net", layers=[schema.V1LayerParameter(name="ip", blobs=[BLOB])], input_dim=[1, 2]),
        file_kind.CAFFEMODEL,
    ),
    "solver state": (
        schema.SolverState(iter=7, learned_net="n.caffemodel", history=[BLOB], current_step=1),
        file_kind.SOLVERSTATE,
    ),
    "solver state without history": (schema.SolverState(iter=7, learned_net="n"), file_kind.SOLVERSTATE),
}
TEXTS = {
    "network": ("# net: 'x' base_lr: 1\nname: 'net'\nlayer { name: 'a' }", file_kind.NETWORK),
    "network of generation V1": ("layers { type: RELU }", file_kind.NETWORK),
    "network with a mistake": ("name: 'net' layer { name: 'a' type: }", file_kind.NETWORK),
    "network with text that looks like a solver": ("name: 'base_lr: 1 net: 2' state { }", file_kind.NETWORK),
    "solver": ("net: 'train.prototxt'\nbase_lr: 0.1 debug_info: true", file_kind.SOLVER),
    "solver with its net": ("net_param { name: 'net' layer { } layer { } } test_iter: 1", file_kind.SOLVER),
    "words": ("This is a letter: not a network.", file_kind.UNKNOWN),
    "page": ("<html><body>404</body></html>", file_kind.UNKNOWN),
    "json": ('{"name": "net", "layer": []}', file_kind.UNKNOWN),
    "nothing": ("", file_kind.UNKNOWN),
    "spaces": (" \n", file_kind.UNKNOWN),
}


@pytest.mark.parametrize("name", BINARIES)
def test_binary_files(tmp_path, name):
    message, kind = BINARIES[name]
    path = tmp_path / "a.prototxt"
    data = message.SerializeToString()
    path.write_bytes(data)
    assert guess_kind(path) == kind


def test_a_damaged_file_keeps_its_kind(tmp_path):
    path = tmp_path / "a.caffemodel"
    path.write_bytes(BINARIES["weights"][0].SerializeToString()[:-3])
    assert guess_kind(path) == file_kind.CAFFEMODEL


@pytest.mark.parametrize("name", TEXTS)
def test_texts(tmp_path, name):
    text, kind = TEXTS[name]
    path = tmp_path / "a.caffemodel"
    path.write_text(text, encoding="utf-8")
    assert guess_kind(path) == kind


@pytest.mark.parametrize(
    ("groups", "kind"),
    [
        (["data", "data/ip"], file_kind.HDF5_WEIGHTS),
        (["history"], file_kind.HDF5_SOLVERSTATE),
        (["other"], file_kind.UNKNOWN),
    ],
)
def test_hdf5(tmp_path, groups, kind):
    path = tmp_path / "a"
    with h5py.File(path, "w") as file:
        for group in groups:
            file.create_group(group)
    assert guess_kind(path) == kind
    path.write_bytes(path.read_bytes()[:100])
    assert guess_kind(path) == file_kind.UNKNOWN


def test_noise_and_missing_files(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * 4)
    assert guess_kind(path) == file_kind.UNKNOWN
    with pytest.raises(DataNotFoundError):
        guess_kind(tmp_path / "none")
