"""A scene to a file, in the format that its name asks for."""

from __future__ import annotations

import os
from pathlib import Path

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.files.atomic import write_bytes
from cnnvis_caffe.scene.shapes import Scene

FORMATS = (".png", ".svg", ".pdf", ".html")
_NO_FORMAT = f"pictures are written as {', '.join(FORMATS)}, not {{}}"


def scene_bytes(scene: Scene, suffix: str, *, scale: float = 1.0) -> bytes:
    """Return a file's contents.

    Parameters
    ----------
    scene : Scene
    suffix : str
        One of `FORMATS`.
    scale : float
        Pixels of a PNG for one scene unit; the others are vectors.

    Raises
    ------
    CnnvisError
        If there is no such format, or the picture is too large for a PNG.
    MissingDependencyError
        If cairo is needed and not installed.
    """
    if suffix == ".png":
        from cnnvis_caffe.render.raster import scene_png

        return scene_png(scene, scale=scale)
    if suffix == ".pdf":
        from cnnvis_caffe.render.pdf import scene_pdf

        return scene_pdf(scene)
    if suffix == ".svg":
        from cnnvis_caffe.render.svg import scene_svg

        return scene_svg(scene).encode()
    if suffix in (".html", ".htm"):
        from cnnvis_caffe.render.html import scene_html

        return scene_html(scene).encode()
    raise CnnvisError(_NO_FORMAT.format(suffix or "without an ending"))


def check_picture_path(path: str | os.PathLike[str]) -> None:
    """Raise a `CnnvisError` where no picture can be written, before there is one."""
    target = Path(path)
    if target.suffix.lower() not in (*FORMATS, ".htm"):
        raise CnnvisError(f"{target}: {_NO_FORMAT.format(target.suffix or 'without an ending')}")
    if not target.parent.is_dir():
        raise CnnvisError(f"{target}: there is no folder {target.parent}")


def write_scene(scene: Scene, path: str | os.PathLike[str], *, scale: float = 1.0) -> None:
    """Write a picture, whole or not at all; see `scene_bytes` for what may go wrong."""
    check_picture_path(path)
    write_bytes(path, scene_bytes(scene, Path(path).suffix.lower(), scale=scale))
