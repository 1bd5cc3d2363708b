"""Deconvolutions with the model and data that an analysis was made of, and what is said where these are gone."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from cnnvis_caffe import api
from cnnvis_caffe.analysis.deconvolution import deconvolve, missing_file
from cnnvis_caffe.errors import CnnvisError, DataNotFoundError
from cnnvis_caffe.pipeline import analyze
from cnnvis_caffe.scene.neuron_page import build_neuron_page
from cnnvis_caffe.scene.shapes import Bitmap


@pytest.fixture(scope="module")
def analysed(small, tmp_path_factory):
    """An analysis whose files lie in a folder of their own."""
    folder = tmp_path_factory.mktemp("deconvolution")
    model = shutil.copy(small.deploy, folder / "deploy.prototxt")
    weights = [shutil.copy(path, folder) for path in small.weights]
    return analyze(model, weights, "digits:test", folder / "a.cnnvis.h5", limit=40, scale=0.0625)


def test_the_strongest_images_come_back(analysed):
    snapshot = analysed.snapshots[0]
    neuron = int(snapshot.features["relu1"].overall_mean.argmax())
    found = deconvolve(analysed, snapshot, "relu1", neuron)
    images = snapshot.features["relu1"].top_image[neuron]
    assert list(found) == [index for index in images if index >= 0]
    box = snapshot.features["relu1"].top_box[neuron, 0]
    first = found[int(images[0])].astype(int)
    assert first.shape == (28, 28, 3)
    outside = np.ones((28, 28), bool)
    outside[max(box[0], 0) : box[2], max(box[1], 0) : box[3]] = False
    assert (first[outside] == 128).all() and (first[~outside] != 128).any()
    # Another snapshot has other weights: 1.5 times as large, which no picture shows, and others in sum at depth.
    deep = [deconvolve(analysed, one, "ip2", 3) for one in analysed.snapshots]
    assert deep[0].keys() and all(one.shape == (28, 28, 3) for one in deep[1].values())


def test_the_page_shows_them(analysed):
    neuron = int(analysed.snapshots[-1].features["relu1"].overall_mean.argmax())
    plain = build_neuron_page(analysed, "", "relu1", neuron)
    found = deconvolve(analysed, analysed.snapshots[-1], "relu1", neuron)
    page = build_neuron_page(analysed, "", "relu1", neuron, projections=found)
    names = {shape.name for shape in page.shapes if isinstance(shape, Bitmap)} - {shape.name for shape in plain.shapes}
    assert len(names) == len(found) and all(name.endswith("/projection") for name in names)
    assert page.height > plain.height + 80
    by_api = api.neuron_page(analysed, f"relu1:{neuron}", deconvolution=True).scene
    assert {shape.name for shape in by_api.shapes} == {shape.name for shape in page.shapes}


def test_files_are_found_from_the_folder_of_the_analysis(analysed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    elsewhere = replace(
        analysed,
        provenance={**analysed.provenance, "model": "deploy.prototxt"},
        snapshots=tuple(replace(one, path=os.path.basename(one.path)) for one in analysed.snapshots),
    )
    assert deconvolve(elsewhere, elsewhere.snapshots[0], "ip2", 1)


def test_the_images_that_are_kept_are_enough(analysed, monkeypatch):
    snapshot = analysed.snapshots[1]
    without = replace(analysed, provenance={**analysed.provenance, "option data": "nowhere.lmdb"})
    found, wanted = (deconvolve(one, snapshot, "ip2", 3) for one in (without, analysed))
    assert all((found[index] == wanted[index]).all() for index in wanted) and found.keys() == wanted.keys()
    # Without them the data are read; without both nothing can be done.
    from_data = deconvolve(replace(analysed, images={}), snapshot, "ip2", 3)
    assert all((from_data[index] == wanted[index]).all() for index in wanted)
    with pytest.raises(CnnvisError, match=r"nowhere\.lmdb"):
        deconvolve(replace(without, images={}), snapshot, "ip2", 3)


def test_the_folder_in_which_the_program_starts_does_not_matter(small, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    shutil.copy(small.deploy, tmp_path / "work/deploy.prototxt")
    shutil.copy(small.weights[0], tmp_path / "work/a.caffemodel")
    monkeypatch.chdir(tmp_path / "work")
    made = analyze("deploy.prototxt", ["a.caffemodel"], "digits:test", tmp_path / "a.cnnvis.h5", limit=20)
    snapshot = made.snapshots[0]
    (tmp_path / "other").mkdir()
    (tmp_path / "other/deploy.prototxt").write_text("another network of the same name")
    monkeypatch.chdir(tmp_path / "other")
    assert deconvolve(made, snapshot, "ip2", 1) and missing_file(made, snapshot) == ""
    # Moved: found in the folder that the user names, whatever lies under its name elsewhere.
    (tmp_path / "other/deploy.prototxt").unlink()
    (tmp_path / "work").rename(tmp_path / "moved")
    assert missing_file(made, snapshot) == "deploy.prototxt"
    with pytest.raises(DataNotFoundError, match="render --files-in FOLDER"):
        deconvolve(made, snapshot, "ip2", 1)
    places = [str(tmp_path / "moved")]
    assert missing_file(made, snapshot, places) == "" and deconvolve(made, snapshot, "ip2", 1, places=places)
    (tmp_path / "moved/a.caffemodel").rename(tmp_path / "renamed.caffemodel")
    assert missing_file(made, snapshot, places) == "a.caffemodel"
    places.append(str(tmp_path / "renamed.caffemodel"))
    assert deconvolve(made, snapshot, "ip2", 1, places=places)


@pytest.mark.parametrize("kind", ["image", "value"])
def test_the_analysis_knows_the_mean(small, tmp_path, kind):
    mean = np.linspace(0, 90, 28 * 28, dtype=np.float32).reshape(1, 28, 28)
    np.save(tmp_path / "mean.npy", mean)
    given = str(tmp_path / "mean.npy") if kind == "image" else "33"
    file = tmp_path / "a.cnnvis.h5"
    made = analyze(small.deploy, small.weights[:1], "digits:test", file, limit=20, mean=given, scale=0.0625)
    assert made.data.scale == 0.0625
    assert np.array_equal(made.data.mean, mean if kind == "image" else np.full((1, 1, 1), 33, np.float32))
    snapshot = made.snapshots[0]
    older = replace(made, data=replace(made.data, scale=None, mean=None))
    wanted = deconvolve(older, snapshot, "ip2", 1)
    (tmp_path / "mean.npy").unlink()
    found = deconvolve(made, snapshot, "ip2", 1)
    assert found.keys() == wanted.keys() and all((found[index] == wanted[index]).all() for index in wanted)
    if kind == "image":
        with pytest.raises(CnnvisError, match=r"mean\.npy"):
            deconvolve(older, snapshot, "ip2", 1)


def test_what_is_not_there_is_said(analysed, tmp_path):
    snapshot = analysed.snapshots[0]
    gone = replace(analysed, provenance={**analysed.provenance, "model": "gone.prototxt"})
    with pytest.raises(DataNotFoundError, match=r"gone.prototxt: the model that was analysed is not there .* say"):
        deconvolve(gone, snapshot, "relu1", 0)
    other = replace(analysed, provenance={**analysed.provenance, "model sha256": "0"})
    with pytest.raises(CnnvisError, match="not the model that was analysed any more"):
        deconvolve(other, snapshot, "relu1", 0)
    with pytest.raises(CnnvisError, match="does not say which model"):
        deconvolve(replace(analysed, provenance={}), snapshot, "relu1", 0)
