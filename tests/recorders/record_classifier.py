#!/usr/bin/env python3
"""Record what real Caffe's `Classifier` and `Detector` give.

Run inside real Caffe, with the folder to write to::

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_classifier.py tests/recorded/cases/pycaffe

Three things are put back as they were in 2017, without which the detector fails today or resizing differs:
slices by whole floats, rounding of halves away from zero, and resizing without smoothing.
"""

from __future__ import annotations

import functools
import math
import sys
from typing import Any

import caffe
import caffe.detector
import numpy as np
import skimage.transform
from classifier_cases import CLASSIFIERS, DETECTORS, NETWORK, WINDOWS, images


class FloatSlices(np.ndarray):
    """An array that takes floats in slices."""

    @staticmethod
    def _whole(key: Any) -> Any:
        def whole(end: Any) -> Any:
            return None if end is None else int(end)

        if isinstance(key, tuple):
            return tuple(FloatSlices._whole(part) for part in key)
        return slice(whole(key.start), whole(key.stop)) if isinstance(key, slice) else key

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self._whole(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(self._whole(key), value)


def restore_2017() -> None:
    """Put back what Caffe's Python code relied on."""
    caffe.io.resize = functools.partial(skimage.transform.resize, anti_aliasing=False)
    caffe.detector.round = lambda value: float(math.floor(value + 0.5))
    resize_image = caffe.io.resize_image
    caffe.io.resize_image = lambda image, size: resize_image(
        np.asarray(image), [int(length) for length in size]
    )


def record_classifiers(network: str, weights: str) -> dict[str, np.ndarray]:
    """Classify all images in both ways."""
    recorded = {}
    for name, settings in CLASSIFIERS.items():
        classifier = caffe.Classifier(network, weights, **settings)
        recorded[f"classifier_{name}_oversampled"] = classifier.predict(images())
        recorded[f"classifier_{name}_centre"] = classifier.predict(images(), oversample=False)
    return recorded


def record_detectors(network: str, weights: str) -> dict[str, np.ndarray]:
    """Cut and classify all windows of the first image."""
    recorded = {}
    image = images()[0].view(FloatSlices)
    caffe.io.load_image = lambda filename: image
    for name, settings in DETECTORS.items():
        detector = caffe.Detector(network, weights, **settings)
        if detector.context_pad:
            detector.crop_mean = detector.crop_mean.view(FloatSlices)
            crops = [np.asarray(detector.crop(image, window)) for window in WINDOWS]
            recorded[f"detector_{name}_crops"] = np.stack(crops)
        detections = detector.detect_windows([("first", WINDOWS[:4]), ("second", WINDOWS[4:])])
        assert [detection["filename"] for detection in detections] == ["first"] * 4 + ["second"] * 2
        recorded[f"detector_{name}"] = np.stack([detection["prediction"] for detection in detections])
    return recorded


def main(folder: str) -> None:
    """Write network, weights and recording into a folder."""
    network, weights = f"{folder}/small.prototxt", f"{folder}/small.caffemodel"
    with open(network, "w", encoding="utf-8") as file:
        file.write(NETWORK.lstrip())
    caffe.set_random_seed(1)
    caffe.Net(network, caffe.TEST).save(weights)
    restore_2017()
    np.savez_compressed(
        f"{folder}/classifier.npz",
        **record_classifiers(network, weights),
        **record_detectors(network, weights),
    )


if __name__ == "__main__":
    main(sys.argv[1])
