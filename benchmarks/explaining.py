"""Explanations beside Captum's, of the same nets written by hand in PyTorch, in turns.

    python -m benchmarks.explaining [--net lenet] [--seconds 3] [--json FILE]

Needs captum (pip install --no-deps captum), which nothing else here does. Results are compared before anything is
timed. A deconvnet is compared where no LRN lies in the net: ours passes over it, as Zeiler and Fergus do. The last
column is the processor time of hidden squares by that of the bare forward passes that they need.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks import torch_nets
from benchmarks.machine import machine
from benchmarks.nets import NETS
from benchmarks.speed import files
from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.explanation.subject import Subject, open_subject
from cnnvis_caffe.features.explain.integrated_gradients import integrate
from cnnvis_caffe.features.explain.occlusion import occlude, squares
from cnnvis_caffe.features.explain.projections import project
from cnnvis_caffe.features.explain.way_back import WayBack

#: Images at once, steps of the integral, and places of the square along each side, by net.
SIZES = {"lenet": (16, 20, 12), "cifar10_full": (16, 20, 12), "caffenet": (2, 12, 4), "googlenet": (2, 12, 4)}
WITHOUT_LRN = ("lenet",)
TARGET = 3
_LEAST_ROUNDS = 3


class LeNet(torch_nets.LeNet):
    """LeNet with its rectifier as a module, which Captum asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        return self.ip2(self.relu(self.ip1(x.flatten(1))))


def by_hand(name: str, params: dict[str, list[np.ndarray]]) -> nn.Module:
    """The net in PyTorch, with rectifiers that Captum can take hold of."""
    net = torch_nets.build(name, params)
    if name == "lenet":
        other = LeNet()
        other.load_state_dict(net.state_dict())
        net = other.eval()
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return net


@contextmanager
def both(name: str) -> Iterator[tuple[Subject, nn.Module, np.ndarray]]:
    """Our net, theirs, and images."""
    n_images = SIZES[name][0]
    with files(NETS[name]) as (folder, params):
        images = np.load(folder / "inputs.npy").reshape(-1, *NETS[name].input_shape()[1:])[:n_images]
        np.savez(folder / "images.npz", images=images, labels=np.zeros(len(images), np.int64))
        request = Request(
            str(folder / "deploy.prototxt"), (str(folder / "weights.caffemodel"),), str(folder / "images.npz"),
            scale=1.0, batch=n_images if n_images < 16 else None,
        )  # fmt: skip
        yield open_subject(request, range(len(images))), by_hand(name, params), images


def pairs(name: str, subject: Subject, net: nn.Module, images: np.ndarray) -> Iterator[tuple[str, Callable, Callable]]:
    """What is measured: its name, and the same by us and by Captum; each returns its result."""
    from captum.attr import Deconvolution, GuidedBackprop, IntegratedGradients, Occlusion, Saliency

    _, n_steps, _ = SIZES[name]
    way = WayBack(subject.net, subject.model.input_name, subject.model.score_name, subject.slopes)
    batch = subject.model.batch

    def inputs() -> torch.Tensor:
        return torch.from_numpy(images).clone().requires_grad_()

    saliency, guided, deconvnet = Saliency(net), GuidedBackprop(net), Deconvolution(net)
    yield (
        "gradient",
        lambda: project(way, images, TARGET)[0],
        lambda: saliency.attribute(inputs(), TARGET, abs=False).detach().numpy(),
    )
    yield (
        "guided backpropagation",
        lambda: project(way, images, TARGET, rule="guided")[0],
        lambda: guided.attribute(inputs(), TARGET).detach().numpy(),
    )
    yield (
        "deconvnet",
        lambda: project(way, images, TARGET, rule="deconvnet")[0],
        lambda: deconvnet.attribute(inputs(), TARGET).detach().numpy(),
    )
    integrated = IntegratedGradients(net)
    yield (
        "integrated gradients",
        lambda: integrate(way, images, TARGET, n_steps=n_steps, batch=batch)[0],
        lambda: integrated.attribute(inputs(), target=TARGET, n_steps=n_steps, internal_batch_size=batch)
        .detach().numpy(),
    )  # fmt: skip
    size, stride = square(name, images)
    hidden, scorer = Occlusion(lambda x: F.softmax(net(x), 1)), subject.scorer()

    def by_captum() -> np.ndarray:
        with torch.no_grad():
            shape, strides = (images.shape[1], size, size), (images.shape[1], stride, stride)
            return hidden.attribute(
                torch.from_numpy(images[:1]), shape, strides, target=TARGET, baselines=0.5, perturbations_per_eval=batch
            ).numpy()[0, 0]  # fmt: skip

    def by_us() -> np.ndarray:
        return occlude(scorer, images[0], 0.5, size=size, stride=stride, label=TARGET)

    yield "hidden squares", by_us, by_captum


