"""A menu shows in the picture what its entries are about."""

from __future__ import annotations

import pytest
from helpers.plain_session import plain_session

from cnnvis_caffe.edits.kinds import ChooseEdges, ChooseFacet, CollapseGroup, ExpandGroup, NewCluster, Together
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.bundles import bundle_name, bundle_of
from cnnvis_caffe.viewer.model.describe import describe
from cnnvis_caffe.viewer.model.edit_actions import edit_of, move_to_cluster
from cnnvis_caffe.viewer.model.preview import targets_of


@pytest.fixture
def bundle(session):
    """One that can be merged with another and be split."""
    targets = [shape.target for shape in session.picture.scene.shapes if shape.target is not None]
    bundles = [bundle_of(session.aggregation, target) for target in targets if target.kind == "bicluster"]
    return next(bundle for bundle in bundles if bundle.partners and len(bundle.bicluster.targets) > 1)


def test_a_move_shows_where_it_leads(session):
    column = session.aggregation.column("conv2")
    one, two = (tuple(cluster.neurons.tolist()) for cluster in column.clusters[:2])
    for neurons in (one[:1], one[:2]):
        (shown,) = targets_of(session, move_to_cluster(Target("neuron", "conv2", neurons), two))
        assert (shown.kind, shown.node, shown.members, shown.index) == ("cluster", "conv2", two, 1)
    alone = targets_of(session, NewCluster("conv2", one[:2]))
    assert [target.members for target in alone] == [(one[0],), (one[1],)]


def test_bundles_have_the_names_of_the_menu(session, bundle):
    other = bundle.partners[0]
    shown = targets_of(session, bundle.merged_with(other))
    assert [target.index for target in shown] == [bundle.index, other]
    bars = {shape.target for shape in session.picture.scene.shapes if shape.target and shape.target.kind == "bicluster"}
    assert set(shown) <= bars
    (split,) = targets_of(session, bundle.split())
    assert split == bundle.target
    card = describe(session.analysis, session.aggregation, session.view, bundle.target)
    assert card.title.startswith(bundle_name(bundle.index) + " ·")


def test_clusters_have_their_numbers_in_the_picture(session):
    numbers = {
        (shape.target.node, shape.target.members): shape.text
        for shape in session.picture.scene.shapes
        if shape.name.startswith("number/")
    }
    for column in session.aggregation.columns:
        for number, cluster in enumerate(column.clusters):
            if column.node != session.analysis.data.input_name:
                assert numbers[column.node, tuple(cluster.neurons.tolist())] == str(number + 1)


def test_groups_show_their_columns_and_colours_nothing(deep):
    session = plain_session(deep)
    group = next(group for group in session.aggregation.groups if len(group.columns) > 1)
    shown = targets_of(session, ExpandGroup(group.name))
    assert shown == (Target("column", group.representative),)
    session.apply(ExpandGroup(group.name))
    assert [target.node for target in targets_of(session, CollapseGroup(group.name))] == list(group.columns)
    assert targets_of(session, ChooseEdges("gradient")) == targets_of(session, ChooseFacet("activations")) == ()
    both = Together((CollapseGroup(group.name), CollapseGroup(group.name)), "")
    assert len(targets_of(session, both)) == len(group.columns)  # each once


def test_an_action_of_the_menu_bar_is_shown_as_well(session):
    assert edit_of("fit", session) is None and edit_of("merge_bundles", session) is None
    cluster = tuple(session.aggregation.column("conv2").clusters[0].neurons.tolist())
    session.select(Target("cluster", "conv2", cluster))
    (shown,) = targets_of(session, edit_of("cluster_activations", session))
    assert (shown.node, shown.members) == ("conv2", cluster)
