"""Rectangles whose areas say how important they are, packed so that similar ones are neighbours.

1. `hierarchy`: the rectangles become leaves of a hierarchy by similarity; it is cut into groups of similar leaves.
2. Within its group a leaf's place is decided by its size, so that large ones and small ones do not stand side by side:
   no cutting could give both a good shape. Groups are as small as the wanted waste permits.
3. `slicing`: the cuts that divide the whole among groups and leaves are found by dynamic programming.
4. `compaction`: leaves are soft, in their area and in their shape; how the smallest whole uses that is computed.

A picture has a hundred packings. They are made together, so that each operation is done once for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import pdist, squareform

from cnnvis_caffe.layout.compaction import Curve, box_of_width, divide, fill_cells, shape_curves, smallest_box
from cnnvis_caffe.layout.hierarchy import cut_groups, joints_between, similarity_order
from cnnvis_caffe.layout.slicing import SHAPES, Plan, Slicings

#: Width by height of a rectangle may differ from its aspect by this factor, either way, which is within 20%.
LARGEST_STRETCH = 1.195
#: Drawn areas may differ from proportional ones by this share.
LARGEST_AREA_ERROR = 0.097
#: Tolerances of shapes that are tried, as logarithms of factors.
TOLERANCES = (0.0, 0.06, float(np.log(LARGEST_STRETCH)))
#: Up to so many rectangles it is tried first whether less tolerance will do.
LARGEST_EXACT = 200
#: Shares of the permitted waste: what rectangles grow to, what is tried with less tolerance first, what is good enough.
WANTED, IDEAL, ACCEPTED = 0.3, 0.45, 0.9
#: Sequences up to this length are cut without groups.
LONGEST_SEQUENCE = 20
#: Sequences up to this length are shuffled so many times where no better order wastes little enough.
LONGEST_SHUFFLED, N_SHUFFLES = 12, 24
#: Longer ones are cut in blocks of at most so many.
BLOCK = 12
#: So many rectangles are cut in smaller blocks, which takes less time and fills as well.
MANY, BLOCK_OF_MANY = 300, 10
#: Groups that are cut as one sequence, at most.
LARGEST_LEVEL = 12
#: So many rectangles are packed together, or one packing's: more need memory, and take no less time.
AT_ONCE = 4096
#: Areas that differ by less than this factor count as equal when leaves are put in the order of their sizes.
SIZE_CLASS = 1.28


@dataclass(frozen=True, eq=False)
class Packing:
    """Rectangles in a rectangle.

    Attributes
    ----------
    rects : ndarray of shape (n, 4), float64
        x, y, width, height from the top left corner, in the order of the areas.
    width, height : float
        Of the whole.
    order : ndarray of shape (n,), int64
        The rectangles as leaves of the hierarchy; consecutive ones are similar.
    scale : float
        Drawn areas together by given areas together: 1 unless a width was given that needs another.
    """

    rects: np.ndarray
    width: float
    height: float
    order: np.ndarray
    scale: float = 1.0

    @property
    def waste(self) -> float:
        """Share of the whole that no rectangle covers."""
        whole = self.width * self.height
        return max(0.0, 1 - float((self.rects[:, 2] * self.rects[:, 3]).sum() / whole)) if whole > 0 else 0.0


@dataclass(frozen=True, eq=False)
class PackingTask:
    """What is to be packed into one rectangle; everything as for `pack`."""

    areas: np.ndarray
    aspect: float | np.ndarray
    hierarchy: tuple[np.ndarray, np.ndarray]
    max_waste: float = 0.10
    shape_range: tuple[float, float] = (0.5, 2.0)
    width: float | None = None
    floor: float = 0.02


def pack(
    areas: np.ndarray,
    features: np.ndarray | None = None,
    aspect: float | np.ndarray = 1.0,
    *,
    distances: np.ndarray | None = None,
    hierarchy: tuple[np.ndarray, np.ndarray] | None = None,
    max_waste: float = 0.10,
    shape_range: tuple[float, float] = (0.5, 2.0),
    width: float | None = None,
    floor: float = 0.02,
) -> Packing:
    """Pack rectangles into one rectangle.

    Parameters
    ----------
    areas : array_like of shape (n,)
        Wanted areas in square pixels: importances times a constant. Never negative; raised to `floor` times the
        largest; all equal if all are 0.
    features : array_like of shape (n, d), optional
        Rectangles are similar if their features are near. Without features and distances, neighbours in the given
        order are similar.
    aspect : float or array_like of shape (n,)
        Width by height of the rectangles.
    distances : array_like of shape (n, n), optional
        Instead of features.
    hierarchy : (ndarray, ndarray), optional
        Instead of both: what `similarity_of` made of them.
    max_waste : float
        Share of the whole that may stay uncovered. Kept where it is possible.
    shape_range : (float, float)
        Least and largest width by height of the whole; not used if its width is given.
    width : float, optional
        Of the whole; the height follows. Areas are then scaled as far as it takes to waste little: much for a few
        rectangles, hardly for many.
    floor : float
        Share of the largest area.

    Returns
    -------
    Packing
        Rectangles do not overlap and lie inside. Their width by height is within 20% of `aspect`, their areas are
        within 10% of proportional to the wanted ones, and their sum is that of the wanted ones.

    Raises
    ------
    ValueError
        If an area is negative or not finite, an aspect not above 0, or a shape does not fit.
    """
    if hierarchy is None:
        hierarchy = similarity_of(features, distances, len(areas))
    return pack_all([PackingTask(areas, aspect, hierarchy, max_waste, shape_range, width, floor)])[0]


def pack_all(tasks: Sequence[PackingTask]) -> list[Packing]:
    """Pack many rectangles full, in a fraction of the time that it takes one after the other.

    Parameters
    ----------
    tasks : sequence of PackingTask

    Returns
    -------
    list of Packing
        As `pack` makes each.

    Raises
    ------
    ValueError
        As for `pack`.
    """
    jobs = [_Job(task, *_checked_areas(task.areas, task.aspect, task.floor)) for task in tasks]
    left = [job for job in jobs if len(job.areas)]
    plans = [_plans(job.areas, *job.task.hierarchy) for job in left]
    _draw([(job, next(some)) for job, some in zip(left, plans)])
    # What is not good enough tries everything else.
    _draw([(job, plan) for job, some in zip(left, plans) if job.waste > ACCEPTED for plan in some])
    return [job.packing for job in jobs]


class _Job:
    """A task with the best packing so far."""

    def __init__(self, task: PackingTask, areas: np.ndarray, aspects: np.ndarray) -> None:
        self.task, self.areas, self.aspects = task, areas, aspects
        self.packing = Packing(np.zeros((0, 4)), 0.0, 0.0, np.zeros(0, np.int64))
        self.waste = np.inf  # by what is permitted

    def take(self, packing: Packing) -> None:
        """Keep a packing if it is better, unless what there is already is good enough."""
        waste = packing.waste / self.task.max_waste
        if waste < self.waste and self.waste > ACCEPTED:
            self.packing, self.waste = packing, waste


def similarity_of(
    features: np.ndarray | None, distances: np.ndarray | None = None, n: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the hierarchy of rectangles by similarity, which does not depend on their areas.

    Parameters
    ----------
    features, distances
        As for `pack`.
    n : int, optional
        Number of rectangles, needed without either.

    Returns
    -------
    order, joints : ndarray
        As `similarity_order` gives them.
    """
    if n is None:
        given = features if features is not None else distances
        n = 0 if given is None else len(given)
    return similarity_order(_condensed(features, distances, n), n)


