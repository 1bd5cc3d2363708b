"""A facet is a row of words and a row of values: the picture and its legend follow."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.analyses import make_analysis

from cnnvis_caffe import pipeline
from cnnvis_caffe.readings import facets
from cnnvis_caffe.records import view as views
from cnnvis_caffe.records.view import Choice, View
from cnnvis_caffe.scene.shapes import Bitmap, Text


@pytest.fixture
def with_peaks(monkeypatch):
    """A facet that shows the mean of the largest values."""
    row = facets.MatrixFacet(lambda features: features.peak, "peak", "Peaks, neurons × classes", "Peaks")
    monkeypatch.setitem(views.FACETS, "peaks", Choice("Peaks", "peaks"))
    monkeypatch.setitem(facets.MATRIX_FACETS, "peaks", row)


def test_every_facet_but_the_features_is_a_matrix():
    assert set(views.FACETS) - {"features"} == set(facets.MATRIX_FACETS)


def test_a_new_facet_has_its_matrices_and_its_part_of_the_legend(with_peaks):
    analysis = make_analysis("lenet", seed=1)
    scene = pipeline.draw(analysis, View(facet="peaks"), size=(1200.0, 700.0)).scene
    texts = {shape.text for shape in scene.shapes if isinstance(shape, Text)}
    assert "Peaks, neurons × classes" in texts or "Peaks" in texts
    matrices = [shape for shape in scene.shapes if isinstance(shape, Bitmap) and len(shape.rows) > 3]
    assert len(matrices) > 5
    darkness = {row: -int(matrix.pixels[at].sum()) for matrix in matrices[:1] for at, row in enumerate(matrix.rows)}
    node = matrices[0].target.node
    peak = np.nan_to_num(analysis.snapshots[-1].features[node].peak)[:, list(matrices[0].columns)].sum(1)
    strongest = max(darkness, key=lambda neuron: peak[neuron])
    weakest = min(darkness, key=lambda neuron: peak[neuron])
    assert darkness[strongest] > darkness[weakest]
