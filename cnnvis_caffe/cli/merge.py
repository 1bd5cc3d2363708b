"""`cnnvis-caffe merge`: one analysis file of the shards that `analyze --shard` wrote."""

from __future__ import annotations

import json
import time

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.python_layers import python_layers_option
from cnnvis_caffe.cli.say import say_lines
from cnnvis_caffe.text.summary import summary, summary_lines

_FILE = click.Path(dir_okay=False)


@click.command()
@click.argument("shards", nargs=-1, required=True, type=_FILE)
@click.option("--out", required=True, type=_FILE, metavar="FILE.cnnvis.h5", help="The file to write.")
@click.option("--model", type=_FILE, help="New path of the network, if it was moved.")
@click.option("--weights", multiple=True, type=_FILE, help="New paths of the weights, each with its own --weights.")
@click.option("--data", metavar="DATA", help="New path of the data.")
@python_layers_option
@click.option("--json", "as_json", is_flag=True, help="Write the summary to standard output as JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    shards: tuple[str, ...],
    out: str,
    model: str | None,
    weights: tuple[str, ...],
    data: str | None,
    allow_python_layers: bool,
    as_json: bool,
) -> None:
    """Put the shards of an analysis together, in any order."""
    from cnnvis_caffe import pipeline

    started = time.monotonic()
    with Interruptible(Bar(ctx)) as progress:
        analysis = pipeline.merge(
            shards,
            out,
            model=model,
            weights=weights or None,
            data=data,
            allow_python_layers=allow_python_layers,
            progress=progress,
        )
    report = summary(analysis, time.monotonic() - started)
    say_lines([json.dumps(report)] if as_json else summary_lines(analysis, report))
