"""The record of how several pictures that belong together lie side by side in one: frames of a clip, or a pair."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ContactSheet:
    """Rows and columns of pictures of one size.

    Attributes
    ----------
    n_pictures : int
    height, width : int
        Of each, in pixels.
    """

    n_pictures: int
    height: int
    width: int

    @property
    def n_columns(self) -> int:
        """As many as rows, or a few more."""
        return math.ceil(math.sqrt(self.n_pictures))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the whole."""
        return -(-self.n_pictures // self.n_columns) * self.height, self.n_columns * self.width

    def lay(self, pictures: np.ndarray) -> np.ndarray:
        """Lay pictures out.

        Parameters
        ----------
        pictures : ndarray of shape (n, n_pictures, height, width, 3), uint8

        Returns
        -------
        ndarray of shape (n, *size, 3), uint8
            Row by row; black where there are fewer pictures than places.
        """
        rows, columns = self.size[0] // self.height, self.n_columns
        n = len(pictures)
        places = np.zeros((n, rows * columns, self.height, self.width, 3), np.uint8)
        places[:, : self.n_pictures] = pictures
        grid = places.reshape(n, rows, columns, self.height, self.width, 3)
        return grid.transpose(0, 1, 3, 2, 4, 5).reshape(n, *self.size, 3)

    def place(self, boxes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Move boxes in single pictures to where these lie.

        Parameters
        ----------
        boxes : ndarray of shape (..., 4), int
            y0, x0, y1, x1, half open.
        numbers : ndarray of shape (...), int
            Of the pictures.

        Returns
        -------
        ndarray of shape (..., 4), int32
            Cut at the border of the picture, so that nothing of its neighbours is shown.
        """
        row, column = np.divmod(numbers, self.n_columns)
        ends = np.array([self.height, self.width, self.height, self.width])
        inside = np.clip(boxes, 0, ends)
        corner = np.stack([row * self.height, column * self.width], -1)
        return (inside + np.concatenate([corner, corner], -1)).astype(np.int32)

    @property
    def whole(self) -> np.ndarray:
        """The box of everything."""
        return np.array([0, 0, *self.size], np.int32)
