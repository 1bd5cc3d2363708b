"""The parts that all pages share: lines of text, sections, rows of facts, bars with pictures of neurons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.readings.connections import Connection
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.scene.lettering import cap_height, shorten, shorten_end, text_width
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Shape, Style, Target, Text, straight
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import figure

#: Sizes of pages in scene units.
PAGE = SimpleNamespace(
    width=1120.0,
    narrow=980.0,  # a window of 1366 pixels has room for it between its panels
    gap=16.0,  # between tiles
    section_gap=32.0,
    section_head=28.0,
    head=52.0,
    fact_height=44.0,
    row=20.0,  # of bars by class
    connection_row=32.0,
    connection_picture=28.0,
    bar=10.0,
    value=48.0,  # width of numbers beside bars
    name_most=110.0,
)


def signed_figure(value: float) -> str:
    """Write a number with its sign, also where it is positive."""
    return ("+" if value > 0 else "") + figure(value)


@dataclass
class Page:
    """A page while it is laid out from top to bottom.

    Attributes
    ----------
    analysis : Analysis
    snapshot : Snapshot
    theme : Theme
    bottom : float
        Where what has been laid out ends.
    """

    analysis: Analysis
    snapshot: Snapshot
    theme: Theme
    bottom: float = field(default=0.0, init=False)

    #: Begins the names of its shapes.
    prefix = "page"
    width = PAGE.width
    left = SIZES.margin

    @property
    def right(self) -> float:
        """Where its text ends."""
        return self.width - SIZES.margin

    def scene(self, shapes: Sequence[Shape], title: str, description: str, notes: tuple[str, ...] = ()) -> Scene:
        """Return the page as a scene."""
        height = self.bottom + SIZES.margin
        return Scene(self.width, height, self.theme.ground, tuple(shapes), title, description, notes)

    def text(self, name: str, x: float, y: float, text: str, size: float = SIZES.small, **more: object) -> Text:
        """A line of text."""
        more.setdefault("colour", self.theme.muted)
        return Text(f"{self.prefix}/{name}", x, y, text, size, **more)  # type: ignore[arg-type]

    def section(self, name: str, title: str, x: float, y: float, width: float, note: str = "") -> Iterator[Shape]:
        """The head of a section: its title, and what must be said beside it."""
        baseline = y + cap_height(SIZES.head)
        yield self.text(f"{name}/title", x, baseline, title, SIZES.head, weight="bold", colour=self.theme.ink)
        start = x + text_width(title, SIZES.head, "bold") + 8
        note = shorten_end(note, x + width - start, SIZES.small)
        if note:
            yield self.text(f"{name}/note", start, baseline, note)

    def headline(self, title: str, more: str, line: Sequence[str]) -> Iterator[Shape]:
        """The name of the page, what it is about, and a line of what there is to know of that."""
        y = SIZES.margin + cap_height(SIZES.title)
        yield self.text("title", self.left, y, title, SIZES.title, weight="bold", colour=self.theme.ink)
        at = self.left + text_width(title, SIZES.title, "bold") + 8
        yield self.text("number", at, y, more, SIZES.title, colour=self.theme.ink)
        text = shorten_end(" · ".join(part for part in line if part), self.right - self.left, SIZES.small)
        yield self.text("line", self.left, y + 20, text)
        self.bottom = SIZES.margin + PAGE.head

    def fact_row(self, facts: Sequence[tuple[str, str, Target | None]]) -> Iterator[Shape]:
        """What one asks for first: values with their names below."""
        width = (self.right - self.left + PAGE.gap) / max(len(facts), 1)
        y = self.bottom
        rule = straight([(self.left, y), (self.right, y)])
        yield Path(f"{self.prefix}/facts/line", rule, Style(stroke=self.theme.line))
        for number, (name, value, target) in enumerate(facts):
            x = self.left + number * width
            size = SIZES.title - 2
            shown = shorten(value, width - PAGE.gap, size, "bold")
            yield self.text(
                f"fact/{number}", x, y + 30, shown, size, weight="bold", colour=self.theme.ink, target=target
            )
            yield self.text(f"fact/{number}/name", x, y + PAGE.fact_height + 2, name)
        self.bottom = y + PAGE.fact_height + 4

    def neuron_bars(
        self,
        name: str,
        title: str,
        note: str,
        ends: Sequence[Connection],
        place: tuple[float, float, float],
        empty: str,
        largest: float = 0.0,
        written: Callable[[float], str] = signed_figure,
    ) -> Iterator[Shape]:
        """Neurons with their pictures and a bar each; `place` is x, y and width, `written` writes a value."""
        x, y, width = place
        yield from self.section(name, title, x, y, width, note if ends else "")
        y += PAGE.section_head
        if not ends:
            yield self.text(f"{name}/none", x, y + SIZES.text, shorten_end(empty, width, SIZES.text), SIZES.text)
            self.bottom = y + PAGE.row
            return
        largest = largest or max(abs(one.weight) for one in ends)
        left, right = x + PAGE.connection_picture + 8 + PAGE.name_most, x + width - PAGE.value - 12
        middle = cap_height(SIZES.small) / 2
        for row, one in enumerate(ends):
            at = y + row * PAGE.connection_row + PAGE.connection_picture / 2
            target = Target("neuron", one.node, (one.neuron,))
            yield from self.thumbnail(f"{name}/{row}", one, x, at - PAGE.connection_picture / 2, target)
            layer = shorten(
                one.node, PAGE.name_most - 8 - text_width(f" {one.neuron}", SIZES.small, "bold"), SIZES.small
            )
            start = x + PAGE.connection_picture + 8
            yield self.text(f"{name}/{row}/layer", start, at + middle, layer, target=target)
            start += text_width(layer + " ", SIZES.small)
            yield self.text(
                f"{name}/{row}/neuron", start, at + middle, str(one.neuron),
                weight="bold", colour=self.theme.ink, target=target,
            )  # fmt: skip
            length = (right - left) * abs(one.weight) / largest
            style = Style(fill=self.theme.sign(1 if one.weight > 0 else -1))
            bar = f"{self.prefix}/{name}/{row}/bar"
            yield Rectangle(bar, left, at - PAGE.bar / 2, max(length, 0.5), PAGE.bar, style, 1.0, target)
            value = written(one.weight)
            yield self.text(f"{name}/{row}/value", x + width, at + middle, value, anchor="end", colour=self.theme.ink)
        self.bottom = y + len(ends) * PAGE.connection_row

    def thumbnail(self, name: str, one: Connection, x: float, y: float, target: Target) -> Iterator[Shape]:
        """The strongest patch of another neuron, or a chip with its channel."""
        side = PAGE.connection_picture
        known = self.snapshot.thumbnails
        patches = known[one.node] if one.node in known else ()  # noqa: SIM401
        patch = patches[one.neuron] if one.neuron < len(patches) else np.zeros((0, 0, 3), np.uint8)
        if patch.size:
            height, width = fit(patch, side)
            yield Bitmap(
                f"{self.prefix}/{name}/patch", x + (side - width) / 2, y + (side - height) / 2, width, height, patch,
                target=target,
            )  # fmt: skip
            return
        order = self.analysis.data.channel_order
        letter = order[one.neuron] if one.node == self.analysis.data.input_name and order in ("RGB", "BGR") else ""
        fill = (
            self.theme.channels.get(letter or "grey", self.theme.line)
            if one.node == self.analysis.data.input_name
            else ""
        )
        style = Style(fill=fill) if fill else Style(stroke=self.theme.line)
        yield Rectangle(f"{self.prefix}/{name}/chip", x, y, side, side, style, SIZES.corner, target)
        if letter:
            baseline = y + side / 2 + cap_height(SIZES.small) / 2
            more: dict[str, object] = {"colour": self.theme.surface, "anchor": "middle", "weight": "bold"}
            yield self.text(f"{name}/letter", x + side / 2, baseline, letter, SIZES.small, **more)


def cut_patch(image: np.ndarray, box: np.ndarray, theme: Theme = LIGHT) -> np.ndarray:
    """Return the part of an image in a box; what lies outside of the image is filled with a quiet grey.

    Parameters
    ----------
    image : ndarray of shape (H, W, 3), uint8
    box : ndarray of shape (4,), int
        y0, x0, y1, x1, half open.
    theme : Theme, optional

    Returns
    -------
    ndarray of shape (y1 - y0, x1 - x0, 3), uint8
    """
    y0, x0, y1, x1 = (int(value) for value in box)
    grey = [int(theme.line[i : i + 2], 16) for i in (1, 3, 5)]
    patch = np.empty((max(y1 - y0, 1), max(x1 - x0, 1), 3), np.uint8)
    patch[:] = grey
    top, left, bottom, right = max(y0, 0), max(x0, 0), min(y1, image.shape[0]), min(x1, image.shape[1])
    if top < bottom and left < right:
        patch[top - y0 : bottom - y0, left - x0 : right - x0] = image[top:bottom, left:right]
    return patch


def fit(pixels: np.ndarray, side: float) -> tuple[float, float]:
    """Return height and width of a picture as large as fits in a square, with its own shape."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    return height * scale, width * scale
