"""The nets that are measured: their prototxts with the wanted batch size, and weights that are neither large nor 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.caffemodel import write_caffemodel
from cnnvis_caffe.formats.prototxt import network_from_text, read_network, write_text
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.runtime.net import Net

PROTOTXTS = Path(__file__).resolve().parent.parent / "prototxt"


@dataclass(frozen=True)
class BenchmarkNet:
    """A net, its batch size, and whether its backward pass is measured as well."""

    name: str
    title: str
    batch: int
    backward: bool
    prototxt: Path | None = None

    @property
    def passes(self) -> tuple[str, ...]:
        return ("forward", "backward") if self.backward else ("forward",)

    def _file(self) -> NetworkFile:
        """The net with an Input layer and a Softmax, as it was read."""
        file = network_from_text(vgg10_text()) if self.prototxt is None else read_network(self.prototxt)
        file.message.layer[0].input_param.shape[0].dim[0] = self.batch
        return file

    def deploy(self) -> Any:
        """The net with an Input layer and a Softmax, as a NetParameter."""
        return self._file().message

    def train(self) -> Any:
        """The same net with labels and a loss, as a NetParameter."""
        message = self.deploy()
        del message.layer[-1]
        scores = message.layer[-1].top[0]
        label = message.layer.add(name="label", type="Input", top=["label"])
        label.input_param.shape.add(dim=[self.batch])
        message.layer.add(name="loss", type="SoftmaxWithLoss", bottom=[scores, "label"], top=["loss"])
        return message

    def gflop(self, pass_name: str) -> float:
        """Multiplications and additions for one image in convolutions and inner products, in thousand millions.

        Backward is the gradients of weights and bottoms, each as much as forward; nobody wants that of the images.
        """
        net = Net(self._file(), schema.TEST, run=False)
        layers = [
            2 * layer.blobs[0].count * math.prod(tops[0].shape[2:])
            for layer, tops in zip(net.layers, net.tops)
            if layer.type in ("Convolution", "InnerProduct")
        ]
        forward = sum(layers)
        return (forward if pass_name == "forward" else 3 * forward - layers[0]) / 1e9

    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.deploy().layer[0].input_param.shape[0].dim)


def vgg10_text() -> str:
    """Ten layers with weights in the manner of Simonyan and Zisserman 2014, for images of 48 by 48 pixels."""
    layers = ['layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 48, 48] } } }']
    bottom = "data"

    def add(name: str, type_: str, rest: str = "", top: str = "") -> None:
        nonlocal bottom
        top = top or name
        layers.append(f'layer {{ name: "{name}" type: "{type_}" bottom: "{bottom}" top: "{top}" {rest} }}')
        bottom = top

    for block, width in enumerate((64, 128, 256, 512), start=1):
        for number in (1, 2):
            name = f"conv{block}_{number}"
            add(name, "Convolution", f"convolution_param {{ num_output: {width} kernel_size: 3 pad: 1 }}")
            add(f"relu{block}_{number}", "ReLU", top=name)
        add(f"pool{block}", "Pooling", "pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
    add("fc5", "InnerProduct", "inner_product_param { num_output: 512 }")
    add("relu5", "ReLU", top="fc5")
    add("fc6", "InnerProduct", "inner_product_param { num_output: 10 }")
    add("prob", "Softmax")
    return 'name: "VGG10"\n' + "\n".join(layers) + "\n"


NETS = {
    net.name: net
    for net in (
        BenchmarkNet("lenet", "LeNet", 64, True, PROTOTXTS / "lenet" / "deploy.prototxt"),
        BenchmarkNet("cifar10_full", "cifar10_full", 100, True, PROTOTXTS / "cifar10_full" / "deploy.prototxt"),
        BenchmarkNet("vgg10", "VGG-like, 10 layers", 32, True),
        BenchmarkNet("caffenet", "CaffeNet", 10, False, PROTOTXTS / "bvlc_reference_caffenet" / "deploy.prototxt"),
        BenchmarkNet("googlenet", "GoogLeNet", 10, False, PROTOTXTS / "bvlc_googlenet" / "deploy.prototxt"),
    )
}


def random_params(network_file: Path, seed: int = 0) -> dict[str, list[np.ndarray]]:
    """Weights for which activations keep their size from layer to layer, and small biases."""
    random = np.random.default_rng(seed)
    net = Net(read_network(network_file), schema.TEST, run=False)
    params: dict[str, list[np.ndarray]] = {}
    for layer in net.layers:
        for blob in layer.blobs:
            fan_in = blob.count // blob.shape[0] if len(blob.shape) > 1 else 200
            values = random.standard_normal(blob.shape, np.float32) * np.float32(np.sqrt(2 / fan_in))
            params.setdefault(layer.name, []).append(values)
    return params


def write_net(net: BenchmarkNet, folder: Path, seed: int = 0) -> dict[str, list[np.ndarray]]:
    """Write deploy.prototxt, train.prototxt and weights.caffemodel of a net; return its parameters."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "deploy.prototxt", net.deploy())
    write_text(folder / "train.prototxt", net.train())
    params = random_params(folder / "deploy.prototxt", seed)
    write_caffemodel(folder / "weights.caffemodel", net.deploy(), params)
    return params
