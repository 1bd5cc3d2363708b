"""Panels that collapse where a window is small."""

from __future__ import annotations

from cnnvis_caffe.viewer.model.room import PanelRoom, has_room_for_legend

PLACES = {"findings": "left", "layers": "left", "control": "right", "chart": "bottom"}


def test_panels_go_one_place_after_the_other_and_come_back():
    room, shown = PanelRoom(PLACES), set(PLACES)
    left = []
    for size in ((1920, 1080), (1366, 768), (1024, 700), (700, 500), (1024, 700), (1920, 1080)):
        hide, show = room.fit(*size, shown)
        shown = (shown - hide) | show
        left.append(sorted(shown))
    everything = ["chart", "control", "findings", "layers"]
    assert left[:4] == [everything, ["control", "findings", "layers"], ["control"], []]
    assert left[4:] == [["control"], everything]


def test_what_the_user_shows_or_hides_stays_so():
    room = PanelRoom(PLACES)
    room.fit(1024, 700, set(PLACES))
    room.shown_by_hand("findings")
    assert room.fit(1020, 690, {"control", "findings"}) == (set(), set())
    room.hidden_by_hand("control")
    hide, show = room.fit(1920, 1080, {"findings"})
    assert (hide, show) == (set(), {"layers", "chart"})  # the control panel does not come back by itself
    hide, _ = room.fit(1024, 700, {"findings", "layers", "chart"})
    assert hide == {"findings", "layers", "chart"}  # by hand it was for the small window of then


def test_a_low_picture_has_one_line_of_legend():
    assert has_room_for_legend(768 - 95) and not has_room_for_legend(700 - 95)
