"""PNG and PDF by cairo: sizes, colours where they belong, and the same font as everywhere."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.render.write import scene_bytes, write_scene
from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Style, Text

try:
    from cnnvis_caffe.render.cairo_library import cairo

    cairo()
except ImportError:
    pytest.skip("cairo is not installed", allow_module_level=True)

from cnnvis_caffe.render.raster import scene_pixels


def scene(*shapes, width=40, height=30, ground="#FFFFFF"):
    return Scene(width, height, ground, shapes)


def colour_at(pixels, x, y):
    return "#" + "".join(f"{part:02X}" for part in pixels[y, x])


@pytest.mark.parametrize(("scale", "size"), [(1.0, (30, 40)), (2.0, (60, 80)), (0.5, (15, 20)), (1.3, (39, 52))])
def test_size_follows_the_scale(scale, size):
    assert scene_pixels(scene(), scale=scale).shape == (*size, 3)


def test_a_border_is_sharp_and_inside():
    pixels = scene_pixels(scene(Rectangle("r", 10, 5, 20, 10, Style("#00FF00", "#0000FF", 1.0))))
    assert [colour_at(pixels, x, 10) for x in (9, 10, 11, 28, 29, 30)] == [
        "#FFFFFF", "#0000FF", "#00FF00", "#00FF00", "#0000FF", "#FFFFFF",
    ]  # fmt: skip


def test_cells_of_a_matrix_stay_squares():
    cells = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)
    pixels = scene_pixels(scene(Bitmap("m", 0, 0, 40, 30, cells, is_smooth=False)))
    assert {colour_at(pixels, x, 3) for x in range(20)} == {"#FF0000"}
    assert {colour_at(pixels, x, 3) for x in range(20, 40)} == {"#0000FF"}


def test_translucent_pictures_let_the_ground_through():
    pixels = scene_pixels(scene(Bitmap("p", 0, 0, 40, 30, np.zeros((4, 4, 3), np.uint8), 0.25)))
    assert pixels[15, 20].tolist() == pytest.approx([191] * 3, abs=1)


def test_curves_have_their_width():
    line = np.linspace((0, 15), (40, 15), 4)
    pixels = scene_pixels(scene(Path("l", line, Style("", "#000000", 6.0))))
    assert (pixels[:, 20] == 0).all(axis=1).sum() == 6


def test_level_of_detail_follows_the_scale():
    shapes = (Rectangle("far", 0, 0, 40, 30, Style("#FF0000"), max_zoom=2.0),
              Rectangle("near", 0, 0, 40, 30, Style("#0000FF"), min_zoom=2.0))  # fmt: skip
    assert colour_at(scene_pixels(scene(*shapes), scale=1.0), 5, 5) == "#FF0000"
    assert colour_at(scene_pixels(scene(*shapes), scale=2.0), 5, 5) == "#0000FF"


@pytest.mark.parametrize("weight", ["regular", "bold"])
def test_text_is_as_wide_as_measured(weight):
    text = "inception_4a/3x3 + relu 0123456789"
    wide = scene(Text("t", 10, 40, text, 24, "#000000", weight=weight), width=600, height=60)
    dark = np.flatnonzero((scene_pixels(wide) < 128).any(axis=(0, 2)))
    assert dark[0] >= 9
    assert dark[-1] - 10 == pytest.approx(text_width(text, 24, weight), abs=5)


@pytest.mark.parametrize(("anchor", "side"), [("start", 1), ("end", -1), ("middle", 0)])
def test_anchors(anchor, side):
    pixels = scene_pixels(scene(Text("t", 100, 20, "mmmm", 12, "#000000", anchor), width=200))
    dark = np.flatnonzero((pixels < 128).any(axis=(0, 2)))
    assert np.sign(round((dark.mean() - 100) / 5)) == side


def test_too_large_a_picture_is_refused():
    with pytest.raises(CnnvisError, match="smaller --scale"):
        scene_pixels(scene(width=20000), scale=2.0)


def test_pdf_is_one_page_with_text():
    data = scene_bytes(scene(Text("t", 5, 20, "conv1", 12, "#000000"), width=400, height=300), ".pdf")
    assert data.startswith(b"%PDF")
    streams = b"".join(
        zlib.decompress(found) for found in re.findall(rb"stream\r?\n(x.*?)endstream", data, re.S) if found[:1] == b"x"
    )
    everything = data + streams
    assert re.search(rb"/MediaBox \[ ?0 0 300 225", everything)
    assert b"CNNVisSans" in everything


def test_endings_choose_the_format(tmp_path):
    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF"), (".html", b"<!DOCTYPE")):
        write_scene(scene(), tmp_path / f"picture{suffix}")
        assert (tmp_path / f"picture{suffix}").read_bytes().startswith(start)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".html", ".pdf", ".png", ".svg"]
    with pytest.raises(CnnvisError, match="png"):
        write_scene(scene(), tmp_path / "picture.bmp")


def test_a_small_png_keeps_frequent_colours_and_comes_near_to_the_others():
    from cnnvis_caffe.formats.images import decode_image
    from cnnvis_caffe.render.png import encode_png, encode_small_png

    random = np.random.RandomState(0)
    pixels = np.full((120, 90, 3), 251, np.uint8)
    pixels[20:60, 10:80] = (0, 114, 178)
    pixels[70:110, 10:80] = random.randint(0, 256, (40, 70, 1)) * np.array([1.0, 0.8, 0.5])
    content = encode_small_png(pixels)
    again = decode_image(content)[:, :, ::-1]
    assert len(content) < 0.8 * len(encode_png(pixels))
    np.testing.assert_array_equal(again[:65], pixels[:65])
    assert np.abs(again.astype(int) - pixels).max() <= 8
    pixels[0, 0], pixels[0, 1] = (230, 159, 0), (204, 121, 167)
    kept = decode_image(encode_small_png(pixels, ("#E69F00", "#CC79A7")))[0, :2, ::-1]
    np.testing.assert_array_equal(kept, pixels[0, :2])
    few = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.testing.assert_array_equal(decode_image(encode_small_png(few))[:, :, ::-1], few)
