"""Measure how long `inspect` and the opening of `analyze` take, on deep networks that are written here.

    python -m benchmarks.looking [--rounds 3] [--only NAME]

Seconds of the processor for what both commands do after their modules are imported; the fastest round. Each network
comes in three sizes, the last of which has a limit; a figure beyond it is marked by "!". The exponent says how the
time grows from the smallest to the largest: 1 is as the number of layers does, 2 as its square.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.machine import machine
from cnnvis_caffe.analysis.model import open_model
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.network.report import inspect_file
from cnnvis_caffe.text.report import render

N_CLASSES = 1000


class Prototxt:
    """A network that grows layer by layer; each method returns the name of the top."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.n_layers = 0
        dims = f"dim: 2 dim: 3 dim: {side} dim: {side}"
        self.text = f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ {dims} }} }} }}\n'

    def layer(self, kind: str, *bottoms: str, settings: str = "", in_place: bool = False) -> str:
        """Add a layer of any type."""
        self.n_layers += 1
        name = f"{kind.lower()}{self.n_layers}"
        top = bottoms[0] if in_place else name
        wires = " ".join(f'bottom: "{bottom}"' for bottom in bottoms)
        self.text += f'layer {{ name: "{name}" type: "{kind}" {wires} top: "{top}" {settings} }}\n'
        return top

    def conv(
        self, bottom: str, n: int, height: int = 1, width: int = 0, stride: int = 1, is_alone: bool = False
    ) -> str:
        """Convolution without a bias, BatchNorm, Scale and ReLU, as the deep networks have them; or it alone."""
        width = width or height
        settings = (
            f"convolution_param {{ num_output: {n} kernel_h: {height} kernel_w: {width} pad_h: {height // 2} "
            f"pad_w: {width // 2} stride: {stride} bias_term: false }}"
        )
        top = self.layer("Convolution", bottom, settings=settings)
        return top if is_alone else self.normal(top)

    def normal(self, bottom: str, in_place: bool = True) -> str:
        """BatchNorm, Scale and ReLU."""
        top = self.layer("BatchNorm", bottom, in_place=in_place)
        self.layer("Scale", top, settings="scale_param { bias_term: true }", in_place=True)
        return self.layer("ReLU", top, in_place=True)

    def pool(self, bottom: str, how: str = "MAX", kernel: int = 3, stride: int = 2) -> str:
        """Pooling."""
        settings = f"pooling_param {{ pool: {how} kernel_size: {kernel} stride: {stride} pad: {kernel // 2} }}"
        return self.layer("Pooling", bottom, settings=settings)

    def scores(self, bottom: str) -> str:
        """Mean over the places, scores and their softmax; returns the text."""
        pooled = self.layer("Pooling", bottom, settings="pooling_param { pool: AVE global_pooling: true }")
        settings = f"inner_product_param {{ num_output: {N_CLASSES} }}"
        self.layer("Softmax", self.layer("InnerProduct", pooled, settings=settings))
        return self.text


def resnet(n_blocks: tuple[int, ...]) -> str:
    """As ResNet: stages of blocks of three convolutions with a way around; (3, 8, 36, 3) is ResNet-152."""
    net = Prototxt(224)
    top = net.pool(net.conv("data", 64, 7, stride=2))
    for stage, count in enumerate(n_blocks):
        n = 64 * 2**stage
        for block in range(count):
            stride = 2 if stage and not block else 1
            branch = net.conv(net.conv(net.conv(top, n, stride=stride), n, 3), 4 * n)
            around = top if block else net.conv(top, 4 * n, stride=stride)
            top = net.layer("ReLU", net.layer("Eltwise", branch, around), in_place=True)
    return net.scores(top)


def densenet(n_blocks: tuple[int, ...]) -> str:
    """As DenseNet: all that was made before goes into each block; (6, 12, 48, 32) is DenseNet-201."""
    net, n = Prototxt(224), 64
    top = net.pool(net.conv("data", 64, 7, stride=2))
    for stage, count in enumerate(n_blocks):
        for _ in range(count):
            new = net.conv(net.conv(net.normal(top, in_place=False), 128), 32, 3, is_alone=True)
            top, n = net.layer("Concat", top, new), n + 32
        if stage < len(n_blocks) - 1:
            n //= 2
            top = net.pool(net.conv(top, n), "AVE", 2)
    return net.scores(top)


