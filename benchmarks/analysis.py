"""What the derived features of LeNet cost beside the passes that they need, and beside a loop as people write them.

    python -m benchmarks.analysis [--images 60000] [--batch 256] [--rounds 3]

Needs MNIST and the zoo (CNNVIS_DATA_DIR, CNNVIS_ZOO_DIR). Three things run over the same images, in turns:

- passes: forward, backward from the loss, backward from the score, through pycaffe's face: what a script would call;
- least: the same, but the score's backward without gradients of parameters and the loss's without those of the images,
  which only our own engine can leave out: the least that any extraction needs;
- extraction: `Extraction.update`, which uses the latter.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.peers import ROOT
from cnnvis_caffe import pycaffe
from cnnvis_caffe.datasets.mnist import load_mnist
from cnnvis_caffe.features.extraction import Extraction
from cnnvis_caffe.features.score_path import score_path
from cnnvis_caffe.formats.prototxt import read_network, write_text
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.nodes import analysis_nodes
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.network.rewrite import analysis_network
from cnnvis_caffe.progress import SILENT

Batches = Callable[[], Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]]
LAYERS = ("conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2")


class LeNet:
    """The analysis net of LeNet."""

    def __init__(self, weights: Path) -> None:
        network = analysis_network(read_network(ROOT / "prototxt" / "lenet" / "deploy.prototxt"))
        self.dag = build_dag(network)
        self.nodes = analysis_nodes(self.dag, network)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.prototxt"
            write_text(path, network.message)
            self.net = pycaffe.Net(str(path), pycaffe.TEST)
        self.net.copy_from(str(weights))

    def extraction(self) -> Extraction:
        """A new extraction with everything on."""
        return Extraction(
            self.net, self.nodes, ReceptiveFields(self.dag),
            input_name="data", label_name="label", score_name="ip2", n_classes=10,
        )  # fmt: skip

    def feed(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Put a batch in and run forward."""
        net, n = self.net, len(labels)
        if net.blobs["data"].shape[0] != n:
            net.blobs["data"].reshape(n, 1, 28, 28)
            net.blobs["label"].reshape(n)
            net.reshape()
        net.blobs["data"].data[...] = images
        net.blobs["label"].data[...] = labels
        net.forward()

    def passes(self, batches: Batches) -> None:
        """Forward and both backward passes, as a script would call them."""
        net = self.net
        for images, labels, _ in batches():
            self.feed(images, labels)
            net.clear_param_diffs()
            net.backward()
            diff = net.blobs["ip2"].diff
            diff[...] = 0
            diff[np.arange(len(labels)), labels] = 1
            del diff
            net.backward(start="ip2")

    def least(self, batches: Batches) -> None:
        """The same without gradients that nobody looks at."""
        engine, path = self.net.reductions(), score_path(self.net, "ip2")
        for images, labels, _ in batches():
            self.feed(images, labels)
            engine.backward()
            diff = np.zeros((len(labels), 10), np.float32)
            diff[np.arange(len(labels)), labels] = 1
            engine.backward_from("ip2", diff, path.layers, path.silent)

    def loop(self, batches: Batches) -> None:
        """What a person writes to learn the same: the passes, and loops over images and neurons."""
        net = self.net
        for images, labels, indices in batches():
            self.feed(images, labels)
            for layer in LAYERS:
                self._loop_over(net.blobs[layer].data, labels, indices)
            net.clear_param_diffs()
            net.backward()
            for layer in net.params:
                self.gradients[layer] = self.gradients.get(layer, 0) + net.params[layer][0].diff * len(labels)
            net.blobs["ip2"].diff[...] = 0
            net.blobs["ip2"].diff[np.arange(len(labels)), labels] = 1
            net.backward(start="ip2")
            for layer in LAYERS:
                blob = net.blobs[layer]
                for i, label in enumerate(labels):
                    for neuron in range(blob.shape[1]):
                        contribution = float((blob.data[i, neuron] * blob.diff[i, neuron]).sum())
                        key = layer, neuron, label
                        self.sums[key] = self.sums.get(key, 0.0) + contribution

    def _loop_over(self, data: np.ndarray, labels: np.ndarray, indices: np.ndarray) -> None:
        """Statistics and top images of one layer."""
        for i, label in enumerate(labels):
            for neuron in range(data.shape[1]):
                plane = data[i, neuron]
                key = neuron, label, data.shape[1]
                mean, peak, largest = self.sums.get(key, (0.0, 0.0, -np.inf))
                highest = plane.max()
                self.sums[key] = mean + plane.mean(), peak + highest, max(largest, highest)
                top = self.tops.setdefault((neuron, data.shape[1]), [])
                top.append((-highest, indices[i], int(plane.argmax())))
                top.sort()
                del top[9:]

    gradients: dict[str, Any] = {}
    sums: dict[Any, Any] = {}
    tops: dict[Any, list[tuple[float, int, int]]] = {}


