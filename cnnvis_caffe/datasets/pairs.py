"""Pairs of images as a network takes them: in two inputs, or one behind the other in the channels of one input."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.datasets.source import ImageSource
from cnnvis_caffe.records.sheet import ContactSheet


class PairSource(ImageSource):
    """Pairs of images, each pair one item.

    Parameters
    ----------
    first, second : ImageSource
        The two partners of each pair, prepared alike; what the first says of its images holds for the pairs.
    partner_blob : str
        The input of the second; empty where the channels of both lie in one.
    """

    item = "pair"

    def __init__(self, first: ImageSource, second: ImageSource, partner_blob: str) -> None:
        self._second, self._partner_blob = second, partner_blob
        super().__init__(
            first.name, first.reader, first.annotations, first.input_shape, first.settings, first.note
        )

    @property
    def blob_shape(self) -> tuple[int, ...]:
        """Channels, height and width of an input."""
        channels, height, width = self.input_shape
        return (channels if self._partner_blob else 2 * channels), height, width

    @property
    def sheet(self) -> ContactSheet | None:
        """The two lie side by side where a pair is drawn."""
        return ContactSheet(2, *self.input_shape[1:])

    def name_of(self, index: int) -> str:
        """Return the names of both."""
        return f"{super().name_of(index)} {self._second.name_of(index)}"

    def inputs(self, indices: np.ndarray) -> np.ndarray:
        """Return what the network takes in the input of the first, (n, C, H, W) float32."""
        first = super().inputs(indices)
        return first if self._partner_blob else np.concatenate([first, self._second.inputs(indices)], axis=1)

    def other_inputs(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the network takes in the input of the second."""
        return {self._partner_blob: self._second.inputs(indices)} if self._partner_blob else {}

    def shown_images(self, indices: np.ndarray) -> np.ndarray:
        """Return pairs as they are drawn: side by side, RGB uint8."""
        assert self.sheet is not None
        both = super().shown_images(indices), self._second.shown_images(indices)
        return self.sheet.lay(np.stack(both, axis=1))

    def fingerprint(self, indices: np.ndarray) -> str:
        """Return a checksum of both; see `fingerprint.content`."""
        return super().fingerprint(indices) + self._second.fingerprint(indices)

    def times(self) -> str:
        """Return a checksum of size and time of the files of both."""
        return super().times() + self._second.times()
