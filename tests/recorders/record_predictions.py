#!/usr/bin/env python3
"""Record what real Caffe's `Classifier` says about photos, for `cnnvis-caffe predict`.

Run inside real Caffe, with the folder that has small.prototxt and small.caffemodel::

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_predictions.py tests/recorded/cases/pycaffe
"""

from __future__ import annotations

import sys

import caffe
import numpy as np
from prediction_cases import IMAGE_DIMS, MEAN, SCALE, photos


def main(folder: str) -> None:
    """Write the probabilities of ten crops and of the middle."""
    network, weights = f"{folder}/small.prototxt", f"{folder}/small.caffemodel"
    classifier = caffe.Classifier(
        network, weights, image_dims=IMAGE_DIMS, raw_scale=255.0, mean=np.array(MEAN), channel_swap=(2, 1, 0),
        input_scale=SCALE,
    )  # fmt: skip
    images = [photo.astype(np.float32) / 255 for photo in photos()]
    np.savez_compressed(
        f"{folder}/predictions.npz",
        oversampled=classifier.predict(images),
        centre=classifier.predict(images, oversample=False),
    )


if __name__ == "__main__":
    main(sys.argv[1])
