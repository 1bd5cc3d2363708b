"""Boxes of shapes, by which pictures are painted in squares: made together they are those made one by one."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Style, Text
from cnnvis_caffe.viewer.canvas.boxes import bounding_box, bounding_boxes, encloses, straight_pieces

SHAPES = (
    Rectangle("framed", 10, 20, 30, 50, Style("#FFFFFF", "#000000", 3.0)),
    Path("curve", np.array([(0.0, 1.0), (2.0, 1.0), (4.0, 9.0), (7.0, 9.0)]), Style("", "#000000", 2.0)),
    Bitmap("patch", 1, 2, 3, 5, np.zeros((4, 6, 3), np.uint8)),
    Text("word", 5, 70, "ten", 11, "#000000", "middle"),
    Rectangle("plain", -4, -6, 2, 1, Style("#FFFFFF")),
)


def test_boxes_made_together():
    boxes = bounding_boxes(SHAPES)
    assert boxes[[0, 1, 2, 4]].tolist() == [[8.5, 18.5, 41.5, 71.5], [-1, 0, 8, 10], [1, 2, 4, 7], [-4, -6, -2, -5]]
    assert boxes.tolist() == [list(bounding_box(shape)) for shape in SHAPES]
    assert bounding_boxes(()).shape == (0, 4)


def test_inside_an_outline():
    arrow = np.array([(0.0, 0.0), (4.0, 0.0), (2.0, 1.0), (4.0, 3.0), (0.0, 3.0)])  # a notch at its right
    assert [encloses(arrow, x, y) for x, y in ((1, 1), (3.5, 1.2), (3.5, 0.1), (-1, 1), (1, 4))] == [
        True, False, True, False, False,
    ]  # fmt: skip


def test_straight_pieces_are_told_from_curves():
    points = np.array([(0, 0), (1, 0), (2, 0), (3, 0), (3, 1), (4, 2), (6, 3)], float)
    assert straight_pieces(points) == [True, False]
