"""Writes what stands over the columns: the title of the picture, names of the layers, groups."""

from __future__ import annotations

from collections.abc import Iterator

from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.aggregation import Column, LayerGroup
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.scene.facets import PictureLayout
from cnnvis_caffe.scene.lettering import shorten, shorten_end, text_width
from cnnvis_caffe.scene.neurons import facet_of, features_of
from cnnvis_caffe.scene.shapes import Head, Path, Rectangle, Shape, Style, Target, Text, straight
from cnnvis_caffe.scene.theme import SIZES
from cnnvis_caffe.text.words import class_name, counted, data_line, figure, whole

#: Zoom under which heads are written larger, and without their second line.
OVERVIEW = 0.7


def title_shapes(layout: PictureLayout) -> Iterator[Shape]:
    """Yield the name of the network and what was analysed."""
    theme, left = layout.theme, SIZES.margin
    room = layout.geometry.width - 2 * SIZES.margin
    title = shorten(layout.analysis.title or "network", room, SIZES.title, "bold")
    yield Text("title", left, 36, title, SIZES.title, theme.ink, weight="bold")
    at = left + text_width(title, SIZES.title, "bold") + 14
    line = shorten_end(data_line(layout.analysis, layout.snapshot), room + left - at, SIZES.text)
    if line:
        yield Text("title/data", at, 36, line, SIZES.text, theme.muted)
    chosen = layout.view.classes
    if chosen:
        names = ", ".join(class_name(layout.analysis, which) for which in chosen)
        text = shorten_end(f"strong for {names}", room / 2, SIZES.text, "bold")
        used = at + text_width(line, SIZES.text) + 24
        if text and used + text_width(text, SIZES.text, "bold") < SIZES.margin + room:
            right = SIZES.margin + room
            yield Text("title/classes", right, 36, text, SIZES.text, theme.ink, "end", "bold")


def head_shapes(layout: PictureLayout) -> Iterator[Shape]:
    """Yield name, type and number of neurons of each column, and the groups that can be opened or closed."""
    groups = {group.name: group for group in layout.aggregation.groups}
    for number, column in enumerate(layout.aggregation.columns):
        x, y, width, _ = layout.geometry.head_box(number)
        middle = x + width / 2
        room = _head_room(layout, number)
        yield from _head(layout, column, middle, y, room)
        group = groups.get(column.group)
        if group is not None and is_collapsed(group):
            yield from _pill(layout, group, column, middle, y + SIZES.head_height, room[1] - room[0])
    yield from _open_groups(layout)


def heads_of(layout: PictureLayout) -> tuple[Head, ...]:
    """Return the names over the columns, from left to right and from top to bottom."""
    expanded = {group.name for group in layout.aggregation.groups if group.is_expanded and len(group.columns) > 1}
    heads = []
    for number, column in enumerate(layout.aggregation.columns):
        x, y, width, _ = layout.geometry.head_box(number)
        group = column.group if column.group in expanded else ""
        heads.append(Head(Target("column", column.node), _title(layout, column), group, x + width / 2, y + 22))
    return tuple(sorted(heads, key=lambda head: (round(head.middle), head.y)))


def is_collapsed(group: LayerGroup) -> bool:
    """Whether there is more to see in a group."""
    return len(group.columns) > 1 and not group.is_expanded


def _head_room(layout: PictureLayout, number: int) -> tuple[float, float]:
    """First and last x that a head may take: half the way to its neighbours, or the margin."""
    me = layout.aggregation.columns[number]

    def middle_of(column: int) -> float:
        x, _, width, _ = layout.geometry.head_box(column)
        return x + width / 2

    middle = middle_of(number)
    left, right = SIZES.margin, layout.geometry.width - SIZES.margin
    for other, column in enumerate(layout.aggregation.columns):
        if column.depth < me.depth:
            left = max(left, (middle_of(other) + middle) / 2 + 6)
        elif column.depth > me.depth:
            right = min(right, (middle_of(other) + middle) / 2 - 6)
    return left, right


def _head(
    layout: PictureLayout, column: Column, middle: float, y: float, bounds: tuple[float, float]
) -> Iterator[Shape]:
    """Two lines, or one that is larger when the picture is small."""
    theme, target = layout.theme, Target("column", column.node)
    room = bounds[1] - bounds[0]
    title = _title(layout, column)
    name = shorten(title, room, SIZES.head, "bold")
    line = next((line for line in _second_lines(layout, column) if text_width(line, SIZES.small) <= room), "")
    half = max(text_width(name, SIZES.head, "bold"), text_width(line, SIZES.small)) / 2
    middle = min(max(middle, bounds[0] + half), bounds[1] - half)
    if y > layout.geometry.top + 1:  # curves may run behind the heads of branches
        halo = Style(theme.ground, opacity=0.85)
        yield Rectangle(f"head/{column.node}/ground", middle - half - 4, y - 2, 2 * half + 8, 36, halo, SIZES.corner)
    if name:
        yield Text(
            f"head/{column.node}", middle, y + 12, name, SIZES.head, theme.ink, "middle", "bold", target=target,
            min_zoom=OVERVIEW,
        )  # fmt: skip
    larger = shorten(title, 2 * min(middle - bounds[0], bounds[1] - middle), SIZES.overview, "bold")
    if larger:
        yield Text(
            f"head/{column.node}/overview", middle, y + 22, larger, SIZES.overview, theme.ink, "middle", "bold",
            target=target, max_zoom=OVERVIEW,
        )  # fmt: skip
    if line:
        yield Text(
            f"head/{column.node}/type", middle, y + 29, line, SIZES.small, theme.muted, "middle", target=target,
            min_zoom=SIZES.tiny / SIZES.small,
        )  # fmt: skip


