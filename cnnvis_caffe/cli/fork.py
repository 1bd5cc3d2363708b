"""The option by which a user says whose layers are, where two forks of Caffe gave them one name."""

from __future__ import annotations

import click

from cnnvis_caffe.formats.fork_choice import FORKS, prefer_fork


def _prefer(ctx: click.Context, _option: click.Parameter, name: str | None) -> None:
    """Prefer a fork while the command runs."""
    if name is not None:
        before = prefer_fork(name)
        ctx.call_on_close(lambda: prefer_fork(before))


fork_option = click.option(
    "--fork", type=click.Choice(FORKS), callback=_prefer, expose_value=False,
    help="Fork of Caffe that a layer is taken from, where two forks share a name and its settings do not tell.",
)  # fmt: skip
