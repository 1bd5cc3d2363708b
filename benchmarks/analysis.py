"""What derived features cost beside the passes that they need, and beside a loop as people write them.

    python -m benchmarks.analysis [lenet base_cnn memory googlenet loop] [--images 60000] [--batch 256] [--rounds 3]
    python -m benchmarks.analysis --write         # docs/analysis_cost.md from the figures of all parts measured so far

Needs MNIST and CIFAR-10 (CNNVIS_DATA_DIR) and weights of LeNet: the zoo's (CNNVIS_ZOO_DIR), or --weights. Figures of
each part are kept, so that each can be measured when the machine is quiet. Over the same images run, in turns:

- passes: forward, backward from the loss, backward from the score, through pycaffe's face: what a script would call;
- least: the same, but the score's backward without gradients of parameters and the loss's without those of the images,
  which only our own engine can leave out: the least that any extraction needs;
- extraction: `Extraction.update`, which uses the latter;
- analyze: the whole command in this process, from opening the model to the file that is written.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.peers import ROOT
from cnnvis_caffe import datasets, pipeline, pycaffe
from cnnvis_caffe.analysis.model import automatic_batch
from cnnvis_caffe.features.extraction import Extraction
from cnnvis_caffe.features.score_path import score_path
from cnnvis_caffe.formats.prototxt import read_network, write_text
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.nodes import analysis_nodes
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.network.rewrite import analysis_network
from cnnvis_caffe.processes import python_words
from cnnvis_caffe.progress import SILENT
from cnnvis_caffe.store import read_analysis

Batches = Callable[[], Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]]
Figures = dict[str, Any]
LAYERS = ("conv1", "pool1", "conv2", "pool2", "ip1", "relu1", "ip2")


PARTS = ("lenet", "base_cnn", "memory", "googlenet", "loop")
FIGURES = ROOT / "build" / "analysis_cost.json"
REPORT = ROOT / "docs" / "analysis_cost.md"


INTRODUCTION = (
    "Written by `python -m benchmarks.analysis --write`; do not edit. Passes are a forward pass and the two backward",
    "passes, from the loss and from the score, called as a script would call them, over the same images in the same",
    "batches. The least is the same without gradients that nobody looks at. Extraction computes all derived features",
    "with these passes; `analyze` is the whole command, from opening the model to the written file.",
    "",
)
CLOSING = (
    "",
    "Numbers of the fastest round. On a few hundred images, opening and unpacking the data set takes much of the whole",
    "command's time. The file of a network grows with the images that it keeps, at most neurons times `--top`.",
    "",
)


class Analysed:
    """The analysis net of one of the repository's networks.

    Parameters
    ----------
    name : str
        Of its folder.
    score : str
        Blob with the scores.
    weights : Path, optional
        What the fillers give, if left out.
    """

    def __init__(self, name: str, score: str, weights: Path | None = None) -> None:
        self.model = ROOT / "prototxt" / name / "deploy.prototxt"
        self.score, self.weights = score, weights
        network = analysis_network(read_network(self.model))
        self.dag = build_dag(network)
        self.nodes = analysis_nodes(self.dag, network)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.prototxt"
            write_text(path, network.message)
            self.net = pycaffe.Net(str(path), pycaffe.TEST)
        if weights is not None:
            self.net.copy_from(str(weights))

    def extraction(self) -> Extraction:
        """A new extraction with everything on."""
        return Extraction(
            self.net, self.nodes, ReceptiveFields(self.dag),
            input_name="data", label_name="label", score_name=self.score, n_classes=10,
        )  # fmt: skip

    def feed(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Put a batch in and run forward."""
        net, n = self.net, len(labels)
        if net.blobs["data"].shape[0] != n:
            net.blobs["data"].reshape(n, *images.shape[1:])
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
            diff = net.blobs[self.score].diff
            diff[...] = 0
            diff[np.arange(len(labels)), labels] = 1
            del diff
            net.backward(start=self.score)

    def least(self, batches: Batches) -> None:
        """The same without gradients that nobody looks at."""
        engine, path = self.net.reductions(), score_path(self.net, (self.score,))
        for images, labels, _ in batches():
            self.feed(images, labels)
            engine.backward()
            diff = np.zeros((len(labels), 10), np.float32)
            diff[np.arange(len(labels)), labels] = 1
            engine.backward_from({self.score: diff}, path.layers, path.silent)

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


