"""A scene as PDF: vectors, and text that can be searched."""

from __future__ import annotations

import io

from cnnvis_caffe.render.cairo_library import cairo
from cnnvis_caffe.render.cairo_painter import CairoPainter
from cnnvis_caffe.scene.shapes import Scene

POINTS = 0.75  # for one scene unit, a pixel of 1/96 inch


def scene_pdf(scene: Scene) -> bytes:
    """Paint a scene on one page of its size and return the PDF file.

    Raises
    ------
    MissingDependencyError
        If cairo is not installed.
    """
    file = io.BytesIO()
    surface = cairo().PDFSurface(file, scene.width * POINTS, scene.height * POINTS)
    surface.set_metadata(cairo().PDF_METADATA_TITLE, scene.title)
    surface.set_metadata(cairo().PDF_METADATA_SUBJECT, scene.description)
    surface.set_metadata(cairo().PDF_METADATA_CREATE_DATE, "")  # two pictures of one scene are the same bytes
    CairoPainter(surface, POINTS, zoom=1.0, is_raster=False).paint(scene)
    surface.finish()
    return file.getvalue()
