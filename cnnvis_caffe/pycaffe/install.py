"""Let ``import caffe`` serve this package, so that scripts written for pycaffe run unchanged."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from cnnvis_caffe.errors import EngineError

_PACKAGE = "cnnvis_caffe.pycaffe"
_SUBMODULES = (
    "_caffe",
    "classifier",
    "coord_map",
    "detector",
    "draw",
    "io",
    "net_spec",
    "proto",
    "proto.caffe_pb2",
    "pycaffe",
)


def install_as_caffe() -> None:
    """Make ``import caffe`` and imports of its submodules give the modules of this package, here and in children.

    The modules are the same objects under both names. To be called before ``caffe`` is imported; a second
    call changes nothing. A Python that this process starts finds ``caffe`` by PYTHONPATH, however it is started.
    Where this package has no module of a name, ``caffe.NAME`` is looked for in the folders ``caffe`` on the path, as
    forks keep helpers beside their own pycaffe; and ``import caffe_pb2`` gives `caffe.proto.caffe_pb2` where no file
    of that name is found.

    Raises
    ------
    EngineError
        If a real Caffe has been imported already.
    """
    ours = importlib.import_module(_PACKAGE)
    present = sys.modules.get("caffe", ours)
    if present is not ours:
        raise EngineError(
            f"another module 'caffe' is imported already, from {getattr(present, '__file__', 'somewhere')}; "
            f"call install_as_caffe() before the first 'import caffe'"
        )
    aliases = {"caffe": ours}
    for name in _SUBMODULES:
        aliases[f"caffe.{name}"] = importlib.import_module(f"{_PACKAGE}.{name}")
    sys.modules.update(aliases)
    if not any(isinstance(finder, _OtherNames) for finder in sys.meta_path):
        sys.meta_path.append(_OtherNames())
    _reach_children()


def _reach_children() -> None:
    """Let what this process starts find ``caffe``: by the environment, and by the path that workers get."""
    folder = str(Path(__file__).resolve().parent / "as_caffe")
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if folder not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, *paths])
    if folder not in sys.path:
        sys.path.append(folder)


class _OtherNames:
    """Finds what no other finder does: a fork's own helpers under ``caffe``, and ``caffe_pb2`` by itself."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        """Return where a module is, or None."""
        if name == "caffe_pb2":
            return ModuleSpec(name, self)  # type: ignore[arg-type]
        if name.startswith("caffe.") and sys.modules.get("caffe") is sys.modules.get(_PACKAGE):
            folders = [os.path.join(entry, *name.split(".")[:-1]) for entry in sys.path]
            return PathFinder.find_spec(name, [folder for folder in folders if os.path.isdir(folder)])
        return None

    def create_module(self, spec: ModuleSpec) -> Any:
        """Give the module of messages, which is there already."""
        return importlib.import_module(f"{_PACKAGE}.proto.caffe_pb2")

    def exec_module(self, module: Any) -> None:
        """Do nothing: it has run."""
