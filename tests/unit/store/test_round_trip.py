"""What is written is what is read: every field of every record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import fields, is_dataclass, replace

import h5py
import numpy as np
import pytest

from cnnvis_caffe.errors import StoreError
from cnnvis_caffe.records.analysis import CellImages, Connections, WeightCounts
from cnnvis_caffe.records.measure import Measure
from cnnvis_caffe.records.preparation import PreparationTrial, TriedPreparation
from cnnvis_caffe.store import read_analysis, write_analysis
from cnnvis_caffe.store.pictures import PicturePool
from cnnvis_caffe.store.schema import connection_key, escape
from tests.helpers.analyses import make_analysis

# Similarities and correlations have four decimals in the file, JPEGs lose a little.
TOLERANCE = {"similarity": 5.1e-5, "correlation": 5.1e-5}
PICTURES = ("images", "thumbnails")
LARGEST_PNG = {"images": 64, "thumbnails": 32}


def assert_same(found, wanted, where, tolerance=0.0):
    if is_dataclass(wanted):
        assert isinstance(found, type(wanted)), where
        for item in fields(wanted):
            if item.name != "path" or where != "analysis":
                inner = TOLERANCE.get(item.name, 0.0)
                assert_same(getattr(found, item.name), getattr(wanted, item.name), f"{where}.{item.name}", inner)
    elif isinstance(wanted, Mapping) or hasattr(wanted, "keys"):
        assert list(found) == list(wanted), where
        for key in wanted:
            assert_same(found[key], wanted[key], f"{where}[{key}]", tolerance)
    elif isinstance(wanted, np.ndarray):
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), where
        kind = next((kind for kind in PICTURES if f".{kind}[" in where), "")
        if kind and wanted.size and max(wanted.shape[:2]) > LARGEST_PNG[kind]:
            return
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance, err_msg=where)
    elif isinstance(wanted, tuple):
        assert len(found) == len(wanted), where
        for number, (one, other) in enumerate(zip(found, wanted)):
            assert_same(one, other, f"{where}[{number}]", tolerance)
    elif isinstance(wanted, float):
        np.testing.assert_equal(found, wanted, where)
    else:
        assert found == wanted, where


@pytest.mark.parametrize("kind", ["lenet", "residual"])
def test_all_records(tmp_path, kind):
    analysis = make_analysis(kind, n_classes=7, n_snapshots=3)
    assert len(analysis.snapshots) == 3 and len(analysis.snapshots[1].features) > 5 and analysis.curves
    write_analysis(tmp_path / "a.cnnvis.h5", analysis)
    found = read_analysis(tmp_path / "a.cnnvis.h5")
    assert found.path == str(tmp_path / "a.cnnvis.h5")
    assert_same(found, analysis, "analysis")


def test_a_copy_is_the_same_file(tmp_path):
    write_analysis(tmp_path / "a", make_analysis("lenet"))
    write_analysis(tmp_path / "b", read_analysis(tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_may_be_absent(tmp_path):
    analysis = make_analysis("lenet", n_snapshots=2)
    first, second = analysis.snapshots
    name, connections = next(iter(first.connections.items()))
    features = dict(first.features)
    features["conv1"] = replace(features["conv1"], contribution_all=features["conv1"].contribution * 2)
    features["pool1"] = replace(features["pool1"], contribution_all=None)
    del features["relu1"]
    first = replace(
        first, label="my weights", iteration=None, features=features, correlation={}, thumbnails={},
        connections={name: Connections(connections.weight, np.abs(connections.weight))},
        debug={"conv1": first.debug["conv1"]}, loss=float("nan"),
    )  # fmt: skip
    changed = replace(analysis, snapshots=(first, second), curves=(), images={}, image_class={}, provenance={})
    write_analysis(tmp_path / "a", changed)
    assert_same(read_analysis(tmp_path / "a"), changed, "analysis")


def test_measures_and_what_is_taken_for_what(tmp_path):
    analysis = make_analysis("lenet", n_classes=3, n_snapshots=2)
    values, guesses = np.array([0.5, np.nan, 0.25]), np.array([0.3, np.nan, 0.1])
    measures = (
        Measure("average precision", "", 0.375, 0.2, values, guesses, is_better_high=True),
        Measure("error", "%", 0.1, float("nan"), guesses, values),
    )
    first = replace(
        analysis.snapshots[0],
        measures=measures,
        confusion=np.arange(9.0).reshape(3, 3),
        cell_images=CellImages(np.array([0, 2]), np.array([1, 0]), np.array([17, 4]), np.float32([0.5, np.nan])),
        kernels={"conv1": np.random.default_rng(3).normal(size=(20, 1, 5, 4)).astype(np.float32)},
        weight_counts={"ip1": WeightCounts(-0.5, 0.25, np.array([3, 0, 9]))},
    )
    data = replace(
        analysis.data, task="labels", column="label", columns="labels", score_name="ip2", columns_are_scores=False
    )
    changed = replace(analysis, snapshots=(first, *analysis.snapshots[1:]), data=data)
    write_analysis(tmp_path / "a", changed)
    assert_same(read_analysis(tmp_path / "a"), changed, "analysis")


def test_ways_to_prepare_images_that_were_tried(tmp_path):
    tried = [TriedPreparation(("--scale 0.5",), 0.25, 0.5, 0.75, 0.0, 3), TriedPreparation((), *[float("nan")] * 4, 1)]
    trial = PreparationTrial(20, False, tried[1], tuple(tried), tried[0], ("scale", "mean"), "a reason")
    assert_same(PreparationTrial.from_json(replace(trial, best=None).to_json()), replace(trial, best=None), "trial")
    write_analysis(tmp_path / "a", replace(make_analysis("lenet", n_classes=3), preparation=trial))
    assert_same(read_analysis(tmp_path / "a").preparation, trial, "trial")
    with h5py.File(tmp_path / "a", "r+") as file:
        del file["data/preparation"]
        file["data/preparation"] = np.frombuffer(b'{"tried": 3}', np.uint8)
    with pytest.raises(StoreError, match="data/preparation"):
        read_analysis(tmp_path / "a")


def test_a_histogram_without_width_is_damage(tmp_path):
    analysis = make_analysis("lenet")
    counts = {"ip1": WeightCounts(-0.5, 0.25, np.array([3, 0, 9]))}
    changed = replace(analysis, snapshots=(replace(analysis.snapshots[0], weight_counts=counts),))
    write_analysis(tmp_path / "a", changed)
    with h5py.File(tmp_path / "a", "r+") as file:
        file["layers/ip1/weight_range"][...] = [1.0, np.nan]
    with pytest.raises(StoreError, match="are not a histogram"):
        read_analysis(tmp_path / "a").snapshots[0].weight_counts["ip1"]


def test_files_from_before_tasks_are_of_classes(tmp_path):
    write_analysis(tmp_path / "a", make_analysis("lenet"))
    with h5py.File(tmp_path / "a", "r+") as file:
        for name in ("task", "column", "columns", "score_name", "columns_are_scores"):
            del file["data"].attrs[name]
    data, snapshot = read_analysis(tmp_path / "a").data, read_analysis(tmp_path / "a").snapshots[0]
    assert (data.task, data.column, data.columns, data.score_name) == ("classes", "class", "classes", "")
    assert data.columns_are_scores and snapshot.measures == () and snapshot.confusion is None
    assert snapshot.cell_images is None and not snapshot.kernels and not snapshot.weight_counts


def test_names_with_slashes_are_escaped_and_kept_as_attributes(tmp_path):
    write_analysis(tmp_path / "a", make_analysis("inception"))
    with h5py.File(tmp_path / "a", "r") as file:
        assert file["layers/inception_3a%2F1x1"].attrs["name"] == "inception_3a/1x1"
        assert file["layers/inception_3a%2F1x1/activation/mean"].shape == (16, 10)
        assert "inception_3a%2F3x3_reduce" in {key.split("--")[1] for key in file["connections"]}


def test_the_layout_that_others_rely_on(tmp_path):
    analysis = make_analysis("lenet", n_snapshots=2)
    write_analysis(tmp_path / "a", analysis)
    keys = [str(snapshot.iteration) for snapshot in analysis.snapshots]
    with h5py.File(tmp_path / "a", "r") as file:
        for key, snapshot in zip(keys, analysis.snapshots):
            group = file["snapshots"][key]
            layer, features = group["layers/conv2"], snapshot.features["conv2"]
            for name in ("mean", "peak", "maximum", "active_share"):
                np.testing.assert_array_equal(layer["activation"][name], getattr(features, name))
            for name in ("response", "image", "position"):
                np.testing.assert_array_equal(layer["top"][name], getattr(features, f"top_{name}"))
            np.testing.assert_array_equal(layer["top/box_px"], features.top_box)
            np.testing.assert_array_equal(layer["contribution"], features.contribution)
            weight = snapshot.connections["conv2"].weight
            np.testing.assert_array_equal(group["connections/pool1--conv2/weight"], weight)
        assert file["layers"] == file["snapshots"][keys[-1]]["layers"]
        assert file["connections"] == file["snapshots"][keys[-1]]["connections"]
        assert file["debug/mean_abs_weight"].shape == (len(file["debug/layers"][()].tobytes().split(b",")), 2)
        assert file["data/class_count"].shape == (10,)


def test_nothing_is_read_before_it_is_asked_for(tmp_path, monkeypatch):
    write_analysis(tmp_path / "a", make_analysis("deep", n_snapshots=2))
    analysis = read_analysis(tmp_path / "a")
    read = []
    from cnnvis_caffe.store.h5 import OpenFile

    array = OpenFile.array
    monkeypatch.setattr(OpenFile, "array", lambda self, key, *rest: read.append(key) or array(self, key, *rest))
    mean = analysis.snapshots[1].features["conv1_1"].mean
    assert [key.partition("/layers/")[2] for key in read] == ["conv1_1/activation/mean"], "and nothing else"
    assert analysis.snapshots[1].features["conv1_1"].mean is mean and len(read) == 1, "what was read last is kept"
    analysis.snapshots[0].features["conv1_1"].mean.sum()
    assert len(read) == 2, "the other snapshot is another one"
    with pytest.raises(KeyError):
        analysis.snapshots[0].features["conv9_9"]


def test_a_file_replaced_while_it_is_read(tmp_path):
    first, second = make_analysis("lenet", seed=1), make_analysis("lenet", seed=2)
    write_analysis(tmp_path / "a", first)
    analysis = read_analysis(tmp_path / "a")
    write_analysis(tmp_path / "a", second)
    np.testing.assert_array_equal(analysis.snapshots[0].features["ip1"].mean, first.snapshots[0].features["ip1"].mean)
    assert os.listdir(tmp_path) == ["a"]


def test_each_picture_is_stored_once(tmp_path):
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 255, (2, 5, 7, 3), np.uint8)
    with h5py.File(tmp_path / "a", "w") as file, closing(PicturePool(file, 32)) as pool:
        assert [pool.add(picture) for picture in (one, other, one.copy(), one[:0])] == [0, 1, 0, -1]
        pool.finish()
        assert len(file["offsets"]) == 3 and len(file["bytes"]) == file["offsets"][-1] > 0


def test_a_patch_of_several_snapshots_is_stored_once(tmp_path):
    analysis = make_analysis("lenet", n_snapshots=2)
    first, second = analysis.snapshots
    same = replace(analysis, snapshots=(first, replace(second, thumbnails=first.thumbnails)))
    write_analysis(tmp_path / "a", same)
    write_analysis(tmp_path / "one", replace(analysis, snapshots=(first,)))
    with h5py.File(tmp_path / "a", "r") as file, h5py.File(tmp_path / "one", "r") as one:
        groups = [file["snapshots"][key]["pictures"] for key in file["snapshots"]]
        assert groups[0] == groups[1]
        np.testing.assert_array_equal(groups[0]["bytes"], one["pictures/bytes"])
    found = read_analysis(tmp_path / "a")
    for mine, theirs in zip(found.snapshots[1].thumbnails["conv1"], first.thumbnails["conv1"]):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(
    ("name", "escaped"),
    [("conv1", "conv1"), ("a/b", "a%2Fb"), ("50%", "50%25"), (".", "%2E"), ("..", "%2E%2E"), ("a.b", "a.b"),
     ("größe", "größe"), ("\udcff", "%FF")],
)  # fmt: skip
def test_names(name, escaped):
    assert escape(name) == escaped


def test_names_of_connections():
    assert connection_key("a/b", "c") == "a%2Fb--c"


def test_records_of_a_file_are_records_like_others(tmp_path):
    write_analysis(tmp_path / "a", make_analysis("lenet"))
    snapshot = read_analysis(tmp_path / "a").snapshots[0]
    features = snapshot.features["conv1"]
    other = replace(features, mean=features.mean * 2)
    np.testing.assert_array_equal(other.mean, 2 * features.mean)
    assert other.peak is features.peak and other.n_neurons == features.n_neurons
    connections = snapshot.connections["conv1"]
    np.testing.assert_array_equal(replace(connections, gradient=None).weight, connections.weight)
    thumbnails = snapshot.thumbnails["conv1"]
    assert len(thumbnails[1:4]) == 3 and len(list(thumbnails)) == len(thumbnails) == features.n_neurons
