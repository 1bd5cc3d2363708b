"""Draws what explains a network's answer to an image: projections and maps side by side, and hidden squares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.records.explanation import Explained, Explanation, OccludedImage, SeenImage
from cnnvis_caffe.scene.colour_maps import rgb
from cnnvis_caffe.scene.lettering import cap_height, shorten, shorten_end, text_width
from cnnvis_caffe.scene.shapes import Bitmap, Rectangle, Scene, Shape, Style, Text
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import counted, figure, probability

#: Sizes in scene units.
PAGE = SimpleNamespace(
    tile=168.0,  # longer side of a picture
    gap=16.0,
    head=58.0,  # title and line under it
    column_head=24.0,
    line=16.0,  # of text under a picture
    n_lines=3,
    row_gap=20.0,
    legend=44.0,
    strip=88.0,  # width of the colours in the legend
    swatch=10.0,
    n_best=3,  # classes under an image
    n_listed=10,  # classes with a colour of their own in a map
)
#: Larger images are smoothed when they are drawn; of smaller ones every pixel is seen.
SMALL_IMAGE_PX = 64
#: Maps are drawn up to this share of their values, so that a single pixel does not make the rest pale.
_SHOWN_SHARE = 0.995
METHOD_TITLES = {
    "activation": "activation",
    "gradient": "gradient",
    "deconvnet": "deconvnet",
    "guided": "guided backpropagation",
    "grad-cam": "Grad-CAM",
    "integrated": "integrated gradients",
}
_SIGNED = ("gradient", "integrated")


def explanation_scene(explained: Sequence[Explained], theme: Theme = LIGHT) -> Scene:
    """Lay out explanations: a row for each image, a column for each method.

    Parameters
    ----------
    explained : sequence of Explained
        All by the same methods.
    theme : Theme, optional

    Returns
    -------
    Scene
    """
    methods = [one.method for one in explained[0].explanations]
    page = _ExplanationPage(theme, 1 + len(methods), explained[0].image.pixels)
    targets = {one.target for one in explained}
    what = f"{targets.pop()} explained" if len(targets) == 1 else "the most probable class of each image explained"
    shapes = list(page.head(explained[0].title or "network", what))
    for column, method in enumerate(methods, 1):
        shapes += page.column_head(column, METHOD_TITLES[method])
    shapes += page.column_head(0, "image")
    for row, one in enumerate(explained):
        top = page.row_top(row)
        shapes += page.tile(f"{row}/image", 0, top, one.image.pixels)
        shapes += page.lines(f"{row}/image", 0, top, _image_lines(one.image))
        for column, explanation in enumerate(one.explanations, 1):
            name = f"{row}/{explanation.method}"
            shapes += page.tile(name, column, top, explanation_pixels(explanation, one.image, theme))
            shapes += page.lines(name, column, top, _explanation_lines(explanation, one.target if column == 1 else ""))
    bottom = page.row_top(len(explained))
    shapes += _legend(page, bottom, methods)
    words = "; ".join(_in_words(one) for one in explained)
    title = f"{explained[0].target} explained"
    return Scene(page.width, bottom + PAGE.legend, theme.ground, tuple(shapes), title, words)


def occlusion_scene(images: Sequence[OccludedImage], theme: Theme = LIGHT) -> Scene:
    """Lay out what hiding parts of images does: a row for each, as Figure 7 of Zeiler and Fergus.

    Parameters
    ----------
    images : sequence of OccludedImage
    theme : Theme, optional

    Returns
    -------
    Scene
    """
    has_map = bool(images[0].occlusion.layer)
    heads = ["image", *(["feature map", "its projection"] if has_map else []), "probability", "most probable class"]
    page = _ExplanationPage(theme, len(heads), images[0].image.pixels)
    y0, x0, y1, x1 = images[0].occlusion.boxes[0, 0].tolist()
    what = f"{y1 - y0} × {x1 - x0} pixels are hidden at a time; each place shows what the network says then"
    shapes = list(page.head(images[0].title or "network", what))
    for column, head in enumerate(heads):
        shapes += page.column_head(column, head)
    for row, one in enumerate(images):
        shapes += _occlusion_row(page, row, one)
    bottom = page.row_top(len(images))
    shapes += page.strip("low", page.left, bottom, theme.quantity.strip(96), "least", "most")
    words = "; ".join(_occlusion_in_words(one) for one in images)
    return Scene(page.width, bottom + PAGE.legend, theme.ground, tuple(shapes), "Hidden parts", words)


class _ExplanationPage:
    """Tiles in rows and columns, all of the shape of the images."""

    def __init__(self, theme: Theme, n_columns: int, pixels: np.ndarray) -> None:
        height, width = pixels.shape[:2]
        self.theme = theme
        self.tile_height = PAGE.tile * height / max(height, width)
        self.tile_width = PAGE.tile * width / max(height, width)
        self.is_smooth = max(height, width) > SMALL_IMAGE_PX
        self.left = SIZES.margin
        self.width = 2 * SIZES.margin + n_columns * self.tile_width + (n_columns - 1) * PAGE.gap

    def x(self, column: int) -> float:
        """Left end of a column."""
        return float(self.left + column * (self.tile_width + PAGE.gap))

    def row_top(self, row: int) -> float:
        """Upper end of a row of tiles."""
        height = self.tile_height + PAGE.n_lines * PAGE.line + PAGE.row_gap
        return float(SIZES.margin + PAGE.head + PAGE.column_head + row * height)

    def head(self, title: str, line: str) -> Iterator[Shape]:
        """The title and what stands under it."""
        room = self.width - 2 * SIZES.margin
        y = SIZES.margin + cap_height(SIZES.title)
        title = shorten(title, room, SIZES.title, "bold")
        yield Text("title", self.left, y, title, SIZES.title, self.theme.ink, weight="bold")
        yield Text("line", self.left, y + 20, shorten_end(line, room, SIZES.text), SIZES.text, self.theme.muted)

    def column_head(self, column: int, text: str) -> Iterator[Shape]:
        """What a column shows."""
        y = SIZES.margin + PAGE.head + cap_height(SIZES.text)
        shown = shorten(text, self.tile_width, SIZES.text, "bold")
        yield Text(f"column/{column}", self.x(column), y, shown, SIZES.text, self.theme.ink, weight="bold")

    def tile(self, name: str, column: int, top: float, pixels: np.ndarray) -> Iterator[Shape]:
        """A picture with a quiet frame."""
        x, width, height = self.x(column), self.tile_width, self.tile_height
        yield Bitmap(f"tile/{name}", x, top, width, height, pixels, is_smooth=self.is_smooth)
        yield Rectangle(f"frame/{name}", x, top, width, height, Style(stroke=self.theme.frame))

    def lines(self, name: str, column: int, top: float, lines: Sequence[str]) -> Iterator[Shape]:
        """Text under a tile."""
        y = top + self.tile_height + 6 + cap_height(SIZES.small)
        for number, text in enumerate(lines[: PAGE.n_lines]):
            shown = shorten(text, self.tile_width, SIZES.small)
            at = y + number * PAGE.line
            colour = self.theme.muted if number else self.theme.ink
            yield Text(f"text/{name}/{number}", self.x(column), at, shown, SIZES.small, colour)

    def strip(self, name: str, x: float, y: float, pixels: np.ndarray, low: str, high: str) -> Iterator[Shape]:
        """Colours from low to high, in the legend."""
        base = y + 10 + cap_height(SIZES.small) / 2
        yield Text(f"legend/{name}/low", x, base, low, SIZES.small, self.theme.muted)
        x += text_width(low, SIZES.small) + 6
        yield Bitmap(f"legend/{name}", x, y + 5, PAGE.strip, PAGE.swatch, pixels)
        frame = Style(stroke=self.theme.line)
        yield Rectangle(f"legend/{name}/frame", x, y + 5, PAGE.strip, PAGE.swatch, frame)
        yield Text(f"legend/{name}/high", x + PAGE.strip + 6, base, high, SIZES.small, self.theme.muted)


def _image_lines(image: SeenImage) -> list[str]:
    """The most probable classes, else the name."""
    return [f"{probability(share)} {_class(image, one)}" for one, share in image.best(PAGE.n_best)] or [image.name]


def _class(image: SeenImage, number: int) -> str:
    """A class by its name."""
    return image.class_names[number].split(",")[0].strip() if number < len(image.class_names) else str(number)


def _explanation_lines(explanation: Explanation, target: str) -> list[str]:
    """What must be said under an explanation."""
    lines = []
    if target:
        at = f" at {', '.join(map(str, explanation.position))}" if explanation.position else ""
        lines.append(f"{target}: {figure(explanation.activation)}{at}")
    return [*lines, *([explanation.note] if explanation.note else [])]


def explanation_pixels(explanation: Explanation, image: SeenImage, theme: Theme) -> np.ndarray:
    """Turn an explanation into a picture: projections as they are, maps over the image, values by their sign.

    Parameters
    ----------
    explanation : Explanation
    image : SeenImage
        That it explains.
    theme : Theme

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
    """
    if explanation.picture is not None:
        return explanation.picture
    if explanation.method in ("activation", "grad-cam"):
        largest = max(float(explanation.values.max()), 0.0)
        return _over(image.pixels, theme.quantity.pixels(explanation.values[0] / (largest or 1.0)))
    values = explanation.values.sum(0)
    largest = float(np.quantile(np.abs(values), _SHOWN_SHARE)) or float(np.abs(values).max()) or 1.0
    return theme.contribution.pixels(0.5 + 0.5 * np.clip(values / largest, -1, 1))


def _over(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Colours laid over a grey image."""
    grey = image.mean(2, keepdims=True)
    return np.rint(0.4 * grey + 0.6 * colours).astype(np.uint8)


