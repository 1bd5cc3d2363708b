"""The parts of the canvas that need no window: what lies where, the camera's moves, gestures, drops."""

from __future__ import annotations

import ast
from pathlib import Path as FilePath

import numpy as np
import pytest

import cnnvis_caffe.viewer.canvas as canvas
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Style, Target
from cnnvis_caffe.viewer.canvas.boxes import Box
from cnnvis_caffe.viewer.canvas.camera import Camera
from cnnvis_caffe.viewer.canvas.dragging import Drop, drop_on
from cnnvis_caffe.viewer.canvas.gestures import Gesture, Gestures
from cnnvis_caffe.viewer.canvas.motion import DURATION_S
from cnnvis_caffe.viewer.canvas.scene_index import Hit, SceneIndex
from cnnvis_caffe.viewer.canvas.viewpoint import Viewpoint

NO_WINDOW = ("boxes", "camera", "dragging", "gestures", "heads", "motion", "scene_index", "viewpoint")


@pytest.mark.parametrize("module", NO_WINDOW)
def test_they_import_no_window(module):
    (folder,) = canvas.__path__
    tree = ast.parse((FilePath(folder) / f"{module}.py").read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {f"cnnvis_caffe.viewer.canvas.{name}" for name in NO_WINDOW}
    assert all(not name.startswith("cnnvis_caffe.viewer") or name in ours for name in imported)


# What lies where

LEFT, RIGHT = Target("cluster", "conv1", (0, 1, 2)), Target("cluster", "conv2", (0, 1), index=3)
ABOVE = Target("cluster", "conv1", (3, 4))
EDGE = Target("edge", "conv1", (0, 1, 2), "conv2", (0, 1), sign=1)
PLAIN = Style("#FFFFFF")


def scene():
    """Two clusters on the left, a matrix of two neurons by three classes on the right, an edge between them."""
    curve = np.array([(40.0, 30), (60, 30), (80, 30), (100, 30)])
    return Scene(200, 100, "#FFFFFF", (
        Rectangle("left", 0, 20, 40, 20, PLAIN, target=LEFT),
        Rectangle("above", 0, 0, 40, 10, PLAIN, target=ABOVE),
        Rectangle("patch", 5, 22, 10, 10, PLAIN, target=Target("neuron", "conv1", (0,)), min_zoom=0.5),
        Rectangle("right", 100, 20, 60, 40, PLAIN, target=RIGHT),
        Bitmap("matrix", 100, 20, 60, 40, np.zeros((2, 3, 3), np.uint8), target=RIGHT, rows=(1, 0), columns=(7, 8, 9)),
        Path("curve", curve, Style("", "#000000", 2.0), target=EDGE),
    ))  # fmt: skip


@pytest.mark.parametrize(
    ("x", "y", "zoom", "target", "class_index"),
    [
        (30, 35, 1, LEFT, -1),
        (8, 25, 1, Target("neuron", "conv1", (0,)), -1),
        (8, 25, 0.4, LEFT, -1),  # the patch is not painted that small
        (150, 50, 1, Target("neuron", "conv2", (0,), index=3), 9),
        (101, 21, 1, Target("neuron", "conv2", (1,), index=3), 7),
        (70, 33, 1, EDGE, -1),
        (70, 35, 1, None, None),
        (70, 35, 0.5, EDGE, -1),  # a few pixels are further when it is small
        (190, 90, 1, None, None),
    ],
)
def test_what_lies_at_a_point(x, y, zoom, target, class_index):
    hit = SceneIndex(scene()).hit(x, y, zoom)
    assert (hit and hit.target, hit and hit.class_index) == (target, class_index)


def test_where_something_is():
    index = SceneIndex(scene())
    assert index.place_of(LEFT) == (0, 20, 40, 20)
    assert index.place_of(Target("neuron", "conv2", (0,))) == (100, 40, 60, 20), "a row of the matrix"
    assert index.place_of(Target("neuron", "conv1", (4,))) == (0, 0, 40, 10), "its cluster"
    assert index.place_of(Target("neuron", "conv1", (0, 4))) == (0, 0, 40, 32), "both"
    assert index.place_of(Target("neuron", "conv3", (0,))) is None
    assert index.place_of(Target("cluster", "conv2", (0, 1), index=77)).centre == (130, 40), "whatever its number"
    assert index.places_by_node(("cluster",)) == {"conv1": (0, 0, 40, 40), "conv2": (100, 20, 60, 40)}
    assert index.least_zoom_of(Target("neuron", "conv1", (0,))) == 0.5


def test_arrows_lead_to_the_nearest_of_its_kind():
    index = SceneIndex(scene())
    assert index.neighbour(LEFT, "up") == ABOVE
    assert index.neighbour(ABOVE, "down") == LEFT
    assert index.neighbour(LEFT, "right") == RIGHT
    assert index.neighbour(RIGHT, "right") is None


# The camera


@pytest.fixture
def view():
    """On a scene of 1000 by 500 through a window of 500 by 400."""
    view = Viewpoint()
    view.set_scene_size(1000, 500)
    view.set_window_size(500, 400)
    view.look(view.fitted())
    return view


def test_everything_stays_in_sight_while_it_is_fitted(view):
    assert view.camera.zoom == pytest.approx((500 - 16) / 1000)
    view.set_window_size(1000, 800)
    assert view.resting().zoom == pytest.approx((1000 - 16) / 1000)
    view.is_fitted = False
    assert view.resting() == view.camera


def test_zoom_keeps_a_pixel_and_ends_at_half_of_all(view):
    point = view.camera.to_scene(100, 50)
    assert view.zoomed(2, (100, 50)).to_scene(100, 50) == pytest.approx(point)
    assert view.zoomed(1e-9).zoom == pytest.approx(view.fitted().zoom / 2)


def test_what_is_seen_well_is_left_alone(view):
    assert view.showing(Box(100, 100, 200, 100), 0) is None
    small = Box(500, 250, 4, 4)
    camera = view.showing(small, 0)
    assert camera.zoom == 1.5 and camera.to_scene(250, 200) == pytest.approx((502, 252))
    assert view.showing(small, 0, zoom_in=False) is None
    assert view.showing(small, 3.0).zoom == pytest.approx(3.15), "painted from zoom 3 on"


def test_a_flight_begins_and_ends_where_it_should(view):
    start, end = view.camera, Camera(400, 100, 2.0)
    view.fly(end, 10.0)
    view.advance(10.0)
    assert view.camera.zoom == pytest.approx(start.zoom) and view.is_flying
    view.advance(10.0 + DURATION_S / 2)
    assert start.zoom < view.camera.zoom < 2.0
    view.advance(10.0 + DURATION_S)
    assert view.camera == end and not view.is_flying
    view.fly(start, 20.0)
    view.look(end)
    view.advance(21.0)
    assert view.camera == end, "a zoom or pan ends a flight"


# Gestures

NEURON = Hit(Rectangle("n", 0, 0, 1, 1, PLAIN), Target("neuron", "conv1", (0,)))
CLUSTER = Hit(Rectangle("c", 0, 0, 1, 1, PLAIN), LEFT)


def play(hit, *places, **button):
    """Press at a place, move over others, let go."""
    gestures = Gestures(far_px=10)
    gestures.press((0, 0), hit, **button)
    seen = [gestures.move(place, is_held=button["is_left"]) for place in places]
    return [*seen, gestures.release(is_left=button["is_left"])], gestures


@pytest.mark.parametrize(
    ("hit", "places", "expected"),
    [
        (CLUSTER, [(2, 2)], [Gesture.NOTHING, Gesture.CLICK]),
        (CLUSTER, [(20, 2)], [Gesture.NOTHING, Gesture.CLICK]),
        (NEURON, [(2, 2), (8, 3), (9, 9)], [Gesture.NOTHING, Gesture.DRAG_START, Gesture.DRAG, Gesture.DROP]),
        (None, [(2, 2), (8, 3), (9, 9)], [Gesture.NOTHING, Gesture.PAN, Gesture.PAN, Gesture.PAN_END]),
    ],
)
def test_the_left_button_clicks_drags_neurons_and_pans_the_ground(hit, places, expected):
    assert play(hit, *places, is_left=True)[0] == expected


def test_a_pan_goes_as_far_as_the_pointer():
    gestures = Gestures(far_px=10)
    gestures.press((0, 0), None, is_left=True)
    steps = []
    for place in ((3, 0), (12, 1), (15, 5)):
        if gestures.move(place, is_held=True) is Gesture.PAN:
            steps.append(gestures.step)
    assert np.sum(steps, 0).tolist() == [15, 5]


def test_the_middle_button_and_space_pan_from_anywhere():
    assert play(NEURON, (1, 0), is_left=False, is_middle=True)[0] == [Gesture.PAN, Gesture.PAN_END]
    gestures = Gestures(far_px=10)
    gestures.holds_space = True
    gestures.press((0, 0), NEURON, is_left=True)
    assert gestures.is_panning and gestures.move((1, 0), is_held=True) is Gesture.PAN


def test_a_drag_that_is_left_drops_nothing():
    gestures = Gestures(far_px=10)
    gestures.press((0, 0), NEURON, is_left=True)
    assert gestures.move((20, 0), is_held=True) is Gesture.DRAG_START
    gestures.cancel()
    assert gestures.move((30, 0), is_held=True) is Gesture.POINT
    assert gestures.release(is_left=True) is Gesture.NOTHING


def test_where_a_neuron_may_be_dropped():
    neuron, other = Target("neuron", "conv1", (0,)), Target("neuron", "conv1", (4,))

    def drop(under):
        return drop_on(neuron, under, SceneIndex(scene()).find_cluster)

    assert drop(None) == Drop(True) == drop(EDGE) and drop(None).words == "new cluster"
    assert drop(ABOVE) == Drop(True, ABOVE) == drop(other) and drop(ABOVE).words == "to this cluster"
    for under in (LEFT, RIGHT, Target("column", "conv1"), Target("neuron", "conv1", (1,))):
        assert drop(under) == Drop() and drop(under).words == "not here"


# A band


def test_a_band_is_drawn_with_ctrl_or_shift_from_anywhere():
    for pressed in (None, Hit(None, Target("neuron", "conv1", (0,)))):
        gestures = Gestures(10)
        gestures.press((50, 40), pressed, is_left=True, adds=True)
        assert gestures.move((52, 41), is_held=True) is Gesture.NOTHING
        assert gestures.move((30, 70), is_held=True) is Gesture.BAND and gestures.band == (30, 40, 20, 30)
        assert gestures.move((20, 20), is_held=True) is Gesture.BAND and gestures.band == (20, 20, 30, 20)
        assert gestures.release(is_left=True) is Gesture.BAND_END and not gestures.is_banding
    gestures.press((50, 40), None, is_left=True, adds=True)
    gestures.move((90, 90), is_held=True)
    gestures.cancel()
    assert gestures.release(is_left=True) is Gesture.NOTHING


@pytest.mark.parametrize(
    ("box", "node", "members"),
    [
        ((-5, 15, 200, 50), "conv1", (0, 1, 2)),  # the cluster lies in it whole, and so does one of two neurons more
        ((4, 21, 8, 8), "conv1", (0,)),
        ((120, 45, 10, 10), "conv2", (0,)),  # the lower row of the matrix
        ((90, 10, 100, 80), "conv2", (0, 1)),
        ((-5, -5, 50, 50), "conv1", (0, 1, 2, 3, 4)),
        ((60, 70, 10, 10), "", ()),
    ],
)
def test_neurons_in_a_band(box, node, members):
    found = SceneIndex(scene()).neurons_in(Box(*box))
    assert (found.node, found.members) == (node, members) if members else found is None
