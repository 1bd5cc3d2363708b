"""What the paper leaves open about DeepLeNet, tried: other nets that fit its words, each trained alike and briefly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from case_studies.common.queue import ROOT, Job
from case_studies.common.training import RESULT, Options, write_result
from case_studies.network_architecture.observations import positive_kernels, positive_share

#: A sixth of the schedule is enough to tell the nets apart.
ITERATIONS = 1500
PAPER_ERROR = 1.00


@dataclass(frozen=True)
class Reading:
    """One net that the paper may have meant.

    Attributes
    ----------
    title : str
    net : str
        Whose prototxt it is made of.
    kernel, pad : int
        Of every convolution; 0 and -1 leave them alone.
    filler : str
        Of every convolution and inner product; empty leaves it alone.
    relus : {"each", "stack", "added"}
        After each convolution, after the last of each stack, or one more after each of LeNet's convolutions.
    """

    title: str
    net: str = "deep_lenet"
    kernel: int = 0
    pad: int = -1
    filler: str = ""
    relus: str = "each"


READINGS = {
    "lenet": Reading("LeNet", net="lenet"),
    "lenet_relu": Reading("LeNet, ReLU after its convolutions", net="lenet", relus="added"),
    "deep_lenet": Reading("DeepLeNet as in the tables: 5×5, padding 2, ReLU after each"),
    "relu_after_stack": Reading("ReLU after each stack only", relus="stack"),
    "kernel_3": Reading("3×3, padding 1", kernel=3, pad=1),
    "kernel_3_no_padding": Reading("3×3, no padding", kernel=3, pad=0),
    "kernel_3_relu_after_stack": Reading("3×3, padding 1, ReLU after each stack only", kernel=3, pad=1, relus="stack"),
    "gaussian": Reading("filler gaussian with 0.01, as in Caffe's AlexNet", filler="gaussian"),
    "msra": Reading("filler msra", filler="msra"),
}
#: 5×5 without padding is no reading: four of them do not fit into the 12×12 that the first pooling leaves.


def write(reading: Reading, folder: Path) -> Path:
    """Write ``train_val.prototxt`` and ``solver.prototxt``; return the path of the solver."""
    from cnnvis_caffe.formats.prototxt import read_network, read_solver, write_text

    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    net = read_network(ROOT / "prototxt" / reading.net / "train_val.prototxt").message
    change(net, reading)
    write_text(folder / "train_val.prototxt", net)
    solver = read_solver(ROOT / "prototxt" / reading.net / "solver.prototxt").message
    solver.net, solver.max_iter = str(folder / "train_val.prototxt"), ITERATIONS
    write_text(folder / "solver.prototxt", solver)
    return folder / "solver.prototxt"


def change(net: Any, reading: Reading) -> None:
    """Turn the net of a reading into it, in place."""
    kept = []
    convolutions = [layer.name for layer in net.layer if layer.type == "Convolution"]
    last = {name.split("-")[0]: name for name in convolutions}  # of each stack
    for layer in net.layer:
        is_inner_relu = layer.type == "ReLU" and layer.bottom[0] in convolutions
        if is_inner_relu and reading.relus == "stack" and layer.bottom[0] not in last.values():
            continue
        kept.append(layer)
        if layer.type == "Convolution":
            _set_kernel(layer.convolution_param, reading)
            _set_filler(layer.convolution_param.weight_filler, reading)
            if reading.relus == "added":
                relu = type(layer)(name=layer.name.replace("conv", "relu_conv"), type="ReLU")
                relu.bottom.append(layer.name)
                relu.top.append(layer.name)
                kept.append(relu)
        elif layer.type == "InnerProduct":
            _set_filler(layer.inner_product_param.weight_filler, reading)
    kept = [type(layer).FromString(layer.SerializeToString()) for layer in kept]
    del net.layer[:]
    net.layer.extend(kept)


def _set_kernel(param: Any, reading: Reading) -> None:
    """Size and padding."""
    if reading.kernel:
        param.kernel_size[:] = [reading.kernel]
    if reading.pad >= 0:
        param.pad[:] = [reading.pad]


def _set_filler(filler: Any, reading: Reading) -> None:
    """How weights begin."""
    if reading.filler:
        filler.type = reading.filler
        if reading.filler == "gaussian":
            filler.std = 0.01


def jobs(work: Path, options: Options) -> dict[str, Job]:
    """The trainings by name of the reading, one seed each."""
    return {name: Job(str(write(reading, work / name)), work / name, 1, options) for name, reading in READINGS.items()}


def deliver(name: str, job: Job, results: Path) -> None:
    """Put what came out beside the other results, with the share of positive weights of the first group."""
    if not (job.folder / RESULT).exists():
        return
    result = {"reading": READINGS[name].title, **json.loads((job.folder / RESULT).read_text())}
    del result["solver"], result["curve"]
    layers = ("conv1",) if READINGS[name].net == "lenet" else tuple(f"conv1-{n}" for n in range(1, 5))
    weights = job.folder / result["weights"] if result["weights"] else None
    result["positive_weights"] = positive_share(weights, layers) if weights else None
    result["positive_kernels"] = positive_kernels(weights, layers) if weights else None
    results.mkdir(parents=True, exist_ok=True)
    write_result(results / f"{name}.json", result)


def collect(results: Path) -> dict[str, dict[str, Any]]:
    """Read the files of the readings, those that are there."""
    return {name: json.loads(path.read_text()) for name in READINGS if (path := results / f"{name}.json").exists()}


def lines(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The report's part on the readings."""
    rows = ["", "## What the paper leaves open about DeepLeNet, tried", ""]
    rows += [
        f"One seed each, the first {ITERATIONS:,} of the 10,000 iterations of the same solver: enough to tell the nets",
        "apart, not to compare them with the paper's error. The paper's expert saw that most weights of the first",
        "group are positive, and an error that is higher than LeNet's (1.00% against 0.87%).",
        "",
        "| reading | error % | testing loss | positive weights of the first group % | positive connections % |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, reading in READINGS.items():
        result = found.get(name)
        rows.append(f"| {reading.title} | {' | '.join(_cells(result))} |")
    return [*rows, "", verdict(found)]


def _cells(result: Mapping[str, Any] | None) -> Sequence[str]:
    """One row."""
    if result is None:
        return ("not trained yet", "not trained yet", "not trained yet", "not trained yet")
    if result["test_error"] is None:
        return (f"diverged at iteration {result['diverged']}",) * 4
    shares = [f"{100 * result[what]['all']:.0f}" for what in ("positive_weights", "positive_kernels")]
    return f"{100 * result['test_error']:.2f}", f"{result['test_loss']:.2e}", *shares


def verdict(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Which reading comes closest to what the paper's expert saw, or that none does."""
    if "lenet" not in found or len(found) < len(READINGS):
        return f"No verdict yet: {len(found)} of {len(READINGS)} readings are trained."
    plain = found["lenet"]
    deep = {n: r for n, r in found.items() if READINGS[n].net == "deep_lenet" and r["test_error"] is not None}
    name, best = max(deep.items(), key=lambda item: item[1]["positive_kernels"]["all"])
    share = best["positive_kernels"]["all"]
    positive = (
        f"Most connections are positive in the reading «{READINGS[name].title}» ({100 * share:.0f}%)"
        if share > 0.6
        else f"In no reading are most connections of the first group positive: the highest share is {100 * share:.0f}% "
        f"(«{READINGS[name].title}»)"
    )
    worse = [n for n, r in deep.items() if r["test_error"] > plain["test_error"]]
    error = (
        f"Worse than LeNet at the same number of iterations ({100 * plain['test_error']:.2f}%): "
        + (", ".join(f"«{READINGS[n].title}» ({100 * deep[n]['test_error']:.2f}%)" for n in worse) or "none")
        + "."
    )
    both = [n for n in worse if deep[n]["positive_kernels"]["all"] > 0.6]
    closest = (
        f"**Closest to the paper: «{READINGS[both[0]].title}»**, which shows both."
        if both
        else "**No reading shows both of what the paper's expert saw.**"
    )
    return f"{closest} {positive}. {error}"
