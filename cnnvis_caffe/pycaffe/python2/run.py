"""Run a script of Python 2, and translate the modules of Python 2 that it imports."""

from __future__ import annotations

import ast
import importlib.machinery
import os
import site
import sys
import sysconfig
import traceback
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from cnnvis_caffe.pycaffe.python2 import signs
from cnnvis_caffe.pycaffe.python2.names import NAMES
from cnnvis_caffe.pycaffe.python2.old_numpy import print_as_then
from cnnvis_caffe.pycaffe.python2.tell import tell
from cnnvis_caffe.pycaffe.python2.translate import decode, translate

#: The variable by which workers that are spawned know what their parent runs.
SCRIPT = "CNNVIS_PYTHON2_SCRIPT"
_OURS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a Python 2 file. Nothing is kept in ``__pycache__``."""

    def get_code(self, fullname: str) -> Any:
        """Translate and compile the file.

        Parameters
        ----------
        fullname : str

        Returns
        -------
        code
        """
        path = self.get_filename(fullname)
        return translate(decode(self.get_data(path), path), path)

    def exec_module(self, module: ModuleType) -> None:
        """Run the file, with Python 2's names.

        Parameters
        ----------
        module : module
        """
        module.__dict__["__builtins__"] = NAMES
        super().exec_module(module)


class Finder:
    """Finds the modules of Python 2 among those that are no part of Python or of an installed package."""

    def __init__(self) -> None:
        installed = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
        installed |= {*site.getsitepackages(), site.getusersitepackages(), _OURS}
        self._installed = tuple(os.path.realpath(path) + os.sep for path in installed if path)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        """Find a module.

        Parameters
        ----------
        name : str
        path : sequence of str or None
        target : module or None

        Returns
        -------
        ModuleSpec or None
            None for whatever is not written in Python 2, which is then found as ever.
        """
        places = [place for place in (sys.path if path is None else path) if not self._is_installed(place or ".")]
        spec = importlib.machinery.PathFinder.find_spec(name, places, target) if places else None
        if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader) or spec.origin is None:
            return None
        if self._is_installed(spec.origin) or not _shows_python2(spec.origin):
            return None
        spec.loader = Loader(name, spec.origin)
        return spec

    def _is_installed(self, path: str) -> bool:
        return (os.path.realpath(path) + os.sep).startswith(self._installed)


def _shows_python2(path: str) -> bool:
    """Whether a file is Python 2; one that could be either is left alone, and told if that may matter."""
    try:
        with open(path, "rb") as file:
            source = decode(file.read(), path)
        tree = ast.parse(source, path)
    except SyntaxError as error:
        return signs.says_python2(error) or _translates(source, path)
    except (OSError, ValueError):
        return False
    if signs.is_python2(tree):
        return True
    lines = [] if signs.is_python3(tree) else signs.divisions(tree)
    if lines:
        said = ", ".join(map(str, lines[:5])) + (" ..." if len(lines) > 5 else "")
        tell(f"{path}: nothing in it is Python 2's alone; it runs as Python 3, where 1 / 2 is 0.5 (line {said})")
    return False


def _translates(source: str, path: str) -> bool:
    """Whether what Python 3 cannot read is Python 2."""
    try:
        translate(source, path)
    except SyntaxError:
        return False
    return True


def run_script(path: str) -> None:
    """Run a script of Python 2 as ``__main__``.

    Parameters
    ----------
    path : str

    Raises
    ------
    SyntaxError
        With the user's own line, if it is not Python 2.
    MissingDependencyError
        If fissix is not installed.

    Notes
    -----
    Whatever the script raises goes through; what is shown of it has the user's lines only.
    """
    module = ModuleType("__main__")
    # Workers that are spawned run their parent's main module by this name, and not the script as Python 3.
    module.__spec__ = importlib.machinery.ModuleSpec(f"{__package__}.worker", None)
    os.environ[SCRIPT] = os.path.abspath(path)
    sys.modules["__main__"] = module
    run_in(module.__dict__, path)


def run_in(namespace: dict[str, Any], path: str) -> None:
    """Run a script of Python 2 in a module's namespace.

    Parameters
    ----------
    namespace : dict
    path : str
    """
    sys.excepthook = _show
    with open(path, "rb") as file:
        code = translate(decode(file.read(), path), path)
    print_as_then()
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]
    namespace.update(__file__=path, __builtins__=NAMES)
    exec(code, namespace)


def _show(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Show an uncaught error without the frames that are ours at its top, and of Python 2's helpers below."""
    error.__traceback__ = _without_ours(trace)
    traceback.print_exception(kind, error, error.__traceback__)


def _without_ours(trace: Any) -> Any:
    """The part of a traceback between our start and our helpers."""
    here = os.path.dirname(os.path.abspath(__file__))
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next

    def is_start(frame: Any) -> bool:
        name = frame.tb_frame.f_code.co_filename
        return os.path.dirname(name) in (here, os.path.dirname(here)) or name.startswith("<frozen runpy")

    while frames and is_start(frames[0]):
        frames.pop(0)
    while frames and os.path.dirname(frames[-1].tb_frame.f_code.co_filename) == here:
        frames.pop()
    for index, frame in enumerate(frames):
        frame.tb_next = frames[index + 1] if index + 1 < len(frames) else None
    return frames[0] if frames else None
