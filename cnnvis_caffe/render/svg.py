"""A scene as SVG: vectors, text as text, every element with its name."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from xml.sax import saxutils

import numpy as np

from cnnvis_caffe.render.detail import shapes_at
from cnnvis_caffe.render.png import encode_png
from cnnvis_caffe.scene.lettering import font_family, font_files
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Shape, Style, Target, Text
from cnnvis_caffe.text.plain import visible

#: Where our own font is not taken (Inkscape takes none from inside a file), the nearest ones.
FALLBACKS = "Inter, 'Helvetica Neue', Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
WEIGHTS = {"regular": 400, "bold": 700}
OVERSAMPLING = 3  # pixels of an embedded picture for one scene unit, at most


def scene_svg(scene: Scene, *, zoom: float | None = 1.0, embed_font: bool = True) -> str:
    """Write a scene as SVG.

    Parameters
    ----------
    scene : Scene
    zoom : float or None
        Decides on the level of detail. None writes every shape, those with bounds with the attributes
        `data-min-zoom` and `data-max-zoom`, for pages that choose themselves.
    embed_font : bool
        Whether the file carries the font; browsers then show it as everywhere else.

    Returns
    -------
    str
        A whole XML document.
    """
    shapes = scene.shapes if zoom is None else shapes_at(scene, zoom)
    body = "\n".join(elements(shapes, with_bounds=zoom is None))
    size = f'width="{number(scene.width)}" height="{number(scene.height)}"'
    notes = "".join(f" {note}" for note in scene.notes)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {size} '
        f'viewBox="0 0 {number(scene.width)} {number(scene.height)}" role="img">\n'
        f"<title>{escape(scene.title)}</title>\n<desc>{escape(scene.description + notes)}</desc>\n"
        f"<style>\n{font_faces() if embed_font else ''}"
        f"text {{ font-family: '{font_family()}', {FALLBACKS}; font-kerning: none; white-space: pre; }}\n"
        "</style>\n"
        f'<rect id="ground" data-name="ground" width="100%" height="100%" fill="{scene.ground}"/>\n'
        f"{body}\n</svg>\n"
    )


def escape(text: str) -> str:
    """Return text as it stands between two tags."""
    return saxutils.escape(visible(text))


def _quoted(text: str) -> str:
    """Text as the value of an attribute."""
    return saxutils.quoteattr(visible(text))


def font_faces() -> str:
    """Return the style rules that carry our font."""
    rules = []
    for weight, path in font_files().items():
        data = base64.b64encode(path.read_bytes()).decode()
        rules.append(
            f"@font-face {{ font-family: '{font_family()}'; font-weight: {WEIGHTS[weight]}; "
            f"src: url(data:font/otf;base64,{data}) format('opentype'); }}\n"
        )
    return "".join(rules)


def elements(shapes: Iterable[Shape], *, with_bounds: bool) -> Iterator[str]:
    """Yield an element for each shape."""
    for shape in shapes:
        start, end = _element(shape)
        if not start:
            continue
        attributes = f" id={_quoted(element_id(shape.name))} data-name={_quoted(shape.name)}"
        if with_bounds and shape.min_zoom > 0:
            attributes += f' data-min-zoom="{number(shape.min_zoom)}"'
        if with_bounds and shape.max_zoom < float("inf"):
            attributes += f' data-max-zoom="{number(shape.max_zoom)}"'
        tag, _, rest = start.partition(" ")
        label = "" if isinstance(shape, Text) else f"<title>{escape(describe(shape.target, shape.name))}</title>"
        yield f"{tag}{attributes} {rest}>{label}{end}"


def _element(shape: Shape) -> tuple[str, str]:
    """Start of an element without its name, and its end; empty for what has no extent."""
    if isinstance(shape, Rectangle):
        return _rectangle(shape)
    if isinstance(shape, Bitmap):
        return _picture(shape)
    return _path(shape) if isinstance(shape, Path) else _text(shape)


def describe(target: Target | None, name: str) -> str:
    """Say in words what a shape stands for."""
    if target is None:
        return name
    neurons = f"{len(target.members)} neurons" if len(target.members) != 1 else f"neuron {target.members[0]}"
    if target.kind in ("edge", "bicluster"):
        sign = {1: "positive ", -1: "negative ", 0: ""}[target.sign]
        return f"{sign}{'connection' if target.kind == 'edge' else 'bundle'}, {target.node} to {target.other_node}"
    if target.kind in ("neuron", "cluster"):
        return f"{target.node}, {neurons}"
    return " ".join(part for part in (target.kind, target.node) if part)


def element_id(name: str) -> str:
    """Return an XML id for a shape's name; different names have different ids."""
    safe = re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found.group()):x}_", name)
    return safe if safe[:1].isalpha() else f"s_.{safe}"


