"""Boxes over an image: places in scene units, names, and what lies outside."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.scene.boxes import build_boxes
from cnnvis_caffe.scene.shapes import Bitmap, Rectangle, Text


def test_boxes_lie_where_they_were_found():
    image = np.zeros((120, 240, 3), np.uint8)  # drawn four times as large
    boxes = np.array([[1, 0.9, 10, 20, 30, 60], [2, 0.6, -5, 100, 50, 300], [1, 0.5, 300, 0, 310, 9]], np.float32)
    scene = build_boxes(image, boxes, ("nothing", "cat"))
    assert (scene.width, scene.height) == (960, 480)
    frames = [shape for shape in scene.shapes if isinstance(shape, Rectangle) and shape.name == "box"]
    places = [(shape.x, shape.y, shape.width, shape.height) for shape in frames]
    assert places == [(0, 400, 200, 80), (40, 80, 80, 160)], "the best lies on top, cut at the border; one is outside"
    assert [shape.text for shape in scene.shapes if isinstance(shape, Text)] == ["2 0.60", "cat 0.90"]
    assert isinstance(scene.shapes[0], Bitmap)
    assert build_boxes(image, np.zeros((0, 6), np.float32), ()).shapes[1:] == ()
