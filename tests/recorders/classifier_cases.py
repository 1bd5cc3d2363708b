"""What classifiers and detectors are tried with: by real Caffe for the recording, by ours in the test."""

from __future__ import annotations

from typing import Any

import numpy as np

NETWORK = """
name: "small"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 4 dim: 3 dim: 8 dim: 8 } } }
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "gaussian" std: 0.01 } }
}
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer {
  name: "score" type: "InnerProduct" bottom: "conv" top: "score"
  inner_product_param { num_output: 5 weight_filler { type: "gaussian" std: 0.05 } }
}
layer { name: "prob" type: "Softmax" bottom: "score" top: "prob" }
"""

MEAN = np.array([104.0, 117.0, 123.0])
MEAN_IMAGE = np.random.RandomState(5).uniform(90, 130, (3, 8, 8)).astype(np.float32)

CLASSIFIERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "scaled": {"image_dims": (11, 12), "raw_scale": 255.0, "mean": MEAN, "channel_swap": (2, 1, 0)},
    "image": {"image_dims": [9, 9], "raw_scale": 255.0, "mean": MEAN_IMAGE, "input_scale": 0.5},
}

DETECTORS: dict[str, dict[str, Any]] = {
    "plain": {"raw_scale": 255.0},
    "context": {"raw_scale": 255.0, "context_pad": 1},
    "mean": {"raw_scale": 255.0, "mean": MEAN, "channel_swap": (2, 1, 0), "context_pad": 2},
    "image": {"raw_scale": 255.0, "mean": MEAN_IMAGE, "channel_swap": (2, 1, 0), "context_pad": 1},
}

# Inside, at each border, and all of the image, which has 14 rows and 17 columns.
WINDOWS = np.array(
    [[3, 4, 9, 12], [0, 0, 5, 6], [8, 9, 14, 17], [0, 0, 14, 17], [2, 0, 4, 16], [10, 3, 13, 5]]
)


def images() -> list[np.ndarray]:
    """Return images of three sizes, as `load_image` gives them."""
    random = np.random.RandomState(7)
    return [random.uniform(0, 1, (*size, 3)).astype(np.float32) for size in ((14, 17), (8, 8), (20, 9))]