def _legend(page: _ExplanationPage, y: float, methods: Sequence[str]) -> Iterator[Shape]:
    """What the colours mean, under the first column that has them."""
    signed = [number for number, method in enumerate(methods, 1) if method in _SIGNED]
    if signed:
        strip = page.theme.contribution.strip(97)
        yield from page.strip("signed", page.x(signed[0]), y, strip, "lowers", "raises")
    if "grad-cam" in methods:
        at = page.x(methods.index("grad-cam") + 1)
        yield from page.strip("evidence", at, y, page.theme.quantity.strip(96), "none", "most")
    projected = [number for number, method in enumerate(methods, 1) if method in ("deconvnet", "guided")]
    if projected:
        at, base = page.x(projected[0]), y + 10 + cap_height(SIZES.small) / 2
        yield Rectangle("legend/grey", at, y + 5, PAGE.swatch, PAGE.swatch, Style(fill="#808080"))
        yield Text("legend/grey/text", at + PAGE.swatch + 6, base, "nothing comes back", SIZES.small, page.theme.muted)


def _in_words(one: Explained) -> str:
    """An explained image for those who cannot see it."""
    best = ", ".join(f"{_class(one.image, n)} {probability(share)}" for n, share in one.image.best(PAGE.n_best))
    methods = ", ".join(METHOD_TITLES[explanation.method] for explanation in one.explanations)
    activation = figure(one.explanations[0].activation) if one.explanations else "–"
    return f"{one.image.name} ({best or 'no scores'}): {one.target}, activation {activation}, by {methods}"


