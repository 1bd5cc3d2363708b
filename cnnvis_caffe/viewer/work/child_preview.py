"""Prepares one image as an analysis would, in another process: opening a network may take seconds, and may fail."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cnnvis_caffe.analysis.model import Model, open_model
from cnnvis_caffe.analysis.request import make_request
from cnnvis_caffe.progress import Progress
from cnnvis_caffe.text.words import counted, figure
from cnnvis_caffe.viewer.model.prepared_image import PreparedImage

#: Who says how images were prepared, and what their classes are called.
_ABOUT_IMAGES = ("cnnvis_caffe.preparation", "cnnvis_caffe.analysis", "cnnvis_caffe.datasets")


class _Notes(logging.Handler):
    """Keeps what is said of images and classes while the network is opened, and every warning."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message, once."""
        is_about_images = record.name.startswith(_ABOUT_IMAGES) or record.levelno >= logging.WARNING
        if is_about_images and record.getMessage() not in self.said:
            self.said.append(record.getMessage())


def preview(
    model: str, weights: list[str] | None, data: str, progress: Progress, **options: Any
) -> PreparedImage:
    """Open a network with its data, and prepare the first image.

    Parameters
    ----------
    model : str
    weights : list of str or None
        None for those that the network's fillers give.
    data : str
    progress : Progress
    **options
        As `pipeline.analyze` takes them.

    Returns
    -------
    PreparedImage

    Raises
    ------
    CnnvisError, ValueError
        As `pipeline.analyze`, before it runs anything.
    """
    progress.start(1, "opening")
    chosen: Any = options
    with _listening() as said:
        opened = open_model(make_request(model, weights, data, "", chosen))
    first = opened.source.choose(1)
    values = opened.source.inputs(first)[0].astype(np.float64)
    progress.step()
    progress.done()
    image = opened.source.shown_images(first)[0]
    return PreparedImage(image, _visible(values, opened.source.channel_order), _lines(opened, values), tuple(said))


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Keep what is said meanwhile."""
    notes, logger = _Notes(), logging.getLogger("cnnvis_caffe")
    level = logger.level
    logger.addHandler(notes)
    logger.setLevel(logging.INFO)
    try:
        yield notes.said
    finally:
        logger.removeHandler(notes)
        logger.setLevel(level)


def _visible(values: np.ndarray, channel_order: str) -> np.ndarray:
    """What the network gets as a picture; of more than three channels the first."""
    low, high = float(values.min()), float(values.max())
    shares = (values - low) / ((high - low) or 1.0)
    if channel_order == "BGR":
        shares = shares[::-1]
    planes = shares[:3] if len(shares) >= 3 else np.repeat(shares[:1], 3, axis=0)
    return np.ascontiguousarray(np.rint(planes * 255).astype(np.uint8).transpose(1, 2, 0))


def _lines(opened: Model, values: np.ndarray) -> tuple[tuple[str, str], ...]:
    """What there is to know of the image and the network."""
    source, columns = opened.source, opened.columns
    shape = "×".join(map(str, values.shape))
    names = ", ".join(columns.names[:6]) + (", …" if len(columns.names) > 6 else "")
    lines = (
        ("Images", f"{counted(source.n_images, 'image')} of {source.name}"),
        ("Prepared", source.preprocessing or "as they are"),
        ("Input", f"{shape}, {source.channel_order}, {figure(float(values.min()))} to {figure(float(values.max()))}"),
        ("Task", f"{columns.task.name}: {opened.answers.why}"),
        (columns.columns.capitalize(), f"{len(columns.names)}: {names}" if names else "none"),
        ("Answers", opened.score_name or "none"),
    )
    return tuple((name, text) for name, text in lines if text)
