"""Two sessions show one view; neurons of another model are its own."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.analyses import make_analysis
from helpers.plain_session import plain_session

from cnnvis_caffe.edits.kinds import ChooseClasses, ChooseEdges, ChooseFacet, ChooseTheme, NewCluster
from cnnvis_caffe.edits.sessions import load_session
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.words import figure
from cnnvis_caffe.viewer.model.captions import heading
from cnnvis_caffe.viewer.model.paired_sessions import PairedSessions, is_by_hand
from cnnvis_caffe.viewer.model.unsaved import EditsBeside


@pytest.fixture
def snapshots(session, lenet):
    """The last snapshot, and the one before it."""
    return PairedSessions(session, plain_session(), lenet, lenet.snapshots[1].label)


@pytest.fixture(scope="module")
def other_model():
    return make_analysis("lenet", n_classes=7, seed=3)


@pytest.fixture
def models(session, other_model):
    """Two models with other classes."""
    return PairedSessions(session, plain_session(), other_model, other_model.snapshots[-1].label)


def test_both_show_one_view_of_two_snapshots(snapshots, lenet):
    first, second = snapshots.first, snapshots.second
    assert second.snapshot is lenet.snapshots[1] and snapshots.is_of_one_analysis
    first.apply(ChooseFacet("activations"))
    assert second.view.facet == "activations" and second.snapshot is lenet.snapshots[1]
    snapshots.apply(NewCluster("conv2", (3,)))
    assert first.view.moves == second.view.moves != ()
    first.undo()
    assert first.view.moves == () == second.view.moves


def test_the_second_goes_through_the_snapshots_alone(snapshots, lenet):
    labels = [one.label for one in lenet.snapshots]
    for by, expected in ((-1, 0), (-1, 0), (1, 1), (5, 2)):
        snapshots.step(by)
        assert snapshots.second.snapshot.label == labels[expected]
        assert snapshots.first.snapshot.label == labels[2]


def test_what_is_selected_in_one_is_selected_in_the_other(snapshots):
    first, second = snapshots.first, snapshots.second
    first.select(Target("neuron", "conv2", (3,)))
    assert (second.selection.node, second.selection.members) == ("conv2", (3,))
    cluster = tuple(second.aggregation.column("conv1").clusters[1].neurons.tolist())
    second.select(Target("cluster", "conv1", cluster, index=1))
    assert (first.selection.kind, first.selection.members) == ("cluster", cluster)
    second.select(None)
    assert first.selection is None


def test_what_was_selected_before_stays_so(session, lenet):
    session.select(Target("neuron", "conv2", (3,)))
    pair = PairedSessions(session, plain_session(), lenet, lenet.snapshots[1].label)
    assert pair.first.selection.members == pair.second.selection.members == (3,)


def test_what_is_done_to_another_model_stays_there(models):
    first, second, heard = models.first, models.second, []
    models.own_changed.connect(lambda: heard.append(models.own.undo_text))
    first.apply(NewCluster("conv1", (2,)))
    assert first.view.moves and not second.view.moves
    models.apply(NewCluster("conv2", (3,)))
    assert second.view.moves == (second.view.moves[0],) and second.view.moves[0].neuron == 3
    assert [move.neuron for move in first.view.moves] == [2]
    models.apply(ChooseFacet("activations"))
    assert first.view.facet == second.view.facet == "activations" and len(second.view.moves) == 1
    models.step_history(back=True)
    assert not second.view.moves and first.view.moves
    models.step_history(back=False)
    assert second.view.moves and heard == ["New cluster of 1 neuron of conv2", "", "New cluster of 1 neuron of conv2"]


def test_classes_that_another_model_does_not_have_are_not_chosen_there(models):
    models.first.apply(ChooseClasses((3, 8)))
    assert models.second.view.classes == (3,)


def test_nothing_is_followed_after_the_end(snapshots):
    snapshots.end()
    snapshots.first.apply(ChooseFacet("activations"))
    snapshots.first.select(Target("column", "conv1"))
    assert snapshots.second.view.facet == "features" and snapshots.second.selection is None


def test_edits_that_name_neurons_are_by_hand():
    assert is_by_hand(NewCluster("conv2", (3,))) and is_by_hand(ChooseFacet("activations", "conv2", (3, 4)))
    assert not is_by_hand(ChooseFacet("activations")) and not is_by_hand(ChooseTheme("dark"))


def test_headings_tell_two_pictures_apart(snapshots, lenet):
    label = lenet.snapshots[1].label
    assert heading(snapshots.second, says_snapshot=True, says_file=False) == ("lenet", label)
    assert heading(snapshots.second, says_snapshot=False, says_file=True) == ("lenet", "")
    assert heading(plain_session(), says_snapshot=True, says_file=True) == ("", "")


def test_two_models_share_scales_and_legend(models, other_model, lenet):
    first, second = models.first, models.second
    first.apply(ChooseFacet("activations"))
    largest = max(
        float(np.nanmax(snapshot.features["relu1"].mean))
        for analysis in (lenet, other_model)
        for snapshot in analysis.snapshots
    )
    heads = [
        next(
            s.text
            for s in one.picture.scene.shapes
            if s.name.startswith("head/relu1") and " to " in getattr(s, "text", "")
        )
        for one in (first, second)
    ]
    assert heads[0].split(" to ")[1] == heads[1].split(" to ")[1] == figure(largest)
    words = {getattr(shape, "text", "") for shape in first.picture.legend.shapes}
    assert {"Classes on the left", "Classes on the right"} <= words


def widths(session, gap):
    """Of the curves of a gap, by name."""
    shapes = session.picture.scene.shapes
    return {one.name: one.style.stroke_width for one in shapes if one.name.startswith(f"edge/{gap}/")}


def test_two_models_share_the_scale_of_widths(session, other_model):
    alone = {"first": plain_session(session.analysis), "second": plain_session(other_model)}
    pair = PairedSessions(session, plain_session(), other_model, other_model.snapshots[-1].label)
    for number in range(1, len(session.aggregation.gaps)):
        own = {}
        for name, one in alone.items():
            gap = one.aggregation.gaps[number]
            own[name] = max(
                part.sum(axis).max() for part in (gap.positive, gap.negative) for axis in (0, 1)
            )  # what a cluster sends or receives
        for name, one in (("first", pair.first), ("second", pair.second)):
            before = widths(alone[name], f"{gap.source}-{gap.target}")
            after = widths(one, f"{gap.source}-{gap.target}")
            factor = np.sqrt(own[name] / max(own.values()))
            assert before and before.keys() == after.keys()
            for curve, width in before.items():
                assert after[curve] == pytest.approx(max(width * factor, 0.75)) or width == 0.75


def test_what_was_done_to_the_second_model_is_asked_about(models, other_model, tmp_path):
    unsaved = EditsBeside(models)
    models.first.apply(NewCluster("conv1", (2,)))
    assert not unsaved.exist  # the first one's are asked about by themselves
    models.apply(NewCluster("conv2", (3,)))
    assert unsaved.exist and unsaved.question()[0] == "Save the edits of lenet?"
    assert "New cluster of 1 neuron of conv2" in unsaved.question()[1]
    unsaved.save(str(tmp_path / "second.cnnvis.json"))
    assert not unsaved.exist
    saved = load_session(tmp_path / "second.cnnvis.json")
    assert [move.neuron for move in saved.view.moves] == [3]
    models.step_history(back=True)
    assert not unsaved.exist  # nothing is left to lose
    models.apply(NewCluster("conv2", (4,)))
    unsaved.discard()
    assert not unsaved.exist


def test_the_first_is_itself_again_after_a_comparison(models):
    first = models.first
    models.end()
    assert first.beside is None
    assert not any("right" in getattr(shape, "text", "") for shape in first.picture.legend.shapes)


def test_the_legend_has_what_only_the_other_snapshot_shows(session, lenet):
    pair = PairedSessions(session, plain_session(), lenet, lenet.snapshots[0].label)
    session.apply(ChooseEdges("relative_change"))
    words = {getattr(shape, "text", "") for shape in session.picture.legend.shapes}
    assert {"positive", "where it is not known:"} <= words
    pair.show_snapshot(lenet.snapshots[1].label)
    words = {getattr(shape, "text", "") for shape in session.picture.legend.shapes}
    assert "positive" not in words
