"""The list of neurons: order, filter, words, and what rows stand for."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.plain_session import plain_session

from cnnvis_caffe.edits.kinds import ChooseClasses
from cnnvis_caffe.progress import SILENT
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.edit_actions import move_to_cluster
from cnnvis_caffe.viewer.model.lookup import among_selected, column_of, with_toggled
from cnnvis_caffe.viewer.model.neuron_list import (
    EVERYWHERE,
    IN_PICTURE,
    Measurements,
    NeuronList,
    chosen_words,
    layers_to_list,
    state_line,
)

LAYERS = ("conv1", "conv2", "relu1")


@pytest.fixture
def neurons(session):
    found = NeuronList(session.analysis, LAYERS)
    found.set_clusters(session.aggregation)
    found.set_numbers(Measurements(session.analysis)("", LAYERS, (3,), SILENT))
    return found


def shown(neurons):
    """Layer and number of each row."""
    return [(neurons.layers[neurons.layer[place]], int(neurons.neuron[place])) for place in neurons.rows]


def test_rows_are_sorted_with_unknown_values_last(neurons):
    for is_falling in (False, True):
        neurons.sort("mean", is_falling=is_falling)
        values = neurons.values("mean")[neurons.rows]
        assert (np.diff(values) <= 0 if is_falling else np.diff(values) >= 0).all()
    neurons.sort("dead", is_falling=True)
    assert {layer for layer, _ in shown(neurons)[-5:]} == {"conv2"} and shown(neurons)[0][0] == "relu1"


@pytest.mark.parametrize(
    ("text", "keeps"),
    [
        ("conv2", lambda n, i: n.layer[i] == 1),
        ("CONV 17", lambda n, i: n.layer[i] < 2 and n.neuron[i] == 17),
        ("conv2:4", lambda n, i: n.layer[i] == 1 and n.neuron[i] == 4),
        ("active<50%", lambda n, i: n.values("active")[i] < 0.5),
        ("sel>0.5 relu", lambda n, i: n.layer[i] == 2 and n.values("selectivity")[i] > 0.5),
        ("cluster=2", lambda n, i: n.cluster[i] == 2),
        ("dead", lambda n, i: n.values("dead")[i] == 1),
    ],
)
def test_every_word_of_a_filter_holds(neurons, text, keeps):
    neurons.filter(text)
    assert neurons.rows.tolist() == [i for i in range(len(neurons.layer)) if keeps(neurons, i)]


@pytest.mark.parametrize(("text", "problem"), [("size>1", "no column 'size'"), ("mean>much", "'much' after mean>")])
def test_a_filter_that_cannot_be_says_why(neurons, text, problem):
    neurons.filter("conv1")
    with pytest.raises(ValueError, match=problem):
        neurons.filter(text)
    assert {layer for layer, _ in shown(neurons)} == {"conv1"}


def test_cells_say_what_there_is_to_say(neurons, session):
    row = shown(neurons).index(("conv2", 4))
    column = column_of(session.aggregation, "conv2")
    clusters = str(column.labels[4] + 1) if column is not None else ""
    assert [neurons.cell(row, name) for name in ("layer", "neuron", "cluster", "dead")] == ["conv2", "4", clusters, ""]
    assert neurons.cell(row, "active").endswith("%")
    assert NeuronList(session.analysis, LAYERS).cell(0, "mean") == ""


def test_rows_lead_to_neurons_and_back(neurons):
    neurons.sort("mean", is_falling=True)
    places = neurons.places(Target("neuron", "conv2", (4, 9)))
    assert neurons.target(places) == Target("neuron", "conv2", (4, 9))
    assert [shown(neurons)[row] for row in neurons.rows_of(places)] in (
        [("conv2", 4), ("conv2", 9)],
        [("conv2", 9), ("conv2", 4)],
    )
    mixed = [*places.tolist(), 0]
    assert neurons.target(mixed, 0) == Target("neuron", "conv1", (0,))
    assert neurons.target(mixed, int(places[1])) == Target("neuron", "conv2", (4, 9))
    assert "3 selected, 2 of conv2 in the picture" in state_line(neurons, 3, neurons.target(mixed, int(places[0])))
    assert not len(neurons.places(Target("column", "conv2"))) and neurons.target([]) is None


def test_a_file_gets_the_rows_in_their_order(neurons):
    neurons.filter("", only=[3, 1, 30])
    neurons.sort("neuron", is_falling=True)
    parts = neurons.parts()
    assert [name for name, _, _ in parts] == [name for name, _ in dict(shown(neurons)).items()]
    assert [int(number) for _, _, rows in parts for number in rows[:, 0]] == [number for _, number in shown(neurons)]
    (one,) = neurons.parts(np.array([3]))
    assert one[1][:3] == ("neuron", "cluster", "strongest_class") and one[2][0, 0] == 3


def test_layers_of_the_picture_all_or_one(deep):
    session = plain_session(deep)
    columns = {column.node for column in session.aggregation.columns}
    assert set(layers_to_list(session, IN_PICTURE)) == columns - {"data"}
    assert "relu3_1" in layers_to_list(session, EVERYWHERE) and "data" not in layers_to_list(session, EVERYWHERE)
    assert layers_to_list(session, "relu3_1") == ("relu3_1",) and layers_to_list(plain_session(), IN_PICTURE) == ()
    assert chosen_words(session) == "all classes"
    session.apply(ChooseClasses((3,)))
    assert chosen_words(session) == "class 3"


def test_several_neurons_of_a_layer_are_selected_and_moved_together(session):
    one = Target("neuron", "conv2", (4,))
    two = with_toggled(one, Target("neuron", "conv2", (9,)))
    assert two == Target("neuron", "conv2", (4, 9)) and with_toggled(two, one) == Target("neuron", "conv2", (9,))
    assert with_toggled(one, one) is None and with_toggled(two, Target("neuron", "conv1", (1,))).node == "conv1"
    assert among_selected(two, one) == two and among_selected(two, Target("neuron", "conv2", (5,))).members == (5,)
    column = column_of(session.aggregation, "conv2")
    cluster = next(c for c in column.clusters if not set(c.neurons.tolist()) & {4, 9})
    edit = move_to_cluster(two, tuple(cluster.neurons.tolist()))
    session.apply(edit)
    labels = column_of(session.aggregation, "conv2").labels
    assert labels[4] == labels[9] == labels[cluster.neurons[0]] and session.history.undo_text == edit.text
    session.undo()
    session.apply(move_to_cluster(two, ()))
    (alone,) = [c for c in column_of(session.aggregation, "conv2").clusters if 4 in c.neurons]
    assert alone.neurons.tolist() == [4, 9]
