"""Kinds of edits of a view, each a small frozen dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from cnnvis_caffe.records.view import (
    CHOICES,
    CLUSTERINGS,
    FACETS,
    BiclusterMerge,
    BiclusterSplit,
    Members,
    NeuronMove,
    View,
    check_setting,
)

#: A bicluster by its clusters: the neurons of each source, and of each target.
Named = tuple[tuple[Members, ...], tuple[Members, ...]]


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

    #: What it does, for an undo menu, with the fields' values in their places.
    TEXT: ClassVar[str] = ""
    #: Whether it can be taken back; what is a matter of taste holds for what was done before as well.
    IS_STEP: ClassVar[bool] = True

    @property
    def text(self) -> str:
        """What it does, for an undo menu: "Move neuron 3 of conv1"."""
        return self.TEXT.format(**vars(self))

    @property
    def neurons(self) -> dict[str, Members]:
        """The layers that it names, with the neurons of each."""
        return {}

    @property
    def groups(self) -> tuple[str, ...]:
        """The layer groups that it names."""
        return ()

    @property
    def steps(self) -> tuple[Edit, ...]:
        """The edits that it is made of: itself, unless it puts several together."""
        return (self,)


@dataclass(frozen=True)
class Together(Edit):
    """Several edits that are one step for the user: done, undone and named as one.

    A session holds the edits one by one.
    """

    edits: tuple[Edit, ...]
    name: str

    def apply(self, view: View) -> View:
        """Return the view after all of them."""
        for edit in self.edits:
            view = edit.apply(view)
        return view

    @property
    def text(self) -> str:
        """For an undo menu."""
        return self.name

    @property
    def steps(self) -> tuple[Edit, ...]:
        """The edits one by one."""
        return tuple(step for edit in self.edits for step in edit.steps)


# Settings of the view: a subclass has a field for each that it sets.


class Choose(Edit):
    """Sets fields of the view."""

    #: What the view calls a field that has another name in sessions.
    SETS: ClassVar[Mapping[str, str]] = {}

    @property
    def settings(self) -> dict[str, Any]:
        """Fields of the view with their new values."""
        return {self.SETS.get(field.name, field.name): getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        for name, value in self.settings.items():
            check_setting(name, value)

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, **self.settings)

    @property
    def text(self) -> str:
        """What it does, for an undo menu."""
        values = self.settings.items()
        words = {name: CHOICES[name][value].words if name in CHOICES else value for name, value in values}
        return self.TEXT.format(**words).capitalize()


@dataclass(frozen=True)
class ChooseSnapshot(Choose):
    """Choose a snapshot by its label; an empty one means the last."""

    snapshot: str

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Show snapshot {self.snapshot}" if self.snapshot else "Show the last snapshot"


@dataclass(frozen=True)
class ChooseClustersOf(Choose):
    """Choose the snapshot whose clusters and places are kept, by its label; an empty one means the last."""

    snapshot: str
    SETS: ClassVar[Mapping[str, str]] = {"snapshot": "clusters_of"}

    @property
    def text(self) -> str:
        """For an undo menu."""
        return f"Show the clusters of {self.snapshot or 'the last snapshot'}"


@dataclass(frozen=True)
class ChooseClustering(Choose):
    """Choose how neurons are clustered; 0 clusters means as many as fit best."""

    clustering: str
    n_clusters: int = 0

    @property
    def text(self) -> str:
        """For an undo menu."""
        into = f" into {self.n_clusters}" if self.n_clusters else ""
        return f"Cluster by {CLUSTERINGS[self.clustering].words}{into}"


@dataclass(frozen=True)
class ChooseImportance(Choose):
    """Choose what gives features their size."""

    importance: str
    TEXT: ClassVar[str] = "Size by {importance}"


@dataclass(frozen=True)
class ChooseClasses(Choose):
    """Choose classes; none means all."""

    classes: tuple[int, ...]

    @property
    def settings(self) -> dict[str, Any]:
        """Fields of the view with their new values."""
        return {"classes": tuple(sorted(set(self.classes)))}

    @property
    def text(self) -> str:
        """For an undo menu."""
        chosen = sorted(set(self.classes))
        if not chosen:
            return "Choose all classes"
        return f"Choose class {chosen[0]}" if len(chosen) == 1 else f"Choose {len(chosen)} classes"


@dataclass(frozen=True)
class ChooseStrongBy(Choose):
    """Choose what tells whether the chosen classes activate a neuron strongly."""

    strong_by: str
    TEXT: ClassVar[str] = "Strongly activated by {strong_by}"


@dataclass(frozen=True)
class ChooseClassCutoff(Choose):
    """Choose from what share of the layer's largest value on a neuron counts as strongly activated."""

    cutoff: float
    SETS: ClassVar[Mapping[str, str]] = {"cutoff": "class_cutoff"}
    TEXT: ClassVar[str] = "Strongly activated from {class_cutoff:.0%}"


@dataclass(frozen=True)
class ChooseEdges(Choose):
    """Choose what colours the connections."""

    edges: str
    TEXT: ClassVar[str] = "Colour connections by {edges}"


@dataclass(frozen=True)
class ChooseStrength(Choose):
    """Choose what gives the connections their width, and what filter and bundles go by."""

    strength: str
    TEXT: ClassVar[str] = "Width of connections by {strength}"


