"""A scene to a file, in the format that its name asks for."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.scene.shapes import Scene

FORMATS = (".png", ".svg", ".pdf", ".html")


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
    raise CnnvisError(f"pictures are written as {', '.join(FORMATS)}, not {suffix or 'without an ending'!r}")


def write_scene(scene: Scene, path: str | os.PathLike[str], *, scale: float = 1.0) -> None:
    """Write a picture, whole or not at all; see `scene_bytes` for what may go wrong."""
    target = Path(path)
    data = scene_bytes(scene, target.suffix.lower(), scale=scale)
    if not target.parent.is_dir():
        raise CnnvisError(f"{target}: there is no folder {target.parent}")
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _umask() -> int:
    """Permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
