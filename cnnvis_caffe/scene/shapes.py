"""Shapes of a picture, as data: their places, colours and what they stand for.

Places are in scene units (pixels at zoom 1), x to the right and y down. Colours are "#RRGGBB". A painter draws the
shapes in the order in which they stand in the scene.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union

import numpy as np

from cnnvis_caffe.text.plain import visible


@dataclass(frozen=True)
class Target:
    """What a shape stands for, so that a click can be answered.

    Attributes
    ----------
    kind : str
        "neuron", "cluster", "column", "group", "edge", "bicluster", "class", "image", "legend" or "ground".
    node : str
        Of the column; of the source column for edges and biclusters.
    members : tuple of int
        The neuron, or the cluster's neurons (of the source cluster for edges), or the class.
    other_node : str
        Of the target column, for edges and biclusters.
    other_members : tuple of int
        Neurons of the target cluster, for edges.
    index : int
        Number of the bicluster in its gap, or of the cluster in its column.
    sign : int
        1 or -1 for edges and biclusters, else 0.
    """

    kind: str
    node: str = ""
    members: tuple[int, ...] = ()
    other_node: str = ""
    other_members: tuple[int, ...] = ()
    index: int = -1
    sign: int = 0


@dataclass(frozen=True)
class Style:
    """How a shape is painted.

    Attributes
    ----------
    fill, stroke : str
        "#RRGGBB"; empty for none.
    stroke_width : float
    opacity : float
        0 to 1.
    """

    fill: str = ""
    stroke: str = ""
    stroke_width: float = 1.0
    opacity: float = 1.0


@dataclass(frozen=True)
class Rectangle:
    """A rectangle, with round corners if `corner` is above 0.

    `name` is unique in the scene and stable from one scene to the next. `min_zoom` and `max_zoom` are the level of
    detail: painted only while the zoom is in [min_zoom, max_zoom).
    """

    name: str
    x: float
    y: float
    width: float
    height: float
    style: Style
    corner: float = 0.0
    target: Target | None = None
    min_zoom: float = 0.0
    max_zoom: float = float("inf")


@dataclass(frozen=True, eq=False)
class Bitmap:
    """An image stretched over a rectangle.

    `pixels` is (h, w, 3) uint8, RGB. `is_smooth` is False for matrices, whose cells stay squares. A matrix answers
    for its cells: `rows` are the neurons and `columns` the classes from top and from left, empty otherwise.
    """

    name: str
    x: float
    y: float
    width: float
    height: float
    pixels: np.ndarray
    opacity: float = 1.0
    is_smooth: bool = True
    target: Target | None = None
    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()
    min_zoom: float = 0.0
    max_zoom: float = float("inf")


@dataclass(frozen=True, eq=False)
class Path:
    """A curve of cubic Béziers, or a filled outline if its style has a fill.

    `points` is (1 + 3 m, 2) float64: the start, then for each piece two control points and its end.
    """

    name: str
    points: np.ndarray
    style: Style
    is_closed: bool = False
    target: Target | None = None
    min_zoom: float = 0.0
    max_zoom: float = float("inf")


def straight(points: list[tuple[float, float]]) -> np.ndarray:
    """Return a line through points as Bézier pieces."""
    pieces = [points[0]]
    for (x0, y0), (x1, y1) in zip(points[:-1], points[1:]):
        pieces += [(x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3), (x0 + 2 * (x1 - x0) / 3, y0 + 2 * (y1 - y0) / 3), (x1, y1)]
    return np.array(pieces, float)


@dataclass(frozen=True)
class Text:
    """A line of text whose anchor lies on the baseline.

    `anchor` is "start", "middle" or "end"; `weight` "regular" or "bold"; `angle` in degrees, clockwise about the
    anchor. `size` is in scene units.
    """

    name: str
    x: float
    y: float
    text: str
    size: float
    colour: str
    anchor: str = "start"
    weight: str = "regular"
    angle: float = 0.0
    opacity: float = 1.0
    target: Target | None = None
    min_zoom: float = 0.0
    max_zoom: float = float("inf")

    def __post_init__(self) -> None:
        """Names come from files: what would do something where the text is painted is written out."""
        object.__setattr__(self, "text", visible(self.text))


Shape = Union[Rectangle, Bitmap, Path, Text]


@dataclass(frozen=True)
class Head:
    """The name over a column, for painters that write it in a size of their own.

    Attributes
    ----------
    target : Target
        The column.
    name : str
        Of the layer; inside an open group without the group's name.
    group : str
        The open group that it belongs to; empty for none.
    middle, y : float
        Its middle and its foot, in scene units.
    """

    target: Target
    name: str
    group: str
    middle: float
    y: float

    def __post_init__(self) -> None:
        """As for `Text`."""
        for field_name in ("name", "group"):
            object.__setattr__(self, field_name, visible(getattr(self, field_name)))

    @property
    def whole(self) -> str:
        """Return the name with that of the group."""
        return f"{self.group}/{self.name}" if self.group and self.group != self.name else self.name


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture as data.

    Attributes
    ----------
    width, height : float
    ground : str
        Colour behind everything.
    shapes : tuple of Shape
        In painting order.
    title, description : str
        For those who cannot see it: of the file, the window, the SVG.
    notes : tuple of str
        What must be said beside the picture: products along paths, missing gradients, small data.
    heads : tuple of Head
        From left to right; their texts are also among the shapes.
    """

    width: float
    height: float
    ground: str
    shapes: tuple[Shape, ...]
    title: str = ""
    description: str = ""
    notes: tuple[str, ...] = field(default=())
    heads: tuple[Head, ...] = field(default=())
