"""What a user does to a view: edits as values, their history, and sessions to keep them in."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, fields, replace
from typing import Any

from cnnvis_caffe.errors import SessionError, UnknownLayerError, UnknownNameError
from cnnvis_caffe.files.atomic import write_bytes
from cnnvis_caffe.files.opening import read_file
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import (
    CLUSTERINGS,
    EDGE_QUANTITIES,
    FACETS,
    IMPORTANCES,
    THEMES,
    BiclusterMerge,
    BiclusterSplit,
    Members,
    NeuronMove,
    View,
)

#: A bicluster by its clusters: the neurons of each source, and of each target.
Named = tuple[tuple[Members, ...], tuple[Members, ...]]

FORMAT = "cnnvis_caffe session"
VERSION = 1
#: Edits that can be taken back; a session also has those before, as far as they still matter.
MOST_EDITS = 1000


class Edit:
    """Something done to a view; each kind is a frozen dataclass."""

    def apply(self, view: View) -> View:
        """Return the view after the edit.

        Parameters
        ----------
        view : View

        Returns
        -------
        View
        """
        raise NotImplementedError

    @property
    def text(self) -> str:
        """What it does, for an undo menu: "Move neuron 3 of conv1"."""
        raise NotImplementedError

    @property
    def neurons(self) -> dict[str, Members]:
        """The layers that it names, with the neurons of each."""
        return {}

    @property
    def groups(self) -> tuple[str, ...]:
        """The layer groups that it names."""
        return ()


# Neurons


@dataclass(frozen=True)
class MoveNeuron(Edit):
    """Move a neuron to the cluster with most of some others; to a new one where none is given."""

    node: str
    neuron: int
    to: Members = ()

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, moves=(*view.moves, NeuronMove(self.node, self.neuron, self.to)))

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Move neuron {self.neuron} of {self.node}"

    @property
    def neurons(self) -> dict[str, Members]:
        """The layers that it names, with the neurons of each."""
        return {self.node: (self.neuron, *self.to)}


@dataclass(frozen=True)
class NewCluster(Edit):
    """Put some neurons of a layer into a cluster of their own."""

    node: str
    members: Members

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("a new cluster needs at least one neuron")

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        first, *others = self.members
        moves = [NeuronMove(self.node, first, ()), *(NeuronMove(self.node, other, (first,)) for other in others)]
        return replace(view, moves=(*view.moves, *moves))

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"New cluster of {_count(self.members, 'neuron')} of {self.node}"

    @property
    def neurons(self) -> dict[str, Members]:
        """The layers that it names, with the neurons of each."""
        return {self.node: self.members}


@dataclass(frozen=True)
class ChooseClustering(Edit):
    """Choose how neurons are clustered; 0 clusters means as many as fit best."""

    clustering: str
    n_clusters: int = 0

    def __post_init__(self) -> None:
        _check_choice("clustering", self.clustering, CLUSTERINGS)
        if self.n_clusters < 0:
            raise ValueError(f"the number of clusters must be at least 0, got {self.n_clusters}")

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, clustering=self.clustering, n_clusters=self.n_clusters)

    @property
    def text(self) -> str:
        """For an undo menu."""
        method = {"kmeans": "k-means", "agglomerative": "agglomerative", "meanshift": "mean shift"}[self.clustering]
        return f"Cluster by {method}" + (f" into {self.n_clusters}" if self.n_clusters else "")


@dataclass(frozen=True)
class ChooseClustersOf(Edit):
    """Choose the snapshot whose clusters and places are kept, by its label; an empty one means the last."""

    snapshot: str

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, clusters_of=self.snapshot)

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Show the clusters of {self.snapshot or 'the last snapshot'}"


@dataclass(frozen=True)
class ChooseImportance(Edit):
    """Choose what gives features their size."""

    importance: str

    def __post_init__(self) -> None:
        _check_choice("importance", self.importance, IMPORTANCES)

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, importance=self.importance)

    @property
    def text(self) -> str:
        """For an undo menu."""
        return {
            "mean": "Size by mean activation",
            "maximum": "Size by maximum activation",
            "contribution": "Size by contribution",
        }[self.importance]


@dataclass(frozen=True)
class ChooseClasses(Edit):
    """Choose classes; none means all."""

    classes: tuple[int, ...]

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, classes=tuple(sorted(set(self.classes))))

    @property
    def text(self) -> str:
        """For an undo menu."""
        chosen = sorted(set(self.classes))
        if not chosen:
            return "Choose all classes"
        return f"Choose class {chosen[0]}" if len(chosen) == 1 else f"Choose {len(chosen)} classes"


@dataclass(frozen=True)
class ChooseClassCutoff(Edit):
    """Choose from what share of the layer's largest mean on a neuron counts as strongly activated."""

    cutoff: float

    def __post_init__(self) -> None:
        if not 0 <= self.cutoff <= 1:
            raise ValueError(f"the cut-off must be in [0, 1], got {self.cutoff}")

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, class_cutoff=float(self.cutoff))

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Strongly activated from {self.cutoff:.0%}"