def batches_of(n_images: int, size: int, data_set: str = "mnist", part_name: str = "train") -> Batches:
    """Images in batches, scaled as LeNet likes them."""
    data = datasets.load(data_set, part_name, progress=SILENT)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for first in range(0, n_images, size):
            part = slice(first, min(first + size, n_images))
            images = data.images[part].astype(np.float32) * np.float32(0.00390625)
            yield images, data.labels[part], np.arange(part.start, part.stop)

    return batches


def extract(analysed: Analysed, batches: Batches) -> Extraction:
    """A whole extraction."""
    extraction = analysed.extraction()
    for images, labels, indices in batches():
        extraction.update(images, labels, indices)
    return extraction


def analyze(analysed: Analysed, data: str, n_images: int, out: str) -> int:
    """The whole command; returns the bytes of the file."""
    weights = None if analysed.weights is None else str(analysed.weights)
    pipeline.analyze(analysed.model, weights, data, out, limit=n_images, scale=1 / 256, resize=True)
    return os.path.getsize(out)


def measure_passes(analysed: Analysed, data_set: str, part: str, n: int, batch: int, rounds: int) -> Figures:
    """Seconds of everything that runs over the same images."""
    batches = batches_of(n, batch, data_set, part)
    warm_up = batches_of(min(n, 4 * batch), batch, data_set, part)
    for run in (analysed.passes, analysed.least):
        run(warm_up)
    extract(analysed, warm_up)
    figures: dict[str, list[float]] = {"passes": [], "least": [], "extraction": [], "analyze": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            figures["passes"].append(seconds(analysed.passes, batches))
            figures["least"].append(seconds(analysed.least, batches))
            figures["extraction"].append(seconds(extract, analysed, batches))
            out = os.path.join(folder, "a.cnnvis.h5")
            figures["analyze"].append(seconds(analyze, analysed, f"{data_set}:{part}", n, out))
    best = {name: min(values) for name, values in figures.items()}
    for name, value in best.items():
        print(f"{name:12} {value:8.2f} s {n / value:10.0f} images/s   ({', '.join(f'{v:.2f}' for v in figures[name])})")
    return {"images": n, "batch": batch, **best}


def measure_loop(lenet: Analysed, batch: int) -> Figures:
    """Images a second of the loop that people write, and of an extraction in the same minute."""
    few = 256
    batches = batches_of(20 * batch, batch)
    extract(lenet, batches)
    ours = 20 * batch / seconds(extract, lenet, batches)
    loop = few / seconds(lenet.loop, batches_of(few, 64))
    print(f"loop {loop:.1f} images/s, ours {ours:.0f} images/s: {ours / loop:.0f} times as fast")
    return {"loop": loop, "ours": ours}


def measure_memory(weights: Path) -> Figures:
    """The most memory that a fresh process takes for the whole command, in MB."""
    result = {}
    for n_images in (10_000, 60_000):
        words = ("--child", str(n_images), "--weights", str(weights))
        command = python_words("benchmarks.analysis", *words, folders=[ROOT])
        result[str(n_images)] = float(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)
        print(f"peak memory for {n_images} images: {result[str(n_images)]:.0f} MB")
    return result


def measure_googlenet() -> Figures:
    """Bytes of the file of a network with many neurons, on images blown up to its size."""
    n_images = 20
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "a.cnnvis.h5")
        network = Analysed("bvlc_googlenet", "loss3/classifier")
        start = time.perf_counter()
        n_bytes = analyze(network, "cifar10:test", n_images, out)
        found = {"images": n_images, "bytes": n_bytes, "seconds": time.perf_counter() - start}
        analysis = read_analysis(out)
        found["neurons"] = sum(node.n_neurons for node in analysis.shown_nodes)
    print(f"GoogLeNet: {found}")
    return found


