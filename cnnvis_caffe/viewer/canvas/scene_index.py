"""Answers questions about a scene: what lies at a point, where something is, what comes next in a direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.scene.shapes import Bitmap, Path, Scene, Shape, Target
from cnnvis_caffe.scene.theme import SIZES
from cnnvis_caffe.viewer.canvas.boxes import Box, bounding_boxes, box_around, distance_to_line, encloses, flatten

#: How near to a curve the pointer must be, in pixels on the screen.
NEAR_PX = 4.0


@dataclass(frozen=True)
class Hit:
    """What lies under a point.

    Attributes
    ----------
    shape : Shape or None
        None for a name that is written over the scene.
    target : Target
        Of the shape; for a cell of a matrix the neuron of its row.
    class_index : int
        The class of a matrix's column, else -1.
    """

    shape: Shape | None
    target: Target
    class_index: int = -1


class SceneIndex:
    """The shapes of a scene, found by place and by what they stand for."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.shapes = shapes = scene.shapes
        #: Bounding boxes of the shapes, (n, 4) float64: x0, y0, x1, y1.
        self.boxes = bounding_boxes(shapes)
        self._least = np.array([shape.min_zoom for shape in shapes], np.float64)
        if scene.heads:  # written over the scene where they are too small in it
            small = {f"head/{head.target.node}/overview" for head in scene.heads}
            for i in [i for i, shape in enumerate(shapes) if shape.name in small]:
                self._least[i] = SIZES.tiny / SIZES.overview
        self._most = np.array([shape.max_zoom for shape in shapes], np.float64)
        self._answering = np.flatnonzero([shape.target is not None for shape in shapes])
        self._by_target: dict[Target, list[int]] | None = None
        self._by_key: dict[tuple, list[int]] = {}
        self._rows: dict[tuple[str, int], Box] | None = None
        self._clusters: dict[tuple[str, int], Target] | None = None
        self._centres: dict[str, tuple[list[Target], np.ndarray]] = {}

    def numbers_in(self, x0: float, y0: float, x1: float, y1: float, zoom: float) -> np.ndarray:
        """Return the numbers of the shapes that reach into a rectangle and are painted at a zoom."""
        boxes = self.boxes
        inside = (boxes[:, 0] <= x1) & (boxes[:, 2] >= x0) & (boxes[:, 1] <= y1) & (boxes[:, 3] >= y0)
        return np.flatnonzero(inside & (self._least <= zoom) & (zoom < self._most))

    def hit(self, x: float, y: float, zoom: float) -> Hit | None:
        """Return the topmost thing that answers at a point of the scene; curves answer from a few pixels away."""
        near = NEAR_PX / zoom
        answering = self._answering
        boxes = self.boxes[answering]
        inside = (
            (boxes[:, 0] - near <= x)
            & (x <= boxes[:, 2] + near)
            & (boxes[:, 1] - near <= y)
            & (y <= boxes[:, 3] + near)
            & (self._least[answering] <= zoom)
            & (zoom < self._most[answering])
        )
        for i in answering[inside][::-1].tolist():
            shape = self.shapes[i]
            target = shape.target
            assert target is not None  # or it would not answer
            if isinstance(shape, Path):
                if _is_near(shape, x, y, near):
                    return Hit(shape, target)
                continue
            x0, y0, x1, y1 = self.boxes[i]
            if not (x0 <= x <= x1 and y0 <= y <= y1):
                continue
            if isinstance(shape, Bitmap) and (shape.rows or shape.columns):
                return _cell(shape, target, x, y)
            return Hit(shape, target)
        return None

    def numbers_of(self, target: Target) -> list[int]:
        """Return the numbers of the shapes that stand for a target."""
        if self._by_target is None:
            self._by_target, self._by_key = {}, {}
            for i, shape in enumerate(self.shapes):
                if shape.target is not None:
                    self._by_target.setdefault(shape.target, []).append(i)
                    self._by_key.setdefault(_key(shape.target), []).append(i)
        return self._by_key.get(_key(target), [])

    def targets(self) -> list[Target]:
        """Return every target of the scene, in painting order."""
        self.numbers_of(Target("ground"))
        assert self._by_target is not None
        return list(self._by_target)

    def find(self, kind: str, node: str = "", members: tuple[int, ...] = ()) -> Target | None:
        """Return the first target of a kind and node that has all the members."""
        wanted = set(members)
        for target in self.targets():
            if target.kind == kind and (not node or target.node == node) and wanted <= set(target.members):
                return target
        return None

    def neurons_in(self, box: Box) -> Target | None:
        """Return the neurons of one layer in a box: of the layer that has most there; None where there are none.

        Neurons count by the middle of their patch or row; a cluster that lies in the box whole counts with all of them.
        """
        found: dict[str, set[int]] = {}
        right, bottom = box.x + box.width, box.y + box.height
        for i in self.numbers_in(box.x, box.y, right, bottom, 1.0).tolist():
            shape = self.shapes[i]
            target, (x0, y0, x1, y1) = shape.target, self.boxes[i]
            if target is None or target.kind not in ("neuron", "cluster"):
                continue
            mine = found.setdefault(target.node, set())
            if isinstance(shape, Bitmap) and shape.rows:
                middles = y0 + (np.arange(len(shape.rows)) + 0.5) * (y1 - y0) / len(shape.rows)
                mine.update(np.array(shape.rows)[(middles >= box.y) & (middles <= bottom)].tolist())
            elif _is_in(box, (x0, y0, x1, y1), by_middle=target.kind == "neuron"):
                mine.update(target.members)
        node = max(found, key=lambda name: len(found[name]), default="")
        return Target("neuron", node, tuple(sorted(found[node]))) if node and found[node] else None

    def curves_of(self, bundle: Target) -> list[Target]:
        """Return the curves that run through a bundle's bar."""
        ends = bundle.node, bundle.other_node, bundle.index, bundle.sign
        return [
            target
            for target in self.targets()
            if target.kind == "edge" and (target.node, target.other_node, target.index, target.sign) == ends
        ]

    def find_cluster(self, neuron: Target) -> Target | None:
        """Return the cluster of a neuron."""
        if self._clusters is None:
            clusters = [target for target in self.targets() if target.kind == "cluster"]
            self._clusters = {(one.node, member): one for one in clusters for member in one.members}
        found = [self._clusters.get((neuron.node, member)) for member in neuron.members]
        return found[0] if found and all(one is found[0] for one in found) else None

    def place_of(self, target: Target) -> Box | None:
        """Return the box around everything that stands for a target; None if nothing does.

        A neuron without a shape of its own has its row in a matrix, else its cluster.
        """
        numbers = self.numbers_of(target)
        if numbers:
            return box_around(self.boxes[numbers])
        if target.kind != "neuron":
            return None
        if len(target.members) <= 1:
            return self._row_of(target)
        places = [self.place_of(Target("neuron", target.node, (neuron,))) for neuron in target.members]
        corners = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in places if box is not None]
        return box_around(np.array(corners)) if corners else None

    def least_zoom_of(self, target: Target) -> float:
        """Return the zoom from which on something that stands for a target is painted."""
        numbers = self.numbers_of(target)
        return float(self._least[numbers].min()) if numbers else 0.0

    def _row_of(self, neuron: Target) -> Box | None:
        """The row of a neuron in a matrix, else the cluster in which it is not shown for want of room."""
        if self._rows is None:
            self._rows = {}
            for shape in reversed(self.shapes):  # of two the first counts
                if isinstance(shape, Bitmap) and shape.target is not None and shape.rows:
                    height = shape.height / len(shape.rows)
                    for row, member in enumerate(shape.rows):
                        place = Box(shape.x, shape.y + row * height, shape.width, height)
                        self._rows[shape.target.node, int(member)] = place
        if neuron.members and (neuron.node, neuron.members[0]) in self._rows:
            return self._rows[neuron.node, neuron.members[0]]
        cluster = self.find_cluster(neuron)
        return self.place_of(cluster) if cluster is not None else None

    def places_by_node(self, kinds: Sequence[str]) -> dict[str, Box]:
        """Return by node the box around all shapes whose target is of one of the kinds."""
        found: dict[str, list[int]] = {}
        for target in self.targets():
            if target.kind in kinds and target.node:
                found.setdefault(target.node, []).extend(self.numbers_of(target))
        return {node: box_around(self.boxes[numbers]) for node, numbers in found.items()}

    def neighbour(self, target: Target, direction: str) -> Target | None:
        """Return the nearest target of the same kind to the "left", "right", "up" or "down" of one."""
        place = self.place_of(target)
        if place is None:
            return None
        if target.kind not in self._centres:
            places = [(one, self.place_of(one)) for one in self.targets() if one.kind == target.kind]
            known = [(one, box.centre) for one, box in places if box is not None]
            self._centres[target.kind] = [one for one, _ in known], np.array([at for _, at in known]).reshape(-1, 2)
        others, centres = self._centres[target.kind]
        if not others:
            return None
        away = centres - place.centre
        axis, sign = {"left": (0, -1), "right": (0, 1), "up": (1, -1), "down": (1, 1)}[direction]
        ahead = sign * away[:, axis]
        cost = ahead + 3 * np.abs(away[:, 1 - axis])
        cost[ahead <= 1e-6] = np.inf  # itself among them
        best = int(cost.argmin())
        return others[best] if np.isfinite(cost[best]) else None


