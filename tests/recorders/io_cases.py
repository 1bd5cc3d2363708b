"""What `caffe.io` is tried with: by real Caffe for the recording, and by ours in the test."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

SHAPE = (1, 3, 7, 5)
STEPS = ("set_transpose", "set_channel_swap", "set_raw_scale", "set_mean", "set_input_scale")


def settings(random: np.random.RandomState) -> dict[str, list[Any]]:
    """Return the values that each step of a transformer is tried with; None leaves the step out."""
    return {
        "set_transpose": [(2, 0, 1)],
        "set_channel_swap": [None, (2, 1, 0)],
        "set_raw_scale": [None, 255.0, np.float64(0.1), 3],
        "set_mean": [
            None,
            np.array([104.00698793, 116.66876762, 122.67891434]),
            random.uniform(0, 255, SHAPE[1:]),
            random.uniform(0, 255, SHAPE[1:]).astype(np.float32),
            random.randint(0, 255, SHAPE[1:]).astype(np.uint8),
        ],
        "set_input_scale": [None, 0.017, np.float32(0.3)],
    }


def make_transformer(io: Any, values: dict[str, Any]) -> Any:
    """Return a transformer with the steps set that have a value."""
    transformer = io.Transformer({"data": SHAPE})
    for step, value in values.items():
        if value is not None:
            getattr(transformer, step)("data", value)
    return transformer


def combinations(random: np.random.RandomState) -> list[dict[str, Any]]:
    """Return all combinations of settings."""
    tried = settings(random)
    return [dict(zip(STEPS, values)) for values in itertools.product(*(tried[step] for step in STEPS))]


def image_of(random: np.random.RandomState, dtype: Any = np.float32) -> np.ndarray:
    """Return an image of the transformer's size."""
    return random.uniform(0, 1, (SHAPE[2], SHAPE[3], SHAPE[1])).astype(dtype)


# name: (old shape, new size, order, number type)
RESIZES = {
    "up": ((5, 7, 3), (13, 11), 1, np.float64),
    "down": ((31, 40, 3), (7, 9), 1, np.float64),
    "both": ((12, 9, 1), (7, 30), 1, np.float64),
    "single": ((12, 9, 3), (1, 1), 1, np.float64),
    "same": ((6, 5, 3), (6, 5), 1, np.float64),
    "float32": ((16, 12, 3), (9, 20), 1, np.float32),
    "bytes": ((16, 12, 3), (9, 20), 1, np.uint8),
    "nearest": ((10, 7, 3), (16, 4), 0, np.float64),  # no position is halfway between two pixels
    "cubic": ((10, 7, 3), (17, 4), 3, np.float64),
    "spline4": ((10, 7, 3), (17, 4), 4, np.float64),
    "spline5": ((10, 7, 1), (5, 15), 5, np.float64),
    "channels4": ((10, 7, 4), (17, 4), 1, np.float64),
    "channels2": ((20, 9, 2), (8, 21), 1, np.float32),
    "channels5_cubic": ((10, 7, 5), (17, 4), 3, np.float64),
    "channels4_nearest": ((10, 7, 4), (17, 5), 0, np.float64),
}


def resize_input(name: str) -> np.ndarray:
    """Return the image that a case of `RESIZES` starts from."""
    shape, _, _, dtype = RESIZES[name]
    return np.random.RandomState(len(name)).uniform(-40, 90, shape).astype(dtype)
