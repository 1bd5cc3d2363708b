"""Tables, patches and pictures of what is selected."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from cnnvis_caffe.progress import SILENT
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.table_files import delimited
from cnnvis_caffe.viewer.model import export


def table(session, target, delimiter=","):
    """The rows of a target's table, as they are read again."""
    head, rows = export.table_of(session.analysis, session.aggregation, session.view, target)
    return list(csv.reader(delimited(head, rows, delimiter).splitlines(), delimiter=delimiter))


def test_a_neuron_has_a_row_for_each_class(session, lenet):
    head, *rows = table(session, Target("neuron", "conv2", (3,)), "\t")
    features = lenet.snapshots[-1].features["conv2"]
    assert [row[:3] for row in rows] == [["conv2", "3", name] for name in lenet.data.class_names]
    for name, values in (("mean", features.mean), ("contribution", features.contribution)):
        assert [float(row[head.index(name)]) for row in rows] == pytest.approx(values[3].tolist(), rel=1e-4)


def test_a_layer_has_a_row_for_each_neuron_with_its_cluster(session, lenet):
    head, *rows = table(session, Target("column", "conv1"))
    column = session.aggregation.column("conv1")
    assert [int(row[head.index("neuron")]) for row in rows] == list(range(len(column.labels)))
    assert [int(row[head.index("cluster")]) - 1 for row in rows] == column.labels.tolist()
    means = lenet.snapshots[-1].features["conv1"].overall_mean
    assert [float(row[head.index("mean")]) for row in rows] == pytest.approx(means.tolist(), rel=1e-4)


def test_a_bundle_has_a_row_for_each_pair_of_clusters(session):
    gap = session.aggregation.gaps[0]
    head, *rows = table(session, Target("bicluster", gap.source, other_node=gap.target))
    assert len(rows) == gap.positive.size
    positive = [float(row[head.index("positive")]) for row in rows]
    assert positive == pytest.approx(gap.positive.ravel().tolist(), rel=1e-4)
    kept = (gap.kept_positive | gap.kept_negative).ravel()
    assert [row[head.index("shown")] == "yes" for row in rows] == kept.tolist()
    assert table(session, Target("bicluster", "no", other_node="thing")) == [head]


def test_a_class_has_its_neurons(session, lenet):
    _, *rows = table(session, Target("class", members=(4,)))
    assert rows and {row[2] for row in rows} == {lenet.data.class_names[4]}
    assert {row[0] for row in rows} <= {column.node for column in session.aggregation.columns}


def test_patches_stand_on_one_sheet(lenet):
    step = export.PATCH_PX + export.PATCH_GAP_PX
    n = sum(picture.size > 0 for picture in lenet.snapshots[-1].thumbnails["conv1"])
    sheet = export.patches_of(lenet, View(), Target("column", "conv1"))
    n_columns = int(np.ceil(np.sqrt(n)))
    assert sheet.shape[1:] == (n_columns * step + export.PATCH_GAP_PX, 3) and sheet.dtype == np.uint8
    assert sheet[:4].min() == 255, "a white margin"
    assert export.patches_of(lenet, View(), Target("column", "nothing")) is None


def test_patches_are_stretched_by_their_nearest_pixels():
    patch = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    fitted = export.fitted_patch(patch, 6)
    assert fitted.shape == (6, 6, 3)
    assert np.array_equal(fitted[::3, ::2], patch) and np.array_equal(fitted[2, 5], patch[0, 2])


@pytest.mark.parametrize(("ending", "begin"), [("svg", b"<?xml"), ("html", b"<!DOCTYPE html>")])
def test_a_picture_is_written_in_the_kind_of_its_name(lenet, tmp_path, ending, begin):
    path = tmp_path / f"picture.{ending}"
    assert export.write_picture(str(path), lenet, View(theme="dark"), None, SILENT) == str(path)
    content = path.read_bytes()
    assert content[:20].lower().startswith(begin.lower()) and b"conv2" in content
