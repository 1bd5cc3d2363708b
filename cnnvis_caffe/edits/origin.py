"""Says which analysis a session was saved on: where it lies, and what tells it from others."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from cnnvis_caffe.records.analysis import Analysis

#: Endings of sessions and of analyses, where both lie side by side under one name.
SESSION_ENDING, ANALYSIS_ENDING = ".cnnvis.json", ".cnnvis.h5"
_LISTED = 4


@dataclass(frozen=True)
class Origin:
    """The analysis that a session was saved on.

    Attributes
    ----------
    title : str
        Name of the network.
    path : str
        The file from the session's folder, with slashes; empty where there is none.
    absolute_path : str
        The same from the root.
    checksum : str
        SHA-256 of what the analysis says about network, data and snapshots. Analysing the same again gives the same.
    network : str
        SHA-256 of layers and their numbers of neurons.
    data : str
        Source of the images.
    n_images : int
    snapshots : tuple of str
        Their labels.
    """

    title: str
    path: str
    absolute_path: str
    checksum: str
    network: str
    data: str
    n_images: int
    snapshots: tuple[str, ...]


def origin_of(analysis: Analysis, session_path: str | os.PathLike[str] = "") -> Origin:
    """Describe an analysis for a session.

    Parameters
    ----------
    analysis : Analysis
    session_path : str or path, optional
        Where the session is written.

    Returns
    -------
    Origin
    """
    absolute = os.path.abspath(analysis.path) if analysis.path else ""
    network = _checksum([(node.name, node.type, node.n_neurons) for node in analysis.nodes])
    data, snapshots = analysis.data, tuple(one.label for one in analysis.snapshots)
    content = [
        *(analysis.title, network, data.source, data.n_images, data.class_names, data.class_count.tolist()),
        *(data.preprocessing, data.task),
        [(one.label, one.sha256, repr(one.loss), repr(one.error)) for one in analysis.snapshots],
    ]
    return Origin(
        title=analysis.title,
        path=_relative(absolute, session_path),
        absolute_path=absolute,
        checksum=_checksum(content),
        network=network,
        data=data.source,
        n_images=data.n_images,
        snapshots=snapshots,
    )


def origin_as_json(origin: Origin) -> dict[str, Any]:
    """Return what a session file holds of it."""
    return {**asdict(origin), "snapshots": list(origin.snapshots)}


def origin_from_json(table: Any) -> Origin:
    """Read what a session file holds of it.

    Raises
    ------
    ValueError
        If a value is missing or of another type.
    """
    if not isinstance(table, dict):
        raise ValueError("it must be a table")
    values: dict[str, Any] = {}
    for name, kind in Origin.__annotations__.items():
        value = table.get(name)
        if kind.startswith("tuple"):
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise ValueError(f"{name} must be a list of texts, got {value!r}")
            value = tuple(value)
        elif isinstance(value, bool) or not isinstance(value, int if kind == "int" else str):
            raise ValueError(f"{name} must be a {'number' if kind == 'int' else 'text'}, got {value!r}")
        values[name] = value
    return Origin(**values)


def differences(saved: Origin, now: Origin) -> tuple[str, ...]:
    """Say how the analysis that is looked at differs from the one of a session; nothing where it is the same.

    Parameters
    ----------
    saved, now : Origin
        Of the session, and of the analysis that it is opened on.

    Returns
    -------
    tuple of str
        "images: mnist:train, here mnist:test".
    """
    if saved.checksum == now.checksum:
        return ()
    pairs = [
        ("network", saved.title, now.title),
        ("images", saved.data, now.data),
        ("number of images", f"{saved.n_images:,}", f"{now.n_images:,}"),
        ("snapshots", _listed(saved.snapshots), _listed(now.snapshots)),
    ]
    found = [f"{name}: {before}, here {after}" for name, before, after in pairs if before != after]
    if saved.network != now.network:
        found.append("the network has other layers or numbers of neurons")
    return tuple(found) or ("its numbers: weights, classes or preparation of the images differ",)


def find_analysis(origin: Origin | None, session_path: str | os.PathLike[str]) -> str:
    """Look for the analysis file of a session.

    Parameters
    ----------
    origin : Origin or None
        None for a session that does not say.
    session_path : str or path

    Returns
    -------
    str
        First of these that is there: as seen from the session, as it was, beside the session under its name. Empty
        where none is.
    """
    session = os.path.abspath(os.fspath(session_path))
    places = []
    if origin is not None and origin.path:
        places.append(os.path.normpath(os.path.join(os.path.dirname(session), origin.path)))
    if origin is not None and origin.absolute_path:
        places.append(origin.absolute_path)
    for ending in (SESSION_ENDING, ".json"):
        if session.endswith(ending):
            places.append(session[: -len(ending)] + ANALYSIS_ENDING)
    return next((place for place in places if os.path.isfile(place)), "")


def _relative(absolute: str, session_path: str | os.PathLike[str]) -> str:
    """A path as seen from the folder of a session; empty where there is no way (another drive)."""
    if not absolute or not os.fspath(session_path):
        return ""
    try:
        relative = os.path.relpath(absolute, os.path.dirname(os.path.abspath(os.fspath(session_path))))
    except ValueError:
        return ""
    return relative.replace(os.sep, "/")


def _listed(names: tuple[str, ...]) -> str:
    """The first of some names."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _checksum(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode("utf-8")).hexdigest()
