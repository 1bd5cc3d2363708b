"""Damaged files give a result or an error of ours: no other exception, no crash, no hang, little memory.

CNNVIS_DAMAGED_FILES sets how many of each kind, CNNVIS_DAMAGED_SEED which ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.caffemodel import write_caffemodel
from cnnvis_caffe.formats.hdf5 import write_weights_hdf5
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.formats.solverstate import write_solverstate, write_solverstate_hdf5
from cnnvis_caffe.records.solver_state import SolverState
from cnnvis_caffe.records.weights import ParamArray

COUNT = int(os.environ.get("CNNVIS_DAMAGED_FILES", "1500"))
SEED = int(os.environ.get("CNNVIS_DAMAGED_SEED", "1"))
WORKER = Path(__file__).with_name("damage_worker.py")
RECORDED = Path(__file__).parents[1] / "unit" / "formats" / "data"

PROTOTXT = """
# A small net of the current generation.
name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1.5 } param { lr_mult: 2e-1 }
  convolution_param { num_output: 4 kernel_size: 3 pad: 0x1 weight_filler { type: 'gau' "ssian" std: .01 } }
}
layer { name: "caf\\303\\251" type: "ReLU" bottom: "conv" top: "c2" include { phase: TEST not_stage: "x" } };
"""
OLD_PROTOTXT = """
name: "old" input: "data" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8 force_backward: true
layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "data" top: "pad" }
layers { layer { name: "conv" type: "conv" num_output: 4 kernelsize: 5 blobs_lr: 1. }
         bottom: "pad" top: "c" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "c" bottom: "data" }
"""


def array(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape) / 8


def small_network() -> object:
    network = schema.NetParameter(name="small")
    network.layer.add(name="data", type="Input", top=["data"])
    network.layer.add(name="block/conv", type="Convolution", bottom=["data"], top=["conv"])
    network.layer[-1].convolution_param.num_output = 2
    network.layer.add(name="ip", type="InnerProduct", bottom=["conv"], top=["ip"], phase=schema.TEST)
    return network


def old_network(v0: bool) -> bytes:
    network = schema.NetParameter(name="old", input=["data"], input_dim=[1, 2, 3, 3])
    layer = network.layers.add(bottom=["data"], top=["conv"])
    described = layer.layer if v0 else layer
    described.name = "conv"
    if v0:
        described.type, described.num_output, described.kernelsize = "conv", 2, 3
    else:
        described.type = schema.V1LayerParameter.CONVOLUTION
        described.convolution_param.num_output = 2
    described.blobs.add(num=2, channels=2, height=3, width=3, data=array(36))
    described.blobs.add(num=1, channels=1, height=1, width=2, double_data=[0.5, 1e300])
    return network.SerializeToString()


@pytest.fixture
def originals(tmp_path: Path, request: pytest.FixtureRequest) -> list[Path]:
    folder = tmp_path / "originals"
    folder.mkdir()
    blobs = {"block/conv": [(array(2, 1, 3, 3), array(2, 1, 3, 3)), array(2)], "ip": [array(3, 2)]}
    state = SolverState(7, 1, "small_iter_7.caffemodel", (ParamArray((3, 2), array(3, 2)),) * 3)
    kind = request.param
    if kind == "caffemodel":
        write_caffemodel(folder / "current", small_network(), blobs)
        (folder / "v0").write_bytes(old_network(v0=True))
        (folder / "v1").write_bytes(old_network(v0=False))
        unpacked = b"".join(b"\x2d" + number.tobytes() for number in array(40)) + b"\x3a\x02\x08\x28"
        (folder / "unpacked").write_bytes(wrap(wrap(unpacked, 7) + wrap(b"ip", 1), 100))
    elif kind == "caffemodel.h5":
        write_weights_hdf5(folder / "ours.h5", {"data": [], **blobs}, with_diff=True)
        (folder / "caffes.h5").write_bytes((RECORDED / "nested.caffemodel.h5").read_bytes())
        with h5py.File(folder / "other.h5", "w", libver="latest") as file:
            group = file.create_group("data/ip")
            group.create_dataset("0", data=array(30, 20), chunks=(8, 8), compression="gzip", shuffle=True)
            group.create_dataset("1", data=array(30).astype(np.float64), fletcher32=True)
    elif kind == "solverstate":
        write_solverstate(folder / "ours", state)
        (folder / "caffes").write_bytes((RECORDED / "plain_iter_3.solverstate").read_bytes())
    elif kind == "solverstate.h5":
        write_solverstate_hdf5(folder / "ours.h5", state)
        with h5py.File(folder / "other.h5", "w") as file:
            file["iter"], file["current_step"], file["learned_net"] = 7, 1, np.bytes_("small_iter_7")
            file.create_dataset("history/0", data=array(5, 5), compression="gzip")
    elif kind == "mean":
        write_mean(folder / "ours", array(3, 4, 5))
    else:
        (folder / "current.prototxt").write_text(PROTOTXT)
        (folder / "old.prototxt").write_text(OLD_PROTOTXT)
    return sorted(folder.iterdir())


def wrap(body: bytes, number: int) -> bytes:
    """A length-delimited field, by hand."""
    tag = number << 3 | 2
    head = bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])
    length = len(body)
    return head + (bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])) + body


@pytest.mark.parametrize(
    ("originals", "reader"),
    [
        ("caffemodel", "weights"),
        ("caffemodel.h5", "weights"),
        ("solverstate", "state"),
        ("solverstate.h5", "state"),
        ("mean", "mean"),
        ("prototxt", "network"),
    ],
    indirect=["originals"],
)
def test_damaged_files_are_read_or_refused(originals: list[Path], reader: str, tmp_path: Path) -> None:
    scratch = tmp_path / "damaged"
    command = [sys.executable, str(WORKER), reader, str(SEED), str(COUNT), str(scratch), *map(str, originals)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60 + COUNT)
    last_line = (run.stdout.splitlines() or ["before the first case"])[-1]
    assert run.returncode == 0, f"{last_line}, exit status {run.returncode}\n{run.stderr[-4000:]}"
    outcomes = json.loads(last_line)
    assert sum(outcomes.values()) == COUNT
    # Both must happen, or the damage was not of an interesting kind.
    assert min(outcomes.get("read", 0), outcomes.get("refused", 0)) > COUNT // 50, outcomes