def number(value: float) -> str:
    """Write a number with at most two decimals."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _style(style: Style) -> str:
    """Write fill, stroke and opacity."""
    parts = [f'fill="{style.fill or "none"}"']
    if style.stroke:
        parts.append(f'stroke="{style.stroke}" stroke-width="{number(style.stroke_width)}"')
    if style.opacity < 1:
        parts.append(f'opacity="{number(style.opacity)}"')
    return " ".join(parts)


def _rectangle(shape: Rectangle) -> tuple[str, str]:
    inset = shape.style.stroke_width / 2 if shape.style.stroke else 0.0  # borders lie inside
    width, height = shape.width - 2 * inset, shape.height - 2 * inset
    if width <= 0 or height <= 0:
        return "", ""
    corner = f' rx="{number(max(0.0, shape.corner - inset))}"' if shape.corner else ""
    place = f'x="{number(shape.x + inset)}" y="{number(shape.y + inset)}"'
    return f'<rect {place} width="{number(width)}" height="{number(height)}"{corner} {_style(shape.style)}', "</rect>"


def _picture(shape: Bitmap) -> tuple[str, str]:
    if not shape.pixels.size or shape.width <= 0 or shape.height <= 0:
        return "", ""
    pixels = shape.pixels
    if shape.is_smooth:
        pixels = _no_finer_than(pixels, shape.height * OVERSAMPLING, shape.width * OVERSAMPLING)
    data = base64.b64encode(encode_png(pixels)).decode()
    sharp = "" if shape.is_smooth else ' style="image-rendering: pixelated"'
    opacity = f' opacity="{number(shape.opacity)}"' if shape.opacity < 1 else ""
    place = f'x="{number(shape.x)}" y="{number(shape.y)}"'
    size = f'width="{number(shape.width)}" height="{number(shape.height)}"'
    return (
        f'<image {place} {size} preserveAspectRatio="none"{sharp}{opacity} xlink:href="data:image/png;base64,{data}"',
        "</image>",
    )


def _no_finer_than(pixels: np.ndarray, height: float, width: float) -> np.ndarray:
    """Average blocks of pixels as long as at least this many are left."""
    down, right = max(1, int(pixels.shape[0] // height)), max(1, int(pixels.shape[1] // width))
    if down == right == 1:
        return pixels
    rows, columns = pixels.shape[0] // down, pixels.shape[1] // right
    blocks = pixels[: rows * down, : columns * right].reshape(rows, down, columns, right, 3)
    return np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)


def _path(shape: Path) -> tuple[str, str]:
    points = shape.points.tolist()
    parts = [f"M{number(points[0][0])} {number(points[0][1])}"]
    for at in range(1, len(points) - 2, 3):
        parts.append("C" + " ".join(f"{number(x)} {number(y)}" for x, y in points[at : at + 3]))
    if shape.is_closed:
        parts.append("Z")
    return f'<path d="{"".join(parts)}" {_style(shape.style)}', "</path>"


def _text(shape: Text) -> tuple[str, str]:
    parts = [f'<text x="{number(shape.x)}" y="{number(shape.y)}" font-size="{number(shape.size)}"']
    parts.append(f'fill="{shape.colour}"')
    if shape.anchor != "start":
        parts.append(f'text-anchor="{shape.anchor}"')
    if shape.weight != "regular":
        parts.append(f'font-weight="{WEIGHTS[shape.weight]}"')
    if shape.angle:
        parts.append(f'transform="rotate({number(shape.angle)} {number(shape.x)} {number(shape.y)})"')
    if shape.opacity < 1:
        parts.append(f'opacity="{number(shape.opacity)}"')
    return " ".join(parts), f"{escape(shape.text)}</text>"
