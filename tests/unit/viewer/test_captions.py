"""What stands around the picture."""

from __future__ import annotations

from dataclasses import replace

from helpers.analyses import with_snapshot
from helpers.plain_session import plain_session

from cnnvis_caffe.edits.kinds import ChooseFacet, NewCluster
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.captions import (
    history_texts,
    picture_facts,
    pointed_line,
    selection_line,
    subtitles,
    window_title,
)


def test_the_title_names_network_and_snapshot(session, lenet):
    assert window_title(plain_session()) == "cnnvis_caffe"
    assert window_title(session) == f"lenet · {lenet.snapshots[-1].label} — cnnvis_caffe"


def test_the_subtitle_becomes_shorter_from_its_end(lenet):
    known = with_snapshot(replace(lenet, data=replace(lenet.data, source="mnist:test", n_images=12000)), error=0.0123)
    label = known.snapshots[-1].label
    whole, *shorter = subtitles(plain_session(known))
    assert whole == f"{label}  ·  error 1.23%  ·  mnist:test  ·  12\u00a0000 images"
    assert shorter[0] == f"{label}  ·  error 1.23%  ·  mnist:test" and shorter[-1] == label
    unknown = with_snapshot(known, error=float("nan"))
    assert subtitles(plain_session(unknown))[-2] == f"{label}  ·  mnist:test"
    assert subtitles(plain_session()) == [""]


def test_the_facts_count_what_is_shown(session):
    n = sum(len(column.labels) for column in session.aggregation.columns)
    assert picture_facts(session, 1.5) == (
        f"{len(session.aggregation.columns)} layers  ·  {n} neurons  ·  "
        f"{round(100 * session.view.edge_filter)}% of strength  ·  zoom 150%"
    )
    assert picture_facts(plain_session(), 1.0) == ""


def test_what_is_selected_is_one_line(session):
    assert selection_line(session) == ""
    session.select(Target("neuron", "conv2", (3,)))
    assert selection_line(session).startswith("Selected: conv2 · neuron 3 · mean ")


def test_pointing_leaves_what_is_selected_at_the_bottom(session):
    neuron = Target("neuron", "conv2", (3,))
    assert pointed_line(session, neuron).startswith("conv2 · neuron 3 · mean ")
    assert pointed_line(session, Target("legend")) == pointed_line(session, None) == ""
    session.select(Target("column", "conv1"))
    assert pointed_line(session, neuron, has_card=False).startswith("conv2 · neuron 3")
    assert pointed_line(session, neuron) == "" and selection_line(session).startswith("Selected: conv1")


def test_undo_says_what_it_takes_back(session):
    assert history_texts(session.history) == {"undo": "Undo", "redo": "Redo"}
    session.apply(NewCluster("conv1", (1, 2)))
    session.apply(ChooseFacet("activations"))
    session.undo()
    assert history_texts(session.history)["undo"] == "Undo new cluster of 2 neurons of conv1"
    assert history_texts(session.history)["redo"].startswith("Redo ")
