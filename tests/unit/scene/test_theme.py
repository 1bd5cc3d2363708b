"""Colours and type: legible, and zero exactly the ground of a matrix."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.scene.colour_maps import ColourMap
from cnnvis_caffe.scene.lettering import font_files, shorten, shorten_end, text_width
from cnnvis_caffe.scene.theme import THEMES
from tests.helpers.contrast import contrast


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_text_stands_out(theme):
    for text in (theme.ink, theme.muted):
        for ground in (theme.ground, theme.surface):
            assert contrast(text, ground) >= 4.5
    for colour in theme.channels.values():
        assert contrast(theme.on_channel, colour) >= 4.5


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_nothing_has_the_surface_colour(theme):
    assert theme.activation.colour(0.0) == theme.surface
    assert theme.contribution.colour(0.5) == theme.surface


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_ten_classes_have_ten_colours_and_eleven_none(theme):
    assert len(set(theme.class_colours(range(10)).values())) == 10
    assert theme.class_colours(range(11)) == {}


def test_the_lowest_quantity_of_an_edge_is_seen_on_a_dark_ground():
    theme = THEMES["dark"]
    ground = np.array([int(theme.ground[k : k + 2], 16) for k in (1, 3, 5)])
    shades = []
    for share in (0.0, 0.2, 0.4):
        colour = np.array([int(theme.quantity.colour(share)[k : k + 2], 16) for k in (1, 3, 5)])
        mixed = theme.quantity_opacity * colour + (1 - theme.quantity_opacity) * ground
        shades.append(contrast("#" + "".join(f"{round(one):02X}" for one in mixed), theme.ground))
    assert shades == sorted(shades) and shades[0] >= 3  # as WCAG asks of graphics

    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#777777") == 1


def test_a_colour_map_meets_its_colours():
    colours = ColourMap(("#000000", "#FF0000", "#FFFFFF"))
    assert [colours.colour(share) for share in (0.0, 1.0, -3.0, 7.0)] == ["#000000", "#FFFFFF", "#000000", "#FFFFFF"]
    assert colours.pixels(np.array([[np.nan, 1.0]])).tolist() == [[[0, 0, 0], [255, 255, 255]]]
    assert colours.strip(3)[0, 1].tolist() == pytest.approx([255, 0, 0], abs=2)


def test_widths_add_up():
    assert text_width("conv1", 26) == pytest.approx(2 * text_width("conv1", 13))
    assert text_width("ab", 10) == pytest.approx(text_width("a", 10) + text_width("b", 10))
    assert text_width("WWW", 10, "bold") > text_width("WWW", 10)


def test_names_are_shortened_in_the_middle():
    name = "inception_4a/3x3_reduce"
    assert shorten(name, 1000, 12) == name
    short = shorten(name, 90, 12)
    assert text_width(short, 12) <= 90
    assert short.startswith("incep") and short.endswith("duce") and "…" in short
    assert shorten(name, 3, 12) == ""


def test_sentences_lose_their_last_words():
    assert shorten_end("one, two three", 1000, 12) == "one, two three"
    assert shorten_end("one, two three", text_width("one, two…", 12) - 1, 12) == "one…"
    assert shorten_end("unbreakable", 5, 12) == ""


def test_the_font_is_there():
    assert all(path.is_file() for path in font_files().values())
