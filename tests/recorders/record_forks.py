#!/usr/bin/env python3
"""Ask OpenCV 4, the last that reads Caffe's files, for the outputs of the networks in ``fork_networks.py``.

    CNNVIS_OPENCV4_PYTHON=... python tests/recorders/record_forks.py

The variable names a Python with opencv-python-headless<5. Writes ``tests/recorded/nets/forks.npz``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from fork_networks import NETWORKS, first_input, weights_like

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.caffemodel import write_caffemodel
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net

TARGET = Path(__file__).resolve().parent.parent / "recorded" / "nets" / "forks.npz"
ASK = """
import sys, numpy as np, cv2
prototxt, weights, inputs, blob, output = sys.argv[1:]
net = cv2.dnn.readNetFromCaffe(prototxt, weights)
net.enableFusion(False)
for name, value in np.load(inputs).items():
    net.setInput(value, name)
np.save(output, net.forward(blob))
"""


def ask(name: str, folder: Path) -> np.ndarray:
    """What OpenCV gives for a network."""
    text, blob, more = NETWORKS[name]
    network = network_from_text(text)
    net = Net(network, schema.TEST)
    arrays = {
        layer.name: [weights_like(param.shape, 100 + number) for number, param in enumerate(layer.blobs)]
        for layer in net.layers
        if layer.blobs
    }
    (folder / "net.prototxt").write_text(text)
    write_caffemodel(folder / "net.caffemodel", network.message, arrays)
    first = net.blob_names[net.input_ids[0]]
    np.savez(folder / "in.npz", **{first: first_input(name), **more})
    files = [str(folder / file) for file in ("net.prototxt", "net.caffemodel", "in.npz")]
    subprocess.run(
        [os.environ["CNNVIS_OPENCV4_PYTHON"], "-c", ASK, *files, blob, str(folder / "out.npy")],
        check=True,
        stdout=sys.stderr,
    )
    return np.load(folder / "out.npy")


def main() -> None:
    """Record all networks."""
    found = {}
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = ask(name, Path(folder))
    np.savez_compressed(TARGET, **found)


if __name__ == "__main__":
    main()
