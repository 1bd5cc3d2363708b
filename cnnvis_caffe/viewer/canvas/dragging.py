"""A neuron on its way to another cluster: where it may be dropped. Needs no window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cnnvis_caffe.scene.shapes import Target


@dataclass(frozen=True)
class Drop:
    """What would happen if a neuron were dropped.

    Attributes
    ----------
    is_allowed : bool
    cluster : Target or None
        The cluster that it would join; None for a cluster of its own.
    """

    is_allowed: bool = False
    cluster: Target | None = None

    @property
    def words(self) -> str:
        """What it does, in a few words."""
        if not self.is_allowed:
            return "not here"
        return "new cluster" if self.cluster is None else "to this cluster"


def drop_on(neuron: Target, under: Target | None, cluster_of: Callable[[Target], Target | None]) -> Drop:
    """Return what dropping a neuron on something does.

    Parameters
    ----------
    neuron : Target
    under : Target or None
        What lies under the pointer; None for the ground.
    cluster_of : callable
        Gives the cluster of a neuron.
    """
    if under is not None and under.kind == "neuron":
        under = cluster_of(under)
    if under is None or under.kind in ("edge", "bicluster"):
        return Drop(True)
    if under.kind == "cluster" and under.node == neuron.node and neuron.members[0] not in under.members:
        return Drop(True, under)
    return Drop()
