"""Turns projections into pictures."""

from __future__ import annotations

import numpy as np


def as_picture(projection: np.ndarray, channel_order: str, share: float = 1.0) -> np.ndarray:
    """Turn a projection into a picture: grey where nothing comes back, each brought to its own largest value.

    Parameters
    ----------
    projection : ndarray of shape (C, H, W), float32
    channel_order : {"grey", "RGB", "BGR", "other"}
    share : float, default=1.0
        How many of the values are told apart; larger ones look like the largest of these, so that a single one does not
        make the rest pale.

    Returns
    -------
    ndarray of shape (H, W, 3), uint8
        RGB.
    """
    planes = projection[::-1] if channel_order == "BGR" else projection
    if len(planes) != 3:
        planes = np.repeat(planes.mean(axis=0, keepdims=True), 3, axis=0)
    largest = float(np.quantile(np.abs(planes), share)) or float(np.abs(planes).max())
    shares = np.clip(planes / largest, -1, 1) if largest > 0 else np.zeros_like(planes)
    return np.rint(127.5 + 127.5 * shares.transpose(1, 2, 0)).astype(np.uint8)
