"""The legend: nothing of it is cut off, however narrow the picture and long the names, and it stays low."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cnnvis_caffe.aggregation.aggregate import aggregate
from cnnvis_caffe.readings.scales import Scales
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.cache import SceneCache
from cnnvis_caffe.scene.legend import legend_entries, legend_height
from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.picture import lay_out, legend_scene
from cnnvis_caffe.scene.shapes import Path, Text
from cnnvis_caffe.scene.theme import SIZES, theme_named
from tests.helpers.analyses import make_analysis

VIEWS = (
    View(),
    View(facet="activations"),
    View(facet="contributions", edges="gradient"),
    View(classes=(1, 2, 7), edges="relative_change", importance="contribution"),
)


@pytest.fixture(scope="module")
def analysis():
    """Ten classes with names longer than there is room for."""
    made = make_analysis("lenet", top=3, n_snapshots=2)
    names = tuple(f"a class with the long name {c}" for c in range(10))
    return replace(made, data=replace(made.data, class_names=names))


def drawn(analysis, view, width):
    started = lay_out(
        analysis, aggregate(analysis, view), view, size=(1200.0, 700.0), cache=SceneCache(), scales=Scales(analysis)
    )
    return legend_scene(started, width)


def right(shape) -> float:
    if isinstance(shape, Text):
        return shape.x + text_width(shape.text, shape.size, shape.weight)
    return float(shape.points[:, 0].max()) if isinstance(shape, Path) else shape.x + shape.width


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.facet}-{view.edges}")
def test_nothing_is_cut_and_nothing_overlaps(analysis, view):
    for width in (480.0, 520.0, 640.0, 800.0, 1100.0, 1900.0):
        scene = drawn(analysis, view, width)
        assert max(map(right, scene.shapes)) <= width - SIZES.margin + 1e-6, width
        assert max(shape.y for shape in scene.shapes if isinstance(shape, Text)) < scene.height
        texts = sorted((s for s in scene.shapes if isinstance(s, Text)), key=lambda s: (s.y, s.x))
        for one, other in zip(texts, texts[1:]):
            assert one.y != other.y or right(one) <= other.x, (one.text, other.text, width)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: f"{view.facet}-{view.edges}")
def test_it_stays_low(analysis, view):
    aggregation = aggregate(analysis, view)
    entries = legend_entries(analysis, aggregation, view, theme_named("light"), Scales(analysis))
    heights = [legend_height(entries, ("a note",), width) for width in (480.0, 520.0, 640.0, 800.0, 1100.0, 1900.0)]
    assert max(heights) <= 180
    assert heights[-1] <= SIZES.legend_top + 2 * SIZES.legend_row + 28


def test_classes_without_room_are_counted(analysis):
    texts = [s.text for s in drawn(analysis, View(), 480.0).shapes if isinstance(s, Text) and "classes" in s.name]
    named = [text for text in texts if text.startswith("a ")]
    n_more = next(int(text.split()[1]) for text in texts if text.startswith("and "))
    assert 0 < len(named) < 10
    assert len(named) + n_more == 10
    wide = [s.text for s in drawn(analysis, View(), 1900.0).shapes if isinstance(s, Text) and "classes" in s.name]
    assert len([text for text in wide if text.startswith("a ")]) == 10
    assert not any(text.startswith("and ") for text in wide)


def test_headings_say_more_where_there_is_room(analysis):
    def headings(width):
        return {s.text for s in drawn(analysis, View(), width).shapes if s.name == "legend/features/heading"}

    assert headings(1900.0) == {"Learned features: the image patch each neuron responds to most"}
    assert headings(480.0) == {"Features"}


def test_the_name_of_a_class_answers_like_its_dot(analysis):
    scene = drawn(analysis, View(), 1900.0)
    names = [s for s in scene.shapes if isinstance(s, Text) and s.text.startswith("a ")]
    assert [s.target.members for s in names] == [(c,) for c in range(10)]
