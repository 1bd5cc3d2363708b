"""The steps from files to a picture, and the names that the module had before."""

from __future__ import annotations

import pytest
from helpers.analyses import make_analysis

from cnnvis_caffe import pipeline
from cnnvis_caffe.records.view import View
from cnnvis_caffe.store import write_analysis


def test_from_an_analysis_file_to_a_picture(tmp_path):
    write_analysis(tmp_path / "a.cnnvis.h5", make_analysis("lenet", seed=1))
    drawn = pipeline.draw(pipeline.open_analysis(tmp_path / "a.cnnvis.h5"), View(), size=(900.0, 500.0))
    pipeline.save(drawn.scene, tmp_path / "a.svg")
    n_clusters = sum(len(column.clusters) for column in drawn.aggregation.columns)
    assert (tmp_path / "a.svg").read_text("utf-8").count('data-name="cluster/') == n_clusters


@pytest.mark.parametrize(
    "name", ["PARTIAL", "Cancelled", "deconvolve", "python_layers", "python_layers_of", "top_patches"]
)
def test_a_name_that_moved_still_works_with_a_warning(name):
    with pytest.warns(DeprecationWarning, match=f"pipeline.{name} is now cnnvis_caffe") as caught:
        value = getattr(pipeline, name)
    assert value is not None and caught[0].filename == __file__


def test_any_other_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nowhere"):
        pipeline.nowhere  # noqa: B018 - asked for on purpose
