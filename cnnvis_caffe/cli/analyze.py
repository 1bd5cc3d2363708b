"""`cnnvis-caffe analyze`: what the neurons of a trained network do on its data, as one file."""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.python_layers import python_layers_option
from cnnvis_caffe.cli.say import say, say_lines
from cnnvis_caffe.text.summary import duration, size, summary, summary_lines

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
@click.option("--batch", type=click.IntRange(1), help="Images at once; without, by the size of the network.")
@click.option("--limit", type=click.IntRange(1), help="Images at most, each class in proportion.")
@click.option("--top", type=click.IntRange(1, 64), default=9, show_default=True, help="Images kept for each neuron.")
@click.option("--layers", metavar="NAMES", help="Layers to analyse, separated by commas; all without.")
@click.option("--contributions", type=click.Choice(["own", "all", "none"]), default="own", show_default=True,
              help="To the score of each image's own class, of all classes, or not at all.")  # fmt: skip
@click.option("--no-gradients", is_flag=True, help="Leave out the gradients of the loss.")
@click.option("--score", metavar="NAME", default="", help="The layer with the scores of the classes, if not found.")
@click.option("--stage", metavar="NAMES", help="Stages that the layers' rules ask for, separated by commas.")
@click.option("--shard", type=_Shard(), default=(1, 1), metavar="I/N", help="Write one of N parts, for merge.")
@click.option("--skip-damaged", is_flag=True, help="Leave out images that cannot be decoded, and name them.")
@click.option("--resume", is_flag=True, help="Go on where an interrupted analysis stopped.")
@python_layers_option
@click.option("--json", "as_json", is_flag=True, help="Write the summary to standard output as JSON.")
@fork_option
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
    batch: int | None,
    limit: int | None,
    top: int,
    layers: str | None,
    contributions: str,
    no_gradients: bool,
    score: str,
    stage: str | None,
    shard: tuple[int, int],
    skip_damaged: bool,
    resume: bool,
    allow_python_layers: bool,
    as_json: bool,
) -> None:
    """Run images through a trained network and write down what its neurons do.

    Ctrl-C keeps what is done beside the file, with .partial behind its name; --resume goes on from there.
    """
    from cnnvis_caffe import pipeline
    from cnnvis_caffe.analysis.request import PARTIAL
    from cnnvis_caffe.errors import Cancelled

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
                skip_damaged=skip_damaged,
                resume=resume,
                allow_python_layers=allow_python_layers,
                progress=progress,
            )
        except Cancelled:
            partial = out + PARTIAL
            if os.path.exists(partial):
                say(f"Interrupted; what was done is kept in {partial}: go on with --resume", err=True)
            else:
                say("Interrupted before any images were through; nothing is kept", err=True)
            ctx.exit(128 + (progress.stopped_by or 2))
    seconds = time.monotonic() - started
    report: dict[str, Any]
    if analysis is None:
        report = {"file": out, "shard": list(shard), "bytes": os.path.getsize(out), "seconds": round(seconds, 1)}
        text = [f"{out}: shard {shard[0]}/{shard[1]}, {size(report['bytes'])}, in {duration(seconds)}"]
        text.append(f"put all {shard[1]} together with: cnnvis-caffe merge ... --out FILE.cnnvis.h5")
    else:
        report = summary(analysis, seconds)
        text = summary_lines(analysis, report)
    say_lines([json.dumps(report)] if as_json else text)


def _names(text: str | None) -> list[str]:
    """What stands between commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _class_names(text: str | None) -> list[str]:
    """Names from a file, one a line, or between commas."""
    if text and os.path.isfile(text):
        from cnnvis_caffe.datasets.class_names import read_class_names

        return list(read_class_names(text))
    return _names(text)
