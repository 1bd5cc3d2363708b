"""Finds which part of a kept picture a neuron sees from a position: of an image, of a frame of a clip, of a pair."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.records.analysis import Node
from cnnvis_caffe.records.sheet import ContactSheet


class PatchPlaces:
    """Receptive fields as boxes in the pictures that are kept.

    Parameters
    ----------
    fields : ReceptiveFields
        Of the analysis net.
    input_name : str
        Node of the images.
    sheet : ContactSheet, optional
        How frames of a clip, or the two images of a pair, lie in one picture; left out for single images.
    partners : mapping of str to int, optional
        Of a pair, which image a node sees, where it sees only one: 0 or 1.
    """

    def __init__(
        self,
        fields: ReceptiveFields,
        input_name: str,
        sheet: ContactSheet | None = None,
        partners: Mapping[str, int] | None = None,
    ) -> None:
        self._fields, self._input, self._sheet = fields, input_name, sheet
        self._partners = partners or {}

    def boxes(self, node: Node, where: np.ndarray, channels: np.ndarray) -> np.ndarray | None:
        """Return the boxes that positions of a node see.

        Parameters
        ----------
        node : Node
        where : ndarray of shape (..., axes), int
            Positions; as many numbers are used as the node has axes of positions.
        channels : ndarray of shape (...), int

        Returns
        -------
        ndarray of shape (..., 4), int32, or None
            y0, x0, y1, x1, half open. None where the node sees no image. Of a clip the box is in the frame in the
            middle of those that are seen; a node that sees all of a clip, or of both images, has the whole sheet.
        """
        found = self._fields.inputs(node.name)
        if not found or (self._sheet is None and self._input not in found):
            return None
        seen = self._input if self._input in found else found[0]
        positions = where[..., : len(node.positions)]
        boxes = self._fields.boxes(node.name, positions, channels=channels, input=seen)
        if self._sheet is None:
            return boxes
        is_clip = boxes.shape[-1] == 6
        return self._of_clip(boxes) if is_clip else self._of_pair(node, boxes)

    def _of_clip(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes in frames."""
        sheet = self._sheet
        assert sheet is not None
        first, last = np.clip(boxes[..., 0], 0, None), np.clip(boxes[..., 3], None, sheet.n_pictures)
        flat = boxes[..., [1, 2, 4, 5]]
        placed = sheet.place(flat, np.clip((first + last - 1) // 2, 0, sheet.n_pictures - 1))
        is_all = (first <= 0) & (last >= sheet.n_pictures) & self._is_whole(flat)
        return np.where(is_all[..., np.newaxis], sheet.whole, placed)

    def _of_pair(self, node: Node, boxes: np.ndarray) -> np.ndarray:
        """Boxes in the image that is seen; in the first where both are."""
        assert self._sheet is not None
        number = self._partners.get(node.name)
        placed = self._sheet.place(boxes, np.full(boxes.shape[:-1], number or 0))
        if number is not None:
            return placed
        return np.where(self._is_whole(boxes)[..., np.newaxis], self._sheet.whole, placed)

    def _is_whole(self, boxes: np.ndarray) -> np.ndarray:
        """Whether boxes hold a whole picture."""
        assert self._sheet is not None
        height, width = self._sheet.height, self._sheet.width
        return (boxes[..., :2] <= 0).all(-1) & (boxes[..., 2] >= height) & (boxes[..., 3] >= width)
