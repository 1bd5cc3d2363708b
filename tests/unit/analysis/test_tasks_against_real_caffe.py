"""Networks of other tasks, against real pycaffe and plain loops (`tests/recorders/record_tasks.py`)."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
from helpers.recordings import TASKS

from cnnvis_caffe import pipeline
from cnnvis_caffe.pycaffe import TEST, Net

DATA = 'layer { name: "data" type: "HDF5Data" top: "data" top: "label" hdf5_data_param { source: "x" batch_size: 4 } }'
FED = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 9 dim: 7 } } }
layer { name: "label" type: "Input" top: "label" input_param { shape { %s } } }
"""


@pytest.fixture(params=["labels", "score", "numbers", "pixels"])
def analysed(request, tmp_path, monkeypatch):
    """A recording, and the analysis of the same network and images in batches of 7."""
    monkeypatch.chdir(tmp_path)
    with np.load(TASKS / f"{request.param}.npz") as file:
        recorded = dict(file)
    body, images, labels = str(recorded["body"]), recorded["images"], recorded["labels"]
    dims = " ".join(f"dim: {n}" for n in (1, *labels.shape[1:]))
    Path("fed.prototxt").write_text(FED % dims + body)
    net = Net("fed.prototxt", TEST)
    for name, values in recorded.items():
        if name.startswith("param/"):
            _, layer, number = name.split("/")
            net.params[layer][int(number)].data[...] = values
    net.save("net.caffemodel")
    Path("net.prototxt").write_text((FED % dims if request.param == "pixels" else DATA) + body)
    data = "data.h5"
    if request.param == "pixels":
        data = "list.txt"
        for i, (image, mask) in enumerate(zip(images, labels[:, 0])):
            cv2.imwrite(f"{i:02}.png", image.transpose(1, 2, 0))
            cv2.imwrite(f"{i:02}_mask.png", mask)
        Path(data).write_text("".join(f"{i:02}.png {i:02}_mask.png\n" for i in range(len(images))))
    else:
        with h5py.File(data, "w") as file:
            file["data"], file["label"] = images, labels.astype(np.float32)
    found = pipeline.analyze("net.prototxt", "net.caffemodel", data, "a.h5", scale=1 / 64, batch=7)
    assert found.data.task == request.param
    return recorded, found


def test_activations_contributions_and_measures(analysed):
    recorded, found = analysed
    snapshot = found.snapshots[0]
    assert found.data.class_count.tolist() == recorded["count"].tolist()
    for layer in ("conv", "relu", "score"):
        features = snapshot.features[layer]
        np.testing.assert_allclose(features.mean, recorded[f"mean/{layer}"], 1e-4, 1e-5, err_msg=layer)
        np.testing.assert_allclose(features.contribution, recorded[f"contribution/{layer}"], 1e-4, 1e-4, err_msg=layer)
    # Of pixels, a batch's loss is the mean over those that count, which are more in some batches.
    if found.data.task != "pixels":
        assert snapshot.loss == pytest.approx(float(recorded["loss"]), rel=1e-4)
    measures = {measure.name: measure for measure in snapshot.measures}
    for name in (name[len("measure/") :] for name in recorded if name.startswith("measure/")):
        wanted = recorded[f"measure/{name}"]
        # Scores are kept in bins: two that are closer than 1% may change places.
        binned = name in ("average precision", "area under ROC curve")
        np.testing.assert_allclose(measures[name].overall, overall(name, wanted), 0.02 if binned else 1e-4)
        if wanted.size == found.data.n_classes:
            np.testing.assert_allclose(measures[name].values, wanted, 0.05 if binned else 1e-4, err_msg=name)


def overall(name, values):
    """What is said over all columns."""
    return np.sqrt((values**2).mean()) if name == "rms error" else values.mean()
