"""Measure how time and memory grow with the size of what is opened, summed up and shown.

    python -m benchmarks.growth [--item NAME ...]

Each measurement is in a process of its own. Times are seconds of the processor, of the fastest round, memory is what
the process took beyond what it had before. The exponent is that of the last step: 1 where ten times the work takes ten
times as long. Sizes count the work: of a matrix its values, not its rows.
"""

from __future__ import annotations

import argparse
import gc
import math
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.layout import print_table
from benchmarks.machine import machine

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
#: As many names as one file may have on the usual file systems, and some to spare.
_NAMES_OF_A_FILE = 50_000
#: Shorter than this a step is not measured by an exponent.
_LEAST_SECONDS = 0.02

#: The fastest of so many, as long as they take no more than this together.
_ROUNDS, _ENOUGH_SECONDS = 5, 5.0


@dataclass(frozen=True)
class Item:
    """Something that is measured at three sizes.

    Attributes
    ----------
    what, unit : str
    sizes : tuple of int
        What `prepare` takes.
    prepare : callable
        Makes what is needed in a folder; returns the function that is measured. What that returns, if a number, is
        bytes of a file.
    work : callable
        The amount of work of a size.
    """

    what: str
    unit: str
    sizes: tuple[int, ...]
    prepare: Callable[[Path, int], Callable[[], Any]]
    work: Callable[[int], float] = float


