"""Receptive fields of all positions and channels of a blob, and how they are put together."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cnnvis_caffe.network.intervals import Intervals
from cnnvis_caffe.records.dag import Channels

#: A product of intervals, one table for each spatial axis of the input.
Box = tuple[Intervals, ...]
#: The union of boxes; more than one only where some positions see nothing through one of them.
Field = tuple[Box, ...]
#: Channels from axis 1 that see the same: (how many, what).
Runs = tuple[tuple[int, Field], ...]

_MOST_BOXES = 8


def n_channels(shape: tuple[int, ...]) -> int:
    """Length of axis 1."""
    return shape[1] if len(shape) > 1 else 1


def image_sizes(shape: tuple[int, ...] | None) -> tuple[int, ...]:
    """Lengths of the spatial axes."""
    return (shape or ())[2:]


# -- channels --------------------------------------------------------------------------------------------------------


def through_channels(channels: Channels, runs: Runs, n_top: int, lengths: tuple[int, ...]) -> Runs:
    """What each channel of a top sees, given what each channel of the bottom does."""
    n_bottom = sum(count for count, _ in runs)
    if channels == Channels() and n_top == n_bottom:
        return runs
    if len(runs) == 1 and channels.within is None:
        return ((n_top, runs[0][1]),)
    result: list[tuple[int, Field]] = []
    begin, end = channels.within or (0, n_top)
    is_plain = channels.kind == "groups" and channels.top_group == channels.bottom_group == 1 and n_top != n_bottom
    kind = "all" if is_plain else channels.kind
    borders = {0, n_top, begin, end}
    if kind == "groups":
        borders |= set(range(0, n_top, channels.top_group))
    elif kind == "tiled":
        borders |= {b + start for start in range(0, n_top, channels.size) for b in borders_of(runs)}
    elif kind != "all":
        near = channels.size if kind == "near" else 0
        borders |= {b - channels.offset + d for b in borders_of(runs) for d in (-near, near)}
    for start, stop in pieces(b for b in borders if 0 <= b <= n_top):
        if not begin <= start < end:
            result.append((stop - start, ()))
            continue
        if kind == "all":
            seen = 0, n_bottom
        elif kind == "groups":
            group = start // channels.top_group
            seen = group * channels.bottom_group, (group + 1) * channels.bottom_group
        elif kind == "tiled":
            seen = start % channels.size, start % channels.size + 1
        else:
            near = channels.size if kind == "near" else 0
            seen = start + channels.offset - near, stop - 1 + channels.offset + near + 1
        result.append((stop - start, union(_fields_between(runs, *seen), lengths)))
    return merged(result)


def borders_of(runs: Runs) -> set[int]:
    """Where runs begin and end."""
    return {0, *np.cumsum([count for count, _ in runs]).tolist()}


def pieces(borders: Iterable[int]) -> list[tuple[int, int]]:
    """Half-open ranges between borders."""
    ordered = sorted(set(borders))
    return list(zip(ordered, ordered[1:]))


def _fields_between(runs: Runs, begin: int, end: int) -> list[Field]:
    """The fields of the runs that a range of channels touches."""
    fields, start = [], 0
    for count, field in runs:
        if start < end and begin < start + count:
            fields.append(field)
        start += count
    return fields


def field_at(runs: Runs, channel: int) -> Field:
    """The field of one channel."""
    return _fields_between(runs, channel, channel + 1)[0]


def merged(runs: list[tuple[int, Field]]) -> Runs:
    """Runs with neighbours that see the same put together."""
    result: list[tuple[int, Field]] = []
    for count, field in runs:
        if result and result[-1][1] is field:
            result[-1] = result[-1][0] + count, field
        else:
            result.append((count, field))
    return tuple(result)


# -- boxes -----------------------------------------------------------------------------------------------------------


def union(fields: list[Field], lengths: tuple[int, ...]) -> Field:
    """What any of several fields shows."""
    distinct = list({id(field): field for field in fields if field}.values())
    if len(distinct) <= 1:
        return distinct[0] if distinct else ()
    boxes: list[Box] = []
    joined: dict[tuple[int, int, int], Intervals] = {}  # axes that are alike share their tables

    def join(a: Intervals, b: Intervals, length: int) -> Intervals:
        """The hull of two tables."""
        key = id(a), id(b), length
        if key not in joined:
            joined[key] = a.union(b, length)
        return joined[key]

    for box in (box for field in distinct for box in field):
        for index, other in enumerate(boxes):
            if _can_join(box, other) or len(boxes) >= _MOST_BOXES:
                boxes[index] = tuple(map(join, other, box, lengths))
                break
        else:
            boxes.append(box)
    return tuple(boxes)


def _can_join(box: Box, other: Box) -> bool:
    """Whether the hulls along each axis, taken for themselves, are the hull of two boxes.

    They are where both boxes show something at every position, or where they differ along one axis only.
    """
    if any(table.has_gaps for table in (*box, *other)):
        return sum(not _is_equal(a, b) for a, b in zip(box, other)) <= 1
    return True


def _is_equal(table: Intervals, other: Intervals) -> bool:
    """Whether two tables are the same."""
    return (
        table.shift == other.shift
        and np.array_equal(table.first, other.first)
        and np.array_equal(table.last, other.last)
    )


def boxes_at(fields: list[tuple[np.ndarray, Field]], where: np.ndarray, shape: tuple[int, ...] | None) -> np.ndarray:
    """Hulls of what fields show at some positions; each field counts where its mask is true."""
    n_axes = len(image_sizes(shape))
    big = np.int64(2**40)
    first = np.full((*where.shape[:-1], n_axes), big)
    last = np.full((*where.shape[:-1], n_axes), -big)
    for mask, field in fields:
        for box in field:
            ends = [
                table.at(where[..., axis] if axis < where.shape[-1] else np.zeros(where.shape[:-1], np.int64))
                for axis, table in enumerate(box)
            ]
            seen = mask.copy()
            for low, high in ends:
                seen &= high > low
            for axis, (low, high) in enumerate(ends):
                first[..., axis] = np.where(seen, np.minimum(first[..., axis], low), first[..., axis])
                last[..., axis] = np.where(seen, np.maximum(last[..., axis], high), last[..., axis])
    result = np.concatenate([first, last], axis=-1)
    result[(last < first).any(axis=-1)] = 0
    return result.astype(np.int32)