def _checked_areas(areas: np.ndarray, aspect: float | np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Areas with the floor, and aspects, as arrays of equal length."""
    areas = np.asarray(areas, np.float64)
    aspects = np.array(np.broadcast_to(np.asarray(aspect, np.float64), areas.shape))
    if areas.ndim != 1 or not np.isfinite(areas).all() or (areas < 0).any():
        raise ValueError("areas must be a vector of finite numbers that are not negative")
    if not np.isfinite(aspects).all() or (aspects <= 0).any():
        raise ValueError("aspects must be finite and above 0")
    largest = areas.max(initial=0.0)
    return (np.maximum(areas, floor * largest) if largest > 0 else np.ones(len(areas))), aspects


def _condensed(features: np.ndarray | None, distances: np.ndarray | None, n: int) -> np.ndarray:
    """Distances of all pairs in SciPy's condensed form."""
    if distances is not None:
        distances = np.asarray(distances, np.float64)
        if distances.shape != (n, n):
            raise ValueError(f"{n} areas need distances of shape {(n, n)}, got {distances.shape}")
        return squareform(distances, checks=False)
    if features is None:
        features = np.arange(n)[:, None]
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) != n:
        raise ValueError(f"{n} areas need features of shape ({n}, d), got {features.shape}")
    return pdist(features)


