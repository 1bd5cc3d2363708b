"""`cnnvis-caffe demo`: a network to look at in seconds, without any download."""

from __future__ import annotations

import os
import sys

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible


@click.command()
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE",
              help="Write the picture (.png, .svg, .pdf) and open no window.")  # fmt: skip
@click.option("--folder", type=click.Path(file_okay=False), help="Keep everything here, not in the user's cache.")
@click.option("--again", is_flag=True, help="Train and analyse anew.")
@click.pass_context
def command(ctx: click.Context, out: str | None, folder: str | None, again: bool) -> None:
    """Train LeNet on scikit-learn's digits, analyse it, and show it.

    Without a screen the picture goes to lenet_digits.png. The second time everything is there already.
    """
    from cnnvis_caffe import demo
    from cnnvis_caffe.cli import findings, render
    from cnnvis_caffe.datasets.find import cache
    from cnnvis_caffe.errors import Cancelled

    with Interruptible(Bar(ctx)) as progress:
        try:
            file = demo.make_demo(folder or cache() / "demo", again=again, progress=progress)
        except Cancelled:
            ctx.exit(128 + (progress.stopped_by or 2))
    click.echo(f"analysis   {file}", err=True)
    if out is None and _has_screen():
        from cnnvis_caffe.cli import view

        ctx.invoke(view.command, what=str(file))
        return
    picture = out or "lenet_digits.png"
    ctx.invoke(render.command, file=str(file), out=picture)
    ctx.invoke(findings.command, file=str(file))


def _has_screen() -> bool:
    """Whether a window could be opened."""
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True