@dataclass(frozen=True)
class ChooseEdgeFilter(Choose):
    """Choose the share of all strength that the drawn connections carry."""

    share: float
    SETS: ClassVar[Mapping[str, str]] = {"share": "edge_filter"}
    TEXT: ClassVar[str] = "Show connections with {edge_filter:.0%} of the strength"


@dataclass(frozen=True)
class ChooseArrangement(Choose):
    """Choose whether what an edit does not touch stays where it is."""

    arrangement: str
    TEXT: ClassVar[str] = "Arrangement {arrangement}"


@dataclass(frozen=True)
class ArrangeAnew(Choose):
    """Order everything again, with the first so many moves and edits of bundles and a filter; later ones keep that."""

    moves: int
    bundles: int
    share: float
    TEXT: ClassVar[str] = "Arrange anew"

    @property
    def settings(self) -> dict[str, Any]:
        """Fields of the view with their new values."""
        return {"arranged": (self.moves, self.bundles, self.share)}


@dataclass(frozen=True)
class ChooseTheme(Choose):
    """Choose light or dark."""

    theme: str
    TEXT: ClassVar[str] = "{theme} theme"
    IS_STEP: ClassVar[bool] = False


# Clusters of neurons


@dataclass(frozen=True)
class MoveNeuron(Edit):
    """Move a neuron to the cluster with most of some others; to a new one where none is given."""

    node: str
    neuron: int
    to: Members = ()
    TEXT: ClassVar[str] = "Move neuron {neuron} of {node}"

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, moves=(*view.moves, NeuronMove(self.node, self.neuron, self.to)))

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
class ChooseFacet(Edit):
    """Choose what is shown of all clusters, or of the one that a node and its members name."""

    facet: str
    node: str = ""
    members: Members = ()

    def __post_init__(self) -> None:
        check_setting("facet", self.facet)

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
        return f"Show {FACETS[self.facet].words}" + (f" in a cluster of {self.node}" if self.node else "")

    @property
    def neurons(self) -> dict[str, Members]:
        """The layers that it names, with the neurons of each."""
        return {self.node: self.members} if self.node else {}


# Groups of layers


class OfGroup(Edit):
    """Does something to one layer group."""

    group: str

    @property
    def groups(self) -> tuple[str, ...]:
        """The layer groups that it names."""
        return (self.group,)


@dataclass(frozen=True)
class ExpandGroup(OfGroup):
    """Show a layer group layer by layer."""

    group: str
    TEXT: ClassVar[str] = "Expand {group}"

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, expanded=tuple(sorted({*view.expanded, self.group})))


@dataclass(frozen=True)
class CollapseGroup(OfGroup):
    """Show a layer group as one column."""

    group: str
    TEXT: ClassVar[str] = "Collapse {group}"

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        return replace(view, expanded=tuple(group for group in view.expanded if group != self.group))


@dataclass(frozen=True)
class ChooseRepresentative(OfGroup):
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


# Bundles of connections


class OfBundles(Edit):
    """Does something to bundles between two layers."""

    source: str
    target: str
    sign: int

    @property
    def bundles(self) -> tuple[Named, ...]:
        """The bundles that it names."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        if self.sign not in (1, -1):
            raise ValueError(f"sign must be one of 1, -1, got {self.sign!r}")

    @property
    def neurons(self) -> dict[str, Members]:
        """The layers that it names, with the neurons of each."""
        return {
            node: tuple(sorted({neuron for bundle in self.bundles for members in bundle[end] for neuron in members}))
            for end, node in enumerate((self.source, self.target))
        }


@dataclass(frozen=True)
class MergeBiclusters(OfBundles):
    """Draw two biclusters of one gap and sign as one."""

    source: str
    target: str
    sign: int
    first: Named
    second: Named
    TEXT: ClassVar[str] = "Merge two bundles from {source} to {target}"

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        edit = BiclusterMerge(self.source, self.target, self.sign, self.first, self.second)
        return replace(view, bicluster_edits=(*view.bicluster_edits, edit))

    @property
    def bundles(self) -> tuple[Named, ...]:
        """The bundles that it names."""
        return self.first, self.second


@dataclass(frozen=True)
class SplitBicluster(OfBundles):
    """Draw a bicluster as one for each of its target clusters."""

    source: str
    target: str
    sign: int
    which: Named
    TEXT: ClassVar[str] = "Split a bundle from {source} to {target}"

    def apply(self, view: View) -> View:
        """Return the view after the edit."""
        edit = BiclusterSplit(self.source, self.target, self.sign, self.which)
        return replace(view, bicluster_edits=(*view.bicluster_edits, edit))

    @property
    def bundles(self) -> tuple[Named, ...]:
        """The bundles that it names."""
        return (self.which,)


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
        ChooseStrength,
        ChooseStrongBy,
        ChooseEdgeFilter,
        ChooseArrangement,
        ArrangeAnew,
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
        ChooseStrongBy(view.strong_by),
        ChooseClassCutoff(view.class_cutoff),
        ChooseFacet(view.facet),
        *(ChooseFacet(facet, node, members) for node, members, facet in view.facets),
        *(ExpandGroup(group) for group in view.expanded),
        *(ChooseRepresentative(group, node) for group, node in view.representatives),
        ChooseEdges(view.edges),
        ChooseStrength(view.strength),
        ChooseEdgeFilter(view.edge_filter),
        ChooseArrangement(view.arrangement),
        ArrangeAnew(*view.arranged),
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


def _count(items: Members, what: str) -> str:
    """So many of something."""
    return f"{len(items)} {what}{'' if len(items) == 1 else 's'}"
