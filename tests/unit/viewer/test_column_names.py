"""Names of columns over a picture that is shown small: never below 9 px, never one on another, with their group."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.analyses import make_analysis
from helpers.plain_session import plain_session

from cnnvis_caffe.edits.kinds import ExpandGroup
from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.shapes import Head, Target
from cnnvis_caffe.viewer.canvas.camera import Camera
from cnnvis_caffe.viewer.canvas.heads import LEAST_PX, TEXT_PX, labels_of, short_name
from cnnvis_caffe.viewer.canvas.scene_index import SceneIndex


def heads(n: int, apart: float, group: str = "inception_3a") -> tuple[Head, ...]:
    names = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "pool_proj")
    return tuple(
        Head(Target("column", f"c{k}"), names[k % 5], group if k % 10 < 5 else "inception_3b", 300 + k * apart, 400.0)
        for k in range(n)
    )


@pytest.mark.parametrize(
    ("zoom", "angle"), [(0.4, 0.0), (0.2, -40.0), (0.07, -90.0)], ids=["level", "sloped", "upright"]
)
def test_names_turn_as_columns_come_nearer(zoom, angle):
    labels = labels_of(heads(6, 200.0), Camera(0, 0, zoom), 1000.0)
    assert [label.angle for label in labels] == [angle] * 6 and TEXT_PX >= 9
    assert all(label.text.startswith("inc") for label in labels)


def test_no_name_lies_on_another_and_none_leaves_the_window():
    for zoom in (0.4, 0.3, 0.2, 0.1, 0.05, 0.01):
        labels = labels_of(heads(60, 200.0), Camera(0, 0, zoom), 1000.0)
        assert labels
        for one, two in zip(labels, labels[1:]):
            if one.angle == two.angle == 0:
                assert one.x + one.width < two.x
            elif one.angle == two.angle:  # lines of turned text stand apart
                assert abs(two.x - one.x) * abs(np.sin(np.radians(one.angle))) >= TEXT_PX
        turned = [(label.x + label.width * np.cos(np.radians(label.angle)), label) for label in labels]
        assert all(right <= 1000.5 for right, label in turned if label.angle)


def test_the_scene_writes_its_own_heads_where_they_can_be_read():
    assert labels_of(heads(6, 200.0), Camera(0, 0, 0.5), 1000.0) == []
    session = plain_session(make_analysis("lenet"))
    index = SceneIndex(session.picture.scene)
    assert len(session.picture.scene.heads) == len(session.aggregation.columns)
    for zoom in (0.2, 0.5, 1.0):
        seen = {index.shapes[i].name for i in index.numbers_in(-1e6, -1e6, 1e6, 1e6, zoom)}
        own = {name for name in seen if name in ("head/conv1", "head/conv1/overview")}
        written = {label.target.node for label in labels_of(session.picture.scene.heads, Camera(0, 0, zoom), 900.0)}
        assert len(own) + ("conv1" in written) == 1  # exactly one name at every zoom


def test_a_name_keeps_its_group_and_is_cut_in_the_middle():
    head = Head(Target("column", "x"), "double_3x3_reduce_to_a_few", "inception_3a", 0.0, 0.0)
    short = short_name(head, 130.0)
    assert short.startswith("inception_3a/") and "…" in short and short.endswith("w")
    assert text_width(short, TEXT_PX, "bold") <= 130
    assert short_name(head, 500.0) == "inception_3a/double_3x3_reduce_to_a_few"
    assert short_name(head, LEAST_PX - 1) == ""


def test_a_name_is_under_the_pointer_where_it_is_written():
    (label, *_) = labels_of(heads(6, 200.0), Camera(0, 0, 0.2), 1000.0)
    along = np.radians(label.angle)
    middle = label.x + 20 * np.cos(along), label.y + 20 * np.sin(along)
    assert label.holds(*middle) and not label.holds(middle[0], middle[1] + 30)


def test_columns_of_an_open_group_have_it_in_their_name(deep):
    session = plain_session(deep)
    group = next(group for group in session.aggregation.groups if len(group.columns) > 1)
    session.apply(ExpandGroup(group.name))
    named = [head for head in session.picture.scene.heads if head.group == group.name]
    assert len(named) == len(group.columns)
    assert all(head.whole in (head.name, f"{group.name}/{head.name}") for head in named)
