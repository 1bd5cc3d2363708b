"""`cnnvis-caffe analyze`: what the neurons of a trained network do on its data, as one file."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, cast

import click

from cnnvis_caffe.cli.analysis_flags import analysis_flags
from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.say import say, say_lines
from cnnvis_caffe.text.summary import duration, size, summary, summary_lines

if TYPE_CHECKING:
    from cnnvis_caffe.analysis.request import AnalysisOptions

_FILE = click.Path(dir_okay=False)


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
@click.option("--random-weights", is_flag=True, help="Use the weights that the network's fillers give.")
@click.option("--data", required=True, metavar="DATA",
              help="mnist:train, an LMDB, a folder of class folders, an image list, an HDF5 or npz file.")  # fmt: skip
@click.option("--out", required=True, type=_FILE, metavar="FILE.cnnvis.h5", help="The file to write.")
@analysis_flags
@click.option("--resume", is_flag=True, help="Go on where an interrupted analysis stopped.")
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
    resume: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run images through a trained network and write down what its neurons do.

    Ctrl-C keeps what is done beside the file, with .partial behind its name; --resume goes on from there. With
    --workers or --scheduler, that is whole snapshots.
    """
    from cnnvis_caffe import pipeline
    from cnnvis_caffe.analysis.request import PARTIAL
    from cnnvis_caffe.errors import Cancelled

    if bool(weights) == random_weights:
        raise click.UsageError("give --weights with one file or more, or --random-weights")
    chosen = cast("AnalysisOptions", {name: value for name, value in options.items() if value is not None})
    if len({"workers", "scheduler", "shard"}.intersection(chosen)) > 1:
        raise click.UsageError("--workers, --scheduler and --shard exclude each other; each deals out the images")
    started = time.monotonic()
    with Interruptible(Bar(ctx, unit="images")) as progress:
        try:
            analysis = pipeline.analyze(model, weights or None, data, out, resume=resume, progress=progress, **chosen)
        except Cancelled:
            partial = out + PARTIAL
            if os.path.exists(partial):
                say(f"Interrupted; what was done is kept in {partial}: go on with --resume", err=True)
            else:
                say("Interrupted before the first images were done; nothing is kept", err=True)
            ctx.exit(128 + (progress.stopped_by or 2))
    seconds = time.monotonic() - started
    report: dict[str, Any]
    if analysis is None:
        shard = chosen["shard"]
        report = {"file": out, "shard": list(shard), "bytes": os.path.getsize(out), "seconds": round(seconds, 1)}
        text = [f"{out}: shard {shard[0]}/{shard[1]}, {size(report['bytes'])}, in {duration(seconds)}"]
        text.append(f"put all {shard[1]} together with: cnnvis-caffe merge ... --out FILE.cnnvis.h5")
    else:
        report = summary(analysis, seconds)
        text = summary_lines(analysis, report)
    say_lines([json.dumps(report)] if as_json else text)
