"""`cnnvis-caffe time`: the time that each layer takes, printed as Caffe's own tool prints it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from cnnvis_caffe.cli.caffe_flags import CaffeCommand
from cnnvis_caffe.cli.device import precision_option
from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.cli.python_layers import python_layers_option, serve_python_layers
from cnnvis_caffe.cli.say import say

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.net import Net
    from cnnvis_caffe.runtime.timing import Timing


@click.command(cls=CaffeCommand)
@click.option("--model", required=True, type=click.Path(dir_okay=False), help="The network prototxt.")
@click.option("--weights", type=click.Path(dir_okay=False), help="Weights to load; by default those of the fillers.")
@click.option("--iterations", type=click.IntRange(min=1), default=50, show_default=True, help="Passes that are timed.")
@click.option("--gpu", type=int, metavar="ID", help="Run on this GPU.")
@click.option("--cpu", is_flag=True, help="Run on the CPU, which is the default.")
@precision_option
@click.option("--phase", type=click.Choice(["TRAIN", "TEST"], case_sensitive=False), default="TRAIN", show_default=True)
@click.option("--level", type=int, default=0, help="Level that layers' rules ask for.")
@click.option("--stage", multiple=True, help="Stage that layers' rules ask for; several times or with commas between.")
@click.option("--json", "as_json", is_flag=True, help="Only the result, as JSON.")
@fork_option
@python_layers_option
def command(
    model: str,
    weights: str | None,
    iterations: int,
    gpu: int | None,
    cpu: bool,
    precision: str,
    phase: str,
    level: int,
    stage: tuple[str, ...],
    as_json: bool,
    allow_python_layers: bool,
) -> None:
    """Time every layer of a network, forward and backward."""
    from cnnvis_caffe.formats.prototxt import read_network
    from cnnvis_caffe.formats.writing_layers import without_writing
    from cnnvis_caffe.network.dag import PHASES
    from cnnvis_caffe.runtime.net import Net
    from cnnvis_caffe.runtime.net_weights import copy_from

    if gpu is not None and cpu:
        raise click.UsageError("give --gpu or --cpu, not both")

    serve_python_layers(allow_python_layers)
    tell = _tell_nobody if as_json else say
    _use_device(gpu, precision, tell)
    stages = [part for name in stage for part in name.split(",")]
    network = without_writing(read_network(model, allow_unknown=False))
    net = Net(network, PHASES[phase.upper()], level, stages, allow_python_layers=allow_python_layers)
    if weights is not None:
        copy_from(net, weights)
    timing = _measure(net, iterations, tell)
    if as_json:
        say(json.dumps({"schema": 1, "iterations": iterations, **_report(net, timing)}, indent=1))
        return
    tell("Average time per layer: ")
    for name, forward, backward in zip(net.layer_names, timing.layer_forward, timing.layer_backward):
        tell(f"{name:>10}\tforward: {forward:g} ms.")
        tell(f"{name:>10}\tbackward: {backward:g} ms.")
    tell(f"Average Forward pass: {timing.forward:g} ms.")
    tell(f"Average Backward pass: {timing.backward:g} ms.")
    tell(f"Average Forward-Backward: {timing.forward_backward:g} ms.")
    tell(f"Total Time: {timing.total:g} ms.")
    tell("*** Benchmark ends ***")


def _tell_nobody(line: str) -> None:
    """Keep a line to ourselves, where only the result is asked for."""


def _use_device(gpu: int | None, precision: str, tell: Callable[[str], None]) -> None:
    """Choose the device, and say which."""
    from cnnvis_caffe.runtime import backend

    if gpu is None:
        backend.set_mode_cpu()
        tell("Use CPU.")
    else:
        backend.require_gpu(gpu)
        tell(f"Use GPU with device ID {gpu}")
    backend.set_precision(backend.Precision(precision))


def _measure(net: Net, iterations: int, tell: Callable[[str], None]) -> Timing:
    """Run the net once to warm it up, then time it."""
    from cnnvis_caffe.runtime.timing import time_layers

    tell("Performing Forward")
    tell(f"Initial loss: {net.forward():g}")
    tell("Performing Backward")
    net.backward()
    tell("*** Benchmark begins ***")
    tell(f"Testing for {iterations} iterations.")
    return time_layers(
        net,
        iterations,
        on_iteration=lambda number, ms: tell(f"Iteration: {number} forward-backward time: {ms:g} ms."),
    )


def _report(net: Net, timing: Timing) -> dict[str, Any]:
    """The result for JSON: milliseconds of the whole net and of each layer."""
    layers = [
        {"name": name, "type": layer.type, "forward_ms": forward, "backward_ms": backward}
        for name, layer, forward, backward in zip(
            net.layer_names, net.layers, timing.layer_forward, timing.layer_backward
        )
    ]
    totals = {f"{name}_ms": value for name, value in asdict(timing).items() if not name.startswith("layer_")}
    return {**totals, "layers": layers}
