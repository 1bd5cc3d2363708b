"""`cnnvis-caffe inspect`: what a file of Caffe holds. Needs no PyTorch."""

from __future__ import annotations

import json
import os
import shutil
import sys

import click

from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.cli.input_shape import InputShape
from cnnvis_caffe.cli.say import can_show, say, say_lines
from cnnvis_caffe.files.json_values import finite
from cnnvis_caffe.text.plain import visible


def _show_layer_types(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    """Print all layer types and stop."""
    if value:
        from cnnvis_caffe.runtime.layers import fork_type_list, layer_type_list

        for name in layer_type_list():
            say(name)
        say("\nof forks:")
        for name in fork_type_list():
            say(name)
        ctx.exit()


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--weights",
    "-w",
    multiple=True,
    metavar="FILE",
    help="Weights that may fit the network; also several times, or several with commas between.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything as JSON.")
@click.option(
    "--phase",
    type=click.Choice(["TEST", "TRAIN"], case_sensitive=False),
    help="Phase whose layers are shown; TEST, unless the network has no layers in it.",
)
@click.option("--stage", multiple=True, help="Stage that layers' rules ask for; also several times.")
@click.option("--level", type=int, default=0, help="Level that layers' rules ask for.")
@click.option(
    "--input-shape",
    "input_shapes",
    type=InputShape(),
    multiple=True,
    help="Shape of an input or of data that is not here, such as data=1,3,224,224.",
)
@click.option("--wide", is_flag=True, help="Do not cut lines at the width of the terminal, or 120 in a pipe.")
@click.option("--layer-types", is_flag=True, is_eager=True, expose_value=False, callback=_show_layer_types,
              help="List all layer types, of Caffe 1.0 and of its forks.")  # fmt: skip
@fork_option
def command(
    file: str,
    weights: tuple[str, ...],
    as_json: bool,
    phase: str | None,
    stage: tuple[str, ...],
    level: int,
    input_shapes: tuple[tuple[str, tuple[int, ...]], ...],
    wide: bool,
) -> None:
    """Show what FILE holds: a network, solver, weights, solver state or mean image of any Caffe, or an analysis.

    For a network: its layers with shapes, parameters, multiply-adds and receptive fields, and whether weights fit.
    """
    from cnnvis_caffe.formats import file_kind
    from cnnvis_caffe.network.report import inspect_file
    from cnnvis_caffe.text.gutter import to_ascii
    from cnnvis_caffe.text.report import render

    if file_kind.guess_kind(file) == file_kind.ANALYSIS:
        if weights:
            raise click.UsageError(f"{file} is an analysis; weights are compared with networks")
        _show_analysis(file, as_json)
        return
    report = inspect_file(
        file,
        _split(weights),
        phase=phase.upper() if phase else None,
        level=level,
        stages=stage,
        input_shapes=dict(input_shapes),
    )
    if as_json:
        say(json.dumps(finite(report), indent=1, allow_nan=False))
        return
    text = "\n".join(map(visible, render(report, None if wide else _width())))
    say(text if can_show(text) else to_ascii(text).encode("ascii", "backslashreplace").decode("ascii"))


def _show_analysis(path: str, as_json: bool) -> None:
    """Say what an analysis file holds."""
    from cnnvis_caffe.store import read_analysis
    from cnnvis_caffe.text.summary import details, summary

    analysis = read_analysis(path)
    report = {"kind": "analysis", **summary(analysis)}
    if as_json:
        say(json.dumps({**report, "provenance": dict(analysis.provenance)}, indent=1, allow_nan=False))
    else:
        say_lines(details(analysis, report))


def _width() -> int:
    """How many signs fit in a line."""
    return shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else 120


def _split(names: tuple[str, ...]) -> list[str]:
    """File names, also where several are given with commas between, as Caffe's own tool takes them."""
    return [part for name in names for part in ([name] if os.path.exists(name) else name.split(","))]
