"""Branching nets made at random do what they do in real Caffe: every value, every gradient, every name and order."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import torch

NETS = Path(__file__).parent / "nets"
sys.path.insert(0, str(NETS))

from generator import make_net  # noqa: E402
from helpers.each import check_each  # noqa: E402
from helpers.recordings import RANDOM_NETS  # noqa: E402
from net_cases import NetRecording  # noqa: E402
from net_comparison import compare  # noqa: E402

from cnnvis_caffe import pycaffe  # noqa: E402

CARRIED = NetRecording.read(RANDOM_NETS)
TYPES = """
    AbsVal Accuracy BNLL BatchNorm Bias Clip Concat ContrastiveLoss Convolution Crop Deconvolution Dropout
    DummyData ELU Eltwise Embed EuclideanLoss Exp Flatten HingeLoss Im2col InnerProduct Input LRN MVN
    MultinomialLogisticLoss PReLU Parameter Pooling Power ReLU Reduction Reshape SPP Scale Sigmoid
    SigmoidCrossEntropyLoss Silence Slice Softmax SoftmaxWithLoss Split Swish TanH Tile
"""
PHRASES = """propagate_down: true|propagate_down: false|force_backward: true|lr_mult: 0|PERMISSIVE|loss_weight: 0|
    loss_weight: -0.5|include {|exclude {|not_stage|min_level|phase: TRAIN|phase: TEST|input_dim|input_shape|
    #: clear_param_diffs|#: reshape|#: net_reshape|#: random_seed|.diff normal"""


def name_of(net):
    """What a failure calls a net."""
    return net["name"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Nets this small only wait for other threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("look", ["always", "last", "held"])
def test_matches_caffe(look):
    """Whether or not somebody looks in between, and whether or not views are held."""
    check_each(lambda net: compare(pycaffe, CARRIED, net, look), CARRIED.nets, name_of)


@pytest.mark.gpu
def test_matches_caffe_on_gpu(on_gpu):
    """The same on a GPU, where views that were taken before a pass show it when they are asked for again."""
    nets = [net for net in CARRIED.nets if 'type: "Dropout"' not in net["text"]]  # its masks are drawn on the GPU
    check_each(lambda net: compare(pycaffe, CARRIED, net, "last"), nets, name_of)


def test_recording_covers_what_nets_can_do():
    """A recording of nets that all abort, or never branch, would prove nothing."""
    nets = CARRIED.nets
    assert len(nets) >= 150
    alive = [net for net in nets if not net["death"]]
    assert 0.7 < len(alive) / len(nets) < 0.98
    text = "\n".join(net["text"] for net in alive)
    types = Counter(kind for net in alive for kind in net["states"][0]["wiring"]["types"])
    for kind in TYPES.split():
        assert types[kind], kind
    for phrase in PHRASES.split("|"):
        assert text.count(phrase.strip()) >= 3, phrase
    named = {name for net in alive for name, *_ in net["states"][0]["wiring"]["tops"]}
    assert any(name.endswith("_split") for name in named)
    assert any("(automatic)" in net["states"][0]["wiring"]["blobs"] for net in alive)


def test_generator_still_writes_the_recorded_nets():
    """Otherwise other seeds would try other nets than these; then record again."""
    for net in CARRIED.nets:
        assert make_net(int(net["name"][3:])) == net["text"], net["name"]


@pytest.mark.pycaffe
def test_other_nets_match_caffe(real_caffe, repository):
    """Nets of other seeds, FIRST:LAST of CNNVIS_NET_SEEDS, recorded now."""
    first, last = os.environ.get("CNNVIS_NET_SEEDS", "1000:1040").split(":")
    recorder = repository / "tests" / "recorders" / "record_nets.py"
    (repository / "build").mkdir(exist_ok=True)  # real Caffe may see nothing outside of the checkout
    with tempfile.TemporaryDirectory(dir=repository / "build") as folder:
        path = Path(folder) / "nets.npz"
        subprocess.run([*real_caffe, "python3", str(recorder), str(path), first, last], check=True)
        recording = NetRecording.read(path)
    differences = []
    for net in recording.nets:
        try:
            compare(pycaffe, recording, net)
        except AssertionError as error:
            differences.append(str(error))
    assert len(recording.nets) == int(last) - int(first)
    assert not differences, "\n\n".join(differences)
