"""Paints a scene on a cairo surface; PNG and PDF differ in the surface alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnvis_caffe.render.cairo_library import cairo
from cnnvis_caffe.render.detail import shapes_at
from cnnvis_caffe.scene.colour_maps import rgb
from cnnvis_caffe.scene.lettering import font_family
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Scene, Style, Text


class CairoPainter:
    """Paints the shapes of scenes.

    Parameters
    ----------
    surface : cairocffi.Surface
    scale : float
        Device units for one scene unit.
    zoom : float
        What decides on the level of detail.
    is_raster : bool
        Whether straight borders are moved onto whole pixels, so that they stay sharp.
    """

    def __init__(self, surface: Any, scale: float, *, zoom: float, is_raster: bool) -> None:
        self._cairo = cairo()
        self._context = self._cairo.Context(surface)
        self._scale, self._zoom = scale, zoom
        self._is_raster = is_raster
        self._context.scale(scale, scale)
        self._context.set_line_join(self._cairo.LINE_JOIN_ROUND)
        self._context.set_line_cap(self._cairo.LINE_CAP_BUTT)
        options = self._cairo.FontOptions()
        options.set_hint_style(self._cairo.HINT_STYLE_NONE)
        options.set_hint_metrics(self._cairo.HINT_METRICS_OFF)
        options.set_antialias(self._cairo.ANTIALIAS_GRAY)
        self._context.set_font_options(options)
        self._faces = {
            "regular": self._cairo.ToyFontFace(font_family(), weight=self._cairo.FONT_WEIGHT_NORMAL),
            "bold": self._cairo.ToyFontFace(font_family(), weight=self._cairo.FONT_WEIGHT_BOLD),
        }

    def paint(self, scene: Scene) -> None:
        """Paint the ground and every shape that this zoom shows."""
        self._set_colour(scene.ground, 1.0)
        self._context.paint()
        for shape in shapes_at(scene, self._zoom):
            if isinstance(shape, Rectangle):
                self._paint_rectangle(shape)
            elif isinstance(shape, Bitmap):
                self._paint_picture(shape)
            elif isinstance(shape, Path):
                self._paint_path(shape)
            else:
                self._paint_text(shape)

    def _set_colour(self, colour: str, opacity: float) -> None:
        red, green, blue = rgb(colour)
        self._context.set_source_rgba(red / 255, green / 255, blue / 255, opacity)

    def _fill_and_stroke(self, style: Style) -> None:
        if style.fill:
            self._set_colour(style.fill, style.opacity)
            self._context.fill_preserve()
        if style.stroke:
            self._set_colour(style.stroke, style.opacity)
            self._context.set_line_width(style.stroke_width)
            self._context.stroke_preserve()
        self._context.new_path()

    def _snap(self, *lengths: float) -> list[float]:
        """Round to whole device pixels."""
        if not self._is_raster:
            return list(lengths)
        return [math.floor(length * self._scale + 0.5) / self._scale for length in lengths]

    def _paint_rectangle(self, shape: Rectangle) -> None:
        left, top, right, bottom = self._snap(shape.x, shape.y, shape.x + shape.width, shape.y + shape.height)
        inset = shape.style.stroke_width / 2 if shape.style.stroke else 0.0  # borders lie inside
        left, top, right, bottom = left + inset, top + inset, right - inset, bottom - inset
        if right <= left or bottom <= top:
            return
        corner = min(shape.corner - inset, (right - left) / 2, (bottom - top) / 2)
        if corner > 0:
            context, turn = self._context, math.pi / 2
            context.new_sub_path()
            context.arc(right - corner, top + corner, corner, -turn, 0)
            context.arc(right - corner, bottom - corner, corner, 0, turn)
            context.arc(left + corner, bottom - corner, corner, turn, 2 * turn)
            context.arc(left + corner, top + corner, corner, 2 * turn, 3 * turn)
            context.close_path()
        else:
            self._context.rectangle(left, top, right - left, bottom - top)
        self._fill_and_stroke(shape.style)

    def _paint_picture(self, shape: Bitmap) -> None:
        height, width = shape.pixels.shape[:2]
        left, top, right, bottom = shape.x, shape.y, shape.x + shape.width, shape.y + shape.height
        if not shape.is_smooth:
            left, top, right, bottom = self._snap(left, top, right, bottom)
        elif self._is_raster:  # inwards, so that the frame around a patch stays free
            left, top = (math.ceil(length * self._scale - 1e-6) / self._scale for length in (left, top))
            right, bottom = (math.floor(length * self._scale + 1e-6) / self._scale for length in (right, bottom))
        if not height or not width or right <= left or bottom <= top:
            return
        stride = self._cairo.ImageSurface.format_stride_for_width(self._cairo.FORMAT_RGB24, width)
        data = np.zeros((height, stride // 4, 4), np.uint8)  # blue, green, red, unused
        data[:, :width, :3] = shape.pixels[:, :, ::-1]
        image = self._cairo.ImageSurface(self._cairo.FORMAT_RGB24, width, height, data.reshape(-1).data, stride)
        context = self._context
        context.save()
        context.rectangle(left, top, right - left, bottom - top)
        context.clip()
        context.translate(left, top)
        context.scale((right - left) / width, (bottom - top) / height)
        pattern = self._cairo.SurfacePattern(image)
        pattern.set_filter(self._cairo.FILTER_GOOD if shape.is_smooth else self._cairo.FILTER_NEAREST)
        pattern.set_extend(self._cairo.EXTEND_PAD)
        context.set_source(pattern)
        if shape.opacity < 1:
            context.paint_with_alpha(shape.opacity)
        else:
            context.paint()
        context.restore()

    def _paint_path(self, shape: Path) -> None:
        context = self._context
        points = shape.points.tolist()
        context.move_to(*points[0])
        for at in range(1, len(points) - 2, 3):
            context.curve_to(*points[at], *points[at + 1], *points[at + 2])
        if shape.is_closed:
            context.close_path()
        self._fill_and_stroke(shape.style)

    def _paint_text(self, shape: Text) -> None:
        context = self._context
        context.set_font_face(self._faces[shape.weight])
        context.set_font_size(shape.size)
        advance = context.text_extents(shape.text)[4]
        context.save()
        context.translate(shape.x, shape.y)
        if shape.angle:
            context.rotate(math.radians(shape.angle))
        context.move_to({"start": 0.0, "middle": -advance / 2, "end": -advance}[shape.anchor], 0.0)
        self._set_colour(shape.colour, shape.opacity)
        context.show_text(shape.text)
        context.new_path()
        context.restore()
