"""Starting other programs so that none of them takes its code from the folder that one works in.

Python puts the current folder first on the import path of whatever is started by ``-c`` or ``-m``: a ``torch.py`` that
lies beside a model would be run. Every Python that this package starts is started by `python_words`.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

#: Where this package is, so that a Python that is started finds it wherever it starts.
_ROOT = str(Path(__file__).resolve().parent.parent)


def python_words(module: str, *arguments: str, folders: Iterable[str | os.PathLike[str]] = ()) -> list[str]:
    """Return the command that runs a module as a program in a new Python, as ``python -m`` does.

    Parameters
    ----------
    module : str
    *arguments : str
    folders : iterable of str or path-like, optional
        Where it may import from besides.

    Returns
    -------
    list of str
        For `subprocess`; with `environment` as its environment.
    """
    return python_code(f"import runpy; runpy.run_module({module!r}, None, '__main__', True)", arguments, folders)


def python_code(
    code: str, arguments: Sequence[str] = (), folders: Iterable[str | os.PathLike[str]] = ()
) -> list[str]:
    """Return the command that runs some lines in a new Python, as ``python -c`` does.

    Parameters
    ----------
    code : str
    arguments : sequence of str, optional
    folders : iterable of str or path-like, optional
        Where it may import from besides.

    Returns
    -------
    list of str
        For `subprocess`; with `environment` as its environment.
    """
    path = import_path(folders)
    # -P came with Python 3.11. Before, nothing is imported between the start and these lines.
    safe = ["-P"] if sys.version_info >= (3, 11) else []
    return [sys.executable, *safe, "-c", f"import sys; sys.path[:] = {path!r}; {code}", *arguments]


def import_path(folders: Iterable[str | os.PathLike[str]] = ()) -> list[str]:
    """Return where a new Python may import from: where this one does, this package, and some folders more.

    The current folder is among them only where PYTHONPATH names it, or this package lies there; then it comes last.

    Parameters
    ----------
    folders : iterable of str or path-like, optional

    Returns
    -------
    list of str
    """
    named = _python_path()
    path = [entry for entry in sys.path if entry and (entry in named or not _is_current_folder(entry))]
    wanted = [_ROOT, *(os.fspath(folder) for folder in folders)]
    return [*path, *(entry for entry in wanted if entry not in path)]


def environment(**changes: str) -> dict[str, str]:
    """Return the environment for a program that is started.

    Parameters
    ----------
    **changes : str
        What is to be another than it is here.

    Returns
    -------
    dict of str
        PYTHONPATH without its empty entries, which stand for the current folder, whatever that is, and with full
        names in place of relative ones.
    """
    found = {**os.environ, **changes}
    if "PYTHONPATH" in found:
        found["PYTHONPATH"] = os.pathsep.join(_python_path())
    return found


def leave_current_folder() -> None:
    """Take off the import path what ``python -m`` and empty entries of PYTHONPATH put there: the current folder."""
    if not getattr(sys.flags, "safe_path", False) and sys.path and _is_current_folder(sys.path[0]):
        del sys.path[0]
    here, given = os.getcwd(), os.environ.get("PYTHONPATH")
    if given and "" in given.split(os.pathsep) and here in sys.path and here not in _python_path():
        sys.path.remove(here)


def find_program(name: str) -> str | None:
    """Return where a program is, looked for in the folders that PATH names in full.

    Parameters
    ----------
    name : str

    Returns
    -------
    str or None
        None where it is not there. Windows would also look in the current folder, and an empty entry of PATH means
        that too.
    """
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(folder)]
    if sys.platform == "win32":  # which looks in the current folder unless the name has one
        found = (shutil.which(os.path.join(folder, name)) for folder in folders)
        return next((place for place in found if place), None)
    return shutil.which(name, path=os.pathsep.join(folders))


def _python_path() -> list[str]:
    """What PYTHONPATH names, in full."""
    return [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _is_current_folder(entry: str) -> bool:
    """Whether an entry of the import path is the folder that one works in."""
    return not entry or os.path.realpath(entry) == os.path.realpath(os.curdir)
