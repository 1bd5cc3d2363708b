"""What a user has chosen to see: one small value from which, with an analysis, the whole picture follows."""

from __future__ import annotations

from dataclasses import dataclass

FACETS = ("features", "activations", "contributions")
EDGE_QUANTITIES = ("weight", "gradient", "relative_change")
IMPORTANCES = ("mean", "maximum", "contribution")
CLUSTERINGS = ("kmeans", "agglomerative", "meanshift")
THEMES = ("light", "dark")

#: A set of neurons of one node: how clusters are named by edits, since their numbers carry no meaning.
Members = tuple[int, ...]


@dataclass(frozen=True)
class NeuronMove:
    """A neuron taken out of its cluster by hand.

    Attributes
    ----------
    node : str
    neuron : int
    to : tuple of int
        Some neurons of the cluster that it goes to; empty for a new cluster of its own. On another snapshot it goes
        to the cluster that has most of them.
    """

    node: str
    neuron: int
    to: Members


@dataclass(frozen=True)
class BiclusterMerge:
    """Two biclusters of one gap and sign drawn as one; each is named by its clusters' neurons.

    Attributes
    ----------
    source, target : str
        Nodes of the columns.
    sign : int
        1 or -1.
    first, second : (tuple of Members, tuple of Members)
        The source clusters and the target clusters of each.
    """

    source: str
    target: str
    sign: int
    first: tuple[tuple[Members, ...], tuple[Members, ...]]
    second: tuple[tuple[Members, ...], tuple[Members, ...]]


@dataclass(frozen=True)
class BiclusterSplit:
    """A bicluster drawn as one for each of its target clusters; named as in `BiclusterMerge`."""

    source: str
    target: str
    sign: int
    which: tuple[tuple[Members, ...], tuple[Members, ...]]


@dataclass(frozen=True)
class View:
    """What is shown.

    Attributes
    ----------
    snapshot : str
        Label; empty for the last one.
    facet : str
        One of `FACETS`, for all clusters that `facets` does not name.
    facets : tuple of (str, tuple of int, str)
        Node, members and facet of single clusters.
    edges : str
        What colours the edges, one of `EDGE_QUANTITIES`.
    edge_filter : float
        Share of all strength in a gap that the drawn edges carry together, in (0, 1].
    importance : str
        What gives features their size, one of `IMPORTANCES`.
    classes : tuple of int
        Chosen classes, sorted; empty for all.
    class_cutoff : float
        Strongly activated: at least this share of the layer's largest mean over the chosen classes.
    clustering : str
        One of `CLUSTERINGS`.
    n_clusters : int
        0 for chosen by silhouette.
    clusters_of : str
        Label of the snapshot whose clusters are shown, with their order and the neurons' sizes and places, whatever
        the snapshot; empty for the last one. So nothing moves while one goes through a training.
    expanded : tuple of str
        Groups that are shown layer by layer, sorted.
    representatives : tuple of (str, str)
        Group and the node that stands for it, where the user chose one.
    moves : tuple of NeuronMove
        In the order in which they were made.
    bicluster_edits : tuple of (BiclusterMerge or BiclusterSplit)
        Likewise.
    theme : str
        One of `THEMES`.
    """

    snapshot: str = ""
    facet: str = "features"
    facets: tuple[tuple[str, Members, str], ...] = ()
    edges: str = "weight"
    edge_filter: float = 0.8
    importance: str = "mean"
    classes: tuple[int, ...] = ()
    class_cutoff: float = 0.5
    clustering: str = "kmeans"
    n_clusters: int = 0
    clusters_of: str = ""
    expanded: tuple[str, ...] = ()
    representatives: tuple[tuple[str, str], ...] = ()
    moves: tuple[NeuronMove, ...] = ()
    bicluster_edits: tuple[BiclusterMerge | BiclusterSplit, ...] = ()
    theme: str = "light"