def seconds(function: Callable[..., Any], *arguments: Any) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def report(all_figures: dict[str, Figures]) -> str:
    """The page of what an analysis costs."""
    lines = [
        "# What an analysis costs",
        "",
        *INTRODUCTION,
        *(f"Measured on {figures['machine']}.\n" for name, figures in all_figures.items() if name == "lenet"),
        "| | measured | asked |",
        "|---|--:|--:|",
    ]
    for name, shown, asked in (("lenet", "LeNet, MNIST", "≤ 1.3"), ("base_cnn", "base_cnn, CIFAR-10", "")):
        if name in all_figures:
            found = all_figures[name]
            n = found["images"]
            lines += [
                f"| {shown}, {n:,} images, batch {found['batch']}: passes | {n / found['passes']:,.0f} images/s | |",
                f"| … extraction | {n / found['extraction']:,.0f} images/s | |",
                f"| … extraction over passes | {found['extraction'] / found['passes']:.2f}× | {asked} |",
                f"| … `analyze`, file written, over passes | {found['analyze'] / found['passes']:.2f}× | {asked} |",
                "| … share of extraction that is neither forward nor backward | "
                f"{max(0.0, 1 - found['least'] / found['extraction']):.0%} | |",
            ]
    if "memory" in all_figures:
        small, large = (all_figures["memory"][n] for n in ("10000", "60000"))
        lines.append(f"| `analyze` of LeNet, peak memory of the process, 10,000 images | {small:.0f} MB | |")
        lines.append(f"| … 60,000 images | {large:.0f} MB | < 1,500, not growing |")
    if "loop" in all_figures:
        found = all_figures["loop"]
        times = found["ours"] / found["loop"]
        lines.append(f"| LeNet, a loop over images and neurons as people write it | {found['loop']:.1f} images/s | |")
        lines.append(f"| … extraction is faster | {times:,.0f}× | |")
    if "googlenet" in all_figures:
        found = all_figures["googlenet"]
        lines.append(
            f"| GoogLeNet, {found['neurons']:,} neurons, {found['images']} images, random weights: size of the file | "
            f"{found['bytes'] / 1e6:.1f} MB | |"
        )
    lines += CLOSING
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--images", type=int, default=60_000, help="of MNIST")
    parser.add_argument("--colour-images", type=int, default=300, help="of CIFAR-10")
    parser.add_argument("--batch", type=int, default=256, help="of LeNet")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--weights", type=Path, help="of LeNet, instead of the zoo's")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.name} from what was measured so far")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    weights = arguments.weights or weights_file()
    if arguments.child:
        with tempfile.TemporaryDirectory() as folder:
            model = ROOT / "prototxt" / "lenet" / "train_val.prototxt"
            pipeline.analyze(model, weights, "mnist:train", os.path.join(folder, "a.h5"), limit=arguments.child)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    print(machine())
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for part in arguments.parts or ([] if arguments.write else PARTS):
        lenet = Analysed("lenet", "ip2", weights) if part in ("lenet", "loop") else None
        if part == "lenet":
            assert lenet is not None
            found = measure_passes(lenet, "mnist", "train", arguments.images, arguments.batch, arguments.rounds)
        elif part == "base_cnn":
            base = Analysed("base_cnn", "fc6")
            batch = automatic_batch(base.dag, "cpu")
            found = measure_passes(base, "cifar10", "test", arguments.colour_images, batch, arguments.rounds)
        elif part == "memory":
            found = measure_memory(weights)
        elif part == "googlenet":
            found = measure_googlenet()
        else:
            assert lenet is not None
            found = measure_loop(lenet, arguments.batch)
        figures[part] = {**found, "machine": machine()}
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(json.dumps(figures, indent=1))
    if arguments.write:
        REPORT.write_text(report(figures), encoding="utf-8")


def weights_file() -> Path:
    """LeNet's weights in the zoo."""
    return Path(os.environ["CNNVIS_ZOO_DIR"]) / "lenet" / "lenet_iter_10000.caffemodel"


if __name__ == "__main__":
    main()