@dataclass(frozen=True)
class ChooseFacet(Edit):
    """Choose what is shown of all clusters, or of the one that a node and its members name."""

    facet: str
    node: str = ""
    members: Members = ()

    def __post_init__(self) -> None:
        _check_choice("facet", self.facet, FACETS)

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        if not self.node:
            return replace(view, facet=self.facet, facets=())
        others = [entry for entry in view.facets if entry[:2] != (self.node, self.members)]
        own = [] if self.facet == view.facet else [(self.node, self.members, self.facet)]
        return replace(view, facets=(*others, *own))

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Show {self.facet}" + (f" in a cluster of {self.node}" if self.node else "")

    @property
    def neurons(self) -> dict[str, Members]:
        """The layers that it names, with the neurons of each."""
        return {self.node: self.members} if self.node else {}


# Layers


@dataclass(frozen=True)
class ExpandGroup(Edit):
    """Show a layer group layer by layer."""

    group: str

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, expanded=tuple(sorted({*view.expanded, self.group})))

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Expand {self.group}"

    @property
    def groups(self) -> tuple[str, ...]:
        """The layer groups that it names."""
        return (self.group,)


@dataclass(frozen=True)
class CollapseGroup(Edit):
    """Show a layer group as one column."""

    group: str

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, expanded=tuple(group for group in view.expanded if group != self.group))

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Collapse {self.group}"

    @property
    def groups(self) -> tuple[str, ...]:
        """The layer groups that it names."""
        return (self.group,)


@dataclass(frozen=True)
class ChooseRepresentative(Edit):
    """Choose the layer that stands for a group; an empty one means the usual."""

    group: str
    node: str = ""

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        others = [entry for entry in view.representatives if entry[0] != self.group]
        own = [(self.group, self.node)] if self.node else []
        return replace(view, representatives=tuple(sorted([*others, *own])))

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Show {self.group} by {self.node}" if self.node else f"Show {self.group} as usual"

    @property
    def neurons(self) -> dict[str, Members]:
        """The layers that it names, with the neurons of each."""
        return {self.node: ()} if self.node else {}

    @property
    def groups(self) -> tuple[str, ...]:
        """The layer groups that it names."""
        return (self.group,)


# Connections


@dataclass(frozen=True)
class MergeBiclusters(Edit):
    """Draw two biclusters of one gap and sign as one."""

    source: str
    target: str
    sign: int
    first: Named
    second: Named

    def __post_init__(self) -> None:
        _check_choice("sign", self.sign, (1, -1))

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        edit = BiclusterMerge(self.source, self.target, self.sign, self.first, self.second)
        return replace(view, bicluster_edits=(*view.bicluster_edits, edit))

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Merge two bundles from {self.source} to {self.target}"

    @property
    def neurons(self) -> dict[str, Members]:
        """The layers that it names, with the neurons of each."""
        return _ends(self.source, self.target, self.first, self.second)


@dataclass(frozen=True)
class SplitBicluster(Edit):
    """Draw a bicluster as one for each of its target clusters."""

    source: str
    target: str
    sign: int
    which: Named

    def __post_init__(self) -> None:
        _check_choice("sign", self.sign, (1, -1))

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        edit = BiclusterSplit(self.source, self.target, self.sign, self.which)
        return replace(view, bicluster_edits=(*view.bicluster_edits, edit))

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Split a bundle from {self.source} to {self.target}"

    @property
    def neurons(self) -> dict[str, Members]:
        """The layers that it names, with the neurons of each."""
        return _ends(self.source, self.target, self.which)


@dataclass(frozen=True)
class ChooseEdges(Edit):
    """Choose what colours the connections."""

    edges: str

    def __post_init__(self) -> None:
        _check_choice("edges", self.edges, EDGE_QUANTITIES)

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, edges=self.edges)

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Colour connections by {self.edges.replace('_', ' ')}"


@dataclass(frozen=True)
class ChooseEdgeFilter(Edit):
    """Choose the share of all strength that the drawn connections carry."""

    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"the edge filter must be above 0 and at most 1, got {self.share}")

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, edge_filter=float(self.share))

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Show connections with {self.share:.0%} of the strength"


# The picture


@dataclass(frozen=True)
class ChooseSnapshot(Edit):
    """Choose a snapshot by its label; an empty one means the last."""

    snapshot: str

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, snapshot=self.snapshot)

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Show snapshot {self.snapshot}" if self.snapshot else "Show the last snapshot"


