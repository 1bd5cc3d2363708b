#!/usr/bin/env python3
"""Let real Caffe fill blobs and draw dropout masks from known seeds, and keep what it drew.

Run inside real Caffe::

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_fillers.py tests/recorded/streams/fillers.npz

A target of ``-`` writes to standard output. The recording holds ``cases`` (JSON) and ``values`` (float32, of
all cases one after the other). A case has a name, a seed, and steps in the order of drawing, each either
``{shape, filler}`` or ``{count, ratio}`` (dropout; its value is 1 where kept, 0 where dropped). A step with a
``sha256`` keeps only that of its bytes. Most cases end with a few uniform draws: they tell where the stream
stands.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import sys
import tempfile

import caffe
import numpy as np

SEEDS = (0, 1, 42, 1701)
SHAPES = ((7,), (6, 5), (4, 3, 2, 2), (3, 5, 2))
POSITION = {"shape": [3], "filler": "type: 'uniform'"}
KEEP_AT_MOST = 6000  # values; of longer steps only the hash is kept


def every_filler():
    """Yield the settings that fit every shape."""
    yield "value: 0.1"
    yield "type: 'uniform'"
    yield "type: 'uniform' min: -0.3 max: 0.7"
    yield "type: 'gaussian'"
    yield "type: 'gaussian' mean: -0.7 std: 0.01"
    yield "type: 'gaussian' std: 0.3 sparse: 2"
    yield "type: 'positive_unitball'"
    for norm in ("FAN_IN", "FAN_OUT", "AVERAGE"):
        yield "type: 'xavier' variance_norm: " + norm
        yield "type: 'msra' variance_norm: " + norm


def filler_cases():
    """Yield (name, seed, [(shape, filler)], forwards) of blobs to fill one after the other."""
    for seed in SEEDS:
        for shape in SHAPES:
            yield f"all-{'x'.join(map(str, shape))}", seed, [(shape, text) for text in every_filler()], 1
    for k in (1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 21, 31, 32):
        yield f"bilinear-{k}", 1, [((2, 1, k, k), "type: 'bilinear'")], 1
    yield "wide-bilinear", 1, [((1, 1, k, k), "type: 'bilinear'") for k in range(33, 120)], 1
    long = 1000000
    for seed in SEEDS:
        yield "long-gaussian", seed, [((long,), "type: 'gaussian'")], 1
        yield "long-uniform", seed, [((long,), "type: 'uniform' min: -2 max: 3")], 1
    yield "long-msra", 2**32 - 1, [((1000, 1001), "type: 'msra'")], 1
    yield "long-unitball", 2**31, [((30, 20011), "type: 'positive_unitball'")], 1
    yield "long-sparse", 2**31 - 1, [((500, 1003), "type: 'gaussian' sparse: 37")], 1
    yield "sparse-none", 3, [((4, 5), "type: 'gaussian' sparse: 0")], 1
    yield "sparse-all", 3, [((4, 5), "type: 'gaussian' sparse: 4")], 1
    # One word lies where comparing in double would drop the value that comparing in float32 keeps.
    yield "sparse-float32", 7, [((1527,), "type: 'gaussian' sparse: 975")], 1
    # The word 745 becomes 1.0, which is drawn again; in the second case so within a test against the curve.
    yield "uniform-redraw", 10694, [((1000,), "type: 'uniform'")], 1
    yield "gaussian-redraw", 5660, [((40000,), "type: 'gaussian'")], 1
    yield "one-value", 5, [((50,), "type: 'uniform' min: 0.5 max: 0.5"), ((9,), "type: 'uniform' max: 0")], 1
    yield "widest", 5, [((50,), "type: 'uniform' min: -3.4e38 max: 3.4e38")], 1
    yield "ends", 5, [((50,), "type: 'uniform' min: -1e-30 max: 1e-38")], 1
    yield "refill", 8, [((9,), "type: 'gaussian'"), ((2, 2), "value: 4"), ((5,), "type: 'xavier'")], 3


def dropout_cases():
    """Yield (name, seed, [(count, ratio)], forwards) of Dropout layers, one after the other."""
    for seed in SEEDS:
        yield "dropout", seed, [(31, 0.5), (32, 0.5), (65, 0.3), (200, 0.9), (7, 0.0), (40, 0.01)], 2
    # The word 1062 lies where comparing in float32 would keep the value that comparing in double drops.
    yield "dropout-double", 42, [(1100, 0.00028232528711669147)], 1
    yield "long-dropout", 6, [(300007, 0.4), (100003, 0.7)], 1


NET = [
    (
        "conv1",
        "Convolution",
        "data",
        "convolution_param { num_output: 6 kernel_size: 3 stride: 2 group: 2 %s }",
        [
            ("weight_filler", "type: 'msra' variance_norm: FAN_OUT"),
            ("bias_filler", "type: 'uniform' min: -1 max: 1"),
        ],
    ),
    (
        "scale1",
        "Scale",
        "conv1",
        "scale_param { bias_term: true %s }",
        [("filler", "type: 'gaussian' mean: 1 std: 0.1"), ("bias_filler", "type: 'positive_unitball'")],
    ),
    ("prelu1", "PReLU", "scale1", "prelu_param { %s }", [("filler", "type: 'gaussian'")]),
    (
        "up1",
        "Deconvolution",
        "prelu1",
        "convolution_param { num_output: 4 kernel_size: 4 group: 2 %s }",
        [("weight_filler", "type: 'xavier' variance_norm: AVERAGE"), ("bias_filler", "value: 0.25")],
    ),
    (
        "up2",
        "Deconvolution",
        "up1",
        "convolution_param { num_output: 4 group: 4 kernel_size: 5 bias_term: false %s }",
        [("weight_filler", "type: 'bilinear'")],
    ),
    (
        "ip1",
        "InnerProduct",
        "up2",
        "inner_product_param { num_output: 5 %s }",
        [("weight_filler", "type: 'gaussian' std: 0.01 sparse: 3"), ("bias_filler", "type: 'xavier'")],
    ),
    (
        "ip2",
        "InnerProduct",
        "ip1",
        "inner_product_param { num_output: 3 transpose: true %s }",
        [("weight_filler", "type: 'msra'"), ("bias_filler", "type: 'msra' variance_norm: FAN_OUT")],
    ),
]


def build(text, phase):
    """Build a net from text."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt", delete=False) as file:
        file.write(text)
    try:
        return caffe.Net(file.name, phase)
    finally:
        os.remove(file.name)


