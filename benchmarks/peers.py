"""Whoever runs a net: this package, PyTorch in its variants, and in processes of their own real Caffe and OpenCV."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from benchmarks import torch_nets
from benchmarks.pycaffe_loop import PycaffeLoop, timed

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

Results = dict  # of str to ndarray


@dataclass
class Peer:
    """Runs n iterations and returns their seconds; `results` are what it must have in common with the others."""

    name: str
    run: Callable[[int], list[float]]
    results: Results


def ours(folder: Path, pass_name: str) -> Peer:
    """This package through pycaffe's face, with the very loop that real Caffe runs."""
    from cnnvis_caffe import pycaffe

    loop = PycaffeLoop(pycaffe, folder, pass_name)
    return Peer("ours", lambda n: timed(loop.step, n), loop.results())


def torch_variants(name: str, folder: Path, pass_name: str, params: dict[str, list[np.ndarray]]) -> Iterator[Peer]:
    """The net written by hand: contiguous or channels last, forward with or without inference mode."""
    inputs, labels = np.load(folder / "inputs.npy"), np.load(folder / "labels.npy")
    for layout, memory_format in (("contiguous", torch.contiguous_format), ("channels last", torch.channels_last)):
        net = torch_nets.build(name, params, train=pass_name == "backward").to(memory_format=memory_format)
        if pass_name == "backward":
            step = _torch_backward(net, inputs, labels, memory_format)
            yield Peer(f"torch, {layout}", _timer(step), {"loss": step(0), **_gradients(net, params)})
        else:
            for mode, context in (("no_grad", torch.no_grad), ("inference_mode", torch.inference_mode)):
                step = _torch_forward(net, inputs, memory_format, context)
                yield Peer(f"torch, {layout}, {mode}", _timer(step), {"prob": step(0)})


def _timer(step: Callable[[int], np.ndarray]) -> Callable[[int], list[float]]:
    return lambda n: timed(step, n)


def _torch_forward(net, inputs, memory_format, context) -> Callable[[int], np.ndarray]:
    def step(i: int) -> np.ndarray:
        with context():
            x = torch.from_numpy(inputs[i % len(inputs)]).contiguous(memory_format=memory_format)
            return F.softmax(net(x), 1).numpy()

    return step


def _torch_backward(net, inputs, labels, memory_format) -> Callable[[int], np.ndarray]:
    targets = torch.from_numpy(labels).long()

    def step(i: int) -> np.ndarray:
        x = torch.from_numpy(inputs[i % len(inputs)]).contiguous(memory_format=memory_format)
        net.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x), targets[i % len(targets)])
        loss.backward()
        return loss.detach().numpy()

    return step


def _gradients(net: torch.nn.Module, params: dict[str, list[np.ndarray]]) -> Results:
    """Gradients by the names that the Caffe loop gives them."""
    names = [f"{name}[{i}]" for name, arrays in params.items() for i in range(len(arrays))]
    return {name: p.grad.contiguous().numpy().copy() for name, p in zip(names, net.parameters())}


@contextmanager
def other_process(name: str, command: list[str], results_file: Path) -> Iterator[Peer]:
    """A peer that runs one of our loops and answers on its standard output."""
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(n: int) -> list[float]:
        process.stdin.write(f"{n}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{name} ended early: {shlex.join(command)}")
        return json.loads(answer)

    try:
        run(1)
        with np.load(results_file) as results:
            yield Peer(name, run, {key.replace("|", "/"): results[key] for key in results.files})
    finally:
        process.stdin.close()
        process.wait(60)


def real_caffe_command() -> list[str] | None:
    """Words of the command that runs another where `import caffe` is the real one."""
    command = os.environ.get("CNNVIS_REAL_CAFFE")
    return shlex.split(command) if command else None


@contextmanager
def all_peers(name: str, folder: Path, pass_name: str, params: dict[str, list[np.ndarray]]) -> Iterator[list[Peer]]:
    """Everybody who is there, ourselves first."""
    with ExitStack() as stack:
        peers = [ours(folder, pass_name), *torch_variants(name, folder, pass_name, params)]
        caffe = real_caffe_command()
        if caffe:
            command = [*caffe, "python3", str(HERE / "pycaffe_loop.py"), str(folder), pass_name]
            peers.append(stack.enter_context(other_process("caffe", command, folder / f"caffe-{pass_name}.npz")))
        opencv = os.environ.get("CNNVIS_OPENCV4_PYTHON")
        if opencv and pass_name == "forward":
            command = [opencv, str(HERE / "opencv_loop.py"), str(folder)]
            peers.append(stack.enter_context(other_process("opencv", command, folder / "opencv-forward.npz")))
        yield peers


def assert_same_results(peers: list[Peer]) -> None:
    """All peers give our outputs and gradients, up to rounding.

    A different rounding may move the maximum of a pooling window, and with it a part of a gradient, to another pixel.
    So gradients are compared as a whole.
    """
    own = peers[0].results
    for peer in peers[1:]:
        for name, theirs in peer.results.items():
            difference = (own[name].ravel() - theirs.ravel()).astype(np.float64)
            error = np.linalg.norm(difference) / np.linalg.norm(theirs)
            allowed = 1e-2 if name.endswith("]") else 1e-4
            assert error < allowed, f"{peer.name}: {name} differs by {error:.2g} of its norm"
