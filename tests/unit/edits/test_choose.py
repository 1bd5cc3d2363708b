"""What is asked for by names becomes a view."""

from __future__ import annotations

import pytest

from cnnvis_caffe.edits.choose import chosen_classes, chosen_view
from cnnvis_caffe.errors import CnnvisError, UnknownNameError
from cnnvis_caffe.records.view import View
from tests.helpers.analyses import make_analysis


@pytest.fixture(scope="module")
def lenet():
    return make_analysis("lenet", top=3, n_snapshots=2)


def test_classes_by_name_and_number(lenet):
    assert chosen_classes(lenet, "5, 3,5") == (3, 5)
    with pytest.raises(UnknownNameError):
        chosen_classes(lenet, "10")


def test_neurons_of_layers_with_colons(lenet):
    assert lenet.neuron("conv2:49") == ("conv2", 49)
    with pytest.raises(CnnvisError, match="0 to 49"):
        lenet.neuron("conv2:x")
    with pytest.raises(CnnvisError, match="such as conv2:0"):
        lenet.neuron("conv2")


def test_snapshots_by_iteration(lenet):
    first = lenet.snapshots[0]
    view = chosen_view(lenet, View(), {"snapshot": str(first.iteration), "clusters_of": str(first.iteration)})
    assert (view.snapshot, view.clusters_of) == (first.label, first.label)
    with pytest.raises(UnknownNameError, match="snapshot"):
        chosen_view(lenet, View(), {"clusters_of": "99"})


def test_options_that_are_not_given_keep_the_session(lenet):
    start = View(facet="contributions", n_clusters=3)
    assert chosen_view(lenet, start, {"facet": None, "theme": "dark"}) == View(
        facet="contributions", n_clusters=3, theme="dark"
    )
