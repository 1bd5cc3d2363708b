"""Made-up analyses with planted structure: no network is run, so that they cost nothing."""

from __future__ import annotations

import functools
import zlib
from dataclasses import replace

import numpy as np

from cnnvis_caffe.records.analysis import (
    Analysis,
    Connections,
    Curve,
    DataSummary,
    LayerDebug,
    LayerFeatures,
    Node,
    Snapshot,
)

KINDS = ("lenet", "deep", "inception", "residual", "googlenet")


class NodeList:
    """Nodes written down one after the other; `at` is what the next one reads."""

    def __init__(self, channels: int, size: int) -> None:
        self.nodes = [Node("data", "data", "Input", "input", (), channels, (size, size), role="input", field_px=(1, 1))]
        self.at = "data"

    def _node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def _add(self, name: str, type: str, kind: str, n_neurons: int, positions: tuple[int, ...], **more) -> str:
        sources = more.pop("sources", (self.at,))
        owner = more.pop("owner", name if kind == "weights" else self._node(sources[0]).owner)
        field = more.pop("field_px", self._node(sources[0]).field_px)
        self.nodes.append(
            Node(name, name, type, kind, sources, n_neurons, positions, owner, field_px=field, **more),
        )
        self.at = name
        return name

    def conv(self, name: str, n: int, kernel: int = 3, source: str | None = None, relu: str | None = "") -> str:
        self.at = source or self.at
        bottom = self._node(self.at)
        field = tuple(length + kernel - 1 for length in bottom.field_px)
        self._add(
            name,
            "Convolution",
            "weights",
            n,
            bottom.positions,
            role="weights",
            field_px=field,
            settings=f"{n} of {kernel}x{kernel}",
        )
        if relu is not None:
            self.relu(relu or name.replace("conv", "relu"))
        return self.at

    def relu(self, name: str) -> str:
        bottom = self._node(self.at)
        return self._add(name, "ReLU", "identity", bottom.n_neurons, bottom.positions, role="rectifier")

    def pool(self, name: str, stride: int = 2, source: str | None = None) -> str:
        self.at = source or self.at
        bottom = self._node(self.at)
        positions = tuple(max(1, length // stride) for length in bottom.positions)
        field = tuple(length + 2 for length in bottom.field_px)
        return self._add(
            name, "Pooling", "identity", bottom.n_neurons, positions, role="pooling", field_px=field, settings="max 2x2"
        )

    def norm(self, name: str) -> str:
        bottom = self._node(self.at)
        return self._add(name, "LRN", "identity", bottom.n_neurons, bottom.positions, role="normalization")

    def scale(self, name: str, type: str) -> str:
        bottom = self._node(self.at)
        return self._add(name, type, "scale", bottom.n_neurons, bottom.positions, role="normalization")

    def ip(self, name: str, n: int, relu: str | None = None) -> str:
        bottom = self._node(self.at)
        whole = self.nodes[0].positions if bottom.positions else bottom.field_px
        self._add(
            name,
            "InnerProduct",
            "weights",
            n,
            (),
            role="weights",
            field_px=whole,
            settings=f"{bottom.n_neurons} to {n}",
        )
        if relu:
            self.relu(relu)
        return self.at

    def concat(self, name: str, sources: tuple[str, ...]) -> str:
        bottoms = [self._node(source) for source in sources]
        n = sum(bottom.n_neurons for bottom in bottoms)
        field = max(bottom.field_px for bottom in bottoms)
        return self._add(
            name,
            "Concat",
            "concat",
            n,
            bottoms[0].positions,
            sources=sources,
            owner="",
            role="merge",
            field_px=field,
        )

    def add(self, name: str, sources: tuple[str, ...]) -> str:
        bottoms = [self._node(source) for source in sources]
        field = max(bottom.field_px for bottom in bottoms)
        return self._add(
            name,
            "Eltwise",
            "sum",
            bottoms[0].n_neurons,
            bottoms[0].positions,
            sources=sources,
            coefficients=(1.0,) * len(sources),
            owner="",
            role="merge",
            field_px=field,
        )

    def inception(self, name: str, widths: tuple[int, int, int, int, int, int]) -> str:
        start = self.at
        one, reduce3, three, reduce5, five, proj = widths
        a = self.conv(f"{name}/1x1", one, 1, start, f"{name}/relu_1x1")
        b = self.conv(f"{name}/3x3_reduce", reduce3, 1, start, f"{name}/relu_3x3_reduce")
        b = self.conv(f"{name}/3x3", three, 3, b, f"{name}/relu_3x3")
        c = self.conv(f"{name}/5x5_reduce", reduce5, 1, start, f"{name}/relu_5x5_reduce")
        c = self.conv(f"{name}/5x5", five, 5, c, f"{name}/relu_5x5")
        self.pool(f"{name}/pool", 1, start)
        d = self.conv(f"{name}/pool_proj", proj, 1, None, f"{name}/relu_pool_proj")
        return self.concat(f"{name}/output", (a, b, c, d))

    def block(self, name: str, n: int, project: bool) -> str:
        start = self.at
        short = self.conv(f"{name}_branch1", n, 1, start, None) if project else start
        self.conv(f"{name}_branch2a", n, 3, start, f"{name}_branch2a_relu")
        long = self.conv(f"{name}_branch2b", n, 3, None, None)
        self.add(f"{name}", (short, long))
        return self.relu(f"{name}_relu")

    def end(self, loss: str = "loss") -> None:
        self.nodes.append(Node(loss, loss, "SoftmaxWithLoss", "other", (self.at, "label"), 0))


def make_nodes(kind: str, n_classes: int = 10) -> tuple[Node, ...]:
    """The nodes of a network of one of `KINDS`."""
    if kind == "lenet":
        net = NodeList(1, 28)
        net.conv("conv1", 20, 5, relu=None)
        net.pool("pool1")
        net.conv("conv2", 50, 5, relu=None)
        net.pool("pool2")
        net.ip("ip1", 500, "relu1")
        net.ip("ip2", n_classes)
    elif kind == "deep":
        net = NodeList(3, 32)
        for group, (count, n) in enumerate(((2, 32), (2, 48), (3, 64), (3, 96)), 1):
            for number in range(1, count + 1):
                net.conv(f"conv{group}_{number}", n)
            net.pool(f"pool{group}")
        net.ip("fc5", 128, "relu5")
        net.ip("fc6", n_classes)
    elif kind == "inception":
        net = NodeList(3, 32)
        net.conv("conv1", 24)
        net.pool("pool1")
        net.inception("inception_3a", (16, 12, 24, 4, 8, 8))
        net.inception("inception_3b", (24, 16, 32, 8, 16, 12))
        net.pool("pool3")
        net.ip("classifier", n_classes)
    elif kind == "residual":
        net = NodeList(3, 32)
        net.conv("conv1", 16, relu=None)
        net.scale("bn1", "BatchNorm")
        net.scale("scale1", "Scale")
        net.relu("relu1")
        net.block("res2a", 16, False)
        net.block("res3a", 32, True)
        net.pool("pool5", 8)
        net.ip("fc", n_classes)
    elif kind == "googlenet":
        net = NodeList(3, 224)
        net.conv("conv1/7x7_s2", 64, 7)
        net.pool("pool1/3x3_s2")
        net.norm("pool1/norm1")
        net.conv("conv2/3x3_reduce", 64, 1)
        net.conv("conv2/3x3", 192, 3)
        net.norm("conv2/norm2")
        net.pool("pool2/3x3_s2")
        net.inception("inception_3a", (64, 96, 128, 16, 32, 32))
        net.inception("inception_3b", (128, 128, 192, 32, 96, 64))
        net.pool("pool3/3x3_s2")
        net.inception("inception_4a", (192, 96, 208, 16, 48, 64))
        net.inception("inception_4b", (160, 112, 224, 24, 64, 64))
        net.inception("inception_4c", (128, 128, 256, 24, 64, 64))
        net.inception("inception_4d", (112, 144, 288, 32, 64, 64))
        net.inception("inception_4e", (256, 160, 320, 32, 128, 128))
        net.pool("pool4/3x3_s2")
        net.inception("inception_5a", (256, 160, 320, 32, 128, 128))
        net.inception("inception_5b", (384, 192, 384, 48, 128, 128))
        net.pool("pool5/7x7_s1", 7)
        net.ip("loss3/classifier", n_classes)
    else:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    net.end()
    return tuple(net.nodes)


def make_analysis(
    kind: str = "lenet",
    seed: int = 0,
    n_classes: int = 10,
    n_snapshots: int = 1,
    *,
    top: int = 9,
    nodes: tuple[Node, ...] = (),
) -> Analysis:
    """Make up an analysis.

    Neurons of each node fall into groups that respond to the same classes (planted clusters: neuron i belongs to
    group i % 4), and weights between neurons of neighbouring groups are strong. Nothing is dead, redundant, one-sign
    or disconnected; tests plant that. `nodes` takes the place of those of a kind.
    """
    nodes = nodes or make_nodes(kind, n_classes)
    random = np.random.default_rng(seed)
    n_images = 40 * n_classes
    size = nodes[0].positions[0]
    images = _Images(size, nodes[0].n_neurons, n_images)
    snapshots: list[Snapshot] = []
    for number in range(n_snapshots):
        snapshots.append(_snapshot(nodes, n_classes, n_images, top, random, number, snapshots))
    iterations = np.arange(0, 1000 * n_snapshots + 1, 100)
    curves = (
        Curve("train loss", "", iterations, 2.3 * np.exp(-iterations / 400.0) + 0.02, "made up"),
        Curve("test accuracy", "", iterations[::5], 1 - 0.9 * np.exp(-iterations[::5] / 300.0), "made up"),
    )
    names = tuple(str(c) for c in range(n_classes))
    shape = (nodes[0].n_neurons, size, size)
    order = "grey" if shape[0] == 1 else "BGR"
    count = np.full(n_classes, n_images // n_classes, np.int64)
    data = DataSummary("made up", n_images, names, count, order, "data", shape, "times 0.00390625")
    return Analysis(kind, nodes, data, tuple(snapshots), images, images.classes(n_classes), curves, {"seed": str(seed)})


def with_features(analysis: Analysis, node: str, snapshot: int = -1, **arrays) -> Analysis:
    """The same analysis with other arrays in the features of a node."""
    old = analysis.snapshots[snapshot]
    features = {**old.features, node: replace(old.features[node], **arrays)}
    return with_snapshot(analysis, snapshot, features=features)


def with_snapshot(analysis: Analysis, snapshot: int = -1, **changes) -> Analysis:
    """The same analysis with another snapshot in one place."""
    snapshots = list(analysis.snapshots)
    snapshots[snapshot] = replace(snapshots[snapshot], **changes)
    return replace(analysis, snapshots=tuple(snapshots))


def _snapshot(nodes, n_classes, n_images, top, random, number, earlier) -> Snapshot:
    features, similarity, correlation, connections, scale, debug, thumbnails = {}, {}, {}, {}, {}, {}, {}
    by_name = {node.name: node for node in nodes}
    for node in nodes:
        if not node.n_neurons or node.kind == "input":
            continue
        n = node.n_neurons
        mean = _responses(node, n_classes, number)
        rectified = node.role in ("rectifier", "pooling", "merge", "normalization")
        spread = np.abs(mean) + 0.05
        low = np.zeros(n) if rectified else -spread.max(1)
        shown = np.maximum(mean, 0) if rectified else mean
        response = shown.max(1)[:, None] * np.linspace(3, 2, top)[None, :]
        images = _top_images(node, n_images, top, random)
        rows, columns = (node.positions + (1, 1))[:2]
        position = np.stack([random.integers(0, rows, (n, top)), random.integers(0, columns, (n, top))], -1)
        height, width = node.field_px
        size = nodes[0].positions[0]
        y0 = (position[..., 0] * (size - height) // max(rows - 1, 1)).clip(-2)
        x0 = (position[..., 1] * (size - width) // max(columns - 1, 1)).clip(-2)
        box = np.stack([y0, x0, y0 + height, x0 + width], -1)
        features[node.name] = LayerFeatures(
            mean=shown.astype(np.float32),
            peak=(shown + spread).astype(np.float32),
            maximum=(shown + 2 * spread).astype(np.float32),
            active_share=np.clip(0.4 + shown, 0, 1).astype(np.float32),
            overall_mean=shown.mean(1).astype(np.float32),
            variance=(spread**2).mean(1).astype(np.float32),
            minimum=low.astype(np.float32),
            overall_maximum=(shown + 2 * spread).max(1).astype(np.float32),
            top_image=images.astype(np.int64),
            top_response=response.astype(np.float32),
            top_position=position.astype(np.int32),
            top_box=box.astype(np.int32),
            contribution=(shown * random.normal(0.5, 0.5, shown.shape)).astype(np.float32),
        )
        unit = shown - shown.mean(1, keepdims=True) + random.normal(0, 0.4, shown.shape)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        similarity[node.name] = np.clip(0.9 * (unit @ unit.T) + 0.1 * np.eye(n), -1, 1).astype(np.float32)
        correlation[node.name] = similarity[node.name]
        thumbnails[node.name] = _Thumbnails(node, n, min(64, max(3, min(node.field_px))))
        if node.kind == "scale":
            scale[node.name] = random.uniform(0.5, 1.5, n).astype(np.float32)
        if node.role == "rectifier":
            debug[node.name] = LayerDebug(dead_share=0.0)
        if node.kind == "weights":
            n_from = by_name[node.sources[0]].n_neurons
            weight = random.normal(0, 1, (n, n_from)) / np.sqrt(n_from)
            same = (np.arange(n)[:, None] % 4) == (np.arange(n_from)[None, :] % 4)
            weight += np.where(same, 2, 0) / np.sqrt(n_from) * random.choice([-1, 1], (n, 1))
            connections[node.name] = Connections(
                weight=weight.astype(np.float32),
                abs_weight=(np.abs(weight) + 0.01).astype(np.float32),
                gradient=(weight * 1e-3).astype(np.float32),
                abs_gradient=(np.abs(weight) * 2e-3).astype(np.float32),
            )
            change = float("nan")
            if earlier:
                before = earlier[-1].connections[node.name].weight
                change = float(np.abs(weight - before).mean() / np.abs(before).mean())
            debug[node.name] = LayerDebug(
                float(np.abs(weight).mean()), 1e-3 * float(np.abs(weight).mean()), change, 0.01
            )
    iteration = 1000 * (number + 1)
    return Snapshot(
        f"iter {iteration}",
        iteration,
        "",
        "",
        0.1 / (number + 1),
        0.02 / (number + 1),
        features,
        similarity,
        correlation,
        connections,
        scale,
        debug,
        thumbnails,
    )


def _responses(node: Node, n_classes: int, number: int) -> np.ndarray:
    """Means by class of four groups of neurons, (n, c); the same for conv, its ReLU and its pooling."""
    random = np.random.default_rng(zlib.crc32((node.owner or node.name).encode()) + number // 4)
    groups = random.uniform(0.1, 0.3, (4, n_classes))
    for group in range(4):
        groups[group, group::4] += 1.0
    n = node.n_neurons
    strength = random.uniform(0.5, 1.5, (n, 1))
    mean = groups[np.arange(n) % 4] * strength + random.normal(0, 0.02, (n, n_classes))
    if node.n_neurons == n_classes and not node.positions:  # the scores
        mean = np.eye(n_classes) * 5 + random.normal(0, 0.1, (n_classes, n_classes))
    return mean


def _top_images(node: Node, n_images: int, top: int, random: np.random.Generator) -> np.ndarray:
    """Different images for each neuron, (n, top)."""
    start = random.integers(0, n_images, (node.n_neurons, 1))
    return (start + 7 * np.arange(top)[None, :]) % n_images


class _Images:
    """Images as they are asked for: stripes whose direction and colour tell them apart."""

    def __init__(self, size: int, channels: int, n_images: int) -> None:
        self._size, self._channels, self._n = size, channels, n_images

    def classes(self, n_classes: int) -> dict[int, int]:
        return {index: index % n_classes for index in range(self._n)}

    def __getitem__(self, index: int) -> np.ndarray:
        if not 0 <= index < self._n:
            raise KeyError(index)
        return stripes(self._size, self._size, index, grey=self._channels == 1)

    def __iter__(self):
        return iter(range(self._n))

    def __len__(self) -> int:
        return self._n

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and 0 <= index < self._n

    def keys(self):
        return range(self._n)


class _Thumbnails(tuple):
    """One patch for each neuron, made at once."""

    __slots__ = ()

    def __new__(cls, node: Node, n: int, size: int) -> _Thumbnails:
        seed = zlib.crc32(node.name.encode()) % 1000
        grey = node.field_px[0] <= 28 and "lenet" in node.name
        few = [stripes(size, size, seed + 13 * i, grey=grey) for i in range(min(n, 48))]
        return super().__new__(cls, (few[i % len(few)] for i in range(n)))


@functools.lru_cache(maxsize=4096)
def stripes(height: int, width: int, seed: int, *, grey: bool = False) -> np.ndarray:
    """A picture of stripes, (height, width, 3) uint8; everybody gets the same array, which cannot be written."""
    random = np.random.default_rng(seed)
    angle, phase, period = random.uniform(0, np.pi), random.uniform(0, 6), random.uniform(4, 10)
    y, x = np.mgrid[:height, :width]
    wave = 0.5 + 0.5 * np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period + phase)
    colour = np.ones(3) if grey else random.uniform(0.3, 1, 3)
    picture = (wave[..., None] * colour * 255).astype(np.uint8)
    picture.setflags(write=False)
    return picture
