"""Images a second while training on a GPU: ours, PyTorch by hand in its fastest form, and what the device could do.

    python -m benchmarks.gpu_training [--net base_cnn ...] [--precision tf32 ...] [--to FILE] [--seconds 150]
    python -m benchmarks.gpu_training --choose base_cnn          # only: how many trainings at once get most done
    python -m benchmarks.pretended benchmarks.gpu_training --iterations 2        # only to see that it runs; or --cpu

Forward, backward and update with momentum and weight decay. Ours: on a batch that is already there, and from an LMDB
through the data layer, whose images stay on the GPU behind the first pass or cross again each time. By hand: channels
last, a fused optimiser, as a CUDA graph, and with `torch.compile` before that; the fastest counts. What does not run
or does not fit into the time is named. Several trainings at once are processes of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.machine import machine
from benchmarks.torch_nets import LeNet, conv_relu
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.datum import Datum, serialize_datum
from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.processes import python_words
from cnnvis_caffe.records.network_file import SolverFile
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.layers import staging
from cnnvis_caffe.runtime.net import Net
from cnnvis_caffe.runtime.solvers import create_solver

ROOT = Path(__file__).resolve().parent.parent
SHAPES = {"base_cnn": (128, 3, 32, 32), "lenet": (64, 1, 28, 28)}
PRECISIONS = {"tf32": backend.Precision.TF32, "bfloat16": backend.Precision.BFLOAT16,
              "float32": backend.Precision.FLOAT32}  # fmt: skip
AT_ONCE = (1, 2, 4, 8)
#: Trainings at once must get so much more done to be worth it.
WORTH_IT = 1.05
N_WARM_UPS = 12
#: Makes a number of iterations.
Run = Callable[[int], Any]


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


# -- ours ----------------------------------------------------------------------------------------------------------


def solver_of(name: str, data_layer: Any, precision: backend.Precision, graphs: bool = True) -> Run:
    """Iterations of our solver on a data layer."""
    backend.set_precision(precision)
    network = read_network(ROOT / "prototxt" / name / "train_val.prototxt").message
    kept = [layer for layer in network.layer if layer.type not in ("Data", "Accuracy")]
    param = schema.SolverParameter(base_lr=1e-4, lr_policy="fixed", momentum=0.9, weight_decay=5e-4, random_seed=1)
    param.snapshot_after_train = False
    param.net_param.layer.extend([data_layer, *kept])
    solver = create_solver(SolverFile("benchmark", param, (), ()))
    solver.uses_recordings = graphs
    if data_layer.type == "Input":
        for blob, values in zip(solver.net.tops[0], batch(name)):
            blob.data[...] = values

    def run(n: int) -> None:
        backend.set_precision(precision)
        solver.step(n)

    return run


def input_layer(name: str) -> Any:
    """A batch that is already there."""
    layer = schema.LayerParameter(name="input", type="Input", top=["data", "label"])
    layer.input_param.shape.add(dim=SHAPES[name])
    layer.input_param.shape.add(dim=SHAPES[name][:1])
    return layer


def database_layer(name: str, folder: Path, n_images: int) -> Any:
    """Random images from an LMDB, with the mean and the mirror of the net's own data layer."""
    network = read_network(ROOT / "prototxt" / name / "train_val.prototxt").message
    layer, shape = network.layer[0], SHAPES[name][1:]
    path = folder / f"{name}_{n_images}"
    if not path.exists():
        random = np.random.default_rng(0)
        with LmdbWriter(path) as writer:
            for index in range(n_images):
                pixels = random.integers(0, 256, shape, np.uint8).tobytes()
                writer.put(b"%08d" % index, serialize_datum(Datum(*shape, pixels, index % 10)))
        write_mean(folder / f"{name}.binaryproto", np.full(shape, 120, np.float32))
    layer.data_param.source = str(path)
    if layer.transform_param.mean_file:
        layer.transform_param.mean_file = str(folder / f"{name}.binaryproto")
    return layer


