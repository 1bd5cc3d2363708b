"""Session files: the edits that lead to a view and the analysis they belong to, as JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.kinds import EDITS, Edit
from cnnvis_caffe.edits.origin import Origin, differences, origin_as_json, origin_from_json, origin_of
from cnnvis_caffe.errors import SessionError, UnknownLayerError, UnknownNameError
from cnnvis_caffe.files.atomic import write_bytes
from cnnvis_caffe.files.opening import open_file, read_file
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import STRENGTHS, View

FORMAT = "cnnvis_caffe session"
VERSION = 1
#: What gave connections their width where a session does not say what its edits start from.
STRENGTH_BEFORE = "signed"


@dataclass(frozen=True, eq=False)
class SavedSession:
    """What a session file holds.

    Attributes
    ----------
    path : str
    history : History
        From the usual view on; its edits can be taken back.
    origin : Origin or None
        The analysis that it was saved on; None in files of version 1.0, which do not say.
    """

    path: str
    history: History
    origin: Origin | None


def save_session(path: str | os.PathLike[str], history: History, analysis: Analysis | None = None) -> None:
    """Write a session file; what was there before stays whole until it is done.

    Parameters
    ----------
    path : str or path
    history : History
    analysis : Analysis, optional
        What the edits belong to. The file says so, and the program finds it again.

    Raises
    ------
    SessionError
        If it cannot be written.
    """
    origin = origin_of(analysis, path) if analysis is not None else None
    try:
        write_bytes(path, session_text(history, origin).encode("utf-8"))
    except OSError as e:
        raise SessionError(str(path), f"it cannot be written: {e.strerror or e}") from e


def load_session(path: str | os.PathLike[str]) -> History:
    """Read the edits of a session file; see `read_session`.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    History

    Raises
    ------
    SessionError
        As `read_session`.
    """
    return read_session(path).history


def read_session(path: str | os.PathLike[str]) -> SavedSession:
    """Read a session file.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    SavedSession

    Raises
    ------
    SessionError
        If it is missing, damaged, newer than this program, or has an edit that is not known.
    """
    try:
        text = read_file(path).decode("utf-8")
    except OSError as e:
        raise SessionError(str(path), f"it cannot be read: {e.strerror or e}") from e
    except UnicodeDecodeError as e:
        raise SessionError(str(path), "it is not text") from e
    return saved_session_from_text(text, str(path))


def is_session_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a file begins as sessions do, whatever its name is."""
    try:
        with open_file(path) as file:
            start = file.read(200)
    except OSError:
        return False
    return start.lstrip().startswith(b"{") and FORMAT.encode() in start


def session_text(history: History, origin: Origin | None = None) -> str:
    """Return a session as text.

    Parameters
    ----------
    history : History
    origin : Origin, optional

    Returns
    -------
    str
        JSON: format, version, the analysis, and all edits that lead to the view now, from the usual one.
    """
    edits = [
        {"edit": type(edit).__name__, **{f.name: getattr(edit, f.name) for f in fields(edit)}}  # type: ignore[arg-type]
        for edit in history.all_edits
    ]
    lines = ",\n".join(f"  {json.dumps(edit, ensure_ascii=False, default=int)}" for edit in edits)
    body = f"[\n{lines}\n ]" if edits else "[]"
    about = f' "analysis": {json.dumps(origin_as_json(origin), ensure_ascii=False)},\n' if origin is not None else ""
    start = f' "start": {json.dumps({"strength": View().strength})},\n'
    return f'{{\n "format": {json.dumps(FORMAT)},\n "version": {VERSION},\n{about}{start} "edits": {body}\n}}\n'


