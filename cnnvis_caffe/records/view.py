"""The view that a user has chosen: one small value from which, with an analysis, the whole picture follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Choice:
    """The words of one value that a setting of the view can have.

    Attributes
    ----------
    button : str
        On a button.
    words : str
        In a list or a sentence.
    tip : str
        What it shows.
    legend : str
        In the legend, where `words` are not enough.
    """

    button: str
    words: str
    tip: str = ""
    legend: str = ""


FACETS: Mapping[str, Choice] = {
    "features": Choice("Features", "learned features", "The image patches that its neurons respond to most"),
    "activations": Choice("Activations", "activations", "Mean activation of each neuron on each class"),
    "contributions": Choice("Contributions", "contributions", "What each neuron adds to the score of each class"),
}
EDGE_QUANTITIES: Mapping[str, Choice] = {
    "weight": Choice("Weight ±", "weight with its sign", "The sign of the weights: blue adds, orange takes away"),
    "gradient": Choice("Gradient", "gradient", "The gradient of the loss, absolute", "gradient of the loss, absolute"),
    "relative_change": Choice(
        "Change",
        "relative change",
        "Relative change of the weights since the snapshot before",
        "relative change since the snapshot before",
    ),
}
STRENGTHS: Mapping[str, Choice] = {
    "absolute": Choice(
        "|Weight|",
        "mean absolute weight",
        "Width by mean |weight|, colour by the sign of the mean weight",
        "mean |weight|",
    ),
    "signed": Choice(
        "Signed",
        "mean signed weight",
        "Width by the mean weight, in which both signs cancel each other",
        "mean signed weight",
    ),
}
IMPORTANCES: Mapping[str, Choice] = {
    "mean": Choice("Mean", "mean activation", "Mean activation on the chosen classes"),
    "maximum": Choice("Largest", "largest activation", "Largest activation on the chosen classes"),
    "contribution": Choice("Contribution", "contribution", "What a neuron adds to the scores of the chosen classes"),
}
STRONG_BY: Mapping[str, Choice] = {
    "activation": Choice("Activation", "mean activation", "Mean activation on the chosen classes"),
    "selectivity": Choice(
        "Selectivity", "selectivity", "How much more active a neuron is on the chosen classes than on the others"
    ),
    "contribution": Choice("Contribution", "contribution", "What a neuron adds to the scores of the chosen classes"),
}
CLUSTERINGS: Mapping[str, Choice] = {
    "kmeans": Choice("k-means", "k-means"),
    "agglomerative": Choice("Agglomerative", "agglomerative"),
    "meanshift": Choice("Mean shift", "mean shift"),
}
ARRANGEMENTS: Mapping[str, Choice] = {
    "kept": Choice("Kept", "kept by edits", "What an edit does not touch stays where it is"),
    "anew": Choice("Anew", "made anew by edits", "Everything is ordered again after each edit, for fewest crossings"),
}
THEMES: Mapping[str, Choice] = {"light": Choice("Light", "light"), "dark": Choice("Dark", "dark")}

#: Every setting that has one of some values, by its name in `View`.
CHOICES: Mapping[str, Mapping[str, Choice]] = {
    "facet": FACETS,
    "edges": EDGE_QUANTITIES,
    "strength": STRENGTHS,
    "importance": IMPORTANCES,
    "strong_by": STRONG_BY,
    "clustering": CLUSTERINGS,
    "arrangement": ARRANGEMENTS,
    "theme": THEMES,
}


def check_setting(name: str, value: Any) -> None:
    """Raise ValueError unless a setting of the view can have a value.

    Parameters
    ----------
    name : str
        As in `View`; those that can have any value are not checked.
    value : object
    """
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(f"{name} must be one of {', '.join(CHOICES[name])}, got {value!r}")
    if name == "arranged" and (min(value[:2]) < 0 or not 0 < value[2] <= 1):
        raise ValueError(f"an arrangement has counts of at least 0 and a filter above 0 and at most 1, got {value}")
    if name == "n_clusters" and value < 0:
        raise ValueError(f"the number of clusters must be at least 0, got {value}")
    if name == "edge_filter" and not 0 < value <= 1:
        raise ValueError(f"the edge filter must be above 0 and at most 1, got {value}")
    if name == "class_cutoff" and not 0 <= value <= 1:
        raise ValueError(f"the cut-off must be in [0, 1], got {value}")


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
    strength : str
        What gives the edges their width, and what the filter and the bundles go by, one of `STRENGTHS`.
    edge_filter : float
        Share of all strength in a gap that the drawn edges carry together, in (0, 1].
    importance : str
        What gives features their size, one of `IMPORTANCES`.
    classes : tuple of int
        Chosen classes, sorted; empty for all.
    strong_by : str
        What tells whether the chosen classes activate a neuron strongly, one of `STRONG_BY`.
    class_cutoff : float
        Strongly activated: at least this share of the layer's largest value of `strong_by` over the chosen classes.
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
    arranged : (int, int, float)
        How many moves and how many edits of biclusters were there, and what the edge filter was, when the order was
        made last: edits since then leave in place what they do not touch.
    arrangement : str
        What moves when neurons are moved, bundles edited or the filter changed, one of `ARRANGEMENTS`.
    theme : str
        One of `THEMES`.
    """

    snapshot: str = ""
    facet: str = "features"
    facets: tuple[tuple[str, Members, str], ...] = ()
    edges: str = "weight"
    strength: str = "absolute"
    edge_filter: float = 0.8
    importance: str = "mean"
    classes: tuple[int, ...] = ()
    strong_by: str = "activation"
    class_cutoff: float = 0.5
    clustering: str = "kmeans"
    n_clusters: int = 0
    clusters_of: str = ""
    expanded: tuple[str, ...] = ()
    representatives: tuple[tuple[str, str], ...] = ()
    moves: tuple[NeuronMove, ...] = ()
    bicluster_edits: tuple[BiclusterMerge | BiclusterSplit, ...] = ()
    arranged: tuple[int, int, float] = (0, 0, 0.8)
    arrangement: str = "kept"
    theme: str = "light"