def batches_of(n_images: int, size: int) -> Batches:
    """MNIST's training images in batches, scaled as LeNet likes them."""
    data = load_mnist("train", SILENT)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for first in range(0, n_images, size):
            part = slice(first, min(first + size, n_images))
            images = data.images[part].astype(np.float32) * np.float32(0.00390625)
            yield images, data.labels[part], np.arange(part.start, part.stop)

    return batches


def extract(lenet: LeNet, batches: Batches) -> Extraction:
    """A whole extraction."""
    extraction = lenet.extraction()
    for images, labels, indices in batches():
        extraction.update(images, labels, indices)
    return extraction


def peak_mb(n_images: int, batch: int) -> float:
    """The most memory that a fresh process takes for an extraction, in MB."""
    command = [sys.executable, "-m", "benchmarks.analysis", "--child", str(n_images), "--batch", str(batch)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout))


def seconds(function: Callable[..., Any], *arguments: Any) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory of fresh processes")
    arguments = parser.parse_args()
    lenet = LeNet(weights_file())
    if arguments.child:
        extract(lenet, batches_of(arguments.child, arguments.batch)).finish()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    print(machine())
    n, batches = arguments.images, batches_of(arguments.images, arguments.batch)
    warm_up = batches_of(min(n, 10 * arguments.batch), arguments.batch)
    for run in (lenet.passes, lenet.least):
        run(warm_up)
    extract(lenet, warm_up)
    figures: dict[str, list[float]] = {"passes": [], "least": [], "extraction": []}
    for _ in range(arguments.rounds):
        figures["passes"].append(seconds(lenet.passes, batches))
        figures["least"].append(seconds(lenet.least, batches))
        figures["extraction"].append(seconds(extract, lenet, batches))
    best = {name: min(values) for name, values in figures.items()}
    for name, value in best.items():
        print(f"{name:12} {value:8.2f} s {n / value:10.0f} images/s   ({', '.join(f'{v:.2f}' for v in figures[name])})")
    print(f"extraction is {best['extraction'] / best['passes']:.2f} times the passes (at most 1.3 is asked)")
    print(f"              {best['extraction'] / best['least']:.2f} times the least")
    few = 256
    loop = seconds(lenet.loop, batches_of(few, 64)) / few
    print(f"a loop over images and neurons: {1 / loop:.0f} images/s, {loop * n / best['extraction']:.0f} times as long")
    if not arguments.no_memory:
        small, large = peak_mb(10_000, arguments.batch), peak_mb(60_000, arguments.batch)
        print(f"peak memory: {small:.0f} MB for 10,000 images, {large:.0f} MB for 60,000 (data and PyTorch included)")


def weights_file() -> Path:
    """LeNet's weights in the zoo."""
    return Path(os.environ["CNNVIS_ZOO_DIR"]) / "lenet" / "lenet_iter_10000.caffemodel"


if __name__ == "__main__":
    main()