def _title(layout: PictureLayout, column: Column) -> str:
    """Title of a column; inside an open group, whose name stands above, without that name."""
    group = next((one for one in layout.aggregation.groups if one.name == column.group), None)
    if group is None or not group.is_expanded or len(group.columns) < 2:
        return column.title
    parts = []
    for part in column.title.split(" + "):
        has_name = part.startswith((f"{group.name}/", f"{group.name}_")) and len(part) > len(group.name) + 1
        parts.append(part[len(group.name) + 1 :] if has_name else part)
    return " + ".join(parts)


def _second_lines(layout: PictureLayout, column: Column) -> Iterator[str]:
    """Type and number of neurons, from the longest way of saying it to the shortest."""
    analysis, n = layout.analysis, len(column.labels)
    if column.node == analysis.data.input_name:
        lengths = analysis.node(column.node).positions or analysis.data.input_shape[1:]
        shape = "×".join(str(length) for length in lengths)
        yield f"input, {shape} px"
        yield shape
        return
    kind = layer_type(analysis, column.node)
    scale = ""
    facets = [facet_of(layout.view, column.node, tuple(one.neurons.tolist())) for one in column.clusters]
    matrices = [facet for facet in facets if facet != "features"]
    if matrices and features_of(layout.snapshot, column.node) is not None:
        found = layout.scales.matrix(column.node, matrices[0])
        scale = f" · {'±' if found.has_sign else 'to '}{figure(found.largest)}"
    yield f"{kind} · {counted(n, 'neuron')}{scale}"
    if scale:
        yield f"{whole(n)}{scale}"
    yield counted(n, "neuron")
    yield whole(n)


def layer_type(analysis: Analysis, node: str) -> str:
    """Return the type of the layer with weights that a node belongs to, or its own."""
    found = analysis.node(node)
    if found.owner and found.owner != node:
        found = analysis.node(found.owner)
    return facts_of(found.type).word or found.type


def _pill(
    layout: PictureLayout, group: LayerGroup, column: Column, middle: float, y: float, room: float
) -> Iterator[Shape]:
    """A button under the head of a collapsed group."""
    theme, target = layout.theme, Target("group", group.name)
    text = f"+ {counted(len(group.columns) - 1, 'layer')}"
    width = text_width(text, SIZES.small) + 16
    if width > room:
        text, width = f"+ {len(group.columns) - 1}", text_width(f"+ {len(group.columns) - 1}", SIZES.small) + 16
    height = SIZES.pill_height
    zoom = SIZES.tiny / SIZES.small
    name = f"group/{group.name}"
    style = Style(theme.surface, theme.line, 1.0)
    yield Rectangle(name, middle - width / 2, y, width, height, style, height / 2, target, min_zoom=zoom)
    yield Text(f"{name}/label", middle, y + 12, text, SIZES.small, theme.muted, "middle", target=target, min_zoom=zoom)


def _open_groups(layout: PictureLayout) -> Iterator[Shape]:
    """A line over the columns of each expanded group, with its name."""
    theme = layout.theme
    for group in layout.aggregation.groups:
        numbers = [number for number, column in enumerate(layout.aggregation.columns) if column.group == group.name]
        if not group.is_expanded or len(numbers) < 2:
            continue
        boxes = [layout.geometry.head_box(number) for number in numbers]
        left = min(x for x, _, _, _ in boxes)
        right = max(x + width for x, _, width, _ in boxes)
        y = layout.geometry.top - 12
        target = Target("group", group.name)
        text = shorten(f"{group.name} −", right - left - 16, SIZES.small, "bold")
        half = text_width(text, SIZES.small, "bold") / 2 + 8
        middle = (left + right) / 2
        style = Style("", theme.muted, 1.0, 0.6)
        for side, ends in (("left", (left, middle - half)), ("right", (middle + half, right))):
            if ends[1] - ends[0] > 2:
                tick = [(ends[0], y + 5), (ends[0], y), (ends[1], y)]
                if side == "right":
                    tick = [(ends[0], y), (ends[1], y), (ends[1], y + 5)]
                yield Path(f"group/{group.name}/{side}", straight(tick), style, target=target)
        yield Text(
            f"group/{group.name}", middle, y + 4, text, SIZES.small, theme.muted, "middle", "bold", target=target,
            min_zoom=SIZES.tiny / SIZES.small,
        )  # fmt: skip