def inception_resnet(n_blocks: tuple[int, int, int]) -> str:
    """As Inception-ResNet-v2, which has (10, 20, 9) blocks of three kinds, of two or three ways and one around."""
    net = Prototxt(299)
    top = net.conv(net.conv(net.conv("data", 32, 3, stride=2), 32, 3), 64, 3)
    top = net.pool(net.conv(net.conv(net.pool(top), 80), 192, 3))
    top = net.conv(top, 320)
    kinds = ([(32,), (32, 32), (32, 48, 64)], [(192,), (128, 160, 192)], [(192,), (192, 224, 256)])
    for stage, (count, n, ways) in enumerate(zip(n_blocks, (320, 1088, 2080), kinds)):
        for _ in range(count):
            ends = []
            for way in ways:
                end = net.conv(top, way[0])
                for length, width in zip(way[1:], (3, 3) if not stage else (1, 7)):
                    end = net.conv(end, length, width, 3 if not stage else 8 - width)
                ends.append(end)
            settings = f"convolution_param {{ num_output: {n} kernel_size: 1 }}"
            mixed = net.layer("Convolution", net.layer("Concat", *ends), settings=settings)
            top = net.layer("ReLU", net.layer("Eltwise", top, mixed), in_place=True)
        if stage < 2:
            top = net.conv(net.pool(top), (1088, 2080)[stage])
    return net.scores(net.conv(top, 1536))


def chain(n_layers: int) -> str:
    """Convolutions and ReLUs, one behind the other."""
    net, top = Prototxt(64), "data"
    while net.n_layers < n_layers - 3:
        settings = "convolution_param { num_output: 8 kernel_size: 3 pad: 1 }"
        top = net.layer("ReLU", net.layer("Convolution", top, settings=settings), in_place=True)
    return net.scores(top)


def branching(n_layers: int) -> str:
    """Blocks of four ways that come together."""
    net, top = Prototxt(64), "data"
    while net.n_layers < n_layers - 3:
        ways = [
            net.layer("Convolution", top, settings=f"convolution_param {{ num_output: {n} kernel_size: 1 }}")
            for n in (4, 5, 6, 7)
        ]
        top = net.layer("Concat", *ways)
    return net.scores(top)


#: What writes a network, its three sizes, and the seconds that the last may take.
NETWORKS: dict[str, tuple[Callable[..., str], tuple, float]] = {
    "as ResNet-152": (resnet, ((3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)), 1.0),
    "as DenseNet-201": (densenet, ((3, 6, 12, 8), (6, 12, 24, 16), (6, 12, 48, 32)), 1.0),
    "as Inception-ResNet-v2": (inception_resnet, ((2, 5, 2), (5, 10, 4), (10, 20, 9)), 1.0),
    "a chain": (chain, (250, 500, 1000), 2.0),
    "branches": (branching, (250, 500, 1000), 2.0),
}


def look(path: Path) -> list[str]:
    """What `inspect` does with a prototxt."""
    return render(inspect_file(path), 120)


def seconds_of(function: Callable[[], object], rounds: int) -> float:
    """Processor time of the fastest round."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def measure(name: str, rounds: int, folder: Path) -> list[str]:
    """One row for each size of a network."""
    write, sizes, limit = NETWORKS[name]
    rows, figures = [], []
    for size in sizes:
        path, data = folder / "net.prototxt", folder / "data.npz"
        path.write_text(write(size))
        side = int(path.read_text().split("dim: ")[3].split()[0])
        np.savez(data, images=np.zeros((2, side, side, 3), np.uint8), labels=np.zeros(2, np.int64))
        n_layers = path.read_text().count("layer {")
        looked = seconds_of(partial(look, path), rounds)
        opened = seconds_of(partial(open_model, Request(str(path), (), str(data))), rounds)
        figures.append((n_layers, looked, opened))
        is_last = size == sizes[-1]
        cells = [f"{value:.2f} s{' !' if is_last and value > limit else ''}" for value in (looked, opened)]
        rows.append(f"| {name} {size if not is_last else ''} | {n_layers} | {cells[0]} | {cells[1]} | |")
    (n_first, *first), (n_last, *last) = figures[0], figures[-1]
    growth = [f"{math.log(b / a) / math.log(n_last / n_first):.2f}" for a, b in zip(first, last)]
    rows[-1] = rows[-1][:-1] + f" {growth[0]}, {growth[1]} |"
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=NETWORKS, help="this network alone")
    options = parser.parse_args()
    print(machine())
    print("| network | layers | inspect | opening of analyze | exponents |\n|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as name:
        for network in [options.only] if options.only else NETWORKS:
            print("\n".join(measure(network, options.rounds, Path(name))), flush=True)


if __name__ == "__main__":
    main()
