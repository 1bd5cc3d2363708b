"""`cnnvis-caffe analyze`: what the neurons of a trained network do on its data, as one file."""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING, Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible

if TYPE_CHECKING:
    from cnnvis_caffe.records.analysis import Analysis

_FILE = click.Path(dir_okay=False)


class _Shard(click.ParamType):
    """A part of the images, such as 2/4."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d+)/(\d+)", value)
        if not found or not 1 <= int(found.group(1)) <= int(found.group(2)):
            self.fail(f"{value!r} is no shard; give one such as 1/4 (of four, the first)", param, ctx)
        return int(found.group(1)), int(found.group(2))


class _Weights(click.Command):
    """Lets --weights take several files, as shells give them for a pattern."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat --weights before each of its files."""
        result: list[str] = []
        inside = False
        for arg in args:
            if arg.startswith("-"):
                inside = arg == "--weights"
                if not inside:
                    result.append(arg)
            elif inside:
                result += ["--weights", arg]
            else:
                result.append(arg)
        return super().parse_args(ctx, result)


@click.command(cls=_Weights)
@click.option("--model", required=True, type=_FILE, help="The network prototxt: train_val or deploy.")
@click.option("--weights", multiple=True, type=_FILE, metavar="FILE...", help="Snapshots of one run, in any order.")
@click.option("--random-weights", is_flag=True, help="Take what the network's fillers give instead.")
@click.option("--data", required=True, metavar="DATA",
              help="mnist:train, an LMDB, a folder of class folders, an image list, an HDF5 or npz file.")  # fmt: skip
@click.option("--out", required=True, type=_FILE, metavar="FILE.cnnvis.h5", help="The file to write.")
@click.option("--log", type=_FILE, help="The training log: Caffe's, or ours.")
@click.option("--classes", metavar="NAMES", help="Names of the classes between commas, or a file with one a line.")
@click.option("--scale", type=float, help="Factor of the input, instead of the model's own.")
@click.option("--mean", metavar="MEAN", help="Mean file, or values separated by commas, instead of the model's own.")
@click.option("--channel-order", type=click.Choice(["RGB", "BGR"]), help="What the network takes.")
@click.option("--resize", is_flag=True, help="Bring images to the network's size.")
@click.option("--engine", type=click.Choice(["torch", "caffe"]), default="torch", show_default=True,
              help="Our runtime, or a real Caffe that is installed here.")  # fmt: skip
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--batch", type=click.IntRange(1), default=100, show_default=True, help="Images at once.")
@click.option("--limit", type=click.IntRange(1), help="Images at most, each class in proportion.")
@click.option("--top", type=click.IntRange(1, 64), default=9, show_default=True, help="Images kept for each neuron.")
@click.option("--layers", metavar="NAMES", help="Layers to analyse, separated by commas; all without.")
@click.option("--contributions", type=click.Choice(["own", "all", "none"]), default="own", show_default=True,
              help="To the score of each image's own class, of all classes, or not at all.")  # fmt: skip
@click.option("--no-gradients", is_flag=True, help="Leave out the gradients of the loss.")
@click.option("--score", metavar="NAME", default="", help="The layer with the scores of the classes, if not found.")
@click.option("--stage", metavar="NAMES", help="Stages that the layers' rules ask for, separated by commas.")
@click.option("--shard", type=_Shard(), default=(1, 1), metavar="I/N", help="Write one of N parts, for merge.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted analysis stopped.")
@click.option("--json", "as_json", is_flag=True, help="Write the summary to standard output as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    weights: tuple[str, ...],
    random_weights: bool,
    data: str,
    out: str,
    log: str | None,
    classes: str | None,
    scale: float | None,
    mean: str | None,
    channel_order: str | None,
    resize: bool,
    engine: str,
    device: str,
    batch: int,
    limit: int | None,
    top: int,
    layers: str | None,
    contributions: str,
    no_gradients: bool,
    score: str,
    stage: str | None,
    shard: tuple[int, int],
    resume: bool,
    as_json: bool,
) -> None:
    """Run images through a trained network and write down what its neurons do.

    Ctrl-C keeps what is done beside the file, with .partial behind its name; --resume goes on from there.
    """
    from cnnvis_caffe import pipeline

    if bool(weights) == random_weights:
        raise click.UsageError("give --weights with one file or more, or --random-weights")
    started = time.monotonic()
    with Interruptible(Bar(ctx, unit="images")) as progress:
        try:
            analysis = pipeline.analyze(
                model,
                weights or None,
                data,
                out,
                log=log,
                engine=engine,
                device=device,
                batch=batch,
                limit=limit,
                top=top,
                layers=_names(layers),
                contributions=contributions,
                gradients=not no_gradients,
                scale=scale,
                mean=mean,
                channel_order=channel_order or "",
                resize=resize,
                classes=_class_names(classes),
                score=score,
                stages=_names(stage),
                shard=shard,
                resume=resume,
                progress=progress,
            )
        except pipeline.Cancelled:
            partial = out + pipeline.PARTIAL
            if os.path.exists(partial):
                click.echo(f"Interrupted; what was done is kept in {partial}: go on with --resume", err=True)
            ctx.exit(128 + (progress.stopped_by or 2))
    seconds = time.monotonic() - started
    report: dict[str, Any]
    if analysis is None:
        report = {"file": out, "shard": list(shard), "bytes": os.path.getsize(out), "seconds": round(seconds, 1)}
        text = [f"{out}: shard {shard[0]}/{shard[1]}, {_size(report['bytes'])}, in {_duration(seconds)}"]
        text.append(f"put all {shard[1]} together with: cnnvis-caffe merge ... --out FILE.cnnvis.h5")
    else:
        report = summary(analysis, seconds)
        text = summary_lines(analysis, report)
    click.echo(json.dumps(report) if as_json else "\n".join(text))


