"""Edits: undo after any sequence gives the start back; a session replays to the same view and the same picture."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnvis_caffe.aggregation.aggregate import aggregate
from cnnvis_caffe.aggregation.cache import Cache
from cnnvis_caffe.edits import kinds as e
from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.sessions import check_session, saved_session_from_text, session_text
from cnnvis_caffe.records.view import CLUSTERINGS, EDGE_QUANTITIES, FACETS, IMPORTANCES, STRONG_BY, THEMES, View
from tests.helpers.analyses import make_analysis

ANALYSIS = make_analysis("deep", n_snapshots=2)
NODES = {node.name: node.n_neurons for node in ANALYSIS.nodes if node.name.startswith(("conv", "relu"))}
GROUPS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "fc5")
CACHE = Cache()

nodes = st.sampled_from(sorted(NODES))
members = st.lists(st.integers(0, 31), min_size=1, max_size=4, unique=True).map(tuple)
named = st.tuples(*[st.lists(members, min_size=1, max_size=2).map(tuple)] * 2)
steps = st.one_of(
    st.builds(e.MoveNeuron, nodes, st.integers(0, 31), members | st.just(())),
    st.builds(e.NewCluster, nodes, members),
    st.builds(e.ChooseClustering, st.sampled_from(list(CLUSTERINGS)), st.integers(0, 6)),
    st.builds(e.ChooseImportance, st.sampled_from(list(IMPORTANCES))),
    st.builds(e.ChooseClasses, st.lists(st.integers(0, 9), max_size=4).map(tuple)),
    st.builds(e.ChooseStrongBy, st.sampled_from(list(STRONG_BY))),
    st.builds(e.ChooseClassCutoff, st.floats(0, 1)),
    st.builds(e.ChooseFacet, st.sampled_from(list(FACETS))),
    st.builds(e.ChooseFacet, st.sampled_from(list(FACETS)), nodes, members),
    st.builds(e.ExpandGroup, st.sampled_from(GROUPS)),
    st.builds(e.CollapseGroup, st.sampled_from(GROUPS)),
    st.builds(e.ChooseRepresentative, st.sampled_from(GROUPS), st.sampled_from(["", "conv1_1", "pool2", "conv4_2"])),
    st.builds(e.MergeBiclusters, st.just("relu1_2"), st.just("relu2_2"), st.sampled_from([1, -1]), named, named),
    st.builds(e.SplitBicluster, st.just("relu1_2"), st.just("relu2_2"), st.sampled_from([1, -1]), named),
    st.builds(e.ChooseEdges, st.sampled_from(list(EDGE_QUANTITIES))),
    st.builds(e.ChooseEdgeFilter, st.floats(0.01, 1)),
    st.builds(e.ChooseSnapshot, st.sampled_from(["", "iter 1000", "iter 2000"])),
    st.builds(e.ChooseClustersOf, st.sampled_from(["", "iter 1000", "iter 2000"])),
    st.builds(e.ArrangeAnew, st.just(0), st.just(0), st.floats(0.01, 1)),
)
edits = steps | st.builds(e.ChooseTheme, st.sampled_from(list(THEMES)))  # a theme is no step to take back
sequences = st.lists(edits, max_size=12)


def after(sequence):
    history = History()
    for edit in sequence:
        history.apply(edit)
    return history


@given(sequences)
def test_undo_gives_the_start_back_and_redo_the_end(sequence):
    history = after(sequence)
    end, views = history.view, []
    while history.can_undo:
        assert history.undo_text
        views.append(history.view)
        history.undo()
        assert history.view != views[-1]
    assert history.view == View(theme=end.theme) == history.undo()
    while history.can_redo:
        assert history.redo() == views.pop()
    assert history.view == end == history.redo()


@given(sequences, st.lists(st.booleans(), max_size=30), steps)
def test_a_walk_to_and_fro_and_then_something_new(sequence, walk, edit):
    history = after(sequence)
    for back in walk:
        before = history.view
        can = history.can_undo if back else history.can_redo
        (history.undo if back else history.redo)()
        assert (history.view != before) == can
    before = history.view
    if history.apply(edit) != before:
        assert not history.can_redo
        assert history.undo() == before
    else:
        assert edit.apply(before) == before


@given(sequences)
def test_a_session_and_a_view_replay(sequence):
    history = after(sequence)
    again = saved_session_from_text(session_text(history)).history
    assert again.view == history.view
    assert again.edits == history.edits
    assert session_text(again) == session_text(history)
    view = View()
    for edit in e.as_edits(history.view):
        assert edit.text
        view = edit.apply(view)
    assert view == history.view
    check_session(history, ANALYSIS)


def same(a, b):
    """Whether two records are equal, arrays and all."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(same(getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__)
    return a == b


@settings(max_examples=10)
@given(sequences)
def test_the_picture_does_not_depend_on_what_was_seen_before(sequence):
    check_picture(sequence)


@pytest.mark.slow
@settings(max_examples=100)
@given(sequences)
def test_nor_do_many_pictures(sequence):
    check_picture(sequence)


def check_picture(sequence):
    """Aggregate with what earlier pictures left and without, and hold the result to its rules."""
    view = after(sequence).view
    seen = aggregate(ANALYSIS, view, CACHE)
    assert same(seen, aggregate(ANALYSIS, view))
    for column in seen.columns:
        assert sorted(np.concatenate([c.neurons for c in column.clusters])) == list(range(len(column.labels)))
        sizes = [(-len(c.neurons), int(c.neurons[0])) for c in column.clusters]
        assert sizes == sorted(sizes)
        for number, cluster in enumerate(column.clusters):
            assert (column.labels[cluster.neurons] == number).all()
            assert set(cluster.representatives.tolist()) <= set(cluster.neurons.tolist())
    for gap in seen.gaps:
        for sign, kept in ((1, gap.kept_positive), (-1, gap.kept_negative)):
            drawn = sorted(edge for b in gap.biclusters if b.sign == sign for edge in b.edges)
            assert drawn == [tuple(edge) for edge in np.argwhere(kept).tolist()]
