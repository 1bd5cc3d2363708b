"""Bundles are found by what they join, merged with their like and split by their targets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cnnvis_caffe.edits.kinds import ChooseEdgeFilter
from cnnvis_caffe.scene.bundles import bicluster_target
from cnnvis_caffe.viewer.model.bundles import bundle_of
from cnnvis_caffe.viewer.model.edit_actions import EDIT_OF_ACTION
from cnnvis_caffe.viewer.model.lookup import gap_between


@pytest.fixture
def wide(session):
    """The session with more connections, and the bar of a bundle with several targets that has a partner."""
    session.apply(ChooseEdgeFilter(0.95))
    for gap in session.aggregation.gaps:
        for index, one in enumerate(gap.biclusters):
            if len(one.targets) > 1 and sum(other.sign == one.sign for other in gap.biclusters) > 1:
                return session, gap, bar(session, gap, index)
    raise AssertionError("no such bundle")


def bar(session, gap, index):
    columns = {column.node: column for column in session.aggregation.columns}
    return bicluster_target(gap, columns, gap.biclusters[index], index)


def now(session, gap):
    return gap_between(session.aggregation, gap.source, gap.target)


def test_each_bar_is_its_bundle(session):
    n = 0
    for gap in session.aggregation.gaps:
        for index in range(len(gap.biclusters)):
            found = bundle_of(session.aggregation, bar(session, gap, index))
            assert (found.gap, found.index) == (gap, index)
            n += 1
    assert n > 5


def test_a_curve_is_of_the_bundle_that_it_runs_through(wide):
    session, gap, target = wide
    bicluster = gap.biclusters[target.index]
    own = session.aggregation.column(gap.target).clusters[bicluster.targets[0]].neurons
    curve = replace(target, kind="edge", other_members=tuple(own.tolist()))
    found = bundle_of(session.aggregation, curve)
    shares = {k for k, one in enumerate(gap.biclusters) if one.sign == bicluster.sign}
    assert found.index in shares and bicluster.targets[0] in found.bicluster.targets
    assert bundle_of(session.aggregation, replace(curve, node="nothing")) is None
    assert bundle_of(session.aggregation, None) is None is bundle_of(None, curve)


def test_bundles_are_merged_with_the_one_that_shares_most(wide):
    session, gap, target = wide
    bundle = bundle_of(session.aggregation, target)
    mine = bundle.bicluster
    assert bundle.partners == [
        k for k, one in enumerate(gap.biclusters) if k != target.index and one.sign == mine.sign
    ]  # fmt: skip

    def shared(k):
        other = gap.biclusters[k]
        return len(set(mine.sources) & set(other.sources)) + len(set(mine.targets) & set(other.targets))

    assert shared(bundle.nearest_partner) == max(map(shared, bundle.partners))
    partner = gap.biclusters[bundle.nearest_partner]
    session.select(target)
    session.apply(EDIT_OF_ACTION["merge_bundles"](session))
    merged = now(session, gap)
    assert len(merged.biclusters) == len(gap.biclusters) - 1
    joined = [one for one in merged.biclusters if set(one.edges) >= set(mine.edges) | set(partner.edges)]
    assert len(joined) == 1 and joined[0].sign == mine.sign
    session.undo()
    assert len(now(session, gap).biclusters) == len(gap.biclusters)


def test_a_bundle_is_split_by_its_targets(wide):
    session, gap, target = wide
    mine = gap.biclusters[target.index]
    session.select(target)
    session.apply(EDIT_OF_ACTION["split_bundle"](session))
    split = now(session, gap)
    own = [(mine.sign, {edge for edge in mine.edges if edge[1] == k}) for k in mine.targets]
    parts = [one for one in split.biclusters if (one.sign, set(one.edges)) in own]
    assert [one.targets for one in parts] == [(k,) for k in mine.targets]
    assert len(split.biclusters) == len(gap.biclusters) - 1 + len(mine.targets)
    session.select(bar(session, split, split.biclusters.index(parts[0])))
    assert EDIT_OF_ACTION["split_bundle"](session) == "This bundle leads to one cluster only"


def test_a_bundle_alone_says_that_it_has_no_like(session):
    session.apply(ChooseEdgeFilter(0.05))
    alone = [
        (gap, k) for gap in session.aggregation.gaps for k, one in enumerate(gap.biclusters)
        if sum(other.sign == one.sign for other in gap.biclusters) == 1
    ]  # fmt: skip
    gap, index = alone[0]
    session.select(bar(session, gap, index))
    assert EDIT_OF_ACTION["merge_bundles"](session) == "There is no other bundle of this sign between these layers"
    session.select(None)
    assert EDIT_OF_ACTION["merge_bundles"](session) is None
