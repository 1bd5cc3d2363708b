"""`cnnvis-caffe demo`: a network to look at in seconds, without any download."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.say import say
from cnnvis_caffe.errors import CnnvisError, MissingDependencyError

#: Picture where no name is given; .svg where cairo is missing.
PICTURE = "lenet_digits"


@click.command()
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE",
              help="Write the picture (.png, .svg, .pdf, .html) and the findings, and open no window.")  # fmt: skip
@click.option("--folder", type=click.Path(file_okay=False), help="Keep everything here, not in the user's cache.")
@click.option("--again", is_flag=True, help="Train and analyse anew.")
@click.pass_context
def command(ctx: click.Context, out: str | None, folder: str | None, again: bool) -> None:
    """Train LeNet on scikit-learn's digits, analyse it, and open the viewer.

    Without a screen the picture goes to lenet_digits.png and the findings to standard output. What is made is kept:
    the second time only the viewer is opened.
    """
    if out is not None:
        _check_picture(out)
    for package, extra in (("torch", "torch"), ("lmdb", "lmdb"), ("cv2", "data")):
        if not _is_installed(package):
            raise MissingDependencyError(package, extra, "the demo")
    from cnnvis_caffe import demo
    from cnnvis_caffe.datasets.find import cache
    from cnnvis_caffe.errors import Cancelled
    from cnnvis_caffe.store import read_analysis

    place = Path(folder) if folder else cache() / "demo"
    kept = (place / demo.ANALYSIS).exists() and not again
    with Interruptible(_StageLines(ctx)) as progress:
        try:
            file = demo.make_demo(place, again=again, progress=progress)
        except Cancelled:
            ctx.exit(128 + (progress.stopped_by or 2))
    say(f"network    {_network(read_analysis(file))}")
    say(f"analysis   {file}{', kept from an earlier run; --again makes it anew' if kept else ''}")
    if out is None:
        out = _open_viewer(ctx, str(file))
    _write_picture(ctx, str(file), out)


class _StageLines(Bar):
    """A bar; where there is no terminal to draw on, a line for each stage."""

    def start(self, total: int, what: str) -> None:
        """Begin something of `total` steps."""
        if self.is_off and not self.is_quiet:
            say(f"{what} ...", err=True)
        super().start(total, what)


def _open_viewer(ctx: click.Context, file: str) -> str:
    """Open the window and exit when it is closed; where it cannot be opened, say why and return a picture's name."""
    from cnnvis_caffe.cli import view
    from cnnvis_caffe.viewer.app import DisplayError

    try:
        ctx.invoke(view.command, what=file)
    except (DisplayError, MissingDependencyError) as error:
        say(f"no viewer  {error}", err=True)
    return f"{PICTURE}.png" if _has_cairo() else f"{PICTURE}.svg"


def _write_picture(ctx: click.Context, file: str, out: str) -> None:
    """Write picture and findings."""
    from cnnvis_caffe.cli import findings, render

    ctx.invoke(render.command, file=file, out=out)
    say(f"picture    {out}\n")
    ctx.invoke(findings.command, file=file)


def _check_picture(out: str) -> None:
    """Refuse a picture that could not be written, before any work is done."""
    from cnnvis_caffe.render.write import FORMATS

    suffix = os.path.splitext(out)[1].lower()
    if suffix not in (*FORMATS, ".htm"):
        raise click.UsageError(f"--out {out}: pictures are written as {', '.join(FORMATS)}")
    folder = os.path.dirname(out) or "."
    if not os.path.isdir(folder):
        raise CnnvisError(f"{out}: there is no folder {folder}")
    if suffix in (".png", ".pdf") and not _has_cairo():
        raise MissingDependencyError("cairocffi", "render", f"a {suffix[1:].upper()} (.svg and .html go without)")


def _has_cairo() -> bool:
    """Whether PNG and PDF can be painted."""
    return _is_installed("cairo") or _is_installed("cairocffi")


def _is_installed(package: str) -> bool:
    """Whether a package can be imported; it is not."""
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:
        return False


def _network(analysis: Any) -> str:
    """What was trained and how it went, in words."""
    curves = {curve.name: curve.values for curve in analysis.curves}
    words = f"LeNet on {analysis.data.n_images:,} digits, {analysis.snapshots[-1].iteration} iterations"
    accuracy = curves.get("test accuracy")
    return words if accuracy is None or not len(accuracy) else f"{words}; {accuracy[-1]:.1%} of unseen digits are right"
