"""Files that earlier versions wrote can still be read; see `tests/recorded/files/archives`."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.recordings import ARCHIVES

from cnnvis_caffe.store import read_analysis, schema


@pytest.mark.parametrize("version", range(1, schema.VERSION + 1))
def test_an_archived_file(repository, version):
    analysis = read_analysis(ARCHIVES / f"v{version}/small.cnnvis.h5")
    assert (analysis.title, analysis.data.source, analysis.data.n_images) == ("small", "digits:test", 40)
    assert analysis.data.preprocessing == "minus 3, times 0.00390625"
    assert [node.name for node in analysis.nodes][:4] == ["data", "label", "conv1", "relu1"]
    first, second = analysis.snapshots
    assert (first.iteration, second.label) == (10, "iter 20")
    assert second.debug["conv1"].relative_change == pytest.approx(0.5, rel=1e-5)
    for snapshot in analysis.snapshots:
        assert list(snapshot.features) == ["conv1", "relu1", "branch/a", "joined", "ip2"]
        features = snapshot.features["branch/a"]
        assert features.mean.shape == (3, 10) and features.top_box.shape == (3, 2, 4)
        np.testing.assert_array_equal(features.maximum.max(1), features.overall_maximum)
        assert {int(image) for image in features.top_image.ravel() if image >= 0} <= set(analysis.images)
        assert snapshot.connections["ip1"].gradient.shape == (6, 7)
        assert np.diag(snapshot.similarity["ip2"]) == pytest.approx(1)
        assert snapshot.thumbnails["conv1"][0].shape == (5, 5, 3)
    assert analysis.curves[0].values.tolist() == [2.5, 1.25]
