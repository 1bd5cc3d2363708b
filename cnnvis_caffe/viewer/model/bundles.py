"""Merges and splits bundles: decides which edit a user's wish is."""

from __future__ import annotations

from dataclasses import dataclass

from cnnvis_caffe.edits.kinds import MergeBiclusters, SplitBicluster
from cnnvis_caffe.records.aggregation import Aggregation, Bicluster, Gap
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.lookup import gap_between, neurons_of


@dataclass(frozen=True, eq=False)
class Bundle:
    """A bicluster where it is shown.

    Attributes
    ----------
    aggregation : Aggregation
    gap : Gap
    index : int
        Its number in the gap.
    """

    aggregation: Aggregation
    gap: Gap
    index: int

    @property
    def bicluster(self) -> Bicluster:
        """Return the bicluster itself."""
        return self.gap.biclusters[self.index]

    @property
    def target(self) -> Target:
        """Return what stands for it in the picture."""
        return self.target_of(self.index)

    def target_of(self, index: int) -> Target:
        """Return what stands for another bundle of the gap."""
        bicluster = self.gap.biclusters[index]
        sources, targets = (
            neurons_of(self.aggregation.column(node), clusters)
            for node, clusters in ((self.gap.source, bicluster.sources), (self.gap.target, bicluster.targets))
        )
        return Target("bicluster", self.gap.source, sources, self.gap.target, targets, index, bicluster.sign)

    @property
    def partners(self) -> list[int]:
        """Numbers of the bundles that it can be merged with: those of its sign between the same layers."""
        sign = self.bicluster.sign
        return [k for k, one in enumerate(self.gap.biclusters) if k != self.index and one.sign == sign]

    @property
    def nearest_partner(self) -> int | None:
        """The partner that shares most clusters with it, the next one where several do; None if there is none."""
        mine = self.bicluster

        def shared(k: int) -> int:
            other = self.gap.biclusters[k]
            return len({*mine.sources} & {*other.sources}) + len({*mine.targets} & {*other.targets})

        return max(self.partners, key=lambda k: (shared(k), -abs(k - self.index)), default=None)

    def merged_with(self, other: int) -> MergeBiclusters:
        """Return the edit that draws two bundles as one."""
        gap = self.gap
        return MergeBiclusters(gap.source, gap.target, self.bicluster.sign, self._ends(self.index), self._ends(other))

    def split(self) -> SplitBicluster | None:
        """Return the edit that draws it as one bundle for each of its targets; None where it has one only."""
        if len(self.bicluster.targets) < 2:
            return None
        return SplitBicluster(self.gap.source, self.gap.target, self.bicluster.sign, self._ends(self.index))

    def _ends(self, index: int) -> tuple[tuple[tuple[int, ...], ...], tuple[tuple[int, ...], ...]]:
        """The clusters of a bundle at both ends, each by its neurons."""
        bicluster = self.gap.biclusters[index]
        return self._named(self.gap.source, bicluster.sources), self._named(self.gap.target, bicluster.targets)

    def _named(self, node: str, clusters: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        column = self.aggregation.column(node)
        return tuple(tuple(column.clusters[k].neurons.tolist()) for k in clusters)


def numbered(clusters: tuple[int, ...]) -> str:
    """Return the numbers of clusters, as the picture has them."""
    return ", ".join(str(cluster + 1) for cluster in clusters)


def bundle_name(index: int) -> str:
    """Return what a bundle is called, by its number between two layers."""
    return f"Bundle {index + 1}"


def bundle_of(aggregation: Aggregation | None, target: Target | None) -> Bundle | None:
    """Return the bundle that a target is, or that a curve belongs to; None if it is neither."""
    if aggregation is None or target is None:
        return None
    gap = gap_between(aggregation, target.node, target.other_node)
    if gap is None:
        return None
    source, other = aggregation.column(gap.source), aggregation.column(gap.target)
    mine, others = set(target.members), set(target.other_members)
    best = None
    for index, bicluster in enumerate(gap.biclusters):
        if bicluster.sign != target.sign:
            continue
        sources, targets = set(neurons_of(source, bicluster.sources)), set(neurons_of(other, bicluster.targets))
        if (sources, targets) == (mine, others):
            return Bundle(aggregation, gap, index)
        if best is None and mine <= sources and others <= targets and (mine == sources or others == targets):
            best = Bundle(aggregation, gap, index)
    return best