def _names(text: str | None) -> list[str]:
    """What stands between commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _class_names(text: str | None) -> list[str]:
    """Names from a file, one a line, or between commas."""
    if text and os.path.isfile(text):
        with open(text, encoding="utf-8") as file:
            return [line.strip() for line in file if line.strip()]
    return _names(text)


def summary(analysis: Analysis, seconds: float) -> dict[str, Any]:
    """Say what was found, for programs.

    Parameters
    ----------
    analysis : Analysis
    seconds : float
        That it took.

    Returns
    -------
    dict
        As JSON holds it; None where a number is not known.
    """
    last = analysis.snapshots[-1]
    shown = [node for node in analysis.nodes if node.name in last.features]
    return {
        "file": analysis.path,
        "bytes": os.path.getsize(analysis.path),
        "seconds": round(seconds, 1),
        "network": analysis.title,
        "data": analysis.data.source,
        "preprocessing": analysis.data.preprocessing,
        "n_images": analysis.data.n_images,
        "n_classes": analysis.data.n_classes,
        "images_a_second": _number(analysis.provenance.get("images a second")),
        "snapshots": [
            {"label": s.label, "iteration": s.iteration, "loss": _finite(s.loss), "error": _finite(s.error)}
            for s in analysis.snapshots
        ],
        "layers": [
            {
                "name": node.name,
                "type": node.type,
                "n_neurons": node.n_neurons,
                "dead_share": _finite(last.debug[node.name].dead_share) if node.name in last.debug else None,
            }
            for node in shown
        ],
        "n_neurons": sum(node.n_neurons for node in shown),
        "n_images_kept": len(analysis.images),
        "curves": [curve.name for curve in analysis.curves],
    }


def summary_lines(analysis: Analysis, report: dict[str, Any]) -> list[str]:
    """Say the same for people.

    Parameters
    ----------
    analysis : Analysis
    report : dict
        What `summary` gives.

    Returns
    -------
    list of str
    """
    dead = sorted((layer for layer in report["layers"] if layer["dead_share"]), key=lambda layer: -layer["dead_share"])
    worst = [f"{layer['name']} {_n_dead(layer)} of {layer['n_neurons']}" for layer in dead[:5]]
    if len(dead) > len(worst):
        worst.append(f"{sum(map(_n_dead, dead[5:]))} in {len(dead) - 5} more layers")
    speed = f", {report['images_a_second']:.0f} images/s" if report["images_a_second"] else ""
    lines = [
        f"{report['network']}: {report['n_neurons']} neurons in {len(report['layers'])} layers",
        f"data       {report['data']}: {report['n_images']} images of {report['n_classes']} classes, "
        f"{report['preprocessing']}",
    ]
    note = analysis.provenance.get("note")
    lines += [f"           {note}"] if note else []
    for snapshot in report["snapshots"]:
        loss, error = snapshot["loss"], snapshot["error"]
        result = f"loss {loss:.4g}, error {error:.2%}" if loss is not None and error is not None else ""
        lines.append(f"{snapshot['label']:10} {result}")
    lines.append(f"dead       {', '.join(worst) or 'none'}")
    if report["curves"]:
        lines.append(f"log        {len(report['curves'])} curves")
    lines.append(f"written    {report['file']}, {_size(report['bytes'])}, in {_duration(report['seconds'])}{speed}")
    return lines


def _n_dead(layer: dict[str, Any]) -> int:
    """How many neurons of a rectifier never see anything above 0."""
    return round(layer["dead_share"] * layer["n_neurons"])


def _finite(value: float) -> float | None:
    """A number that JSON has."""
    return value if value == value and abs(value) != float("inf") else None


def _number(text: str | None) -> float | None:
    """A number from a text that may be empty."""
    return float(text) if text else None


def _size(n_bytes: int) -> str:
    """Bytes for people."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 100_000 else f"{n_bytes / 1e3:.1f} kB"


def _duration(seconds: float) -> str:
    """Seconds for people."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