def _occlusion_in_words(one: OccludedImage) -> str:
    """An image with hidden parts for those who cannot see it."""
    found = one.occlusion
    whole, least = probability(float(found.whole[found.label])), probability(float(found.probability.min()))
    return f"{one.image.name}: {_class(one.image, found.label)} {whole}, with a part hidden {least} at least"


# -- hidden squares --------------------------------------------------------------------------------------------------


def _occlusion_row(page: _ExplanationPage, row: int, one: OccludedImage) -> Iterator[Shape]:
    """An image, and its maps."""
    top, theme, found = page.row_top(row), page.theme, one.occlusion
    yield from page.tile(f"{row}/image", 0, top, one.image.pixels)
    yield from page.lines(f"{row}/image", 0, top, _image_lines(one.image))
    column = 1
    if found.layer:
        low, high = float(found.activation.min()), float(found.activation.max())
        maps = theme.quantity.pixels((found.activation - low) / ((high - low) or 1.0))
        yield from _heat(page, f"{row}/map", column, top, one, maps)
        lines = [f"{found.layer}, map {found.strongest_map}: sum {figure(found.whole_activation)}"]
        lines.append(f"hidden: {figure(low)} to {figure(high)}")
        yield from page.lines(f"{row}/map", column, top, lines)
        assert one.projection is not None
        yield from page.tile(f"{row}/projection", column + 1, top, one.projection)
        yield from page.lines(f"{row}/projection", column + 1, top, [f"strongest place of map {found.strongest_map}"])
        column += 2
    whole = float(found.whole[found.label])
    low, high = float(found.probability.min()), float(found.probability.max())
    shares = found.probability / (max(high, whole) or 1.0)
    yield from _heat(page, f"{row}/probability", column, top, one, theme.quantity.pixels(shares))
    lines = [f"of {_class(one.image, found.label)}: {probability(whole)}"]
    lines.append(f"hidden: {probability(low)} to {probability(high)}")
    yield from page.lines(f"{row}/probability", column, top, lines)
    numbers, counts = np.unique(found.most_probable, return_counts=True)
    order = [int(number) for number in numbers[np.argsort(-counts, kind="stable")]]
    yield from _heat(page, f"{row}/classes", column + 1, top, one, _class_pixels(found.most_probable, order, theme))
    yield from _class_legend(page, row, column + 1, top, one, order)


