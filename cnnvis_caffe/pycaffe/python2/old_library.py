"""Python's own library, and yaml, as Python 2 had them."""

from __future__ import annotations

import collections
import collections.abc
import csv
import hashlib
import inspect
import itertools
import operator
import os
import pickle
import string
import subprocess
import sys
import time
import types
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any

from cnnvis_caffe.pycaffe.python2.files import ENCODING, StringIO, TextFile, to_bytes, to_text
from cnnvis_caffe.pycaffe.python2.old_module import OldModule

# -- text and files ----------------------------------------------------------------------


def _binary(file: Any) -> Any:
    """The bytes below a text file."""
    return file.buffer if isinstance(file, TextFile) else file


def _load(file: Any, **options: Any) -> Any:
    return pickle.load(_binary(file), **{"encoding": "latin1", **options})


def _loads(data: Any, **options: Any) -> Any:
    data = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return pickle.loads(data, **{"encoding": "latin1", **options})


def _dump(value: Any, file: Any, protocol: int = 0) -> None:
    """With the protocols that Python 2 reads."""
    pickle.dump(value, file, min(protocol, 2) if protocol >= 0 else 2)


def _dumps(value: Any, protocol: int = 0) -> bytes:
    return pickle.dumps(value, min(protocol, 2) if protocol >= 0 else 2)


def _lines(file: Iterable[Any]) -> Iterator[str]:
    return (to_text(line) for line in file)


class _DictReader(csv.DictReader):
    def __init__(self, f: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(_lines(f), *args, **kwargs)


def _hash(name: str) -> Any:
    return lambda data=b"": _Hash(hashlib.new(name, to_bytes(data)))


class _Hash:
    """A hash that takes text."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def update(self, data: Any) -> None:
        self._inner.update(to_bytes(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


PICKLE = OldModule("pickle", {"load": _load, "loads": _loads, "dump": _dump, "dumps": _dumps})
CSV = OldModule("csv", {"reader": lambda f, *a, **k: csv.reader(_lines(f), *a, **k), "DictReader": _DictReader})
HASHLIB = OldModule("hashlib", {name: _hash(name) for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")})
MD5 = OldModule(None, {"md5": _hash("md5"), "new": _hash("md5")})
SHA = OldModule(None, {"sha": _hash("sha1"), "new": _hash("sha1")})
STRING_IO = OldModule(None, {"StringIO": StringIO})

_LETTERS = {"letters": string.ascii_letters, "lowercase": string.ascii_lowercase, "uppercase": string.ascii_uppercase}
_FUNCTIONS = "capitalize count expandtabs find index lower lstrip replace rfind rindex rsplit rstrip split strip "
_FUNCTIONS += "swapcase translate upper ljust rjust center zfill"
STRING = OldModule(
    "string",
    {
        **_LETTERS,
        **{name: getattr(str, name) for name in _FUNCTIONS.split()},
        "atof": float,
        "atoi": int,
        "atol": int,
        "join": lambda words, sep=" ": sep.join(words),
        "joinfields": lambda words, sep=" ": sep.join(words),
        "maketrans": str.maketrans,
        "splitfields": str.split,
    },
    lambda name: f"string.{name} is gone; what it was is used",
)

# -- processes and the network ----------------------------------------------------------------------


def _with_text(function: Any) -> Any:
    """What a program says is text unless the script asks for something."""

    def called(*args: Any, **options: Any) -> Any:
        asked = {"text", "universal_newlines", "encoding"} & set(options)
        return function(*args, **options) if asked else function(*args, **ENCODING, **options)

    return called


def _status_and_output(command: str) -> tuple[int, str]:
    return subprocess.getstatusoutput(command)


SUBPROCESS = OldModule(
    "subprocess", {name: _with_text(getattr(subprocess, name)) for name in ("Popen", "check_output")}
)
COMMANDS = OldModule(None, {"getoutput": subprocess.getoutput, "getstatusoutput": _status_and_output})
_URL = {name: getattr(urllib.request, name) for name in ("urlopen", "urlretrieve", "urlcleanup", "pathname2url")}
_URL.update((name, getattr(urllib.parse, name)) for name in ("quote", "quote_plus", "unquote", "unquote_plus"))
_URL["urlencode"] = lambda query, doseq=0: urllib.parse.urlencode(query, bool(doseq))
URLLIB = OldModule("urllib", _URL)
URLLIB2 = OldModule(
    "urllib.request", {"HTTPError": urllib.error.HTTPError, "URLError": urllib.error.URLError, "quote": _URL["quote"]}
)

# -- the rest ----------------------------------------------------------------------

SYS = OldModule(
    "sys",
    {
        "exc_clear": lambda: None,
        "maxint": sys.maxsize,
        "setdefaultencoding": lambda encoding: None,
    },
)
OS = OldModule("os", {"getcwdu": os.getcwd, "errno": __import__("errno")})
TIME = OldModule("time", {"clock": time.process_time}, lambda name: f"time.{name} is gone; process_time is used")
ITERTOOLS = OldModule(
    "itertools",
    {
        "ifilter": filter,
        "ifilterfalse": itertools.filterfalse,
        "imap": map,
        "izip": zip,
        "izip_longest": itertools.zip_longest,
    },
)
COLLECTIONS = OldModule("collections", {name: getattr(collections.abc, name) for name in collections.abc.__all__})


_ArgSpec = collections.namedtuple("_ArgSpec", "args varargs keywords defaults")


def _argspec(function: Any) -> Any:
    return _ArgSpec(*inspect.getfullargspec(function)[:4])


INSPECT = OldModule("inspect", {"getargspec": _argspec})
OPERATOR = OldModule(
    "operator",
    {
        "div": operator.floordiv,
        "isCallable": callable,
        "isSequenceType": lambda value: isinstance(value, collections.abc.Sequence),
        "sequenceIncludes": operator.contains,
    },
)
_KINDS: dict[str, Any] = {"BooleanType": bool, "ComplexType": complex, "DictType": dict, "FloatType": float}
_KINDS.update(IntType=int, ListType=list, LongType=int, NoneType=type(None), ObjectType=object, StringType=str)
_KINDS.update(StringTypes=(str,), TupleType=tuple, TypeType=type, UnicodeType=str, FileType=TextFile)
_KINDS.update(ClassType=type, InstanceType=object, DictionaryType=dict, SliceType=slice)
TYPES = OldModule("types", {name: kind for name, kind in _KINDS.items() if not hasattr(types, name)})


def _yaml_load(stream: Any, Loader: Any = None) -> Any:  # noqa: N803
    """Without a loader: what needs no code of its own, which is yaml's choice since 5.1."""
    import yaml

    from cnnvis_caffe.pycaffe.python2.tell import tell

    if Loader is None:
        tell("yaml.load(x) needs a loader now; yaml.FullLoader is used")
    return yaml.load(stream, Loader or yaml.FullLoader)


YAML = OldModule("yaml", {"load": _yaml_load})
