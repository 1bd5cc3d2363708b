"""Images a second while training on a GPU: operation by operation, as a recorded CUDA graph, and PyTorch by hand.

    python -m benchmarks.gpu_training                 # LeNet and BaseCNN; the table goes to docs/gpu_training.md
    python -m benchmarks.gpu_training --cpu --net lenet --iterations 3   # only to see that it runs

Forward, backward and update with momentum and weight decay, on a batch that is already there, so that reading data is
not a part of it (a CPU has no graphs). The same batch sizes and, for PyTorch, channels last, `foreach` and automatic
mixed precision.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.machine import machine
from benchmarks.torch_nets import LeNet, conv_relu
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.records.network_file import SolverFile
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.solvers import create_solver

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "gpu_training.md"
SHAPES = {"lenet": (64, 1, 28, 28), "base_cnn": (128, 3, 32, 32)}
N_WARM_UPS = 10


class BaseCNN(nn.Module):
    """`prototxt/base_cnn` by hand."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = 3
        for n_out, depth in ((96, 2), (128, 2), (256, 3), (512, 3)):
            for _ in range(depth):
                layers.append(conv_relu(n_in, n_out, 3, padding=1))
                n_in = n_out
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.fc5, self.drop5, self.fc6 = nn.Linear(512 * 4, 512), nn.Dropout(), nn.Linear(512, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc6(self.drop5(F.relu_(self.fc5(self.features(x).flatten(1)))))


MODULES: dict[str, type[nn.Module]] = {"lenet": LeNet, "base_cnn": BaseCNN}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--net", choices=SHAPES, action="append", help="only this one; nothing is written then")
    parser.add_argument("--iterations", type=int, default=200)
    arguments = parser.parse_args()
    if not arguments.cpu:
        backend.require_gpu(0)
    rows = []
    for name, precision in itertools.product(arguments.net or SHAPES, backend.Precision):
        ways = {
            "operation by operation": ours(name, precision, graphs=False),
            "CUDA graph": ours(name, precision, graphs=True),
            "PyTorch by hand": by_hand(name, precision),
        }
        rates = [SHAPES[name][0] / seconds(step, arguments.iterations) for step in ways.values()]
        rows.append(f"| {name} | {precision.value} | " + " | ".join(f"{rate:,.0f}" for rate in rates) + " |")
        print(rows[-1], flush=True)
    text = (
        "# Training on a GPU\n\nWritten by `python -m benchmarks.gpu_training`.\n\n"
        f"Images a second; {device()}.\n\n| net | precision | operation by operation | CUDA graph | PyTorch by hand |\n"
        "|---|---|--:|--:|--:|\n" + "\n".join(rows) + f"\n\n{machine()}.\n"
    )
    if not arguments.cpu and not arguments.net:
        REPORT.write_text(text)


def device() -> str:
    """Name of the processor that computes."""
    return torch.cuda.get_device_name(0) if backend.on_gpu() else "CPU"


def seconds(step: Callable[[], None], n: int) -> float:
    """Median time of an iteration, in seconds, over five stretches."""
    for _ in range(N_WARM_UPS):
        step()
    times = []
    for _ in range(5):
        wait()
        start = time.perf_counter()
        for _ in range(n):
            step()
        wait()
        times.append((time.perf_counter() - start) / n)
    return float(np.median(times))


def wait() -> None:
    """Let the GPU come to its end."""
    if backend.on_gpu():
        torch.cuda.synchronize()


def batch(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels."""
    random = np.random.default_rng(0)
    shape = SHAPES[name]
    return random.normal(size=shape).astype(np.float32), random.integers(0, 10, shape[0]).astype(np.float32)


def ours(name: str, precision: backend.Precision, graphs: bool) -> Callable[[], None]:
    """An iteration of our solver."""
    network = read_network(ROOT / "prototxt" / name / "train_val.prototxt").message
    kept = [layer for layer in network.layer if layer.type not in ("Data", "Accuracy")]
    inputs = schema.LayerParameter(name="input", type="Input", top=["data", "label"])
    inputs.input_param.shape.add(dim=SHAPES[name])
    inputs.input_param.shape.add(dim=SHAPES[name][:1])
    param = schema.SolverParameter(base_lr=1e-4, lr_policy="fixed", momentum=0.9, weight_decay=5e-4, random_seed=1)
    param.snapshot_after_train = False
    param.net_param.layer.extend([inputs, *kept])
    solver = create_solver(SolverFile("benchmark", param, (), ()))
    for blob, values in zip(solver.net.tops[0], batch(name)):
        blob.data[...] = values
    solver.uses_recordings = graphs

    def step() -> None:
        backend.set_precision(precision)
        solver.step(1)

    return step


def by_hand(name: str, precision: backend.Precision) -> Callable[[], None]:
    """An iteration as somebody writes it who has PyTorch only."""
    place = backend.device()
    net = MODULES[name]().to(place, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4, foreach=True)
    images, labels = (torch.from_numpy(array).to(place) for array in batch(name))
    images, labels = images.contiguous(memory_format=torch.channels_last), labels.long()
    is_narrow = precision is backend.Precision.BFLOAT16

    def step() -> None:
        allowed = precision is backend.Precision.TF32
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
        narrow = torch.autocast(place.type, torch.bfloat16) if is_narrow else contextlib.nullcontext()
        with narrow:
            loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    main()
