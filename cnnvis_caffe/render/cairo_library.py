"""Cairo, imported when a PNG or PDF is asked for, with the font of our pictures made known to it."""

from __future__ import annotations

import ctypes
import functools
import logging
import sys
from typing import Any

from cnnvis_caffe.errors import MissingDependencyError
from cnnvis_caffe.scene.lettering import font_files

logger = logging.getLogger(__name__)

#: Where it is not libfontconfig.so.1.
FONTCONFIG = {"darwin": "libfontconfig.1.dylib", "win32": "fontconfig-1.dll"}


@functools.lru_cache(maxsize=1)
def cairo() -> Any:
    """Return the module cairocffi.

    Raises
    ------
    MissingDependencyError
        If it, or the library libcairo.so.2 that it calls, is not installed.
    """
    try:
        import cairocffi
    except ImportError as error:
        raise MissingDependencyError("cairocffi", "render", "drawing a PNG or PDF") from error
    except OSError as error:
        raise MissingDependencyError("libcairo2 (of the system)", "render", "drawing a PNG or PDF") from error
    _make_font_known()
    return cairocffi


def _make_font_known() -> None:
    """Give our font to fontconfig, which cairo asks; without it, cairo takes the system's own sans-serif."""
    try:
        fontconfig = ctypes.CDLL(FONTCONFIG.get(sys.platform, "libfontconfig.so.1"))
        add = fontconfig.FcConfigAppFontAddFile
    except (OSError, AttributeError):
        logger.warning("fontconfig was not found: text is drawn in a font of the system and may be wider")
        return
    add.argtypes, add.restype = [ctypes.c_void_p, ctypes.c_char_p], ctypes.c_int
    for path in font_files().values():
        if not add(None, str(path).encode()):
            logger.warning("the font %s could not be loaded: text is drawn in a font of the system", path.name)
