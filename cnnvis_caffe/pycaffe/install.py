"""Let ``import caffe`` serve this package, so that scripts written for pycaffe run unchanged."""

from __future__ import annotations

import importlib
import sys

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
    """Make ``import caffe`` and imports of its submodules give the modules of this package.

    The modules are the same objects under both names. To be called before ``caffe`` is imported; a second
    call changes nothing.

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