def _plans(areas: np.ndarray, order: np.ndarray, joints: np.ndarray) -> Iterator[Plan]:
    """Plans to try, those that heed size least and similarity most first."""
    classes = np.rint(np.log(areas) / np.log(SIZE_CLASS))
    n = len(areas)
    if n <= LONGEST_SEQUENCE:
        blocks = [(0, n)]
        sizes = [1, n // 6, n // 4, n // 3, n // 2, n]
    else:
        block = BLOCK if n < MANY else BLOCK_OF_MANY
        blocks = cut_groups(joints, block)
        sizes = [5, 8, block]
    levels = []
    above, parts = joints, blocks
    while len(parts) > 1:
        above = joints_between(above, parts)
        parts = cut_groups(above, LARGEST_LEVEL)
        levels.append(parts)
    tried = set()
    for size in sizes:
        for first_falls in (True, False):
            groups = [_by_size(order[a:b], joints[a : b - 1], classes, max(size, 1), first_falls) for a, b in blocks]
            key = np.concatenate(groups).tobytes()
            if key not in tried:
                tried.add(key)
                yield Plan(groups, levels)
    if 3 < n <= LONGEST_SHUFFLED:
        random = np.random.RandomState(0)  # few rectangles, few orders: chance finds what sizes do not tell
        for _ in range(N_SHUFFLES):
            yield Plan([random.permutation(order)], levels)


def _by_size(block: np.ndarray, joints: np.ndarray, classes: np.ndarray, largest: int, first_falls: bool) -> np.ndarray:
    """Reorder parts of a block by falling and rising size in turns, so that ends meet that are alike."""
    sequence = []
    for i, (start, stop) in enumerate(cut_groups(joints, largest)):
        part = block[start:stop]
        falls = (i % 2 == 0) == first_falls
        sequence.append(part[np.argsort(-classes[part] if falls else classes[part], kind="stable")])
    return np.concatenate(sequence)


def _draw(work: Sequence[tuple[_Job, Plan]]) -> None:
    """Pack jobs by plans; the best packings are kept."""
    first = n_members = 0
    for number, (job, _) in enumerate(work):
        n_members += len(job.areas)
        if n_members >= AT_ONCE or number == len(work) - 1:
            _draw_some([one for one, _ in work[first : number + 1]], [plan for _, plan in work[first : number + 1]])
            first, n_members = number + 1, 0


def _draw_some(jobs: Sequence[_Job], plans: Sequence[Plan]) -> None:
    """Pack each job by a plan, with no more tolerance than it takes to waste little."""
    areas, aspects = [job.areas for job in jobs], [job.aspects for job in jobs]
    slicings = Slicings(areas, [np.log(one) for one in aspects], plans, TOLERANCES[-1])
    shapes = [_best_shape(job, costs) for job, costs in zip(jobs, slicings.costs)]
    forest = slicings.trees(np.array(shapes))
    # Where the cuts leave leaves no good shape, all the tolerance will be needed.
    is_promising = np.array(
        [
            costs[shape] < 0.4 * job.task.max_waste and len(job.areas) <= LARGEST_EXACT
            for job, costs, shape in zip(jobs, slicings.costs, shapes)
        ]
    )
    ends = np.cumsum([len(one) for one in areas])
    packings: list[Packing | None] = [None] * len(jobs)
    is_open = np.ones(len(jobs), bool)
    for tolerance in TOLERANCES:
        is_last = tolerance == TOLERANCES[-1]
        wanted = is_open if is_last else is_open & is_promising
        if not wanted.any():
            continue
        curves = shape_curves(forest, np.concatenate(areas), np.concatenate(aspects), tolerance, wanted)
        boxes = np.zeros((len(jobs), 2))
        for number in np.flatnonzero(wanted).tolist():
            boxes[number] = _box(jobs[number], curves.one(number))
        cells = divide(forest, curves, boxes, wanted)
        for number in np.flatnonzero(wanted).tolist():
            job, mine = jobs[number], slice(ends[number] - len(areas[number]), ends[number])
            waste = job.task.max_waste
            rects = fill_cells(
                cells[mine], areas[number], aspects[number], tolerance, WANTED * waste, LARGEST_AREA_ERROR
            )
            width, height = boxes[number].tolist()
            drawn = float((rects[:, 2] * rects[:, 3]).sum())
            if is_last or 1 - drawn / (width * height) <= IDEAL * waste:
                is_open[number] = False
                order = np.concatenate(plans[number].groups)
                packings[number] = _scaled(job, rects, (width, height), drawn, order)
    for job, packing in zip(jobs, packings):
        assert packing is not None  # the last tolerance leaves none out
        job.take(packing)


def _best_shape(job: _Job, costs: np.ndarray) -> int:
    """The shape of the whole that wastes least, of those that are allowed."""
    if job.task.width is None:
        low, high = np.log(job.task.shape_range)
        outside = np.maximum(np.maximum(low + 0.05 - SHAPES, SHAPES - high + 0.05), 0)
        return int(np.argmin(costs + outside + 0.01 * np.abs(SHAPES - np.clip(0, low, high))))
    wanted = np.log(job.task.width**2 / (job.areas.sum() * (1 + job.task.max_waste / 2)))
    return int(np.argmin(costs + 0.2 * np.abs(SHAPES - wanted)))


def _box(job: _Job, curve: Curve) -> tuple[float, float]:
    """Width and height of the whole."""
    task = job.task
    if task.width is None:
        return smallest_box(curve, task.shape_range)
    return box_of_width(curve, task.width / np.sqrt(1 + task.max_waste / 2), float(job.areas.sum()))


def _scaled(job: _Job, rects: np.ndarray, box: tuple[float, float], drawn: float, order: np.ndarray) -> Packing:
    """Rectangles with the areas that were wanted, or as large as the given width permits."""
    wanted, width = float(job.areas.sum()), job.task.width
    factor = np.sqrt(wanted / drawn) if width is None else width / box[0]
    scale = float(drawn * factor**2 / wanted)
    return Packing(rects * factor, float(box[0] * factor), float(box[1] * factor), order, scale)