def _heat(
    page: _ExplanationPage, name: str, column: int, top: float, one: OccludedImage, colours: np.ndarray
) -> Iterator[Shape]:
    """A map over the pale image: each square's value at the square's middle."""
    boxes = one.occlusion.boxes
    height, width = one.image.pixels.shape[:2]
    pale = np.rint(0.35 * one.image.pixels.mean(2, keepdims=True) + 0.65 * 255).astype(np.uint8)
    yield from page.tile(f"{name}/under", column, top, np.repeat(pale, 3, 2))
    ends = []
    for axis, length in ((0, height), (1, width)):
        places = boxes[:, 0, 0] if axis == 0 else boxes[0, :, 1]
        size = int(boxes[0, 0, 2 + axis] - boxes[0, 0, axis])
        step = int(places[1] - places[0]) if len(places) > 1 else size
        first = places[0] + (size - step) / 2
        ends.append((max(first, 0.0), min(first + step * len(places), float(length))))
    scale_y, scale_x = page.tile_height / height, page.tile_width / width
    (y0, y1), (x0, x1) = ends
    yield Bitmap(
        f"tile/{name}", page.x(column) + x0 * scale_x, top + y0 * scale_y, (x1 - x0) * scale_x, (y1 - y0) * scale_y,
        colours, is_smooth=False,
    )  # fmt: skip


def _class_pixels(numbers: np.ndarray, order: Sequence[int], theme: Theme) -> np.ndarray:
    """A colour for each of the most frequent classes, grey for others."""
    result = np.empty((*numbers.shape, 3), np.uint8)
    result[...] = rgb(theme.neutral)
    for number, colour in _colours(order, theme):
        result[numbers == number] = rgb(colour)
    return result


def _colours(order: Sequence[int], theme: Theme) -> list[tuple[int, str]]:
    """The classes that have a colour."""
    return list(zip(order[: PAGE.n_listed], theme.classes))


def _class_legend(
    page: _ExplanationPage, row: int, column: int, top: float, one: OccludedImage, order: Sequence[int]
) -> Iterator[Shape]:
    """Names of the classes under their map, as many as have room."""
    y = top + page.tile_height + 6
    x, line = page.x(column), 0
    for place, (number, colour) in enumerate(_colours(order, page.theme)):
        text = shorten(_class(one.image, number), page.tile_width - PAGE.swatch - 5, SIZES.small)
        width = PAGE.swatch + 5 + text_width(text, SIZES.small) + 10
        if x + width > page.x(column) + page.tile_width + 10:
            x, line = page.x(column), line + 1
        if line == PAGE.n_lines - 1 and place < len(order) - 1:
            more = f"and {counted(len(order) - place, 'class').replace('classs', 'classes')} more"
            at = y + line * PAGE.line + cap_height(SIZES.small)
            yield Text(f"classes/{row}/more", x, at, more, SIZES.small, page.theme.muted)
            return
        at = y + line * PAGE.line
        yield Rectangle(f"classes/{row}/{number}", x, at - 1, PAGE.swatch, PAGE.swatch, Style(fill=colour))
        base = at + cap_height(SIZES.small)
        yield Text(f"classes/{row}/{number}/text", x + PAGE.swatch + 5, base, text, SIZES.small, page.theme.ink)
        x += width