def _is_in(box: Box, corners: tuple[float, float, float, float], *, by_middle: bool) -> bool:
    """Whether something lies in a box, with its middle or whole."""
    x0, y0, x1, y1 = corners
    if by_middle:
        x0 = x1 = (x0 + x1) / 2
        y0 = y1 = (y0 + y1) / 2
    return box.x <= x0 and x1 <= box.x + box.width and box.y <= y0 and y1 <= box.y + box.height


def _cell(shape: Bitmap, target: Target, x: float, y: float) -> Hit:
    """The cell of a matrix at a point."""
    class_index = -1
    if shape.rows:
        row = min(int((y - shape.y) / shape.height * len(shape.rows)), len(shape.rows) - 1)
        target = Target("neuron", target.node, (int(shape.rows[row]),), index=target.index)
    if shape.columns:
        column = min(int((x - shape.x) / shape.width * len(shape.columns)), len(shape.columns) - 1)
        class_index = int(shape.columns[column])
    return Hit(shape, target, class_index)


def _is_near(shape: Path, x: float, y: float, near: float) -> bool:
    """Whether a point lies on a curve or in an outline."""
    points = flatten(shape.points)
    if shape.style.fill and encloses(points, x, y):
        return True
    return distance_to_line(points, x, y) <= max(near, shape.style.stroke_width / 2)


def _key(target: Target) -> tuple:
    """The fields by which two targets are one thing: the number of a cluster or bundle changes with the scene."""
    return target.kind, target.node, target.members, target.other_node, target.other_members, target.sign
