"""SVG, HTML and PNG inside them: whole XML, text as text, every element with its name."""

from __future__ import annotations

import base64
import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from cnnvis_caffe.render.html import scene_html
from cnnvis_caffe.render.png import encode_png
from cnnvis_caffe.render.svg import describe, element_id, number, scene_svg
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Style, Target, Text

SVG = "{http://www.w3.org/2000/svg}"


def small_scene() -> Scene:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    bend = np.array([[0, 0], [10, 0], [10, 20], [20, 20]], float)
    target = Target("cluster", "conv1/7x7 & <relu>", (1, 2), index=0)
    shapes = (
        Rectangle("cluster/conv1/7x7/0", 10, 20, 30, 40, Style("#FFFFFF", "#000000", 2.0), 4.0, target),
        Bitmap("matrix/conv1", 0, 0, 30, 20, pixels, 0.5, is_smooth=False, target=target),
        Path("edge/1", bend, Style("", "#0072B2", 3.0, 0.35), target=Target("edge", "a", (1,), "b", (2,), 0, 1)),
        Text("head/a", 5, 15, "a < b & „c“", 11.0, "#111111", "middle", "bold", 30.0, target=target),
        Rectangle("near", 0, 0, 5, 5, Style("#FF0000"), min_zoom=2.0),
        Rectangle("far", 0, 0, 5, 5, Style("#00FF00"), max_zoom=0.5),
    )
    return Scene(100, 80, "#FBFBFA", shapes, title="A & B", description="Two <things>.", notes=("A note",))


def test_every_element_has_its_name():
    root = ET.fromstring(scene_svg(small_scene(), embed_font=False))
    names = [element.get("data-name") for element in root if element.get("data-name")]
    assert names == ["ground", "cluster/conv1/7x7/0", "matrix/conv1", "edge/1", "head/a"]
    ids = [element.get("id") for element in root if element.get("data-name")]
    assert len(set(ids)) == len(ids)


def test_it_has_title_and_description():
    root = ET.fromstring(scene_svg(small_scene(), embed_font=False))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("100", "80", "0 0 100 80")
    assert root.find(f"{SVG}title").text == "A & B"
    assert root.find(f"{SVG}desc").text == "Two <things>. A note"
    titles = [element.find(f"{SVG}title").text for element in root.iter(f"{SVG}path")]
    assert titles == ["positive connection, a to b"]


def test_text_is_text():
    text = ET.fromstring(scene_svg(small_scene(), embed_font=False)).find(f"{SVG}text")
    assert text.text == "a < b & „c“"
    assert (text.get("text-anchor"), text.get("font-weight"), text.get("transform")) == (
        "middle", "700", "rotate(30 5 15)",
    )  # fmt: skip


def test_borders_lie_inside():
    rectangle = ET.fromstring(scene_svg(small_scene(), embed_font=False)).findall(f"{SVG}rect")[1]
    assert [rectangle.get(name) for name in ("x", "y", "width", "height", "rx")] == ["11", "21", "28", "38", "3"]


def test_curves_are_beziers():
    path = ET.fromstring(scene_svg(small_scene(), embed_font=False)).find(f"{SVG}path")
    assert path.get("d") == "M0 0C10 0 10 20 20 20"
    assert (path.get("fill"), path.get("stroke-width"), path.get("opacity")) == ("none", "3", "0.35")


def test_pictures_are_whole_png():
    cv2 = pytest.importorskip("cv2")
    image = ET.fromstring(scene_svg(small_scene(), embed_font=False)).find(f"{SVG}image")
    data = base64.b64decode(image.get("{http://www.w3.org/1999/xlink}href").partition("base64,")[2])
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    np.testing.assert_array_equal(decoded, small_scene().shapes[1].pixels)
    assert "pixelated" in image.get("style")


def test_large_patches_are_not_finer_than_needed():
    pixels = np.zeros((640, 640, 3), np.uint8)
    scene = Scene(20, 20, "#FFFFFF", (Bitmap("p", 0, 0, 10, 10, pixels),))
    href = ET.fromstring(scene_svg(scene, embed_font=False)).find(f"{SVG}image").attrib
    data = base64.b64decode(href["{http://www.w3.org/1999/xlink}href"].partition("base64,")[2])
    width = int.from_bytes(io.BytesIO(data).getbuffer()[16:20], "big")
    assert 30 <= width < 60


def test_the_font_is_inside():
    text = scene_svg(small_scene())
    assert text.count("@font-face") == 2 and "CNNVis Sans" in text
    assert "@font-face" not in scene_svg(small_scene(), embed_font=False)


def test_a_page_has_every_level_of_detail():
    page = scene_html(small_scene())
    assert page.startswith("<!DOCTYPE html>") and "<?xml" not in page
    assert 'data-min-zoom="2"' in page and 'data-max-zoom="0.5"' in page
    assert "http://" not in page.replace("http://www.w3.org", "")  # nothing from elsewhere
    assert "{{" not in page


def test_ids_of_different_names_differ():
    names = ["a/b", "a_b", "a_2f_b", "a b", "1", "s-1", "a.b", "a-b"]
    ids = {element_id(name) for name in names}
    assert len(ids) == len(names)
    assert all(one[0].isalpha() and " " not in one and "/" not in one for one in ids)


def test_numbers_are_short():
    assert [number(value) for value in (1.0, 0.126, -0.001, 1000.5, 100.0)] == ["1", "0.13", "0", "1000.5", "100"]


def test_what_a_shape_stands_for_in_words():
    assert describe(Target("neuron", "conv1", (7,)), "x") == "conv1, neuron 7"
    assert describe(Target("cluster", "conv1", (7, 8)), "x") == "conv1, 2 neurons"
    assert describe(None, "ground") == "ground"


def test_png_of_one_pixel():
    assert encode_png(np.zeros((1, 1, 3), np.uint8)).startswith(b"\x89PNG\r\n\x1a\n")


def test_what_has_no_colour_is_a_grey_png():
    cv2 = pytest.importorskip("cv2")
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    grey = np.repeat(pixels[..., :1], 3, axis=2)
    for picture, kind in ((pixels, 2), (grey, 0)):
        content = encode_png(picture)
        assert content[25] == kind
        read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        np.testing.assert_array_equal(read[..., ::-1], picture)
    assert len(encode_png(grey)) < len(encode_png(pixels))
