"""What the page of an image asks, in which order, and what it shows, without a window."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.plain_session import plain_session
from helpers.tried_network import tried_analysis

from cnnvis_caffe.errors import Cancelled
from cnnvis_caffe.records.explanation import GivenImage
from cnnvis_caffe.scene.lit import DARK, light_up
from cnnvis_caffe.scene.reaction import strip_scene
from cnnvis_caffe.scene.shapes import Bitmap, Path, Text
from cnnvis_caffe.scene.theme import LIGHT
from cnnvis_caffe.store import read_analysis
from cnnvis_caffe.viewer.model.analysed_images import analysed_images
from cnnvis_caffe.viewer.model.image_questions import METHODS_SHOWN, ImageQuestions
from cnnvis_caffe.viewer.model.image_worker import ImageWorker, NetworkChoice


@pytest.fixture(scope="module")
def path(tmp_path_factory, repository):
    return tried_analysis(tmp_path_factory, repository)


@pytest.fixture(scope="module")
def worker():
    return ImageWorker()


@pytest.fixture(scope="module")
def opened(path):
    """The analysis and its picture."""
    analysis = read_analysis(path)
    session = plain_session(analysis)
    return NetworkChoice(analysis, analysis.snapshots[-1]), session.view, session.aggregation


@pytest.fixture
def questions(opened, path):
    network, view, aggregation = opened
    found = ImageQuestions()
    found.choose_network(network)
    found.show_in(view, aggregation, (900.0, 400.0))
    found.look_at(GivenImage("seven.png", path=str(path.parent / "seven.png")))
    return found


def answer(questions, worker, most=99):
    """Answer what is asked, and say what it was."""
    asked = []
    while len(asked) < most:
        request = questions.next_request()
        if request is None:
            break
        asked.append((type(request).__name__, getattr(request, "method", "")))
        try:
            found = worker(request)
        except Exception as error:  # noqa: BLE001 - as the thread does
            questions.fail(request, error)
        else:
            questions.take(request, found)
    return asked


def test_the_quickest_comes_first_and_nothing_twice(questions, worker):
    asked = answer(questions, worker)
    assert asked[:2] == [("ReactionRequest", ""), ("LightsRequest", "")]
    assert asked[2:] == [("ExplanationRequest", method) for method in METHODS_SHOWN]
    assert questions.next_request() is None
    questions.choose_neuron("conv2:17")
    assert {kind for kind, _ in answer(questions, worker)} == {"ExplanationRequest"}
    questions.choose_neuron("")
    assert questions.next_request() is None  # it is known


def test_a_square_changes_the_bars_as_it_moves(questions, worker):
    answer(questions, worker, 1)
    whole = questions.answer_rows(10)
    assert [row.name for row in whole] and all(np.isnan(row.now) for row in whole)
    questions.hide_at(9.0, 14.0)
    assert questions.square == (6, 10, 13, 17) or questions.square == (5, 10, 12, 17)
    assert answer(questions, worker, 1) == [("ReactionRequest", "")]
    first = questions.answer_rows(10)
    assert [row.name for row in first] == [row.name for row in whole]
    assert [row.whole for row in first] == [row.whole for row in whole]
    assert not np.isnan([row.now for row in first]).any()
    questions.hide_at(20.0, 14.0)
    # What it was before stays until the new one is there.
    assert [row.now for row in questions.answer_rows(10)] == [row.now for row in first]
    answer(questions, worker, 1)
    assert [row.now for row in questions.answer_rows(10)] != [row.now for row in first]
    questions.hide_at(100.0, 14.0)
    assert questions.square is None and np.isnan(questions.answer_rows(1)[0].now)


def test_keys_move_and_resize_the_square(questions, worker):
    answer(questions, worker, 1)
    questions.move_square(1, 0)
    y0, x0, y1, x1 = questions.square
    assert (y0 + y1) / 2 == pytest.approx(14, abs=0.5) and y1 - y0 == 7
    questions.move_square(2, -3)
    assert questions.square == (y0 + 2, x0 - 3, y1 + 2, x1 - 3)
    questions.resize_square(1)
    assert questions.square[2] - questions.square[0] == 9
    questions.resize_square(-30)
    assert questions.square[2] - questions.square[0] == 1
    questions.show_whole()
    assert questions.square is None


def test_the_picture_lights_up_by_what_drives_it(questions, worker):
    answer(questions, worker, 2)
    lights = questions.lights
    seen = {shape.name: shape for shape in lights.scene.shapes}
    drive = np.clip(lights.drive["conv2"], 0, 1)
    tiles = {
        shape.target.members[0]: shape.opacity
        for shape in lights.scene.shapes
        if isinstance(shape, Bitmap) and shape.target.node == "conv2"
    }
    strongest, weakest = max(tiles, key=lambda n: drive[n]), min(tiles, key=lambda n: drive[n])
    assert tiles[strongest] > tiles[weakest] >= DARK and tiles[strongest] == max(tiles.values())
    assert len({round(shape.style.opacity, 3) for shape in seen.values() if isinstance(shape, Path)}) > 1
    dark = light_up(lights.scene, LIGHT, {"conv2": np.zeros(50, np.float32)}, lambda _: 0.0)
    assert {s.opacity for s in dark.shapes if isinstance(s, Bitmap) and s.target.node == "conv2"} == {DARK}


def test_two_images_are_compared(questions, worker, path):
    questions.look_at(GivenImage("wide.png", path=str(path.parent / "wide.png")), 1)
    answer(questions, worker)
    assert questions.lit_by == "difference" and len(questions.explained_rows()) == 2
    difference = questions.lights.drive["relu1"]
    assert (difference > 0).any() and (difference < 0).any()
    assert not np.isnan([row.other for row in questions.answer_rows(4)]).any()
    questions.light_by("B")
    assert answer(questions, worker) == [("LightsRequest", "")]
    assert (questions.lights.drive["conv1"] >= 0).all()
    questions.look_at(None, 1)
    assert questions.lit_by == "A" and len(questions.explained_rows()) == 1


def test_the_strip_has_every_method_and_the_best_patches(questions, worker):
    questions.choose_neuron("conv2:17")
    answer(questions, worker, 3)
    scene = strip_scene(
        questions.title, questions.line, METHODS_SHOWN, questions.explained_rows(), questions.best_patches(),
        (1000.0, 210.0), LIGHT,
    )  # fmt: skip
    bitmaps = [shape.name for shape in scene.shapes if isinstance(shape, Bitmap)]
    assert "tile/0/activation" in bitmaps and "tile/0/gradient" not in bitmaps
    assert sum(name.startswith("best/") for name in bitmaps) == 9
    waiting = [shape for shape in scene.shapes if isinstance(shape, Text) and shape.name.startswith("wait/")]
    assert len(waiting) == len(METHODS_SHOWN) - 1
    assert "conv2 · neuron 17" in scene.title and "of the largest on the 40 images" in scene.description


def test_an_image_that_cannot_be_read_is_one_message(questions, worker, path):
    questions.look_at(GivenImage("broken.png", path=str(path.parent / "broken.png")))
    assert answer(questions, worker) == [("ReactionRequest", "")]
    assert "broken.png" in questions.problem and questions.next_request() is None
    questions.look_at(GivenImage("seven.png", path=str(path.parent / "seven.png")))
    assert questions.problem == ""


def test_what_was_cancelled_is_asked_again(questions, worker):
    answer(questions, worker, 2)
    request = questions.next_request()
    assert questions.is_long(request) and questions.is_wanted(request)
    request.progress.cancel()
    questions.fail(request, Cancelled())
    assert questions.problem == "" and questions.next_request().method == request.method
    questions.choose_neuron("conv1:0")
    assert not questions.is_wanted(request)


def test_images_of_the_analysis_are_offered_class_by_class(opened):
    offered = analysed_images(opened[0].analysis, 5)
    assert len(offered) == 5 and all(given.is_fitted and given.pixels.shape == (28, 28, 3) for given in offered)
    assert analysed_images(None) == []