def class_folders(folder: Path, n_images: int) -> Callable[[], Any]:
    """Open folders of images, each file a name of one of a few."""
    import cv2

    names = [folder / f"{number}.png" for number in range(n_images // _NAMES_OF_A_FILE + 1)]
    for name in names:
        cv2.imwrite(str(name), np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    data = folder / "data"
    for number in range(10):
        (data / f"class{number}").mkdir(parents=True)
    for index in range(n_images):
        os.link(names[index // _NAMES_OF_A_FILE], data / f"class{index % 10}" / f"{index:07}.png")

    def opened() -> None:
        from cnnvis_caffe.datasets.opening import open_source

        source = open_source(str(data), input_shape=(3, 4, 4))
        chosen = source.choose(n_images // 2)
        source.fingerprint(chosen)
        source.times()
        source.inputs(chosen[:256])

    return opened


def database(folder: Path, n_images: int) -> Callable[[], Any]:
    """Open an LMDB."""
    from cnnvis_caffe.formats.datum import Datum, serialize_datum
    from cnnvis_caffe.formats.lmdb import LmdbWriter

    value = serialize_datum(Datum(1, 4, 4, bytes(16), 3))
    with LmdbWriter(folder / "db") as writer:
        for index in range(n_images):
            writer.put(b"%08d" % index, value)

    def opened() -> None:
        from cnnvis_caffe.datasets.opening import open_source

        source = open_source(str(folder / "db"), input_shape=(1, 4, 4))
        chosen = source.choose(n_images // 2)
        source.fingerprint(chosen)
        source.inputs(chosen[-256:])

    return opened


def sample(folder: Path, n_images: int) -> Callable[[], Any]:
    """Choose a tenth of the images, each of 1,000 classes in proportion."""
    from cnnvis_caffe.datasets.source import _stratified

    labels = np.random.default_rng(1).integers(0, 1000, n_images)
    return lambda: _stratified(labels, n_images // 10) is None


def correlated(folder: Path, n_neurons: int) -> Callable[[], Any]:
    """Correlate the neurons of a layer, from their sums."""
    from cnnvis_caffe.features.similarity import correlation

    means = np.random.default_rng(1).random((64, n_neurons))
    products, total = means.T @ means, means.sum(axis=0)
    return lambda: correlation(products, total, 64) is None


def file_of_snapshots(folder: Path, n_snapshots: int) -> Callable[[], Any]:
    """Write an analysis file; a run that has settled keeps its strongest images."""
    from dataclasses import replace

    from helpers.analyses import make_analysis

    from cnnvis_caffe.store import write_analysis

    few = make_analysis("lenet", n_snapshots=2)
    last = few.snapshots[-1]
    more = tuple(replace(last, iteration=10000 + 100 * number, label="") for number in range(n_snapshots - 2))
    analysis = replace(few, snapshots=(*few.snapshots, *more))

    def written() -> int:
        write_analysis(folder / "a.cnnvis.h5", analysis)
        return (folder / "a.cnnvis.h5").stat().st_size

    return written


def picture_of_layers(folder: Path, n_layers: int) -> Callable[[], Any]:
    """Aggregate, lay out and draw a network: what the window paints first."""
    from cnnvis_caffe.drawing.pictures import ViewDrawer
    from cnnvis_caffe.records.view import View

    analysis = _deep(n_layers)
    return lambda: ViewDrawer(analysis).draw(View(), size=(1600.0, 900.0)) is None


def search_layers(folder: Path, n_layers: int) -> Callable[[], Any]:
    """Search for what is in all layers, a hundred times."""
    from cnnvis_caffe.viewer.model.search import search

    analysis = _deep(n_layers)

    def searched() -> None:
        for number in range(100):
            search(analysis, f"conv {number % 8}")

    return searched


def open_network(folder: Path, n_layers: int) -> Callable[[], Any]:
    """Read a network, rewrite it for an analysis, and build it with its receptive fields."""
    layer = (
        'layer { name: "conv%d" type: "Convolution" bottom: "%s" top: "conv%d" '
        "convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }\n"
        'layer { name: "relu%d" type: "ReLU" bottom: "conv%d" top: "conv%d" }\n'
    )
    text = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }\n'
    below = "data"
    for number in range(n_layers // 2):
        text += layer % (number, below, number, number, number, number)
        below = f"conv{number}"
    text += f'layer {{ name: "ip" type: "InnerProduct" bottom: "{below}" top: "ip" '
    text += "inner_product_param { num_output: 10 } }"
    (folder / "net.prototxt").write_text(text)

    def opened() -> None:
        from cnnvis_caffe.formats.prototxt import read_network
        from cnnvis_caffe.network.rewrite import analysis_network
        from cnnvis_caffe.runtime.net import Net

        Net(analysis_network(read_network(str(folder / "net.prototxt"))), 1, run=False)

    return opened


def picture_of_classes(folder: Path, n_classes: int) -> Callable[[], Any]:
    """Draw a LeNet's activation matrices, with so many classes."""
    from helpers.analyses import make_analysis

    from cnnvis_caffe.drawing.pictures import ViewDrawer
    from cnnvis_caffe.records.view import View

    analysis = make_analysis("lenet", n_classes=n_classes)
    return lambda: ViewDrawer(analysis).draw(View(facet="activations"), size=(1600.0, 900.0)) is None


def activation_matrix(folder: Path, n_neurons: int) -> Callable[[], Any]:
    """Order the rows of a matrix with 1,000 classes."""
    from cnnvis_caffe.scene.facets import row_order

    values = np.random.default_rng(1).random((n_neurons, 1000))
    return lambda: row_order(values) is None


def _deep(n_layers: int) -> Any:
    """A made-up analysis of a chain, pooled after every tenth layer."""
    from helpers.analyses import NodeList, make_analysis

    net = NodeList(3, 32)
    for number in range(n_layers):
        net.conv(f"conv{number}", 8, relu=None)
        if number % 10 == 9:
            net.pool(f"pool{number}", 1)
    net.ip("ip", 10)
    net.end()
    return make_analysis("deep", nodes=tuple(net.nodes))


ITEMS = {
    "folders": Item("open class folders", "images", (1000, 10_000, 100_000), class_folders),
    "database": Item("open an LMDB", "images", (1000, 10_000, 100_000), database),
    "sample": Item("stratified sample, 1,000 classes", "images", (100_000, 1_000_000, 10_000_000), sample),
    "correlation": Item("correlation of a layer's neurons", "neurons", (256, 810, 2560), correlated, lambda n: n**2),
    "snapshots": Item("write an analysis file", "snapshots", (2, 20, 200), file_of_snapshots),
    "network": Item("open a network", "layers", (10, 100, 1000), open_network),
    "picture": Item("first picture", "layers", (10, 100, 1000), picture_of_layers),
    "search": Item("search, 100 times", "layers", (10, 100, 1000), search_layers),
    "classes": Item("picture of LeNet's activations", "classes", (10, 100, 1000), picture_of_classes),
    "matrix": Item("order an activation matrix of 1,000 classes", "neurons", (41, 410, 4096), activation_matrix),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--item", choices=ITEMS, action="append", help="measure this alone; may be repeated")
    options = parser.parse_args()
    print(machine())
    print_table("Growth", HEAD, rows(options.item or list(ITEMS)))


HEAD = ["what", "sizes", "seconds of the processor", "exponent", "MB of memory", "MB of the file"]


def rows(names: list[str]) -> Iterator[list[str]]:
    """Rows of the table, one for each item."""
    for name in names:
        item = ITEMS[name]
        found = [measure(item, size) for size in item.sizes]
        seconds, memory, files = (list(column) for column in zip(*found))
        yield [
            item.what,
            " / ".join(f"{size:,}" for size in item.sizes) + f" {item.unit}",
            " / ".join(f"{one:.2g}" for one in seconds),
            exponent(item, seconds),
            " / ".join(f"{one / 1e6:.0f}" for one in memory),
            " / ".join(f"{one / 1e6:.1f}" for one in files) if any(files) else "",
        ]
        print(".", end="", file=sys.stderr, flush=True)


def exponent(item: Item, seconds: list[float]) -> str:
    """Growth of the last step; empty where the times are too short to tell."""
    if seconds[-2] < _LEAST_SECONDS:
        return "too short" if seconds[-1] < 1 else f"below {_growth(item, [_LEAST_SECONDS, seconds[-1]]):.2f}"
    return f"{_growth(item, seconds):.2f}"


def _growth(item: Item, seconds: list[float]) -> float:
    """The exponent from one size to the next."""
    return math.log(seconds[-1] / seconds[-2]) / math.log(item.work(item.sizes[-1]) / item.work(item.sizes[-2]))


def measure(item: Item, size: int) -> tuple[float, float, float]:
    """Seconds, bytes of memory and bytes of a file, in a process of its own."""
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(item, size, writer))
    process.start()
    writer.close()
    answer: tuple[float, float, float] = reader.recv()
    process.join()
    return answer


def _measure(item: Item, size: int, answer: Any) -> None:
    """Measure, in the process that was made for it."""
    with tempfile.TemporaryDirectory() as name:
        measured = item.prepare(Path(name), size)
        gc.collect()
        gc.freeze()  # what was there before is not looked through again
        Path("/proc/self/clear_refs").write_text("5")  # the highest starts again from here
        before = _memory("VmRSS")
        seconds = []
        while len(seconds) < _ROUNDS and sum(seconds) < _ENOUGH_SECONDS:
            started = time.process_time()
            found = measured()
            seconds.append(time.process_time() - started)
        answer.send((min(seconds), max(0.0, _memory("VmHWM") - before), float(found or 0)))


def _memory(field: str) -> float:
    """A size of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    found = next((line.split()[1] for line in lines if line.startswith(field)), None)
    return 1024.0 * int(found) if found else float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


if __name__ == "__main__":
    main()
