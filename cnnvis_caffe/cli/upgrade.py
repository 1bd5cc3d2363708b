"""`cnnvis-caffe upgrade`: networks, weights and solvers of older generations in the current format."""

from __future__ import annotations

import os
import shutil
from typing import Any

import click

from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.cli.say import say
from cnnvis_caffe.files.opening import open_file


@click.command()
@click.argument("in_", metavar="IN", type=click.Path(dir_okay=False))
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False))
@fork_option
def command(in_: str, out: str) -> None:
    """Write network, weights or solver IN in Caffe's current format to OUT, which may be the same file.

    Says what changed. A file that is current already is written as it is. What only a fork of Caffe knows is kept.
    """
    from cnnvis_caffe.formats import file_kind

    kind = file_kind.guess_kind(in_)
    if kind == file_kind.NETWORK:
        changes = _upgrade_network(in_, out)
    elif kind == file_kind.SOLVER:
        changes = _upgrade_solver(in_, out)
    elif kind == file_kind.CAFFEMODEL:
        changes = _upgrade_weights(in_, out)
    elif kind == file_kind.HDF5_WEIGHTS:
        changes = []  # HDF5 came with the current format
    elif kind == file_kind.UNKNOWN:
        raise click.ClickException(f"{in_}: is not a network, solver or weights of Caffe")
    else:
        raise click.ClickException(f"{in_}: is a {kind} file; these have never changed, there is nothing to upgrade")
    if changes:
        for change in changes:
            say(f"  - {change}")
        say(f"Wrote {out}")
        return
    same = os.path.exists(out) and os.path.samefile(in_, out)
    if not same:
        _copy(in_, out)
    say(f"{in_} is in the current format already" + ("" if same else f"; wrote it to {out} as it is"))


def _upgrade_network(in_: str, out: str) -> list[str]:
    """Upgrade a network; a current one is left alone, so that its comments stay."""
    from cnnvis_caffe.formats.fork_choice import apply_preference, preferred_fork
    from cnnvis_caffe.formats.prototxt import read_network, write_text

    network = read_network(in_)
    changes, told = list(network.upgrades), apply_preference(network.message)
    if told:
        changes.append(f"named the fork {preferred_fork()}: {', '.join(told)}")
    if changes:
        say(f"{in_}: network of generation {network.generation}")
        write_text(out, network.message)
    return changes


def _upgrade_solver(in_: str, out: str) -> list[str]:
    """Upgrade a solver, without the snapshot prefix that Caffe fills in when it runs one."""
    from cnnvis_caffe.errors import NetError, PrototxtError
    from cnnvis_caffe.formats import schema
    from cnnvis_caffe.formats.prototxt import parse_text, write_text
    from cnnvis_caffe.formats.upgrade import upgrade_solver

    with open_file(in_) as file:
        text = file.read().decode("utf-8", "surrogateescape")
    solver: Any = parse_text(text, schema.SolverParameter, path=in_).message
    try:
        changes = upgrade_solver(solver)
    except NetError as error:
        raise PrototxtError(in_, str(error)) from error
    if changes:
        say(f"{in_}: solver")
        write_text(out, solver)
    return changes


def _upgrade_weights(in_: str, out: str) -> list[str]:
    """Upgrade the network in a caffemodel; arrays keep their shapes, as with Caffe's own tool."""
    from cnnvis_caffe.formats.caffemodel import read_caffemodel, write_caffemodel

    weights = read_caffemodel(in_)
    if weights.upgrades:
        say(f"{in_}: weights of generation {weights.generation}")
        arrays = [[blob for blob in layer.blobs if blob is not None] for layer in weights.layers]
        write_caffemodel(out, weights.network, arrays)
    return list(weights.upgrades)


def _copy(in_: str, out: str) -> None:
    """Copy a file, whole or not at all."""
    from cnnvis_caffe.files.atomic import atomic_write

    with atomic_write(out) as temporary:
        shutil.copyfile(in_, temporary)
