"""`cnnvis-caffe time`: the lines of Caffe's own tool."""

from __future__ import annotations

import json
import re

import pytest

NETWORK = """
layer { name: 'data' type: 'DummyData' top: 'data' top: 'label'
        dummy_data_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 } shape { dim: 4 } } }
layer { name: 'conv' type: 'Convolution' bottom: 'data' top: 'conv'
        convolution_param { num_output: 5 kernel_size: 3 weight_filler { type: 'xavier' } } }
layer { name: 'ip' type: 'InnerProduct' bottom: 'conv' top: 'ip'
        inner_product_param { num_output: 3 weight_filler { type: 'xavier' } } }
layer { name: 'right' type: 'Accuracy' bottom: 'ip' bottom: 'label' top: 'right' include { phase: TEST } }
layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'label' top: 'loss' }
"""
MS = r"[0-9.e+-]+ ms\."


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(NETWORK)
    return path


def test_the_lines_are_caffe_s(model, call):
    lines = call("time", "--model", model, "--iterations", "2").stdout.splitlines()
    names = ["data", "conv", "ip", "loss"]
    per_layer = [line for name in names for line in (rf" *{name}\tforward: {MS}", rf" *{name}\tbackward: {MS}")]
    patterns = [
        r"Use CPU\.",
        "Performing Forward",
        r"Initial loss: 1\.09861",  # ln 3: all inputs are zero
        "Performing Backward",
        r"\*\*\* Benchmark begins \*\*\*",
        r"Testing for 2 iterations\.",
        f"Iteration: 1 forward-backward time: {MS}",
        f"Iteration: 2 forward-backward time: {MS}",
        "Average time per layer: ",
        *per_layer,
        f"Average Forward pass: {MS}",
        f"Average Backward pass: {MS}",
        f"Average Forward-Backward: {MS}",
        f"Total Time: {MS}",
        r"\*\*\* Benchmark ends \*\*\*",
    ]
    assert len(lines) == len(patterns)
    for line, pattern in zip(lines, patterns):
        assert re.fullmatch(pattern, line), (line, pattern)


@pytest.mark.parametrize("flags", [["-model", "{}", "-iterations", "1"], ["-model={}", "--iterations=1", "-cpu=true"]])
def test_flags_as_caffe_takes_them(flags, model, call):
    assert call("time", *(flag.format(model) for flag in flags)).stdout.splitlines()[5] == "Testing for 1 iterations."


def test_phase_and_json(model, call):
    result = json.loads(call("time", "--model", model, "--iterations", "2", "--phase", "test", "--json").stdout)
    assert [layer["name"] for layer in result["layers"]] == [
        "data", "label_data_1_split", "conv", "ip", "ip_ip_0_split", "right", "loss",
    ]  # fmt: skip
    assert result["iterations"] == 2
    times = {layer["name"]: layer for layer in result["layers"]}
    assert times["conv"]["forward_ms"] > 0
    assert times["conv"]["backward_ms"] > 0
    assert sum(layer["forward_ms"] for layer in result["layers"]) <= result["forward_ms"]
    assert result["forward_ms"] + result["backward_ms"] <= result["forward_backward_ms"] <= result["total_ms"]


def test_every_layer_runs_backward(model, call, monkeypatch):
    from cnnvis_caffe.runtime.layers.inner_product import InnerProduct

    # Without a loss the net itself would run none.
    model.write_text(NETWORK[: NETWORK.index("layer { name: 'loss'")])
    calls = []
    backward = InnerProduct.backward
    monkeypatch.setattr(InnerProduct, "backward", lambda *args: (calls.append(1), backward(*args)))
    call("time", "--model", model, "--iterations", "3")
    assert len(calls) == 3


def test_wrong_usage(model, call):
    call("time", code=2)
    call("time", "--model", model, "--iterations", "0", code=2)
    call("time", "--model", model, "--gpu", "0", "--cpu", code=2)
    result = call("time", "--model", model, "--gpu", "99", code=1)
    assert result.stderr.startswith("Error: GPU 99 cannot be used")