@contextlib.contextmanager
def no_data_stays() -> Iterator[None]:
    """Let no data set stay on the GPU."""
    before, staging.SHARE_FOR_DATA = staging.SHARE_FOR_DATA, 0.0
    try:
        yield
    finally:
        staging.SHARE_FOR_DATA = before


def ours(name: str, precision: backend.Precision, folder: Path, n_images: int) -> Iterator[tuple[str, Callable]]:
    """Our ways, each as a function that builds it."""
    there = input_layer(name)
    yield "operation by operation", lambda: solver_of(name, there, precision, graphs=False)
    yield "batch already there", lambda: solver_of(name, there, precision)
    stored = database_layer(name, folder, n_images)
    # Until all images are there.
    n_first = -(-n_images // SHAPES[name][0]) + 6
    yield "LMDB, later passes", lambda: after(solver_of(name, stored, precision), n_first)

    def crossing() -> Run:
        with no_data_stays():
            return after(solver_of(name, stored, precision), 6)

    yield "LMDB, first pass", crossing


def after(run: Run, n: int) -> Run:
    """The same, some iterations later."""
    run(n)
    return run


# -- by hand -------------------------------------------------------------------------------------------------------


def by_hand(name: str, precision: backend.Precision) -> Iterator[tuple[str, Callable[[], Run]]]:
    """Iterations as somebody writes them who has PyTorch only."""
    yield "by hand, foreach", lambda: _by_hand(name, precision, foreach=True)
    yield "by hand, fused", lambda: _by_hand(name, precision, fused=True)
    if backend.on_gpu():
        yield "by hand, fused, CUDA graph", lambda: _recorded(_by_hand(name, precision, fused=True))
        yield (
            "by hand, torch.compile, fused, CUDA graph",
            lambda: _recorded(_by_hand(name, precision, compiled=True, fused=True)),
        )


def _by_hand(name: str, precision: backend.Precision, compiled: bool = False, **options: bool) -> Run:
    """Single iterations."""
    place = backend.device()
    net: Any = MODULES[name]().to(place, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4, **options)
    images, labels = (torch.from_numpy(array).to(place) for array in batch(name))
    images, labels = images.contiguous(memory_format=torch.channels_last), labels.long()
    net = torch.compile(net) if compiled else net

    def step() -> None:
        allowed = precision is backend.Precision.TF32
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
        is_narrow = precision is backend.Precision.BFLOAT16
        # Weights that were narrowed in one iteration must not be kept for the next one: a recording would keep them.
        with torch.autocast(place.type, torch.bfloat16, enabled=is_narrow, cache_enabled=False):
            loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return lambda n: [step() for _ in range(n)] and None


def _recorded(run: Run) -> Run:
    """The same as a CUDA graph."""
    torch.backends.cudnn.benchmark = True
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        run(N_WARM_UPS)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run(1)
    torch.backends.cudnn.benchmark = False
    return lambda n: [graph.replay() for _ in range(n)] and None


# -- measuring -----------------------------------------------------------------------------------------------------


def batch(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels."""
    random = np.random.default_rng(0)
    shape = SHAPES[name]
    return random.normal(size=shape).astype(np.float32), random.integers(0, 10, shape[0]).astype(np.float32)


def is_pretended() -> bool:
    """Say whether this runs on a pretended GPU."""
    return "helpers.pretended_gpu" in sys.modules


def wait() -> None:
    """Let the GPU come to its end."""
    if backend.on_gpu():
        torch.cuda.synchronize()


def seconds(run: Run, n: int, n_warm_ups: int = N_WARM_UPS) -> float:
    """Median time of an iteration, in seconds, over five stretches."""
    run(n_warm_ups)
    times = []
    for _ in range(5):
        wait()
        start = time.perf_counter()
        run(n)
        wait()
        times.append((time.perf_counter() - start) / n)
    return float(np.median(times))


def matrix_rate(precision: backend.Precision, side: int, n: int) -> float:
    """Operations a second in a product of square matrices: what the device gives at most, in this run."""
    kind = torch.bfloat16 if precision is backend.Precision.BFLOAT16 else torch.float32
    torch.backends.cuda.matmul.allow_tf32 = precision is backend.Precision.TF32
    a, b = (torch.ones(side, side, device=backend.device(), dtype=kind) for _ in range(2))
    return 2 * side**3 / seconds(lambda times: [a @ b for _ in range(times)], n, 2)


def operations_per_image(name: str) -> float:
    """Multiplications and additions of a training step, forward and twice as many backward, for an image."""
    network = read_network(ROOT / "prototxt" / name / "deploy.prototxt")
    net = Net(network, schema.TEST, run=False)
    total = 0.0
    for layer, tops in zip(net.layers, net.tops):
        if layer.blobs and layer.type in ("Convolution", "InnerProduct"):
            weights, top = layer.blobs[0], tops[0]
            positions = top.count // (top.shape[0] * top.shape[1])
            total += 2 * weights.count * positions
    return 3 * total


# -- several at once -----------------------------------------------------------------------------------------------


def rate_at_once(k: int, name: str, precision: str, duration: float) -> float:
    """Images a second of k trainings together, each a process of its own, on a batch that is already there.

    Raises
    ------
    RuntimeError
        If one of them fails, such as for want of memory.
    """
    modules = [*(["benchmarks.pretended"] if is_pretended() else []), "benchmarks.gpu_training"]
    words = python_words(*modules, folders=[ROOT])
    words += ["--child", name, "--precision", precision, "--seconds", str(duration)]
    words += [] if backend.on_gpu() else ["--cpu"]
    with tempfile.TemporaryFile("w+") as errors:
        children = [
            subprocess.Popen(
                words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, universal_newlines=True
            )
            for _ in range(k)
        ]
        try:
            for child in children:
                child.stdout.readline()  # it is ready
            for child in children:
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.write("go\n")
                    child.stdin.flush()
            answers = [child.communicate()[0] for child in children]
            if any(child.returncode for child in children):
                errors.seek(0)
                raise RuntimeError(f"{k} at once: {errors.read().strip().splitlines()[-1:]}")
            return sum(json.loads(answer) for answer in answers if answer)
        finally:
            for child in children:
                child.kill()


def child(name: str, precision: str, duration: float) -> None:
    """One of several trainings: begins when it is told to, and prints its images a second."""
    run = solver_of(name, input_layer(name), PRECISIONS[precision])
    n = 1 if duration < 1 else 20
    run(N_WARM_UPS if duration >= 1 else 1)
    wait()
    print("ready", flush=True)
    sys.stdin.readline()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < duration:
        run(n)
        wait()
        count += n
    print(count * SHAPES[name][0] / (time.perf_counter() - start))


def best_at_once(rates: dict[int, float]) -> int:
    """Return how many trainings to run at once: the fewest of which no larger number gets clearly more done."""
    best = max(rates.values())
    return min(k for k, rate in rates.items() if rate * WORTH_IT >= best)


def choose_at_once(
    name: str, precision: str = "tf32", at_once: Sequence[int] = AT_ONCE, duration: float = 3.0
) -> tuple[int, dict[int, float]]:
    """Measure; return the best number of trainings at once, and the rates by their number."""
    rates: dict[int, float] = {}
    for k in at_once:
        try:
            rates[k] = rate_at_once(k, name, precision, duration)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            break
    return best_at_once(rates) if rates else 1, rates


# -- the report ----------------------------------------------------------------------------------------------------


class Report:
    """The section of a page, written anew with every figure."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.lines: list[str] = []

    def add(self, *lines: str) -> None:
        """Add lines."""
        self.lines += lines
        print("\n".join(lines), flush=True)
        if self._path is not None:
            self._path.write_text("\n".join(self.lines) + "\n", "utf-8")


def measure(report: Report, arguments: argparse.Namespace) -> None:
    """Measure nets in precisions as long as there is time."""
    end = time.monotonic() + arguments.seconds
    with tempfile.TemporaryDirectory() as folder:
        for name, precision in itertools.product(arguments.net, arguments.precision or PRECISIONS):
            if time.monotonic() > end:
                report.add(f"\n{name} in {precision}: no time was left.")
                continue
            _measure_one(report, name, precision, Path(folder), arguments, end)


def _measure_one(
    report: Report, name: str, precision: str, folder: Path, arguments: argparse.Namespace, end: float
) -> None:
    """The table of a net in a precision, and what follows from it."""
    rate = matrix_rate(PRECISIONS[precision], arguments.side, 3)
    report.add("", f"**{name}, {precision}**, batches of {SHAPES[name][0]}; matrix products {rate / 1e12:,.1f} T/s", "")
    report.add("| | images a second | of the matrix rate |", "|---|--:|--:|")
    share = operations_per_image(name) / rate
    rates: dict[str, float] = {}
    ways = ours(name, PRECISIONS[precision], folder, arguments.images)
    if not is_pretended():  # autograd does not work there
        ways = itertools.chain(ways, by_hand(name, PRECISIONS[precision]))
    for title, build in ways:
        try:
            if time.monotonic() > end:
                raise TimeoutError("no time was left")
            rates[title] = SHAPES[name][0] / seconds(build(), arguments.iterations)
            report.add(f"| {title} | {rates[title]:,.0f} | {rates[title] * share:.1%} |")
        except Exception as error:  # noqa: BLE001 - the next way may run
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            report.add(f"| {title} | {reason[:120]} | |")
    if time.monotonic() < end:
        k, several = choose_at_once(name, precision, arguments.at_once, arguments.duration)
        for number, total in several.items():
            title = f"{number} at once" + (", the best" if number == k else "")
            report.add(f"| {title} | {total:,.0f} | {total * share:.1%} |")
    report.add("", *_goals(rates))


def _goals(rates: dict[str, float]) -> list[str]:
    """How ours stands beside the fastest by hand, and data from a file beside a batch that is there."""
    hand = {title: rate for title, rate in rates.items() if title.startswith("by hand")}
    there = rates.get("batch already there")
    lines = []
    if hand and there:
        best = max(hand, key=lambda title: hand[title])
        times = hand[best] / there
        lines.append(f"A step takes {times:.2f} times that of the fastest by hand ({best[9:]}); goal: 1.0.")
    if there and "LMDB, later passes" in rates:
        lines.append(f"From the LMDB: {rates['LMDB, later passes'] / there:.0%} of the rate without; goal: 90%.")
    return lines


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--net", choices=SHAPES, action="append", help="only this one; may be repeated")
    parser.add_argument("--precision", choices=PRECISIONS, action="append", help="likewise")
    parser.add_argument("--iterations", type=int, default=100, help="in each of five stretches")
    parser.add_argument("--images", type=int, default=20_000, help="in the LMDB")
    parser.add_argument("--seconds", type=float, default=150, help="what takes longer is left out")
    parser.add_argument("--to", type=Path, help="file for the tables")
    parser.add_argument("--choose", choices=SHAPES, help="only say how many trainings at once get most done")
    parser.add_argument("--child", choices=SHAPES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    is_quick = arguments.iterations < 10  # only to see that it runs
    arguments.side, arguments.duration = (64, 0.1) if is_quick else (8192, 3.0)
    arguments.images = min(arguments.images, 300) if is_quick else arguments.images
    arguments.at_once = AT_ONCE[:2] if is_quick else AT_ONCE
    arguments.net = arguments.net or (["lenet"] if is_quick else list(SHAPES))
    return arguments


def main() -> None:
    """Measure, print and write."""
    arguments = _arguments()
    if not arguments.cpu:
        backend.require_gpu(0)
    precision = (arguments.precision or ["tf32"])[0]
    if arguments.child:
        child(arguments.child, precision, arguments.seconds)
    elif arguments.choose:
        k, rates = choose_at_once(arguments.choose, precision, arguments.at_once, arguments.duration)
        print(json.dumps({"at_once": k, "images_a_second": rates}))
    else:
        report = Report(arguments.to)
        where = torch.cuda.get_device_name(0) if backend.on_gpu() else "a CPU"
        report.add(f"Images a second while training; {where}; {machine()}.")
        measure(report, arguments)


if __name__ == "__main__":
    main()
