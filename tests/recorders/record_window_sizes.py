"""Record which sizes real Caffe gives the tops of layers that slide windows.

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_window_sizes.py

CNNVIS_REAL_CAFFE is a command that runs another command where `import caffe` is the real one. Writes
tests/recorded/cases/window_sizes.npz: for each kind of layer the settings (one row each), and for each of them the
sizes that bottoms of 1 to 16 (SPP: 1 to 32) pixels get; -1 where Caffe aborts.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "3")

import numpy as np
from in_child import states_from_child

TARGET = Path(__file__).resolve().parent.parent / "recorded" / "cases" / "window_sizes.npz"
LARGEST = 16
INPUT = 'layer { name: "a" type: "Input" top: "a" input_param { shape { dim: 1 dim: 1 dim: %d dim: %d } } }\n'
LAYER = 'layer { name: "L" type: "%s" bottom: "a" top: "y" %s }\n'


def pooling():
    """Kernel, stride, padding, round mode."""
    for kernel, stride, mode in itertools.product(range(1, 7), range(1, 7), range(2)):
        for pad in range(kernel):
            param = f"kernel_size: {kernel} stride: {stride} pad: {pad} round_mode: {('CEIL', 'FLOOR')[mode]}"
            yield (kernel, stride, pad, mode), LAYER % ("Pooling", f"pooling_param {{ {param} }}")


def convolution(layer_type):
    """Kernel, stride, padding, dilation."""
    for kernel, stride, pad, dilation in itertools.product(range(1, 7), range(1, 5), range(4), range(4)):
        param = f"num_output: 1 kernel_size: {kernel} stride: {stride} pad: {pad} dilation: {dilation} bias_term: false"
        yield (kernel, stride, pad, dilation), LAYER % (layer_type, f"convolution_param {{ {param} }}")


def sizes(caffe, layer):
    """Heights of the top for bottoms of LARGEST, LARGEST - 1, ... 1 pixels, until Caffe aborts."""
    net = load(caffe, INPUT % (LARGEST, LARGEST) + layer)
    for size in range(LARGEST, 0, -1):
        net.blobs["a"].reshape(1, 1, size, LARGEST)
        net.reshape()
        yield net.blobs["y"].shape[2]


def bins(caffe, height, size):
    """The number of outputs of a pyramid for an image of `size` by 32 pixels."""
    net = load(caffe, INPUT % (size, 32) + LAYER % ("SPP", f"spp_param {{ pyramid_height: {height} }}"))
    yield net.blobs["y"].shape[1]


def load(caffe, text):
    """Build a net from its text."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(text)
        file.flush()
        return caffe.Net(file.name, caffe.TEST)


def main() -> None:
    """Record everything."""
    import caffe

    caffe.set_mode_cpu()
    arrays = {}
    kinds = {
        "pooling": pooling(),
        "convolution": convolution("Convolution"),
        "deconvolution": convolution("Deconvolution"),
    }
    for kind, nets in kinds.items():
        settings, found = [], []
        for setting, layer in nets:
            heights, _ = states_from_child(lambda layer=layer: sizes(caffe, layer))
            settings.append(setting)
            found.append([-1] * (LARGEST - len(heights)) + heights[::-1])
        arrays[f"{kind}_settings"] = np.array(settings, np.uint8)
        arrays[kind] = np.array(found, np.int8)
    heights = range(1, 6)
    arrays["spp_settings"] = np.array(heights, np.uint8)[:, None]
    arrays["spp"] = np.array(
        [
            [(states_from_child(lambda h=height, s=size: bins(caffe, h, s))[0] or [-1])[0] for size in range(1, 33)]
            for height in heights
        ],
        np.int16,
    )
    np.savez_compressed(TARGET, **arrays)


if __name__ == "__main__":
    sys.exit(main())
