"""Images that fall into each cell of the confusion matrix, a few of each cell."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnnvis_caffe.records.analysis import CellImages

#: Images of one cell, and of all cells of a snapshot, that are kept.
MOST_OF_CELL, MOST_IN_ALL = 9, 1000
#: So many images are taken in before those that do not stay are left out.
_AT_ONCE = 8192
_FIELDS = ("row", "column", "image", "lead")


class CellSums:
    """Keeps the plainest mistakes of each cell; of right answers, those that were nearly wrong.

    Parameters
    ----------
    most : int
        Images of each cell.

    Notes
    -----
    Batches may come in any order and cut: which images stay depends on all of them together.
    """

    def __init__(self, most: int = MOST_OF_CELL) -> None:
        self._most = most
        self._kept = CellImages.none()
        self._more: list[CellImages] = []

    def update(self, cells: CellImages) -> None:
        """Take in images, each with its cell."""
        self._more.append(cells)
        if sum(len(one.image) for one in self._more) > _AT_ONCE:
            self._tidy()

    def merge(self, other: CellSums) -> None:
        """Take in what another one, of other images, has kept."""
        self._more += [other._kept, *other._more]
        self._tidy()

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on."""
        self._tidy()
        return {name: getattr(self._kept, name) for name in _FIELDS}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state; an empty one, as older programs wrote, holds no images."""
        self._kept, self._more = CellImages.none(), []
        if state:
            self._more = [CellImages(*(np.array(state[name]) for name in _FIELDS))]
            self._tidy()

    def finish(self, confusion: np.ndarray, most: int = MOST_IN_ALL) -> CellImages:
        """Return the images, cell by cell; of too many, those of the fullest cells, mistakes before right answers.

        Parameters
        ----------
        confusion : ndarray of shape (n, n), float64
            How many images each cell has.
        most : int

        Returns
        -------
        CellImages
            By row, then by column; in a cell the plainest mistake first.
        """
        self._tidy()
        kept = self._kept
        count = confusion[kept.row, kept.column]
        first = np.lexsort((np.arange(len(count)), -count, kept.row == kept.column))[:most]
        return kept.at(np.sort(first))

    def _tidy(self) -> None:
        """Leave out what does not stay."""
        if not self._more:
            return
        parts = [self._kept, *self._more]
        found = CellImages(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))
        lead = np.where(np.isnan(found.lead), -np.inf, found.lead)
        found = found.at(np.lexsort((found.image, -lead, found.column, found.row)))
        starts = np.flatnonzero(np.diff(found.row, prepend=-1) | np.diff(found.column, prepend=-1))
        place = np.arange(len(found.row)) - np.repeat(starts, np.diff([*starts, len(found.row)]))
        self._kept, self._more = found.at(np.flatnonzero(place < self._most)), []
