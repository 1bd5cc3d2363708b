"""Labelled images as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHANNEL_ORDERS = ("grey", "RGB", "BGR")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """One part of a data set.

    Attributes
    ----------
    name : str
        Of the data set, such as "mnist".
    split : str
        "train" or "test".
    images : ndarray of shape (n, C, H, W), uint8
        In the order of the source, pixels as Caffe's databases hold them: channel by channel.
    labels : ndarray of shape (n,), int64
        From 0.
    class_names : tuple of str
        By label.
    channel_order : str
        "grey", "RGB" or "BGR".
    note : str
        What must be said where a figure from these images is stated; empty for the official ones.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    channel_order: str
    note: str = ""

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8:
            raise ValueError(f"images must be (n, C, H, W) uint8, got {self.images.shape} {self.images.dtype}")
        if self.labels.shape != self.images.shape[:1] or self.labels.dtype != np.int64:
            raise ValueError(f"labels must be ({len(self.images)},) int64, got {self.labels.shape} {self.labels.dtype}")
        if self.channel_order not in CHANNEL_ORDERS or (self.channel_order == "grey") != (self.images.shape[1] == 1):
            raise ValueError(f"{self.images.shape[1]} channels cannot be in the order {self.channel_order!r}")

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)