def dims(shape):
    """Write a BlobShape."""
    return "shape { " + " ".join(f"dim: {n}" for n in shape) + " }"


def dummy(name, shape, filler):
    """Write a DummyData layer."""
    settings = f"dummy_data_param {{ {dims(shape)} data_filler {{ {filler} }} }}"
    return f"layer {{ name: '{name}' type: 'DummyData' top: '{name}' {settings} }}\n"


def run_fillers(seed, fills, forwards):
    """Fill DummyData blobs at each forward; return steps and arrays."""
    fills = [*fills, (POSITION["shape"], POSITION["filler"])]
    net = build("".join(dummy(f"blob{i}", *one) for i, one in enumerate(fills)), caffe.TRAIN)
    caffe.set_random_seed(seed)
    steps, arrays = [], []
    for _ in range(forwards):
        net.forward()
        for i, (shape, filler) in enumerate(fills):
            steps.append({"shape": list(shape), "filler": filler})
            arrays.append(net.blobs[f"blob{i}"].data.copy())
    return steps, arrays


def run_dropout(seed, layers, forwards):
    """Drop ones at each forward, then see where the stream stands."""
    text = ""
    for i, (count, ratio) in enumerate(layers):
        text += dummy(f"ones{i}", [count], "value: 1")
        settings = f"dropout_param {{ dropout_ratio: {ratio!r} }}"
        text += f"layer {{ name: 'drop{i}' type: 'Dropout' bottom: 'ones{i}' top: 'drop{i}' {settings} }}\n"
    net = build(text + dummy("position", POSITION["shape"], POSITION["filler"]), caffe.TRAIN)
    caffe.set_random_seed(seed)
    steps, arrays = [], []
    for _ in range(forwards):
        net.forward()
        for i, (count, ratio) in enumerate(layers):
            top = net.blobs[f"drop{i}"].data
            scale = np.float32(1 / (1 - float(np.float32(ratio))))
            assert np.isin(top, [0, scale]).all(), (ratio, scale)
            steps.append({"count": count, "ratio": ratio})
            arrays.append((top != 0).astype(np.float32))
        steps.append(POSITION)
        arrays.append(net.blobs["position"].data.copy())
    return steps, arrays


def run_net(seed):
    """Build a net of several layers; the parameters are filled in the order of the layers."""
    text = "layer { name: 'data' type: 'Input' top: 'data' input_param { " + dims([2, 4, 9, 9]) + " } }\n"
    for name, kind, bottom, settings, fillers in NET:
        settings = settings % " ".join(f"{field} {{ {filler} }}" for field, filler in fillers)
        text += f"layer {{ name: '{name}' type: '{kind}' bottom: '{bottom}' top: '{name}' {settings} }}\n"
    caffe.set_random_seed(seed)
    net = build(text, caffe.TEST)
    steps, arrays = [], []
    for name, _, _, _, fillers in NET:
        assert len(net.params[name]) == len(fillers)
        for blob, (_, filler) in zip(net.params[name], fillers):
            steps.append({"shape": list(blob.data.shape), "filler": filler})
            arrays.append(blob.data.copy())
    return steps, arrays


def record():
    """Run all cases; return (cases, values)."""
    runs = [
        (name, seed, run_fillers(seed, fills, forwards)) for name, seed, fills, forwards in filler_cases()
    ]
    runs += [
        (name, seed, run_dropout(seed, layers, forwards)) for name, seed, layers, forwards in dropout_cases()
    ]
    runs += [("net", seed, run_net(seed)) for seed in SEEDS]
    cases, values = [], []
    for name, seed, (steps, arrays) in runs:
        kept = []
        for step, array in zip(steps, arrays):
            array = np.ascontiguousarray(array, np.float32)
            assert array.size == step.get("count", math.prod(step.get("shape", ())))
            if array.size > KEEP_AT_MOST or name.startswith("wide-"):
                step = dict(step, sha256=hashlib.sha256(array.tobytes()).hexdigest())
            else:
                values.append(array.ravel())
            kept.append(step)
        cases.append({"name": f"{name}-seed{seed}", "seed": seed, "steps": kept})
    return cases, np.concatenate(values)


def main(target):
    """Record into a file or standard output."""
    cases, values = record()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, cases=np.frombuffer(json.dumps(cases).encode(), np.uint8), values=values)
    if target == "-":
        sys.stdout.buffer.write(buffer.getvalue())
        return
    with open(target, "wb") as file:
        file.write(buffer.getvalue())


if __name__ == "__main__":
    main(sys.argv[1])