def saved_session_from_text(text: str, path: str = "<session>") -> SavedSession:
    """Read a session.

    Parameters
    ----------
    text : str
        As `session_text` writes it.
    path : str
        Where it comes from, for messages.

    Returns
    -------
    SavedSession

    Raises
    ------
    SessionError
        If it is damaged, newer than this program, or has an edit that is not known.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise SessionError(path, f"it is not JSON: {e}") from e
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise SessionError(path, "it is not a session: save one in the viewer")
    version = data.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise SessionError(path, f"its version must be a number from 1, got {version!r}")
    if version > VERSION:
        raise SessionError(path, f"it has version {version}, this program reads up to {VERSION}: update it")
    try:
        origin = origin_from_json(data["analysis"]) if "analysis" in data else None
    except ValueError as e:
        raise SessionError(path, f"analysis: {_short(str(e))}") from e
    return SavedSession(path, _history(data.get("edits"), path, _start(data)), origin)


def _start(data: Mapping[str, Any]) -> View:
    """What the edits of a session start from."""
    start = data.get("start")
    strength = start.get("strength") if isinstance(start, dict) else None
    return View(strength=strength if isinstance(strength, str) and strength in STRENGTHS else STRENGTH_BEFORE)


def _history(edits: Any, path: str, start: View) -> History:
    """The edits of a session, done one after the other."""
    if not isinstance(edits, list):
        raise SessionError(path, "it has no list of edits")
    history = History(start)
    for number, item in enumerate(edits, 1):
        try:
            history.apply(_edit(item, path, number))
        except RecursionError as e:
            raise SessionError(path, f"edit {number} is nested too deeply: no edit has such values") from e
    return history


def misfits(history: History, analysis: Analysis) -> tuple[str, ...]:
    """Say what the edits of a session name that an analysis does not have.

    Parameters
    ----------
    history : History
    analysis : Analysis

    Returns
    -------
    tuple of str
        One for each layer, neuron, layer group, class or snapshot that is missing; empty where all fits. Of snapshots
        only those count that the view now names.
    """
    from cnnvis_caffe.aggregation.groups import layer_groups  # loads what is slow to load

    sizes = {node.name: node.n_neurons for node in analysis.nodes}
    groups = [group.name for group in layer_groups(analysis)]
    found = []
    for edit in history.all_edits:
        for node, neurons in edit.neurons.items():
            if node not in sizes:
                found.append(str(UnknownLayerError(node, sizes)))
                continue
            missing = [neuron for neuron in neurons if not 0 <= neuron < sizes[node]]
            found += [f"layer {node!r} has {sizes[node]} neurons, there is no {neuron}" for neuron in missing]
        found += [str(UnknownNameError("layer group", name, groups)) for name in edit.groups if name not in groups]
    n_classes = analysis.data.n_classes
    missing = [number for number in history.view.classes if not 0 <= number < n_classes]
    found += [f"there are {n_classes} {analysis.data.columns}, there is no {number}" for number in missing]
    for name in (history.view.snapshot, history.view.clusters_of):
        try:
            analysis.snapshot(name)
        except UnknownNameError as e:
            found.append(str(e))
    return tuple(dict.fromkeys(found))


def check_session(
    history: History, analysis: Analysis, path: str = "<session>", origin: Origin | None = None
) -> tuple[str, ...]:
    """Raise unless the edits of a session fit an analysis, and say whether it was saved on another one.

    Parameters
    ----------
    history : History
    analysis : Analysis
    path : str
        Of the session, for the message.
    origin : Origin, optional
        What the session was saved on, where it says so.

    Returns
    -------
    tuple of str
        How the analysis differs from the one that the session was saved on; see `origin.differences`.

    Raises
    ------
    SessionError
        If an edit names a layer, neuron, layer group or class that the network does not have, or the view now
        names a snapshot that the analysis does not have.
    """
    wrong = misfits(history, analysis)
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        owner = f"it was saved on {origin.absolute_path or origin.title}" if origin is not None else ""
        reason = f"{wrong[0]}{more}; the session belongs to another network or analysis than {analysis.title!r}"
        raise SessionError(path, f"{reason}{': ' if owner else ''}{owner}")
    return differences(origin, origin_of(analysis)) if origin is not None else ()


def _edit(item: Any, path: str, number: int) -> Edit:
    """One edit of a session; strict, since a guess would show something else than what was saved."""
    where = f"edit {number}"
    if not isinstance(item, dict) or not isinstance(item.get("edit"), str):
        raise SessionError(path, f"{where} has no name")
    kind = EDITS.get(item["edit"])
    if kind is None:
        raise SessionError(path, f"{where}: {UnknownNameError('edit', item['edit'], EDITS)}; update this program?")
    known = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    values = {}
    for name, value in item.items():
        if name == "edit":
            continue
        if name not in known:
            raise SessionError(path, f"{where}: {item['edit']} has no field {name!r}, only {', '.join(known)}")
        values[name] = _tuples(value)
        if not _IS[str(known[name])](values[name]):
            raise SessionError(path, f"{where}: {name} of {item['edit']} cannot be {_short(value)}")
    try:
        return kind(**values)
    except (TypeError, ValueError) as e:
        raise SessionError(path, f"{where}: {e}") from e


def _short(value: Any) -> str:
    """A value for a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _tuples(value: Any) -> Any:
    """Lists of lists as tuples of tuples."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _is_integer(value: Any) -> bool:
    """Whether a value is a whole number, of a size that arrays can be asked for."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 31


def _is_members(value: Any) -> bool:
    """Whether a value names neurons."""
    return isinstance(value, tuple) and all(_is_integer(item) for item in value)


def _is_named(value: Any) -> bool:
    """Whether a value names a bicluster."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(isinstance(end, tuple) and all(_is_members(cluster) for cluster in end) for end in value)
    )


# What fits a field, by the type that its dataclass gives it.
_IS = {
    "str": lambda value: isinstance(value, str),
    "int": _is_integer,
    "float": lambda value: _is_integer(value) or (isinstance(value, float) and math.isfinite(value)),
    "Members": _is_members,
    "tuple[int, ...]": _is_members,
    "Named": _is_named,
}
