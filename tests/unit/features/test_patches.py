"""Patches: the right pixels, grey outside, small enough."""

from __future__ import annotations

import time

import numpy as np
import pytest

from cnnvis_caffe.features.patches import OUTSIDE, cut, thumbnail, thumbnails


@pytest.fixture
def image():
    return np.random.RandomState(0).randint(0, 256, (9, 7, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    "box", [(0, 0, 9, 7), (2, 3, 5, 4), (-2, -1, 4, 3), (5, 5, 12, 9), (-3, -3, 20, 20), (-9, 0, -2, 4), (9, 7, 12, 10)]
)
def test_every_pixel(image, box):
    patch = cut(image, box)
    y0, x0, y1, x1 = box
    assert patch.shape == (y1 - y0, x1 - x0, 3)
    for y in range(y0, y1):
        for x in range(x0, x1):
            inside = 0 <= y < 9 and 0 <= x < 7
            assert (patch[y - y0, x - x0] == (image[y, x] if inside else OUTSIDE)).all()


def test_thumbnails_keep_their_aspect_and_are_small():
    image = np.zeros((200, 300, 3), np.uint8)
    image[:, 150:] = 200
    small = thumbnail(image, (0, 100, 100, 300))
    assert small.shape == (32, 64, 3)
    assert (small[:, :15] == 0).all()
    assert (small[:, 17:] == 200).all()
    assert thumbnail(image, (0, 0, 1, 300)).shape == (1, 64, 3)


@pytest.mark.parametrize("box", [(-40, -50, 88, 110), (-3, -200, 125, 5), (5, 3, 305, 83)])
def test_a_box_that_is_mostly_outside_is_made_small_as_others_are(image, box):
    # By hand: every pixel repeated so that the small ones cover a whole number of them, and then their means.
    patch = cut(image, box).astype(np.float64)
    height, width = patch.shape[:2]
    small = [max(1, round(side * 64 / max(height, width))) for side in (height, width)]
    means = patch.repeat(small[0], 0).reshape(small[0], height, width, 3).mean(1)
    means = means.repeat(small[1], 1).reshape(small[0], small[1], width, 3).mean(2)
    found = thumbnail(image, box)
    assert found.shape == (*small, 3)
    assert np.abs(found - means).max() <= 0.51


def test_small_patches_keep_their_pixels_and_are_no_views(image):
    small = thumbnail(image, (1, 1, 4, 5))
    np.testing.assert_array_equal(small, image[1:4, 1:5])
    assert not np.shares_memory(small, image)


def test_neurons_without_images(image):
    found = thumbnails({4: image}, np.array([4, -1]), np.array([[0, 0, 2, 3], [0, 0, 0, 0]], np.int32))
    assert [patch.shape for patch in found] == [(2, 3, 3), (0, 0, 3)]


def test_thousands_take_no_time():
    random = np.random.RandomState(0)
    images = {i: random.randint(0, 256, (224, 224, 3)).astype(np.uint8) for i in range(50)}
    start = random.randint(-40, 200, (7000, 2))
    boxes = np.concatenate([start, start + 99], 1)
    before = time.process_time()
    assert len(thumbnails(images, random.randint(0, 50, 7000), boxes)) == 7000
    assert time.process_time() - before < 30  # some tenths of a second where nothing else runs
