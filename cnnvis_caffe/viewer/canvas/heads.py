"""Writes the names of columns at a size that can be read, where the picture is too small for its own heads.

Where a name has no room beside its neighbours it is turned. Plain arithmetic, without a window.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from cnnvis_caffe.scene.lettering import shorten, text_width
from cnnvis_caffe.scene.shapes import Head, Target
from cnnvis_caffe.scene.theme import SIZES
from cnnvis_caffe.viewer.canvas.camera import Camera

#: Size of the names, in pixels; no text is smaller than `SIZES.tiny`.
TEXT_PX = 10.0
#: Names that have so much room are shortened rather than turned, in pixels.
WIDE_PX = 72.0
#: Turned by this, in degrees, where columns are at least so far apart; else upright.
SLOPE, SLOPED_PX = -40.0, 17.0
#: Room between a name and its column, and the longest name, in pixels.
ABOVE_PX, LONGEST_PX = 4.0, 150.0
#: Room between level names, in pixels; they are level if this share of them fits whole.
BETWEEN_PX, MOST_FIT = 6.0, 0.7
#: Shorter than this nothing can be told from a name.
LEAST_PX = 24.0


@dataclass(frozen=True)
class Label:
    """A name on the screen.

    Attributes
    ----------
    target : Target
        The column.
    text : str
    x, y : float
        Where its baseline begins, in pixels.
    angle : float
        In degrees, clockwise.
    """

    target: Target
    text: str
    x: float
    y: float
    angle: float = 0.0

    @property
    def width(self) -> float:
        """Return the length of the text, in pixels."""
        return text_width(self.text, TEXT_PX, "bold")

    def holds(self, x: float, y: float) -> bool:
        """Return whether a pixel lies on the text."""
        turned = math.radians(-self.angle)
        dx, dy = x - self.x, y - self.y
        along, across = dx * math.cos(turned) - dy * math.sin(turned), dx * math.sin(turned) + dy * math.cos(turned)
        return -1 <= along <= self.width + 1 and -TEXT_PX <= across <= 0.3 * TEXT_PX


def is_small(camera: Camera) -> bool:
    """Return whether the heads of the scene itself cannot be read at a zoom."""
    return camera.zoom * SIZES.overview < SIZES.tiny


def labels_of(heads: Sequence[Head], camera: Camera, width: float) -> list[Label]:
    """Return the names of the columns in sight.

    Parameters
    ----------
    heads : sequence of Head
        From left to right; those of branches stand under each other at one place.
    camera : Camera
    width : float
        Of the window, in pixels.

    Returns
    -------
    list of Label
        Empty where the scene's own heads can be read. No name lies on another: of columns that stand too near to each
        other for a name each, some have none.
    """
    if not is_small(camera):
        return []
    rows = [list(column) for _, column in groupby(heads, key=lambda head: round(head.middle))]
    tops = [min(column, key=lambda head: head.y) for column in rows]
    places = [camera.to_screen(head.middle, head.y) for head in tops]
    ends = [-places[0][0], *(x for x, _ in places), 2 * width - places[-1][0]] if places else []
    rooms = [min(here - before, after - here) - BETWEEN_PX for before, here, after in zip(ends, ends[1:], ends[2:])]
    found = list(_top_labels(tops, places, rooms, width))
    for column, top, room in zip(rows, tops, rooms):
        found += _branch_labels([head for head in column if head is not top], camera, room, width)
    return found


def _top_labels(
    tops: Sequence[Head], places: Sequence[tuple[float, float]], rooms: Sequence[float], width: float
) -> Iterator[Label]:
    """Names over the columns: level, sloped or upright, all of them alike."""
    pitch = median(rooms) + BETWEEN_PX if rooms else width
    n_fitting = sum(text_width(head.whole, TEXT_PX, "bold") <= room for head, room in zip(tops, rooms))
    is_level = pitch >= WIDE_PX or n_fitting >= MOST_FIT * len(tops)
    usual = 0.0 if is_level else SLOPE if pitch >= SLOPED_PX else -90.0
    needed = 0.0 if is_level else 1.1 * TEXT_PX / math.sin(math.radians(-usual))
    foot = min((y for _, y in places), default=0.0)
    last = -math.inf
    for head, (x, y), room in zip(tops, places, rooms):
        if not 0 <= x <= width or x - last < needed:
            continue
        last = x
        y = max((foot if usual else y) - ABOVE_PX, TEXT_PX + 2)  # turned names begin on one line
        if usual:
            room = min(_room_above(y, usual), (width - x) / max(math.cos(math.radians(usual)), 1e-6))
        text = short_name(head, room)
        if text and usual:
            yield Label(head.target, text, x + (TEXT_PX * 0.35 if usual == -90.0 else 0.0), y, usual)
        elif text:
            yield Label(head.target, text, x - text_width(text, TEXT_PX, "bold") / 2, y)


def _room_above(y: float, angle: float) -> float:
    """How long a turned name may be that ends over a column; some of it is always seen."""
    return min(max((y - TEXT_PX) / math.sin(math.radians(-angle)), 2 * LEAST_PX), LONGEST_PX)


def _branch_labels(heads: Sequence[Head], camera: Camera, room: float, width: float) -> Iterator[Label]:
    """Names of the branches under the first one, where they have room between the columns."""
    for head in heads:
        x, y = camera.to_screen(head.middle, head.y)
        text = shorten(head.name, room, TEXT_PX, "bold") if room >= LEAST_PX else ""
        if text and 0 <= x <= width:
            yield Label(head.target, text, x - text_width(text, TEXT_PX, "bold") / 2, y)


def short_name(head: Head, room: float) -> str:
    """Return the name of a column with its group, cut in the middle of what comes behind the group if it must be.

    Parameters
    ----------
    head : Head
    room : float
        In pixels.

    Returns
    -------
    str
        Empty where nothing of it fits that tells anything.
    """
    if text_width(head.whole, TEXT_PX, "bold") <= room:
        return head.whole
    if head.group and head.name != head.whole:
        lead = f"{head.group}/"
        rest = room - text_width(lead, TEXT_PX, "bold")
        if rest >= LEAST_PX:
            return lead + shorten(head.name, rest, TEXT_PX, "bold")
    return shorten(head.whole, room, TEXT_PX, "bold") if room >= LEAST_PX else ""
