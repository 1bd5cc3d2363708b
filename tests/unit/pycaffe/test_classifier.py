"""Classifier and Detector against recordings of real Caffe."""

from __future__ import annotations

import sys
import types

import classifier_cases
import numpy as np
import pytest

from cnnvis_caffe.pycaffe import Classifier, Detector, io

pytestmark = pytest.mark.usefixtures("mode")

pytest.importorskip("torch")

WINDOWS = classifier_cases.WINDOWS
CLOSE = {"rtol": 1e-4, "atol": 1e-6}


@pytest.fixture(scope="module")
def recorded(recordings):
    with np.load(recordings / "classifier.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def files(recordings):
    return str(recordings / "small.prototxt"), str(recordings / "small.caffemodel")


@pytest.fixture
def first_image(monkeypatch):
    """Every file shows the first image."""
    monkeypatch.setattr(io, "load_image", lambda filename: classifier_cases.images()[0])


@pytest.mark.parametrize("name", classifier_cases.CLASSIFIERS)
def test_classifier(name, files, recorded):
    classifier = Classifier(*files, **classifier_cases.CLASSIFIERS[name])
    images = classifier_cases.images()
    oversampled = classifier.predict(images)
    assert oversampled.shape == (3, 5)
    np.testing.assert_allclose(oversampled, recorded[f"classifier_{name}_oversampled"], **CLOSE)
    centre = classifier.predict(images, oversample=False)
    np.testing.assert_allclose(centre, recorded[f"classifier_{name}_centre"], **CLOSE)
    assert np.abs(oversampled - centre).max() > 1e-4
    for image, untouched in zip(images, classifier_cases.images()):
        np.testing.assert_array_equal(image, untouched)


@pytest.mark.parametrize("name", classifier_cases.DETECTORS)
def test_detector(name, files, recorded, first_image):
    detector = Detector(*files, **classifier_cases.DETECTORS[name])
    if detector.context_pad:
        crops = np.stack([detector.crop(classifier_cases.images()[0], window) for window in WINDOWS])
        assert crops.dtype == np.float32
        np.testing.assert_allclose(crops, recorded[f"detector_{name}_crops"], rtol=0, atol=2e-6)
    detections = detector.detect_windows(zip(["first", "second"], [WINDOWS[:4], WINDOWS[4:]]))
    predictions = np.stack([detection["prediction"] for detection in detections])
    np.testing.assert_allclose(predictions, recorded[f"detector_{name}"], **CLOSE)
    assert [detection["filename"] for detection in detections] == ["first"] * 4 + ["second"] * 2
    np.testing.assert_array_equal([detection["window"] for detection in detections], WINDOWS)


def test_overlapping_windows_of_the_net_size_do_not_disturb_each_other(files, first_image):
    detector = Detector(*files, raw_scale=255.0)
    once = detector.detect_windows([("image", [[0, 0, 8, 8]])])
    twice = detector.detect_windows([("image", [[0, 0, 8, 8], [0, 0, 8, 8]])])
    np.testing.assert_array_equal(twice[1]["prediction"], once[0]["prediction"])


def test_no_windows(files, first_image):
    detector = Detector(*files)
    assert detector.detect_windows([]) == []
    assert detector.detect_windows([("image", [])]) == []


def test_selective_search(files, first_image, monkeypatch):
    detector = Detector(*files)
    monkeypatch.setitem(sys.modules, "selective_search_ijcv_with_python", None)
    with pytest.raises(ImportError, match="selective_search_ijcv_with_python"):
        detector.detect_selective_search(["a.png"])

    def get_windows(paths, cmd):
        assert cmd == "selective_search_rcnn"
        assert all(path.startswith("/") for path in paths)
        return [WINDOWS[:2] for _ in paths]

    stand_in = types.SimpleNamespace(get_windows=get_windows)
    monkeypatch.setitem(sys.modules, "selective_search_ijcv_with_python", stand_in)
    assert len(detector.detect_selective_search(["a.png", "b.png"])) == 4


def test_float_windows(files):
    image = classifier_cases.images()[0]
    np.testing.assert_array_equal(Detector(*files).crop(image, WINDOWS[0].astype(float)), image[3:9, 4:12])
