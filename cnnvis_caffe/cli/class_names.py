"""The option that names classes."""

from __future__ import annotations

import os

from cnnvis_caffe.errors import DataNotFoundError


def class_names(text: str | None) -> list[str]:
    """Return the names of classes that a user gave.

    Parameters
    ----------
    text : str or None
        Names between commas, or a file with one a line; None for none.
    """
    if text and text.lower().endswith((".txt", ".names")) and not os.path.isfile(text):
        raise DataNotFoundError(f"{text}: there is no such file; give one with the name of one class on each line")
    if text and os.path.isfile(text):
        from cnnvis_caffe.datasets.class_names import read_class_names

        return list(read_class_names(text))
    return [name.strip() for name in (text or "").split(",") if name.strip()]
