"""From a model and data to an analysis file: what is in it, shards, interruptions."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers.left_behind import left_behind

from cnnvis_caffe import api, pipeline
from cnnvis_caffe.analysis import cluster, cluster_task, kept_sums
from cnnvis_caffe.analysis import run as run_module
from cnnvis_caffe.analysis.model import automatic_batch
from cnnvis_caffe.analysis.patches import top_patches
from cnnvis_caffe.analysis.prepare import prepare_run
from cnnvis_caffe.analysis.request import make_request
from cnnvis_caffe.datasets import load
from cnnvis_caffe.errors import Cancelled, ClusterError, StoreError
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.rewrite import analysis_network
from cnnvis_caffe.progress import SILENT
from cnnvis_caffe.store.state import read_state

DATA = "digits:train"
N = 230


def analyze(small, out, **options):
    return pipeline.analyze(small.train_val, small.weights, DATA, out, **{"limit": N, "batch": 32, "top": 4, **options})


@pytest.fixture(scope="module")
def whole(small, tmp_path_factory):
    return analyze(small, tmp_path_factory.mktemp("whole") / "a.cnnvis.h5", log=small.log)


def numbers(value, where=""):
    """All that an analysis holds, by where it is; without times and paths."""
    if is_dataclass(value):
        for item in fields(value):
            if item.name not in ("path", "provenance", "curves"):
                yield from numbers(getattr(value, item.name), f"{where}.{item.name}")
    elif isinstance(value, Mapping):
        for key in value:
            yield from numbers(value[key], f"{where}[{key}]")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, item in enumerate(value):
            yield from numbers(item, f"{where}[{number}]")
    else:
        yield where, value


def assert_equal(found, wanted, rtol=0.0, atol=0.0):
    found, wanted = dict(numbers(found)), dict(numbers(wanted))
    assert found.keys() == wanted.keys() and len(wanted) > 100
    for where, value in wanted.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            np.testing.assert_allclose(found[where], value, rtol, atol, err_msg=where)
        elif isinstance(value, float):
            np.testing.assert_allclose(found[where], value, max(rtol, 1e-9), err_msg=where)
        else:
            np.testing.assert_array_equal(found[where], value, where)


def test_what_is_found(whole, small):
    digits = load("digits", "train")
    assert (whole.title, whole.data.source, whole.data.n_images) == ("small", DATA, N)
    assert whole.data.class_count.sum() == N and whole.data.class_count.min() >= 20
    assert (whole.data.input_name, whole.data.input_shape, whole.data.channel_order) == ("data", (1, 28, 28), "grey")
    assert whole.data.preprocessing == "minus 3, times 0.00390625"
    assert [(s.label, s.iteration) for s in whole.snapshots] == [("iter 10", 10), ("iter 20", 20)]
    assert [s.path for s in whole.snapshots] == small.weights
    for snapshot in whole.snapshots:
        assert {"conv1", "relu1", "pool1", "branch/a", "joined", "ip1", "relu2", "ip2"} <= set(snapshot.features)
        assert len(snapshot.thumbnails["conv1"]) == 4 and 0 < snapshot.loss < 50 and 0.2 < snapshot.error <= 1
        for name, features in snapshot.features.items():
            assert set(features.top_image[features.top_image >= 0]) <= set(whole.images), name
        features = snapshot.features["conv1"]
        for neuron in range(4):
            y0, x0, y1, x1 = features.top_box[neuron, 0]
            assert (y1 - y0, x1 - x0) == (5, 5)
            picture = digits.images[features.top_image[neuron, 0], 0, y0:y1, x0:x1]
            np.testing.assert_array_equal(snapshot.thumbnails["conv1"][neuron], np.repeat(picture[..., None], 3, 2))
    for index, image in whole.images.items():
        np.testing.assert_array_equal(image, np.repeat(digits.images[index].transpose(1, 2, 0), 3, 2))
        assert whole.image_class[index] == digits.labels[index]


def test_the_numbers_are_those_of_the_network(whole, small):
    """Class means of the scores, computed here by running the deploy network on prepared images."""
    from cnnvis_caffe import pycaffe

    digits = load("digits", "train")
    of_class = [np.flatnonzero(digits.labels == c)[:n] for c, n in enumerate(whole.data.class_count)]
    chosen = np.sort(np.concatenate(of_class))
    net = pycaffe.Net(small.deploy, pycaffe.TEST, weights=small.weights[1])
    net.blobs["data"].reshape(N, 1, 28, 28)
    net.blobs["data"].data[...] = (digits.images[chosen].astype(np.float32) - 3) * np.float32(0.00390625)
    net.forward()
    scores, labels = net.blobs["ip2"].data, digits.labels[chosen]
    mean = np.stack([scores[labels == c].mean(0) for c in range(10)], axis=1)
    np.testing.assert_allclose(whole.snapshots[1].features["ip2"].mean, mean, rtol=1e-4, atol=1e-5)
    assert whole.snapshots[1].error == pytest.approx((scores.argmax(1) != labels).mean())


def test_changes_between_snapshots_and_the_log(whole):
    first, second = whole.snapshots
    assert np.isnan(first.debug["conv1"].relative_change)
    assert second.debug["conv1"].relative_change == pytest.approx(0.5, rel=1e-5)
    assert np.isnan(first.debug["ip2"].last_update), "it has no solver state beside it"
    assert second.debug["ip2"].last_update == pytest.approx(0.25 / second.debug["ip2"].mean_abs_weight, rel=1e-5)
    (curve,) = whole.curves
    assert (curve.name, curve.iterations.tolist(), curve.values.tolist()) == ("train loss", [0, 20], [2.5, 1.25])


def test_provenance(whole):
    known = whole.provenance
    assert known["program"].startswith("cnnvis_caffe ") and known["engine"].startswith("torch")
    assert len(known["model sha256"]) == len(whole.snapshots[0].sha256) == 64
    assert (known["option limit"], known["option data"]) == (str(N), DATA)


def test_snapshots_in_any_order_and_a_deploy_net_with_options(whole, small, tmp_path):
    found = pipeline.analyze(
        small.deploy, small.weights[::-1], DATA, tmp_path / "a", limit=N, batch=32, top=4, scale=1 / 256, mean=[3]
    )
    assert [s.iteration for s in found.snapshots] == [10, 20]
    for name in ("conv1", "joined", "ip2"):
        np.testing.assert_array_equal(found.snapshots[0].features[name].mean, whole.snapshots[0].features[name].mean)
    assert found.data.preprocessing == whole.data.preprocessing


def test_shards_give_the_same(whole, small, tmp_path):
    paths = []
    for number in (1, 2, 3):
        paths.append(tmp_path / f"shard{number}")
        assert analyze(small, paths[-1], shard=(number, 3), log=small.log) is None
    found = pipeline.merge([paths[1], paths[2], paths[0]], tmp_path / "merged")
    assert_equal(found, whole, rtol=2e-5, atol=2e-6)
    again = pipeline.merge(paths, tmp_path / "again")
    assert_equal(again, found)
    assert sorted(os.listdir(tmp_path)) == ["again", "merged", "shard1", "shard2", "shard3"]


class StopAfter:
    """A user who stops after some images, whatever they are for."""

    def __init__(self, n_images):
        self.left = n_images

    def start(self, total, what):
        pass

    def step(self, n=1):
        self.left -= n
        if self.left < 0:
            raise Cancelled

    def done(self):
        pass


@pytest.mark.parametrize("n_images", [100, N + 50, 2 * N - 1, 2 * N + 5])
def test_interrupted_and_resumed(whole, small, tmp_path, n_images):
    out = tmp_path / "a"
    with pytest.raises(Cancelled):
        analyze(small, out, progress=StopAfter(n_images))
    # The sums of a snapshot that is done have a file of their own.
    assert sorted(os.listdir(tmp_path)) == ["a.partial", "a.partial.1"][: 1 + (n_images > N)]
    n_done = sum(read_state(f"{out}.partial").n_done)
    assert n_done == 2 * N or n_images < n_done <= n_images + 32
    if n_done < 2 * N:  # once more; the images of before are counted again, but for whole snapshots
        with pytest.raises(Cancelled):
            analyze(small, out, progress=StopAfter(n_done % N + 20), resume=True)
        assert sum(read_state(f"{out}.partial").n_done) > n_done
    found = analyze(small, out, resume=True)
    assert_equal(found, whole)
    assert os.listdir(tmp_path) == ["a"]


def test_killed_between_a_whole_state_and_the_file_of_its_own(whole, small, tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module, "SECONDS_BETWEEN_STATES", 0.0)
    with monkeypatch.context() as during_the_first, pytest.raises(KeyboardInterrupt):
        during_the_first.setattr(kept_sums.KeptSums, "put_aside", killed)
        analyze(small, tmp_path / "a")
    assert read_state(f"{tmp_path / 'a'}.partial").n_done == (N, 0)
    assert_equal(analyze(small, tmp_path / "a", resume=True), whole)
    assert os.listdir(tmp_path) == ["a"]


def test_the_state_is_written_from_time_to_time(small, tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "SECONDS_BETWEEN_STATES", 0.0)
    written = []
    write_state = kept_sums.write_state

    def noted(path, state):
        written.append((path[len(str(tmp_path / "a.partial")) :], tuple(state.n_done), [*state.sums]))
        write_state(path, state)

    monkeypatch.setattr(kept_sums, "write_state", noted)
    analyze(small, tmp_path / "a", limit=70)
    assert written == [
        ("", (32, 0), [0]), ("", (64, 0), [0]), ("", (70, 0), [0]), (".1", (70, 0), [0]),
        ("", (70, 32), [1]), ("", (70, 64), [1]), ("", (70, 70), [1]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "problem"),
    [({"top": 5}, "another top: '4', now '5'"), ({"limit": 200}, "another limit"), ({"shard": (1, 2)}, "another shard"),
     ({"scale": 0.5}, "another scale")],
)  # fmt: skip
def test_resuming_something_else(small, tmp_path, options, problem):
    with pytest.raises(Cancelled):
        analyze(small, tmp_path / "a", progress=StopAfter(50))
    before = (tmp_path / "a.partial").read_bytes()
    with pytest.raises(StoreError, match=problem):
        analyze(small, tmp_path / "a", resume=True, **options)
    assert (tmp_path / "a.partial").read_bytes() == before


def test_shards_that_do_not_belong_together(small, tmp_path):
    one, two, other = (str(tmp_path / name) for name in ("one", "two", "other"))
    fewer = {"limit": 40, "layers": ["conv1"], "contributions": "none", "gradients": False}
    analyze(small, one, shard=(1, 2), **fewer)
    analyze(small, two, shard=(2, 2), **fewer)
    analyze(small, other, shard=(2, 2), **{**fewer, "limit": 30})
    for shards, problem in (
        ([one], "of 2 shards, these are missing: 2"),
        ([one, one], "1/2 is in .*one as well"),
        ([one, other], "other: was made with another limit"),
        ([], "there are none"),
    ):
        with pytest.raises(StoreError, match=problem):
            pipeline.merge(shards, tmp_path / "a")
    with pytest.raises(StoreError, match="was made with another data"):
        pipeline.merge([one, two], tmp_path / "a", data="digits:test")
    assert not (tmp_path / "a").exists()


def test_random_weights_and_few_layers(small, tmp_path):
    found = api.analyze(small.deploy, None, "digits:test", tmp_path / "a", limit=50, layers=["relu1"], scale=1 / 256)
    (snapshot,) = found.snapshots
    assert (snapshot.label, snapshot.iteration, snapshot.path) == ("random weights", None, "")
    assert list(snapshot.features) == ["relu1"]
    assert api.open_analysis(tmp_path / "a").data.n_images == 50
    assert api.open(tmp_path / "a").data.n_images == 50


def test_dead_neurons_without_the_layer_before(whole, small, tmp_path):
    found = analyze(small, tmp_path / "a", layers=["relu1", "relu2"])
    for few, every in zip(found.snapshots, whole.snapshots):
        shares = {name: few.debug[name].dead_share for name in ("relu1", "relu2")}
        assert shares == {name: every.debug[name].dead_share for name in shares}


@pytest.mark.parametrize(("size_px", "wanted"), [(28, 256), (224, 33), (2000, 2)])
def test_batches_are_small_where_images_are_large(small, size_px, wanted):
    text = Path(small.deploy).read_text().replace("dim: 28", f"dim: {size_px}")
    dag = build_dag(analysis_network(network_from_text(text.replace("num_output: 4", "num_output: 50"))))
    assert automatic_batch(dag) == pytest.approx(wanted, rel=0.2)
    by_room = [automatic_batch(dag, room) for room in (1e6, 30e6, 1e8, 1e12)]
    assert by_room == sorted(by_room) and by_room[0] < 256
    assert by_room[-1] == 256


def test_without_a_batch_size_one_is_found(whole, small, tmp_path):
    found = analyze(small, tmp_path / "a", batch=None)
    assert found.provenance["batch"] == "256" and whole.provenance["batch"] == "32"
    assert_equal(found, whole, rtol=1e-4, atol=1e-6)


def test_what_a_killed_run_left_is_removed(small, tmp_path):
    *_, of_another = [left_behind(tmp_path / name) for name in ("a.partial", "a", "b.partial")]
    analyze(small, tmp_path / "a", limit=30)
    assert sorted(os.listdir(tmp_path)) == [of_another.name, "a"]


def test_what_an_interrupted_run_left_is_said(small, tmp_path, caplog):
    with pytest.raises(Cancelled):
        analyze(small, tmp_path / "a", progress=StopAfter(64))
    assert sorted(os.listdir(tmp_path)) == ["a.partial"]
    analyze(small, tmp_path / "a")
    assert "an interrupted analysis left this" in caplog.text and "--resume goes on" in caplog.text
    assert sorted(os.listdir(tmp_path)) == ["a"]


def test_shown_nodes(whole):
    assert [node.name for node in whole.shown_nodes][:3] == ["data", "conv1", "relu1"]


def test_all_patches_of_a_neuron(whole):
    snapshot = whole.snapshots[0]
    patches = top_patches(whole, snapshot, "conv1", 2)
    assert [patch.shape for patch in patches] == [(5, 5, 3)] * 4
    np.testing.assert_array_equal(patches[0], snapshot.thumbnails["conv1"][2])
    y0, x0, y1, x1 = snapshot.features["conv1"].top_box[2, 3]
    image = whole.images[int(snapshot.features["conv1"].top_image[2, 3])]
    np.testing.assert_array_equal(patches[3], image[y0:y1, x0:x1])
    assert top_patches(whole, snapshot, "ip2", 2, size_px=7)[0].shape == (7, 7, 3)


# -- on Dask's workers ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client():
    """Two workers, and who talks to them."""
    pytest.importorskip("distributed")
    with cluster.open_cluster(2, "", "cpu") as client:
        yield client


class KillAWorker:
    """Ends one of the workers once all have something to do."""

    def __init__(self, client):
        self.pids = list(client.run(os.getpid).values())
        self.n_images = 0

    def start(self, total, what):
        if self.pids:
            os.kill(self.pids.pop(), signal.SIGKILL)
            self.pids.clear()

    def step(self, n=1):
        self.n_images += n

    def done(self):
        pass


def test_workers_give_the_same_even_if_one_is_lost(whole, small, tmp_path, client):
    killing = KillAWorker(client)
    found = analyze(small, tmp_path / "a", scheduler=client.scheduler.address, log=small.log, progress=killing)
    assert_equal(found, whole, rtol=2e-5, atol=2e-6)
    assert killing.n_images >= 2 * N and not killing.pids  # patches are cut behind the passes
    assert os.listdir(tmp_path) == ["a"]


def test_what_workers_did_of_whole_snapshots_is_kept(whole, small, tmp_path, client):
    with pytest.raises(Cancelled):
        analyze(small, tmp_path / "a", progress=StopAfter(N + 50), scheduler=client.scheduler.address)
    assert read_state(tmp_path / "a.partial.1").n_done == (N, 0)
    found = analyze(small, tmp_path / "a", resume=True, log=small.log)
    assert_equal(found, whole, rtol=2e-5, atol=2e-6)


def test_workers_with_other_files_or_versions_are_one_error(small, client):
    request = make_request(small.train_val, small.weights, DATA, "", {})
    run = prepare_run(request, "", SILENT)
    settings = {**run.settings, "model": "another"}
    with pytest.raises(ClusterError, match="model is not the same here"):
        prepare_run(request, "", SILENT, settings=settings)
    job = cluster_task.ClusterJob(request, tuple(settings.items()), "test")
    with pytest.raises(cluster_task.TaskError, match="model is not the same here"):
        client.submit(cluster_task.sum_up, job, 0, 0, 5, pure=False).result()
    said = client.get_versions(packages=["cnnvis_caffe", "torch"])
    cluster._check_versions(said)
    worker = next(iter(said["workers"]))
    said["workers"][worker]["packages"]["torch"] = "1.0"
    with pytest.raises(ClusterError, match=f"the worker {worker} has torch 1.0, but here it is .*; install the same"):
        cluster._check_versions(said)


def test_a_scheduler_that_is_not_there_is_one_error(small, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "SECONDS_TO_CONNECT", 0.5)
    for address in ("tcp://127.0.0.1:9", "nowhere"):
        with pytest.raises(ClusterError, match=f"{address}: no Dask scheduler answers there"):
            analyze(small, tmp_path / "a", scheduler=address, limit=20)
    with pytest.raises(ValueError, match="workers and scheduler exclude each other"):
        analyze(small, tmp_path / "a", scheduler="tcp://127.0.0.1:9", workers=2)
    assert not os.listdir(tmp_path)
