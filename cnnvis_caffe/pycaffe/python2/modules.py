"""Modules as translated code sees them: with the names of Python 2's time. Everybody else sees them as they are."""

from __future__ import annotations
import __future__

import builtins
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from cnnvis_caffe.pycaffe.python2.old_module import OldModule
from cnnvis_caffe.pycaffe.python2.tell import tell

#: Modules that only have another name today.
RENAMED = {
    "BaseHTTPServer": "http.server",
    "ConfigParser": "configparser",
    "Cookie": "http.cookies",
    "HTMLParser": "html.parser",
    "Image": "PIL.Image",
    "ImageDraw": "PIL.ImageDraw",
    "ImageFont": "PIL.ImageFont",
    "Queue": "queue",
    "SimpleHTTPServer": "http.server",
    "SocketServer": "socketserver",
    "Tkinter": "tkinter",
    "__builtin__": "builtins",
    "cPickle": "pickle",
    "cookielib": "http.cookiejar",
    "copy_reg": "copyreg",
    "exceptions": "builtins",
    "httplib": "http.client",
    "thread": "_thread",
    "urlparse": "urllib.parse",
    "xmlrpclib": "xmlrpc.client",
}
#: Modules with other names in them: where those names are.
_FACES = {
    "PIL": "old_pictures:PIL",
    "PIL.Image": "old_pictures:IMAGE",
    "StringIO": "old_library:STRING_IO",
    "cStringIO": "old_library:STRING_IO",
    "collections": "old_library:COLLECTIONS",
    "commands": "old_library:COMMANDS",
    "csv": "old_library:CSV",
    "cv2": "old_pictures:CV2",
    "hashlib": "old_library:HASHLIB",
    "inspect": "old_library:INSPECT",
    "itertools": "old_library:ITERTOOLS",
    "md5": "old_library:MD5",
    "numpy": "old_numpy:NUMPY",
    "numpy.random": "old_numpy:RANDOM",
    "operator": "old_library:OPERATOR",
    "os": "old_library:OS",
    "pickle": "old_library:PICKLE",
    "scipy": "old_pictures:SCIPY",
    "scipy.misc": "old_pictures:MISC",
    "sha": "old_library:SHA",
    "string": "old_library:STRING",
    "subprocess": "old_library:SUBPROCESS",
    "sys": "old_library:SYS",
    "time": "old_library:TIME",
    "types": "old_library:TYPES",
    "urllib": "old_library:URLLIB",
    "urllib2": "old_library:URLLIB2",
    "yaml": "old_library:YAML",
}


class Face(ModuleType):
    """A module with further names.

    Parameters
    ----------
    name : str
    real : module or None
        What has all the other names; None where the whole module is gone.
    old : OldModule
        The further names. Those that are gone from the module are told when they are used.
    """

    def __init__(self, name: str, real: ModuleType | None, old: OldModule) -> None:
        super().__init__(name, getattr(real, "__doc__", None))
        for attribute in ("__file__", "__path__", "__spec__"):
            if hasattr(real, attribute):
                self.__dict__[attribute] = getattr(real, attribute)
        star = getattr(real, "__all__", None)
        if star is not None:
            self.__dict__["__all__"] = [each for each in star if each not in old.not_in_star]
        self.__dict__.update(_real=real, _old=old.names, _told=old.told)

    def __getattr__(self, name: str) -> Any:
        full = f"{self.__name__}.{name}"
        if full in _FACES:
            return face(full)
        if name in self._old:
            if self._told is not None:
                tell(self._told(name))
            return self._old[name]
        if self._real is None:
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real if self._real is not None else super(), name, value)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._real), *self._old})


_made: dict[str, Face] = {}


def face(name: str) -> Face:
    """Return a module as Python 2 knew it.

    Parameters
    ----------
    name : str
        One of those that need it.

    Returns
    -------
    Face
    """
    if name not in _made:
        file, _, table = _FACES[name].partition(":")
        old = getattr(importlib.import_module(f"{__package__}.{file}"), table)
        try:
            real = importlib.import_module(old.module) if old.module else None
        except ModuleNotFoundError:
            if not old.may_be_gone:
                raise
            real = None
        _made[name] = Face(name, real, old)
    return _made[name]


def import_module(
    name: str, own: Any = None, local: Any = None, from_list: Any = (), level: int = 0
) -> Any:
    """Import as translated code does: ``__import__`` of its modules.

    Parameters
    ----------
    name : str
    own, local : dict or None
        Whose import it is.
    from_list : sequence of str
    level : int, default=0

    Returns
    -------
    module
        What ``__import__`` gives, or its face.
    """
    if level == 0:
        if _is_beside(name, own):
            return builtins.__import__(name, own, local, from_list, 1)
        if name in RENAMED:
            real = importlib.import_module(RENAMED[name])
            return face(RENAMED[name]) if RENAMED[name] in _FACES else real
        if name in _FACES:
            return face(name if from_list else name.partition(".")[0])
    module = builtins.__import__(name, own, local, from_list, level)
    top = getattr(module, "__name__", "")
    return face(top) if top in _FACES and sys.modules.get(top) is module else module


def reload(module: ModuleType) -> ModuleType:
    """Load a module again, as Python 2's built-in did.

    Parameters
    ----------
    module : module

    Returns
    -------
    module
    """
    if isinstance(module, Face):
        return module  # reload(sys) only brought setdefaultencoding back
    return importlib.reload(module)


def _is_beside(name: str, own: Any) -> bool:
    """Whether a module of a package names one of the same package, without a dot, as Python 2 allowed."""
    package = (own or {}).get("__package__")
    if not package or own.get("absolute_import") is __future__.absolute_import:
        return False
    sibling = f"{package}.{name.partition('.')[0]}"
    return sibling in sys.modules or importlib.util.find_spec(sibling) is not None
