"""Feature maps by their patches and projections: of a layer, and over the snapshots of a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe import api
from cnnvis_caffe.analysis.deconvolution import deconvolve, project_strongest
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.explanation.features import chosen_neurons, evolution_sheet, feature_sheet
from cnnvis_caffe.pipeline import analyze
from cnnvis_caffe.scene.feature_sheet import evolution_scene, feature_sheet_scene
from cnnvis_caffe.scene.shapes import Bitmap


@pytest.fixture(scope="module")
def analysed(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("sheets") / "a.cnnvis.h5"
    return analyze(small.deploy, list(small.weights), "digits:test", out, limit=40, scale=0.0625)


def test_several_neurons_at_once_are_each_by_itself(analysed):
    snapshot = analysed.snapshots[-1]
    neurons = chosen_neurons(analysed, snapshot, "relu1", ())[:3]
    together = project_strongest(analysed, snapshot, "relu1", neurons, most=2)
    for neuron, found in zip(neurons, together):
        alone = deconvolve(analysed, snapshot, "relu1", neuron)
        assert list(found) == snapshot.features["relu1"].top_image[neuron, :2].tolist()
        for index, picture in found.items():
            # A batch of another size rounds otherwise.
            assert np.abs(picture.astype(int) - alone[index]).max() <= 1


def test_a_layer_as_a_sheet(analysed):
    features = analysed.snapshots[-1].features["relu1"]
    sheet = feature_sheet(analysed, "relu1", n_patches=4)
    strongest = features.top_response[[view.neuron for view in sheet.views], 0]
    assert sheet.n_neurons == features.n_neurons and strongest.max() == np.nanmax(features.top_response)
    for view in sheet.views:
        assert len(view.patches) == len(view.projections) == len(view.responses) <= 4
        assert all(a.shape == b.shape for a, b in zip(view.patches, view.projections))
        assert view.responses == tuple(features.top_response[view.neuron, : len(view.responses)].tolist())
    scene = feature_sheet_scene(sheet)
    n_pictures = sum(len(view.patches) + len(view.projections) for view in sheet.views)
    assert sum(isinstance(shape, Bitmap) for shape in scene.shapes) == n_pictures
    assert len({shape.name for shape in scene.shapes}) == len(scene.shapes)


def test_features_over_the_snapshots(analysed):
    neuron = chosen_neurons(analysed, analysed.snapshots[-1], "relu1", ())[0]
    sheet = evolution_sheet(analysed, "relu1", neurons=[neuron])
    assert [view.snapshot for view in sheet.views] == [one.label for one in analysed.snapshots]
    responses = [one.features["relu1"].top_response[neuron, 0] for one in analysed.snapshots]
    assert [view.responses[0] for view in sheet.views] == pytest.approx(responses)
    scene = evolution_scene(sheet)
    by_api = api.features(analysed, "relu1", neurons=[neuron], is_evolution=True)
    assert [view.responses for view in by_api.found[0].views] == [view.responses for view in sheet.views]
    assert [type(shape) for shape in by_api.scene.shapes] == [type(shape) for shape in scene.shapes]
    assert sum(isinstance(shape, Bitmap) for shape in scene.shapes) == 2 * len(analysed.snapshots)


def test_the_command(analysed, tmp_path):
    out = tmp_path / "sheet.svg"
    words = ["features", analysed.path, "--layer", "relu1"]
    result = CliRunner().invoke(group, [*words, "--neurons", "0,1", "--out", str(out)])
    assert result.exit_code == 0 and "2 feature maps" in result.output and "neuron 1" in out.read_text()
    for more, said in (
        (["--neurons", "0,999"], "relu1 has the neurons 0 to"),
        (["--neurons", "a"], "'a' is not a number"),
        (["--evolution", "--snapshot", "1"], "leave --snapshot out"),
        (["--layer", "relu9"], "relu9"),
    ):
        result = CliRunner().invoke(group, [*words, *more, "--out", str(out)])
        assert result.exit_code in (1, 2) and said in result.output


def test_one_snapshot_has_no_history(analysed):
    with pytest.raises(CnnvisError, match="has one snapshot; analyze several"):
        evolution_sheet(replace(analysed, snapshots=analysed.snapshots[:1]), "relu1")