def square(name: str, images: np.ndarray) -> tuple[int, int]:
    """Side and stride of the square."""
    side = images.shape[2] // 4
    return side, min(max((images.shape[2] - side) // (SIZES[name][2] - 1), 1), side)


def check(what: str, name: str, ours: Any, theirs: np.ndarray, images: np.ndarray) -> None:
    """Raise unless both results are the same."""
    if what == "hidden squares":
        # Captum gives every pixel the mean drop of the squares over it.
        drops = float(ours.whole[TARGET]) - ours.probability.astype(np.float64)
        total, count = np.zeros(theirs.shape), np.zeros(theirs.shape)
        for (y0, x0, y1, x1), drop in zip(ours.boxes.reshape(-1, 4), drops.ravel()):
            total[y0:y1, x0:x1] += drop
            count[y0:y1, x0:x1] += 1
        ours = total / count
    elif what == "deconvnet" and name not in WITHOUT_LRN:
        return
    # Where a rectifier or a maximum is at its kink, rounding decides, and some pixels differ.
    away = float(np.linalg.norm(np.asarray(ours, np.float64) - theirs) / np.linalg.norm(theirs))
    assert away < 0.01, f"{name}, {what}: differs by {away:.2g} of its length"


def bare_passes(name: str, subject: Subject, images: np.ndarray) -> Callable[[], None]:
    """The forward passes that hidden squares need, of images that are there already."""
    size, stride = square(name, images)
    n = squares(images.shape[2], images.shape[3], size, stride)[..., 0].size
    scorer = subject.scorer()
    net, last = subject.net, subject.model.score_name

    def run() -> None:
        for count in (1, *(part.stop - part.start for part in scorer.batches(n))):
            scorer.input(count)
            net.forward(end=last)

    return run


def seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """How long something takes, and the processor time of it, which other work on the machine disturbs less."""
    start = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def measure(name: str, patience: float) -> list[dict[str, Any]]:
    """Compare and time everything of one net."""
    rows = []
    with both(name) as (subject, net, images):
        for what, ours, theirs in pairs(name, subject, net, images):
            check(what, name, ours(), theirs(), images)
            bare = bare_passes(name, subject, images) if what == "hidden squares" else None
            times: dict[str, list[tuple[float, float]]] = {"ours": [], "captum": [], "bare": []}
            end = time.perf_counter() + patience
            while len(times["ours"]) < _LEAST_ROUNDS or time.perf_counter() < end:
                times["ours"].append(seconds(ours))
                times["captum"].append(seconds(theirs))
                if bare is not None:
                    times["bare"].append(seconds(bare))
            best = {who: np.min(values, 0) for who, values in times.items() if values}
            row = {"net": NETS[name].title, "what": what, "ours_ms": 1e3 * best["ours"][0]}
            row["captum_ratio"], row["captum_processor_ratio"] = (best["captum"] / best["ours"]).tolist()
            # Of each round by itself: both were under the same load.
            by_bare = [a[1] / b[1] for a, b in zip(times["ours"], times["bare"])]
            row["by_bare"] = statistics.median(by_bare) if bare else None
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| net | explanation | ours, ms | Captum | its processor time | by bare forward passes |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        bare = "" if row["by_bare"] is None else f"{row['by_bare']:.2f}×"
        ratios = f"{row['captum_ratio']:.2f}× | {row['captum_processor_ratio']:.2f}×"
        lines.append(f"| {row['net']} | {row['what']} | {row['ours_ms']:.3g} | {ratios} | {bare} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", action="append", choices=[*SIZES], help="only this one; may be repeated")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each explanation, or three rounds")
    parser.add_argument("--json", type=Path, help="also write the figures")
    arguments = parser.parse_args()
    rows = [row for name in arguments.net or SIZES for row in measure(name, arguments.seconds)]
    print(f"\n{machine()}\n\n{table(rows)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