@dataclass(frozen=True)
class ChooseTheme(Edit):
    """Choose light or dark."""

    theme: str

    def __post_init__(self) -> None:
        _check_choice("theme", self.theme, THEMES)

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, theme=self.theme)

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"{self.theme.capitalize()} theme"


#: Every kind of edit by its name, as sessions write it.
EDITS: dict[str, type[Edit]] = {
    kind.__name__: kind
    for kind in (
        MoveNeuron,
        NewCluster,
        ChooseClustering,
        ChooseClustersOf,
        ChooseImportance,
        ChooseClasses,
        ChooseClassCutoff,
        ChooseFacet,
        ExpandGroup,
        CollapseGroup,
        ChooseRepresentative,
        MergeBiclusters,
        SplitBicluster,
        ChooseEdges,
        ChooseEdgeFilter,
        ChooseSnapshot,
        ChooseTheme,
    )
}


def as_edits(view: View) -> tuple[Edit, ...]:
    """Find edits that lead from the usual view to this one.

    Parameters
    ----------
    view : View

    Returns
    -------
    tuple of Edit
        Only where it differs.
    """
    edits: list[Edit] = [
        ChooseSnapshot(view.snapshot),
        ChooseClustersOf(view.clusters_of),
        ChooseClustering(view.clustering, view.n_clusters),
        *(MoveNeuron(move.node, move.neuron, move.to) for move in view.moves),
        ChooseImportance(view.importance),
        ChooseClasses(view.classes),
        ChooseClassCutoff(view.class_cutoff),
        ChooseFacet(view.facet),
        *(ChooseFacet(facet, node, members) for node, members, facet in view.facets),
        *(ExpandGroup(group) for group in view.expanded),
        *(ChooseRepresentative(group, node) for group, node in view.representatives),
        ChooseEdges(view.edges),
        ChooseEdgeFilter(view.edge_filter),
        ChooseTheme(view.theme),
    ]
    for edit in view.bicluster_edits:
        if isinstance(edit, BiclusterMerge):
            edits.append(MergeBiclusters(edit.source, edit.target, edit.sign, edit.first, edit.second))
        else:
            edits.append(SplitBicluster(edit.source, edit.target, edit.sign, edit.which))
    needed = []
    at = View()
    for step in edits:
        after = step.apply(at)
        if after != at:
            needed.append(step)
            at = after
    return tuple(needed)


