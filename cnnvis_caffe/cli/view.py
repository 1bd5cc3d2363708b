"""`cnnvis-caffe view`: the window."""

from __future__ import annotations

import os
import re
import shlex

import click

from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.errors import CnnvisError, MissingDependencyError

_FILE = click.Path(dir_okay=False)
#: Parts of PyQt5 in Debian's package of that name; each of the others has one of its own.
_IN_THE_FIRST = ("QtCore", "QtGui", "QtWidgets")


@click.command()
@click.argument("what", required=False, type=_FILE, metavar="[FILE.cnnvis.h5 | MODEL]")
@click.option("--weights", multiple=True, type=_FILE, help="Snapshots of the model; once for each.")
@click.option("--data", metavar="DATA", help="mnist:test, an LMDB, a folder of class folders, an image list, ...")
@click.option("--out", type=_FILE, help="Where the model's analysis is kept; beside the model if left out.")
@click.option("--limit", type=click.IntRange(1), help="Most images to take, each class in proportion.")
@click.option("--files-in", "places", multiple=True, metavar="FOLDER", type=click.Path(exists=True),
              help="Where the model and weights of an analysis are now, for its deconvolutions; a folder or a file, "
                   "once for each.")  # fmt: skip
@fork_option
def command(
    what: str | None,
    weights: tuple[str, ...],
    data: str | None,
    out: str | None,
    limit: int | None,
    places: tuple[str, ...],
) -> None:
    """Open the window: on an analysis, on a model that is analysed first, or on the start page."""
    is_model = bool(weights or data)
    if is_model and (what is None or not data):
        raise click.UsageError("to look at a model give its prototxt, --weights and --data")
    if what is not None and not os.path.exists(what):
        raise CnnvisError(f"{what}: there is no such file")
    if what is not None:
        _check_kind(what, is_model)
    try:
        from cnnvis_caffe.viewer import app  # noqa: F401 - brings all that the window needs
        from cnnvis_caffe.viewer.model import model_request
        from cnnvis_caffe.viewer.window import main_window  # noqa: F401 - brings all that the window needs
    except ImportError as e:
        raise _explained(e) from e
    request = None
    if is_model:
        assert what is not None and data is not None
        target = out or os.path.join(os.path.dirname(os.path.abspath(what)), model_request.usual_file(what))
        request = model_request.ModelRequest(what, tuple(weights), data, target, limit)
    raise SystemExit(app.run(None if is_model else what, request, places))


def _explained(error: ImportError) -> ImportError | CnnvisError:
    """Say which library of the window is missing, or which part of it and where that is to be had."""
    library = (error.name or "").split(".")[0]
    if library != "PyQt5":
        return error
    if isinstance(error, ModuleNotFoundError) and error.name == library:
        return MissingDependencyError(library, "viewer", "the window")
    part = next(iter(re.findall(r"\bQt[A-Z]\w+", str(error))), "QtCore")
    package = f"python3-{library.lower()}" + ("" if part in _IN_THE_FIRST else f".{part.lower()}")
    return CnnvisError(
        f"the window needs a part of {library} that cannot be loaded: {error}; install the system's package that has "
        f"it (Debian: {package})"
    )


def _check_kind(what: str, is_model: bool) -> None:
    """Say what to do with a model that comes without images, before the window is made."""
    from cnnvis_caffe.formats import file_kind

    kind, name = file_kind.guess_kind(what), shlex.quote(what)
    if kind == file_kind.CAFFEMODEL:
        raise CnnvisError(
            f"{what}: is a caffemodel; make a network of it with: cnnvis-caffe deploy {name} --out deploy.prototxt, "
            f"then give images: cnnvis-caffe view deploy.prototxt --weights {name} --data FOLDER"
        )
    if kind == file_kind.NETWORK and not is_model:
        raise CnnvisError(
            f"{what}: is a network; give weights and images too: cnnvis-caffe view {name} --weights FILE.caffemodel "
            "--data FOLDER"
        )
