"""Write the networks under prototxt/: for each net train_val, deploy and solver, as Caffe 1.0 reads them.

    python tools/write_networks.py            write them
    python tools/write_networks.py --check    say which files differ from what would be written

Names of layers and blobs, shapes, fillers and schedules are those of the nets that Caffe ships, so that
snapshots made with those fit. Where Caffe splits a schedule over several solver files, we say it in one.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent / "prototxt"

# A message is a dict; a list value is a repeated field; Word is written without quotes.
Message = dict[str, Any]


class Word(str):
    """An enum value or boolean."""


MAX, AVE, TRAIN, TEST, LMDB = Word("MAX"), Word("AVE"), Word("TRAIN"), Word("TEST"), Word("LMDB")
TRUE, FALSE = Word("true"), Word("false")


# -- text ----------------------------------------------------------------------------------------------------


def scalar(value: object) -> str:
    """Write one number, string or word."""
    if isinstance(value, Word):
        return str(value)
    return f'"{value}"' if isinstance(value, str) else format(value, "")


def fields(message: Message) -> list[tuple[str, object]]:
    """List the fields of a message, repeated ones one by one."""
    listed = {key: value if isinstance(value, list) else [value] for key, value in message.items()}
    return [(key, item) for key, items in listed.items() for item in items]


def one_line(message: Message) -> str:
    """Write a message on one line."""
    inner = (
        f"{key} {one_line(value)}" if isinstance(value, dict) else f"{key}: {scalar(value)}"
        for key, value in fields(message)
    )
    return "{ " + " ".join(inner) + " }"


def text(message: Message, indent: str = "", *, open_up: bool = True) -> str:
    """Write the fields of a message, those messages on one line that fit and do not hold too much."""
    lines = []
    for key, value in fields(message):
        if not isinstance(value, dict):
            lines.append(f"{indent}{key}: {scalar(value)}")
        elif not open_up and len(indent + key) + len(one_line(value)) < 72:
            lines.append(f"{indent}{key} {one_line(value)}")
        else:
            lines.append(f"{indent}{key} {{\n{text(value, indent + '  ', open_up=False)}{indent}}}")
    return "\n".join(lines) + "\n"


# -- layers --------------------------------------------------------------------------------------------------


def layer(name: str, type: str, bottom: list[str] | str, top: list[str] | str, **rest: object) -> Message:
    """One layer."""
    return {"layer": {"name": name, "type": type, "bottom": bottom, "top": top, **rest}}


def rates(decay: bool = False, names: str = "") -> list[Message]:
    """Learning rates of weights and biases as most nets have them, and their names where they are shared."""
    both: list[Message] = [{"lr_mult": 1}, {"lr_mult": 2}]
    if decay:
        both = [{"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 2, "decay_mult": 0}]
    if names:
        both = [{"name": f"{names}_{letter}", **one} for letter, one in zip("wb", both)]
    return both


def gaussian(std: float) -> Message:
    """The normal filler."""
    return {"type": "gaussian", "std": std}


XAVIER: Message = {"type": "xavier"}


def constant(value: float | None = None) -> Message:
    """The constant filler; None leaves its value out."""
    return {"type": "constant"} if value is None else {"type": "constant", "value": value}


def convolution(
    name: str,
    bottom: str,
    num_output: int,
    kernel_size: int,
    weight_filler: Message = XAVIER,
    bias: float | None = None,
    param: list[Message] | None = None,
    **geometry: int,
) -> Message:
    """A convolution whose top has its name."""
    parameters = {"num_output": num_output, "kernel_size": kernel_size, **geometry}
    parameters.update(weight_filler=weight_filler, bias_filler=constant(bias))
    given = {} if param == [] else {"param": param or rates()}
    return layer(name, "Convolution", bottom, name, **given, convolution_param=parameters)


def inner_product(
    name: str,
    bottom: str,
    num_output: int,
    weight_filler: Message = XAVIER,
    bias: float | None = None,
    param: list[Message] | None = None,
) -> Message:
    """An inner product whose top has its name."""
    parameters = {"num_output": num_output, "weight_filler": weight_filler, "bias_filler": constant(bias)}
    return layer(name, "InnerProduct", bottom, name, param=param or rates(), inner_product_param=parameters)


def pooling(name: str, bottom: str, pool: Word, kernel_size: int, stride: int, **rest: int) -> Message:
    """A pooling whose top has its name."""
    parameters = {"pool": pool, "kernel_size": kernel_size, "stride": stride, **rest}
    return layer(name, "Pooling", bottom, name, pooling_param=parameters)


def relu(name: str, blob: str, negative_slope: float = 0) -> Message:
    """A ReLU in place, leaky with a slope other than 0."""
    leaky = {"relu_param": {"negative_slope": negative_slope}} if negative_slope else {}
    return layer(name, "ReLU", blob, blob, **leaky)


def dropout(name: str, blob: str, ratio: float) -> Message:
    """A dropout in place."""
    return layer(name, "Dropout", blob, blob, dropout_param={"dropout_ratio": ratio})


def lrn(name: str, bottom: str, size: int, alpha: float, **rest: object) -> Message:
    """A local response normalisation whose top has its name."""
    parameters = {"local_size": size, "alpha": alpha, "beta": 0.75, **rest}
    return layer(name, "LRN", bottom, name, lrn_param=parameters)


def accuracy(bottom: str, name: str = "accuracy", top_k: int = 1) -> Message:
    """The share of right answers, in the test phase."""
    more = {"accuracy_param": {"top_k": top_k}} if top_k > 1 else {}
    return layer(name, "Accuracy", [bottom, "label"], name, include={"phase": TEST}, **more)


def loss(bottom: str, name: str = "loss", top: str = "", **rest: object) -> Message:
    """Softmax and its loss."""
    return layer(name, "SoftmaxWithLoss", [bottom, "label"], top or name, **rest)


def prob(bottom: str) -> Message:
    """The softmax of a deploy net."""
    return layer("prob", "Softmax", bottom, "prob")


def input_(*dims: int) -> Message:
    """The input of a deploy net."""
    return {
        "layer": {"name": "data", "type": "Input", "top": "data", "input_param": {"shape": {"dim": [*dims]}}}
    }


def data(
    name: str, top: list[str], source: str, batch_size: int, include: Message, transform: Message
) -> Message:
    """A Data layer that reads an LMDB."""
    return {
        "layer": {
            "name": name,
            "type": "Data",
            "top": top,
            "include": include,
            "transform_param": transform,
            "data_param": {"source": f"data/{source}_lmdb", "batch_size": batch_size, "backend": LMDB},
        }
    }


def train_and_test_data(
    name: str,
    sources: tuple[str, str],
    batches: tuple[int, int],
    *transforms: Message,
    top: str = "data label",
) -> list[Message]:
    """The two Data layers of a train_val net; one transform for both, or one for each."""
    return [
        data(name, top.split(), source, batch, {"phase": phase}, transform)
        for source, batch, phase, transform in zip(sources, batches, (TRAIN, TEST), (transforms * 2)[:2])
    ]


# -- nets: each returns its train_val and its deploy layers --------------------------------------------------

Net = tuple[list[Message], list[Message]]


LENET_WIDTHS = (20, 50)


def lenet_body(
    data: str = "data", suffix: str = "", *, shared: bool = False, widths: tuple[int, int] = LENET_WIDTHS
) -> list[Message]:
    """LeNet up to ip2; the siamese net has it twice, with shared parameters."""

    def param(name: str) -> list[Message]:
        return rates(names=name if shared else "")

    def at(name: str) -> str:
        return name + suffix

    return [
        convolution(at("conv1"), data, widths[0], 5, stride=1, param=param("conv1")),
        pooling(at("pool1"), at("conv1"), MAX, 2, 2),
        convolution(at("conv2"), at("pool1"), widths[1], 5, stride=1, param=param("conv2")),
        pooling(at("pool2"), at("conv2"), MAX, 2, 2),
        inner_product(at("ip1"), at("pool2"), 500, param=param("ip1")),
        relu(at("relu1"), at("ip1")),
        inner_product(at("ip2"), at("ip1"), 10, param=param("ip2")),
    ]


MNIST_SCALE: Message = {"scale": 0.00390625}


def on_mnist(body: list[Message]) -> Net:
    """A net up to ip2, trained on MNIST."""
    source = train_and_test_data("mnist", ("mnist_train", "mnist_test"), (64, 100), MNIST_SCALE)
    return [*source, *body, accuracy("ip2"), loss("ip2")], [input_(64, 1, 28, 28), *body, prob("ip2")]


def lenet(factor: float = 1) -> Net:
    """LeNet on MNIST, its convolutions as many times as wide; halves are rounded down."""
    first, second = (math.ceil(width * factor - 0.5) for width in LENET_WIDTHS)
    return on_mnist(lenet_body(widths=(first, second)))


def deep_lenet() -> Net:
    """LeNet with a stack of four convolutions, each with ReLU, in place of each of its two."""
    body: list[Message] = []
    bottom = "data"
    for group, width in enumerate(LENET_WIDTHS, start=1):
        for member in range(1, 5):
            name = f"conv{group}-{member}"
            body.append(convolution(name, bottom, width, 5, pad=2, stride=1))
            body.append(relu(f"relu{group}-{member}", name))
            bottom = name
        body.append(pooling(f"pool{group}", bottom, MAX, 2, 2))
        bottom = f"pool{group}"
    body += [inner_product("ip1", bottom, 500), relu("relu3", "ip1"), inner_product("ip2", "ip1", 10)]
    return on_mnist(body)


def mnist_siamese() -> Net:
    """Two LeNets with one set of parameters, trained on pairs of digits."""

    def branch(data: str, suffix: str, shared: bool) -> list[Message]:
        param = rates(names="feat" if shared else "")
        feature = inner_product("feat" + suffix, "ip2" + suffix, 2, param=param)
        return [*lenet_body(data, suffix, shared=shared), feature]

    sources = ("mnist_siamese_train", "mnist_siamese_test")
    slice_param = {"slice_dim": 1, "slice_point": 1}
    contrastive = {"contrastive_loss_param": {"margin": 1}}
    train_val = [
        *train_and_test_data("pair_data", sources, (64, 100), MNIST_SCALE, top="pair_data sim"),
        layer("slice_pair", "Slice", "pair_data", ["data", "data_p"], slice_param=slice_param),
        *branch("data", "", True),
        *branch("data_p", "_p", True),
        layer("loss", "ContrastiveLoss", ["feat", "feat_p", "sim"], "loss", **contrastive),
    ]
    return train_val, [input_(100, 1, 28, 28), *branch("data", "", False)]


def mnist_autoencoder() -> Net:
    """784-1000-500-250-30 and back, with logistic units."""
    scale: Message = {"scale": 0.0039215684}
    sparse: Message = {"type": "gaussian", "std": 1, "sparse": 15}
    param: list[Message] = [{"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 1, "decay_mult": 0}]
    widths = {"encode1": 1000, "encode2": 500, "encode3": 250, "encode4": 30}
    widths.update(decode4=250, decode3=500, decode2=1000, decode1=784)
    body: list[Message] = []
    bottom = "data"
    for name, width in widths.items():
        body.append(inner_product(name, bottom, width, sparse, 0, param))
        bottom = name
        if name not in ("encode4", "decode1"):
            bottom = f"{name}neuron"
            body.append(layer(bottom, "Sigmoid", name, bottom))
    output = layer("decode1neuron", "Sigmoid", "decode1", "decode1neuron")
    targets = ["decode1", "flatdata"]
    train_val = [
        data("data", ["data"], "mnist_train", 100, {"phase": TRAIN}, scale),
        data("data", ["data"], "mnist_train", 100, {"phase": TEST, "stage": "test-on-train"}, scale),
        data("data", ["data"], "mnist_test", 100, {"phase": TEST, "stage": "test-on-test"}, scale),
        layer("flatdata", "Flatten", "data", "flatdata"),
        *body,
        layer("loss", "SigmoidCrossEntropyLoss", targets, "cross_entropy_loss", loss_weight=1),
        output,
        layer("loss", "EuclideanLoss", ["decode1neuron", "flatdata"], "l2_error", loss_weight=0),
    ]
    return train_val, [input_(100, 1, 28, 28), *body, output]


CIFAR10 = (("cifar10_train", "cifar10_test"), (100, 100), {"mean_file": "data/cifar10_mean.binaryproto"})


def cifar10_quick() -> Net:
    """Three convolutions and two inner products."""
    body = [
        convolution("conv1", "data", 32, 5, gaussian(0.0001), pad=2, stride=1),
        pooling("pool1", "conv1", MAX, 3, 2),
        relu("relu1", "pool1"),
        convolution("conv2", "pool1", 32, 5, gaussian(0.01), pad=2, stride=1),
        relu("relu2", "conv2"),
        pooling("pool2", "conv2", AVE, 3, 2),
        convolution("conv3", "pool2", 64, 5, gaussian(0.01), pad=2, stride=1),
        relu("relu3", "conv3"),
        pooling("pool3", "conv3", AVE, 3, 2),
        inner_product("ip1", "pool3", 64, gaussian(0.1)),
        inner_product("ip2", "ip1", 10, gaussian(0.1)),
    ]
    train_val = [*train_and_test_data("cifar", *CIFAR10), *body, accuracy("ip2"), loss("ip2")]
    return train_val, [input_(1, 3, 32, 32), *body, prob("ip2")]


def cifar10_full() -> Net:
    """Three convolutions with normalisation within channels, one strongly decayed inner product."""
    within = {"norm_region": Word("WITHIN_CHANNEL")}
    decayed: list[Message] = [{"lr_mult": 1, "decay_mult": 250}, {"lr_mult": 2, "decay_mult": 0}]
    body = [
        convolution("conv1", "data", 32, 5, gaussian(0.0001), pad=2, stride=1),
        pooling("pool1", "conv1", MAX, 3, 2),
        relu("relu1", "pool1"),
        lrn("norm1", "pool1", 3, 5e-5, **within),
        convolution("conv2", "norm1", 32, 5, gaussian(0.01), pad=2, stride=1),
        relu("relu2", "conv2"),
        pooling("pool2", "conv2", AVE, 3, 2),
        lrn("norm2", "pool2", 3, 5e-5, **within),
        # Both rates are 1 here, in Caffe's net too.
        convolution("conv3", "norm2", 64, 5, gaussian(0.01), param=[], pad=2, stride=1),
        relu("relu3", "conv3"),
        pooling("pool3", "conv3", AVE, 3, 2),
        inner_product("ip1", "pool3", 10, gaussian(0.01), param=decayed),
    ]
    train_val = [*train_and_test_data("cifar", *CIFAR10), *body, accuracy("ip1"), loss("ip1")]
    return train_val, [input_(1, 3, 32, 32), *body, prob("ip1")]


BASE_CNN_GROUPS = ((2, 96), (2, 128), (3, 256), (3, 512))
#: Slopes of leaky ReLU in the paper's Table 3; 0 is ReLU.
SLOPES = (0, 0.01, 0.05, 0.1, 0.15, 0.2, 0.24, 0.25, 0.3)


def base_cnn(negative_slope: float = 0) -> Net:
    """Ten convolutions in four groups and two inner products, on CIFAR-10."""
    msra: Message = {"type": "msra"}
    param = rates(decay=True)
    body: list[Message] = []
    bottom = "data"
    for group, (n_members, width) in enumerate(BASE_CNN_GROUPS, start=1):
        for member in range(1, n_members + 1):
            name = f"conv{group}-{member}"
            body.append(convolution(name, bottom, width, 3, msra, 0, param, pad=1))
            body.append(relu(f"relu{group}-{member}", name, negative_slope))
            bottom = name
        body.append(pooling(f"pool{group}", bottom, MAX, 2, 2))
        bottom = f"pool{group}"
    body += [
        inner_product("fc5", bottom, 512, msra, 0, param),
        relu("relu5", "fc5", negative_slope),
        dropout("drop5", "fc5", 0.5),
        inner_product("fc6", "fc5", 10, gaussian(0.01), 0, param),
    ]
    sources, _, mean = CIFAR10
    transform = {"scale": 0.015625, **mean}  # pixels then vary by about one, for which the msra filler is made
    source = train_and_test_data("cifar", sources, (128, 100), {"mirror": TRUE, **transform}, transform)
    return [*source, *body, accuracy("fc6"), loss("fc6")], [input_(1, 3, 32, 32), *body, prob("fc6")]


ILSVRC12 = ("ilsvrc12_train", "ilsvrc12_val")


def alexnet(*, norm_first: bool, bias: float) -> Net:
    """AlexNet in two groups (normalised before pooling), or CaffeNet (after it)."""
    param = rates(decay=True)

    def norm_and_pool(n: int) -> list[Message]:
        first, second = (f"norm{n}", f"pool{n}") if norm_first else (f"pool{n}", f"norm{n}")
        made = []
        for name, bottom in ((first, f"conv{n}"), (second, first)):
            is_norm = name.startswith("norm")
            made.append(lrn(name, bottom, 5, 1e-4) if is_norm else pooling(name, bottom, MAX, 3, 2))
        return made

    def conv(n: int, bottom: str, width: int, kernel: int, bias: float, **geometry: int) -> list[Message]:
        name = f"conv{n}"
        made = convolution(name, bottom, width, kernel, gaussian(0.01), bias, param, **geometry)
        return [made, relu(f"relu{n}", name)]

    def full(n: int, bottom: str) -> list[Message]:
        name = f"fc{n}"
        made = inner_product(name, bottom, 4096, gaussian(0.005), bias, param)
        return [made, relu(f"relu{n}", name), dropout(f"drop{n}", name, 0.5)]

    last = "pool" if norm_first else "norm"
    body = [
        *conv(1, "data", 96, 11, 0, stride=4),
        *norm_and_pool(1),
        *conv(2, f"{last}1", 256, 5, bias, pad=2, group=2),
        *norm_and_pool(2),
        *conv(3, f"{last}2", 384, 3, 0, pad=1),
        *conv(4, "conv3", 384, 3, bias, pad=1, group=2),
        *conv(5, "conv4", 256, 3, bias, pad=1, group=2),
        pooling("pool5", "conv5", MAX, 3, 2),
        *full(6, "pool5"),
        *full(7, "fc6"),
        inner_product("fc8", "fc7", 1000, gaussian(0.01), 0, param),
    ]
    mean = {"mean_file": "data/ilsvrc12_mean.binaryproto"}
    transforms = [{"mirror": mirror, "crop_size": 227, **mean} for mirror in (TRUE, FALSE)]
    source = train_and_test_data("data", ILSVRC12, (256, 50), *transforms)
    return [*source, *body, accuracy("fc8"), loss("fc8")], [input_(10, 3, 227, 227), *body, prob("fc8")]


def googlenet() -> Net:
    """GoogLeNet; two more losses look at its middle while it is trained."""
    param = rates(decay=True)

    def conv(prefix: str, kind: str, bottom: str, width: int, kernel: int, **geometry: int) -> list[Message]:
        name = f"{prefix}/{kind}"
        made = convolution(name, bottom, width, kernel, XAVIER, 0.2, param, **geometry)
        return [made, relu(f"{prefix}/relu_{kind.replace('_s2', '')}", name)]

    def inception(name: str, bottom: str, *n: int) -> list[Message]:
        prefix = f"inception_{name}"
        return [
            *conv(prefix, "1x1", bottom, n[0], 1),
            *conv(prefix, "3x3_reduce", bottom, n[1], 1),
            *conv(prefix, "3x3", f"{prefix}/3x3_reduce", n[2], 3, pad=1),
            *conv(prefix, "5x5_reduce", bottom, n[3], 1),
            *conv(prefix, "5x5", f"{prefix}/5x5_reduce", n[4], 5, pad=2),
            pooling(f"{prefix}/pool", bottom, MAX, 3, 1, pad=1),
            *conv(prefix, "pool_proj", f"{prefix}/pool", n[5], 1),
            layer(
                f"{prefix}/output",
                "Concat",
                [f"{prefix}/{branch}" for branch in ("1x1", "3x3", "5x5", "pool_proj")],
                f"{prefix}/output",
            ),
        ]

    def judged(number: int, weight: float) -> list[Message]:
        classifier, name = f"loss{number}/classifier", f"loss{number}/loss{number}"
        # The layer of the first two is called loss, its top loss1 and loss2.
        own = name if number == 3 else f"loss{number}/loss"
        return [
            loss(classifier, own, name, loss_weight=weight),
            accuracy(classifier, f"loss{number}/top-1"),
            accuracy(classifier, f"loss{number}/top-5", 5),
        ]

    def side(number: int, bottom: str) -> list[Message]:
        at = f"loss{number}"
        return [
            pooling(f"{at}/ave_pool", bottom, AVE, 5, 3),
            *conv(at, "conv", f"{at}/ave_pool", 128, 1),
            inner_product(f"{at}/fc", f"{at}/conv", 1024, XAVIER, 0.2, param),
            relu(f"{at}/relu_fc", f"{at}/fc"),
            dropout(f"{at}/drop_fc", f"{at}/fc", 0.7),
            inner_product(f"{at}/classifier", f"{at}/fc", 1000, XAVIER, 0, param),
            *judged(number, 0.3),
        ]

    stem = [
        *conv("conv1", "7x7_s2", "data", 64, 7, pad=3, stride=2),
        pooling("pool1/3x3_s2", "conv1/7x7_s2", MAX, 3, 2),
        lrn("pool1/norm1", "pool1/3x3_s2", 5, 1e-4),
        *conv("conv2", "3x3_reduce", "pool1/norm1", 64, 1),
        *conv("conv2", "3x3", "conv2/3x3_reduce", 192, 3, pad=1),
        lrn("conv2/norm2", "conv2/3x3", 5, 1e-4),
        pooling("pool2/3x3_s2", "conv2/norm2", MAX, 3, 2),
    ]
    to_4a = [
        *stem,
        *inception("3a", "pool2/3x3_s2", 64, 96, 128, 16, 32, 32),
        *inception("3b", "inception_3a/output", 128, 128, 192, 32, 96, 64),
        pooling("pool3/3x3_s2", "inception_3b/output", MAX, 3, 2),
        *inception("4a", "pool3/3x3_s2", 192, 96, 208, 16, 48, 64),
    ]
    to_4d = [
        *inception("4b", "inception_4a/output", 160, 112, 224, 24, 64, 64),
        *inception("4c", "inception_4b/output", 128, 128, 256, 24, 64, 64),
        *inception("4d", "inception_4c/output", 112, 144, 288, 32, 64, 64),
    ]
    to_end = [
        *inception("4e", "inception_4d/output", 256, 160, 320, 32, 128, 128),
        pooling("pool4/3x3_s2", "inception_4e/output", MAX, 3, 2),
        *inception("5a", "pool4/3x3_s2", 256, 160, 320, 32, 128, 128),
        *inception("5b", "inception_5a/output", 384, 192, 384, 48, 128, 128),
        pooling("pool5/7x7_s1", "inception_5b/output", AVE, 7, 1),
        dropout("pool5/drop_7x7_s1", "pool5/7x7_s1", 0.4),
        inner_product("loss3/classifier", "pool5/7x7_s1", 1000, XAVIER, 0, param),
    ]
    mean = {"mean_value": [104, 117, 123]}
    transforms = [{"mirror": mirror, "crop_size": 224, **mean} for mirror in (TRUE, FALSE)]
    train_val = [
        *train_and_test_data("data", ILSVRC12, (32, 50), *transforms),
        *to_4a,
        *side(1, "inception_4a/output"),
        *to_4d,
        *side(2, "inception_4d/output"),
        *to_end,
        *judged(3, 1),
    ]
    return train_val, [input_(10, 3, 224, 224), *to_4a, *to_4d, *to_end, prob("loss3/classifier")]


# -- files ---------------------------------------------------------------------------------------------------


def steps(base_lr: float, gamma: float, stepsize: int) -> Message:
    """A learning rate that falls every so often."""
    return {"base_lr": base_lr, "lr_policy": "step", "gamma": gamma, "stepsize": stepsize}


INV: Message = {"base_lr": 0.01, "lr_policy": "inv", "gamma": 0.0001, "power": 0.75}


def falls_at(*iterations: int, base_lr: float = 0.001) -> Message:
    """A learning rate that falls to a tenth at each of the given iterations."""
    return {"base_lr": base_lr, "lr_policy": "multistep", "gamma": 0.1, "stepvalue": [*iterations]}


def solver(
    schedule: Message,
    max_iter: int,
    weight_decay: float,
    display: int,
    snapshot: int,
    mode: str = "CPU",
    **rest: Any,
) -> Message:
    """The part of a solver that does not say where files lie."""
    return {
        **rest,
        **schedule,
        "momentum": 0.9,
        "weight_decay": weight_decay,
        "display": display,
        "max_iter": max_iter,
        "snapshot": snapshot,
        "solver_mode": Word(mode),
    }


AUTOENCODER_TESTS: Message = {
    "test_state": [{"stage": "test-on-train"}, {"stage": "test-on-test"}],
    "test_iter": [500, 100],
    "test_interval": 500,
    "test_compute_loss": TRUE,
}
GOOGLENET_TESTS: Message = {
    "test_iter": 1000,
    "test_interval": 4000,
    "test_initialization": FALSE,
    "average_loss": 40,
}
MNIST_TESTS: Message = {"test_iter": 100, "test_interval": 500}
FULL_TESTS: Message = {"test_iter": 100, "test_interval": 1000}
ILSVRC12_TESTS: Message = {"test_iter": 1000, "test_interval": 1000}


def all_nets() -> dict[str, tuple[str, Net, Message]]:
    """For every folder: the net's name, its layers, its solver."""
    imagenet = solver(steps(0.01, 0.1, 100000), 450000, 0.0005, 20, 10000, "GPU", **ILSVRC12_TESTS)
    on_mnist_ = solver(INV, 10000, 0.0005, 100, 5000, **MNIST_TESTS)
    schedule = falls_at(20000, 28000, base_lr=0.01)
    base_cnn_solver = solver(schedule, 32000, 0.0005, 100, 4000, **FULL_TESTS)
    return {
        "lenet": ("LeNet", lenet(), on_mnist_),
        **{
            f"lenet_x{factor:g}": (f"LeNet_x{factor:g}", lenet(factor), on_mnist_)
            for factor in (4, 2, 0.5, 0.25)
        },
        "deep_lenet": ("DeepLeNet", deep_lenet(), on_mnist_),
        **{
            f"base_cnn_leaky{slope:g}" if slope else "base_cnn": (
                f"BaseCNN_leaky{slope:g}" if slope else "BaseCNN",
                base_cnn(slope),
                base_cnn_solver,
            )
            for slope in SLOPES
        },
        "cifar10_quick": (
            "CIFAR10_quick",
            cifar10_quick(),
            solver(falls_at(4000), 5000, 0.004, 100, 1000, **MNIST_TESTS),
        ),
        "cifar10_full": (
            "CIFAR10_full",
            cifar10_full(),
            solver(falls_at(60000, 65000), 70000, 0.004, 200, 5000, **FULL_TESTS),
        ),
        "mnist_siamese": ("mnist_siamese", mnist_siamese(), solver(INV, 50000, 0, 100, 5000, **MNIST_TESTS)),
        "mnist_autoencoder": (
            "MNISTAutoencoder",
            mnist_autoencoder(),
            solver(steps(0.01, 0.1, 10000), 65000, 0.0005, 100, 10000, **AUTOENCODER_TESTS),
        ),
        "bvlc_alexnet": ("AlexNet", alexnet(norm_first=True, bias=0.1), imagenet),
        "bvlc_reference_caffenet": ("CaffeNet", alexnet(norm_first=False, bias=1), imagenet),
        "bvlc_googlenet": (
            "GoogleNet",
            googlenet(),
            solver(steps(0.01, 0.96, 320000), 10000000, 0.0002, 40, 40000, "GPU", **GOOGLENET_TESTS),
        ),
    }


def all_files() -> dict[str, str]:
    """Every file's text by its path below prototxt/."""
    files = {}
    for folder, (name, (train_val, deploy), solver_) in all_nets().items():
        for file, layers in (("train_val", train_val), ("deploy", deploy)):
            body = "".join(text(one) for one in layers)
            files[f"{folder}/{file}.prototxt"] = f'name: "{name}"\n{body}'
        solver_ = {"net": f"prototxt/{folder}/train_val.prototxt", **solver_}
        solver_["snapshot_prefix"] = f"snapshots/{folder}"
        files[f"{folder}/solver.prototxt"] = text(solver_, open_up=False)
    return files


def main() -> int:
    """Write or check all files."""
    check = "--check" in sys.argv[1:]
    differ = 0
    for name, content in all_files().items():
        path = ROOT / name
        if path.is_file() and path.read_text("utf-8") == content:
            continue
        differ += 1
        print(path)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
    return differ if check else 0


if __name__ == "__main__":
    sys.exit(main())
