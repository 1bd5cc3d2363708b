"""Turns names that a user gives into a view."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypedDict

from cnnvis_caffe.errors import CnnvisError, UnknownNameError
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import CHOICES, View

#: What can be chosen beside the settings in `CHOICES`.
_FREE = ("snapshot", "clusters_of", "edge_filter", "classes", "class_cutoff", "n_clusters", "expand")


class ViewOptions(TypedDict, total=False):
    """What can be chosen, for type checkers and editors."""

    facet: str | None
    edges: str | None
    strength: str | None
    edge_filter: float | None
    importance: str | None
    classes: str | int | Iterable[str | int] | None
    strong_by: str | None
    class_cutoff: float | None
    n_clusters: int | None
    clustering: str | None
    arrangement: str | None
    expand: str | Iterable[str] | None
    snapshot: str | int | None
    clusters_of: str | int | None
    theme: str | None


def chosen_view(analysis: Analysis, start: View, options: Mapping[str, Any] | ViewOptions) -> View:
    """Return a view with what some options say.

    Parameters
    ----------
    analysis : Analysis
    start : View
        Whose settings stay where no option says otherwise.
    options : mapping of str to object
        By name: ``facet``, ``edges``, ``strength``, ``edge_filter``, ``importance``, ``classes`` (see
        `chosen_classes`), ``strong_by``, ``class_cutoff``, ``n_clusters``, ``clustering``, ``expand`` (a name
        or names of groups, or ``"all"``), ``snapshot`` and ``clusters_of`` (see `Analysis.snapshot`), ``arrangement``,
        ``theme``. None says nothing.

    Returns
    -------
    View

    Raises
    ------
    UnknownNameError
        If there is no such option, value, class, group or snapshot.
    CnnvisError
        If there is no image of a class.
    ValueError
        If a number is not within its bounds.
    """
    changes: dict[str, Any] = {}
    wanted: dict[str, Any] = {**options}
    for name, value in wanted.items():
        if name not in CHOICES and name not in _FREE:
            raise UnknownNameError("option", name, (*CHOICES, *_FREE))
        if value is None:
            continue
        if name in CHOICES and value not in CHOICES[name]:
            raise UnknownNameError(name, str(value), CHOICES[name])
        if name in ("snapshot", "clusters_of"):
            # Views name the last one by nothing, so that they fit an analysis with more snapshots as well.
            value = analysis.snapshot(value).label if str(value) else ""
        elif name == "classes":
            value = chosen_classes(analysis, value)
        if name == "expand":
            if value:
                changes["expanded"] = _expanded(analysis, start, [value] if isinstance(value, str) else value)
        else:
            changes[name] = value
    return replace(start, **changes)


def chosen_classes(analysis: Analysis, wanted: str | int | Iterable[str | int]) -> tuple[int, ...]:
    """Return classes by their names or numbers, sorted.

    Parameters
    ----------
    analysis : Analysis
    wanted : str, int, or iterable of them
        A text may name several: "3,5" or "cat,dog".

    Raises
    ------
    UnknownNameError
        If one is neither the name nor the number of a class.
    CnnvisError
        If there is no image of one, so that nothing is known of it.
    """
    many = [wanted] if isinstance(wanted, (str, int)) else list(wanted)
    found = set()
    for name in (piece.strip() for text in many for piece in str(text).split(",")):
        if not name:
            continue
        index = analysis.data.class_index(name)
        if analysis.data.class_count[index] == 0:
            raise CnnvisError(f"{analysis.data.column} {name!r}: there is no image of it in {analysis.data.source}")
        found.add(index)
    return tuple(sorted(found))


def _expanded(analysis: Analysis, start: View, wanted: Iterable[str]) -> tuple[str, ...]:
    """Groups that are shown layer by layer: those of a view, and more by their names."""
    from cnnvis_caffe.aggregation.groups import layer_groups  # loads what is slow to load

    names = [group.name for group in layer_groups(analysis)]
    expanded = set(start.expanded)
    for name in wanted:
        if name != "all" and name not in names:
            raise UnknownNameError("group of layers", name, names)
        expanded.update(names if name == "all" else (name,))
    return tuple(sorted(expanded))