class History:
    """A view and the edits that led to it; the last `MOST_EDITS` can be taken back.

    Parameters
    ----------
    start : View
        What is shown before any edit.
    """

    def __init__(self, start: View | None = None) -> None:
        self._views = [start or View()]
        self._edits: list[Edit] = []
        self._position = 0

    @property
    def view(self) -> View:
        """The view now."""
        return self._views[self._position]

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits that led to it, without those that were taken back."""
        return tuple(self._edits[: self._position])

    @property
    def all_edits(self) -> tuple[Edit, ...]:
        """Edits that lead from the usual view to it, for those that cannot be taken back any more as well."""
        return (*as_edits(self._views[0]), *self.edits)

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return self._position > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit that was taken back."""
        return self._position < len(self._edits)

    @property
    def undo_text(self) -> str:
        """What `undo` takes back; empty where it does nothing."""
        return self._edits[self._position - 1].text if self.can_undo else ""

    @property
    def redo_text(self) -> str:
        """What `redo` does again; empty where it does nothing."""
        return self._edits[self._position].text if self.can_redo else ""

    def apply(self, edit: Edit, *, together: bool = False) -> View:
        """Do an edit; what was taken back before is forgotten.

        Parameters
        ----------
        edit : Edit
            One that changes nothing leaves no trace.
        together : bool
            While a slider is dragged: an edit of the same kind right before it is replaced, so that one undo takes
            back the whole movement.

        Returns
        -------
        View
        """
        base = self._position
        if together and base and type(self._edits[base - 1]) is type(edit):
            base -= 1
        view = edit.apply(self._views[base])
        if view != self.view:
            keeps = view != self._views[base]
            self._edits[base:] = [edit] if keeps else []
            self._views[base + 1 :] = [view] if keeps else []
            if len(self._edits) > MOST_EDITS:
                del self._edits[0], self._views[0]
            self._position = len(self._edits)
        return self.view

    def undo(self) -> View:
        """Take the last edit back, where there is one.

        Returns
        -------
        View
        """
        self._position = max(0, self._position - 1)
        return self.view

    def redo(self) -> View:
        """Do again what was taken back last, where there is something.

        Returns
        -------
        View
        """
        self._position = min(len(self._edits), self._position + 1)
        return self.view

    def check(self, analysis: Analysis, path: str = "<session>") -> None:
        """Raise unless the edits fit an analysis.

        Parameters
        ----------
        analysis : Analysis
        path : str
            Of the session, for the message.

        Raises
        ------
        SessionError
            If an edit names a layer, neuron, layer group or class that the network does not have, or the view now
            names a snapshot that the analysis does not have.
        """
        from cnnvis_caffe.aggregation.groups import layer_groups

        sizes = {node.name: node.n_neurons for node in analysis.nodes}
        groups = [group.name for group in layer_groups(analysis)]
        try:
            for edit in self.all_edits:
                for node, neurons in edit.neurons.items():
                    if node not in sizes:
                        raise UnknownLayerError(node, sizes)
                    for neuron in neurons:
                        if not 0 <= neuron < sizes[node]:
                            raise ValueError(f"layer {node!r} has {sizes[node]} neurons, there is no {neuron}")
                for group in edit.groups:
                    if group not in groups:
                        raise UnknownNameError("layer group", group, groups)
            for number in self.view.classes:
                if not 0 <= number < analysis.data.n_classes:
                    raise ValueError(f"there are {analysis.data.n_classes} classes, there is no {number}")
            labels = [snapshot.label for snapshot in analysis.snapshots]
            for label in (self.view.snapshot, self.view.clusters_of):
                if label and label not in labels:
                    raise UnknownNameError("snapshot", label, labels)
        except (UnknownNameError, ValueError) as e:
            reason = f"{e}; the session belongs to another network or analysis than {analysis.title!r}"
            raise SessionError(path, reason) from e

    def to_json(self) -> str:
        """Return the session as text.

        Returns
        -------
        str
            JSON: format, version, and all edits that lead to the view now, from the usual one.
        """
        edits = [
            {"edit": type(edit).__name__, **{f.name: getattr(edit, f.name) for f in fields(edit)}}  # type: ignore[arg-type]
            for edit in self.all_edits
        ]
        lines = ",\n".join(f"  {json.dumps(edit, ensure_ascii=False, default=int)}" for edit in edits)
        body = f"[\n{lines}\n ]" if edits else "[]"
        return f'{{\n "format": {json.dumps(FORMAT)},\n "version": {VERSION},\n "edits": {body}\n}}\n'

    @classmethod
    def from_json(cls, text: str, path: str = "<session>") -> History:
        """Read a session.

        Parameters
        ----------
        text : str
            As `to_json` writes it.
        path : str
            Where it comes from, for messages.

        Returns
        -------
        History
            From the usual view on; its edits can be taken back.

        Raises
        ------
        SessionError
            If it is damaged, newer than this program, or has an edit that is not known.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise SessionError(path, f"it is no JSON: {e}") from e
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise SessionError(path, "it is no session: save one in the viewer")
        version = data.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise SessionError(path, f"its version must be a number from 1, got {version!r}")
        if version > VERSION:
            raise SessionError(path, f"it has version {version}, this program reads up to {VERSION}: update it")
        edits = data.get("edits")
        if not isinstance(edits, list):
            raise SessionError(path, "it has no list of edits")
        history = cls()
        for number, item in enumerate(edits, 1):
            try:
                history.apply(_edit(item, path, number))
            except RecursionError as e:
                raise SessionError(path, f"edit {number} is nested too deeply: no edit has such values") from e
        return history


def save_session(path: str | os.PathLike[str], history: History) -> None:
    """Write a session file; what was there before stays whole until it is done.

    Parameters
    ----------
    path : str or path
    history : History

    Raises
    ------
    SessionError
        If it cannot be written.
    """
    try:
        write_bytes(path, history.to_json().encode("utf-8"))
    except OSError as e:
        raise SessionError(str(path), f"it cannot be written: {e.strerror or e}") from e


def load_session(path: str | os.PathLike[str]) -> History:
    """Read a session file.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    History

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
        raise SessionError(str(path), "it is no text") from e
    return History.from_json(text, str(path))


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


def _check_choice(what: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Raise ValueError unless a value is one of those that there are."""
    if value not in allowed:
        raise ValueError(f"{what} must be one of {', '.join(map(str, allowed))}, got {value!r}")


def _count(items: Members, what: str) -> str:
    """So many of something."""
    return f"{len(items)} {what}{'' if len(items) == 1 else 's'}"


def _ends(source: str, target: str, *named: Named) -> dict[str, Members]:
    """The neurons that biclusters name in their two layers."""
    return {
        node: tuple(sorted({neuron for bicluster in named for members in bicluster[end] for neuron in members}))
        for end, node in enumerate((source, target))
    }
