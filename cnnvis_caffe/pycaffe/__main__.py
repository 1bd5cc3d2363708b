"""Run a script or module written for pycaffe: ``python -m cnnvis_caffe.pycaffe script.py ...``."""

from __future__ import annotations

import os
import runpy
import sys
from types import TracebackType

from cnnvis_caffe.errors import MissingDependencyError
from cnnvis_caffe.pycaffe.install import install_as_caffe

_USAGE = """\
usage: python -m cnnvis_caffe.pycaffe SCRIPT [ARGUMENT ...]
       python -m cnnvis_caffe.pycaffe -m MODULE [ARGUMENT ...]
       python -m cnnvis_caffe.pycaffe --python2 SCRIPT [ARGUMENT ...]

Run a Python script or module in which 'import caffe' gives cnnvis_caffe.pycaffe.

  --python2  The script is written in Python 2: translate it as it is loaded, and modules of Python 2 that it
             imports. Needs the extra python2.
"""


def main(arguments: list[str]) -> None:
    """Run what the arguments name, as ``python`` itself would.

    Parameters
    ----------
    arguments : list of str
        Command line without the program.

    Raises
    ------
    SystemExit
        With status 2 if nothing is named or the script is not there; else whatever the script raises goes
        through.
    """
    if arguments and arguments[0] in ("-h", "--help"):
        sys.stdout.write(_USAGE)
        return
    in_python2 = arguments[:1] == ["--python2"]
    if in_python2:
        arguments = arguments[1:]
    as_module = arguments[:1] == ["-m"] and not in_python2
    if as_module:
        arguments = arguments[1:]
    if not arguments or (arguments[0].startswith("-") and not as_module):
        sys.stderr.write(_USAGE)
        raise SystemExit(2)

    target = arguments[0]
    sys.argv = list(arguments)
    if as_module:
        # sys.path[0] is what python -m made it for us: the current folder.
        install_as_caffe()
        runpy.run_module(target, run_name="__main__", alter_sys=True)
        return
    if not os.path.exists(target):
        sys.stderr.write(f"{sys.executable}: can't open file {target!r}: there is no such file\n")
        raise SystemExit(2)
    if not _has_safe_path():
        sys.path[0] = _folder_of_script(target)
    install_as_caffe()
    if in_python2:
        _run_python2(target)
        return
    _point_to_python2(target)
    runpy.run_path(target, run_name="__main__")


def _run_python2(path: str) -> None:
    """Translate a script and run it."""
    from cnnvis_caffe.pycaffe.python2.translate import require_translator

    try:
        require_translator()
    except MissingDependencyError as error:
        raise SystemExit(str(error)) from None
    from cnnvis_caffe.pycaffe.python2.run import run_script

    run_script(path)


def _point_to_python2(path: str) -> None:
    """Let what is shown of an uncaught error say so where the script is Python 2."""
    show_error = sys.excepthook

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        from cnnvis_caffe.pycaffe.python2.signs import needs_python2

        is_python2 = needs_python2(error)
        if not (is_python2 and isinstance(error, SyntaxError) and error.filename == path):
            show_error(kind, error, trace)
        if is_python2:
            command = f"python -m cnnvis_caffe.pycaffe --python2 {path}"
            sys.stderr.write(f"{path} is written in Python 2: run it with {command}\n")

    sys.excepthook = show


def _has_safe_path() -> bool:
    """Return whether Python was told not to put the script's folder on the path."""
    return bool(sys.flags.isolated or getattr(sys.flags, "safe_path", False))


def _folder_of_script(path: str) -> str:
    """Return the folder that Python puts first on the path for a script."""
    return os.path.abspath(path) if os.path.isdir(path) else os.path.dirname(os.path.realpath(path))


if __name__ == "__main__":
    main(sys.argv[1:])
