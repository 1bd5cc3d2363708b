"""Reads the boxes of parts from a table, and compares what hiding them does in each image."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.errors import CnnvisError, DataFileError
from cnnvis_caffe.explanation.layers import default_layers
from cnnvis_caffe.explanation.subject import Subject
from cnnvis_caffe.features.explain.correspondence import part_distances, random_boxes
from cnnvis_caffe.features.explain.way_back import WayBack
from cnnvis_caffe.files.opening import read_file
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.explanation import Correspondence

COLUMNS = ("image", "part", "y0", "x0", "y1", "x1")


@dataclass(frozen=True)
class PartBoxes:
    """Where parts lie in images.

    Attributes
    ----------
    images : tuple of int
        Of the images in their source.
    parts : tuple of str
    boxes : ndarray of shape (n_images, n_parts, 4), int64
        y0, x0, y1, x1 in pixels, half open.
    of_original : bool
        Whether these are pixels of the images as they were read, rather than of the network's input.
    """

    images: tuple[int, ...]
    parts: tuple[str, ...]
    boxes: np.ndarray
    of_original: bool = False


def read_part_boxes(path: str | os.PathLike[str], *, of_original: bool = False) -> PartBoxes:
    """Read a table of parts: a line for each image and part.

    Parameters
    ----------
    path : str or path-like
        CSV with the columns image (its number in the data, from 0), part, y0, x0, y1 and x1, in pixels.
    of_original : bool, default=False
        The boxes are in pixels of the images as they lie in their files, rather than of the network's input.

    Returns
    -------
    PartBoxes

    Raises
    ------
    DataFileError
        If a column or a part of an image is missing, a value is not a number, or there are fewer than two images.
    """
    name = os.fspath(path)
    try:
        rows = list(csv.DictReader(read_file(path).decode("utf-8-sig", "replace").splitlines()))
    except csv.Error as error:
        raise DataFileError(name, f"is not a table of parts: {error}") from error
    missing = [column for column in COLUMNS if not rows or column not in rows[0]]
    if missing:
        raise DataFileError(name, f"has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}, and a row below")
    found: dict[tuple[int, str], list[int]] = {}
    for number, row in enumerate(rows, 2):
        try:
            place = int(row["image"]), (row["part"] or "").strip()
            found[place] = np.array([int(row[column]) for column in COLUMNS[2:]], np.int64).tolist()
        except (TypeError, ValueError, OverflowError) as error:
            raise DataFileError(name, f"line {number}: image and box must be whole numbers") from error
        y0, x0, y1, x1 = found[place]
        if y0 >= y1 or x0 >= x1:
            raise DataFileError(name, f"line {number}: the box {y0},{x0} to {y1},{x1} is empty; y1 and x1 are its ends")
    images = sorted({image for image, _ in found})
    parts = list(dict.fromkeys(part for _, part in found))
    if len(images) < 2:
        raise DataFileError(name, "has one image; parts are compared between two or more")
    for image in images:
        for part in parts:
            if (image, part) not in found:
                raise DataFileError(name, f"has no box of {part!r} for image {image}; give every part of every image")
    boxes = np.array([[found[image, part] for part in parts] for image in images], np.int64)
    return PartBoxes(tuple(images), tuple(parts), boxes, of_original)


def correspondence(
    subject: Subject,
    parts: PartBoxes,
    *,
    layers: tuple[str, ...] = (),
    n_random: int = 10,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Correspondence:
    """Compare how hiding the same part changes the features of different images.

    Parameters
    ----------
    subject : Subject
        With the images of the parts.
    parts : PartBoxes
    layers : tuple of str, optional
        A first, a middle and the last one by default.
    n_random : int, default=10
        Random parts of each image, as the control.
    seed : int, default=0
        For these.
    progress : Progress, optional

    Returns
    -------
    Correspondence

    Raises
    ------
    CnnvisError
        If there is no such layer, a box lies outside of the image, or the network gives no scores.
    """
    scorer, model = subject.scorer(), subject.model
    _, height, width = model.source.input_shape
    boxes = _in_input(subject, parts)
    outside = (boxes[..., :2] < 0).any() or (boxes[..., 2:] > (height, width)).any()
    if outside:
        raise CnnvisError(
            f"a box lies outside of the image; the network takes {height} x {width} pixels (--original-pixels says "
            "that boxes are in pixels of the images as they lie in their files)"
        )
    chosen = tuple(subject.node(name).name for name in layers) or default_layers(
        model.nodes, WayBack(subject.net, model.input_name, model.score_name).blobs
    )
    images, grey = subject.inputs, model.source.of_one_grey(0.5)
    control = random_boxes(boxes, height, width, n_random, seed)
    return Correspondence(
        model.title,
        parts.parts,
        chosen,
        part_distances(scorer, images, grey, boxes, chosen, progress),
        part_distances(scorer, images, grey, control, chosen, progress),
        len(images),
    )


def _in_input(subject: Subject, parts: PartBoxes) -> np.ndarray:
    """The boxes in pixels of the network's input; what a crop cuts off a box is left out."""
    if not parts.of_original:
        return parts.boxes
    source = subject.model.source
    _, height, width = source.input_shape
    result = np.empty_like(parts.boxes)
    for number, (size, boxes) in enumerate(zip(source.sizes(subject.indices), parts.boxes)):
        if (boxes[:, :2] < 0).any() or (boxes[:, 2:] > size).any():
            raise CnnvisError(
                f"{source.name_of(int(subject.indices[number]))}: a box lies outside of the image, which has "
                f"{size[0]} x {size[1]} pixels"
            )
        placed = source.in_input(boxes, size)
        inside = np.stack([np.floor(placed[:, :2]), np.ceil(placed[:, 2:])], 1).reshape(-1, 4)
        result[number] = np.clip(inside, 0, (height, width, height, width))
        empty = np.flatnonzero((result[number, :, :2] >= result[number, :, 2:]).any(1))
        if len(empty):
            raise CnnvisError(
                f"{source.name_of(int(subject.indices[number]))}: the network does not see {parts.parts[empty[0]]!r}: "
                "it lies in the border that is cropped; leave the part or the image out"
            )
    return result
