"""What was begun on some images goes on with no others, be they as many."""

from __future__ import annotations

import os
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cnnvis_caffe import pipeline
from cnnvis_caffe.datasets.databases import write_image_set
from cnnvis_caffe.errors import Cancelled, StoreError
from cnnvis_caffe.records.image_set import ImageSet

N = 40


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (N, 1, 28, 28), np.uint8)
    return ImageSet("noise", "test", pixels, np.arange(N) % 10, tuple("0123456789"), "grey")


def as_npz(images, path):
    np.savez(f"{path}.npz", images=images.images, labels=images.labels)
    return f"{path}.npz"


def as_lmdb(images, path):
    write_image_set(images, f"{path}_lmdb", overwrite=True)
    return f"{path}_lmdb"


def as_folder(images, path):
    for index, (image, label) in enumerate(zip(images.images, images.labels)):
        folder = path / f"class{label}"
        folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{index}.png"), image[0])
    return str(path)


def stop_after_one_batch():
    left = [30]

    def step(n=1):
        left[0] -= n
        if left[0] < 0:
            raise Cancelled

    return SimpleNamespace(start=lambda total, what: None, step=step, done=lambda: None)


def analyze(small, data, out, **options):
    return pipeline.analyze(small.deploy, small.weights[0], data, out, batch=16, top=2, **options)


def changed(images, index=N - 1):
    """The same with one other pixel."""
    pixels = images.images.copy()
    pixels[index, 0, 13, 7] ^= 1
    return replace(images, images=pixels)


@pytest.mark.parametrize("write", [as_npz, as_lmdb, as_folder])
def test_resuming_on_other_images(small, images, tmp_path, write):
    data, out = write(images, tmp_path / "data"), str(tmp_path / "a")
    with pytest.raises(Cancelled):
        analyze(small, data, out, progress=stop_after_one_batch())
    write(changed(images), tmp_path / "data")
    with pytest.raises(StoreError, match=r"a\.partial: (was made with other images|the files of the data have been)"):
        analyze(small, data, out, resume=True)
    assert os.path.exists(f"{out}.partial"), "it is kept for when the data are back"


def test_resuming_on_a_copy_of_the_array(small, images, tmp_path):
    data = as_npz(images, tmp_path / "data")
    with pytest.raises(Cancelled):
        analyze(small, data, tmp_path / "a", progress=stop_after_one_batch())
    moved = as_npz(images, tmp_path / "moved")
    assert analyze(small, moved, tmp_path / "a", resume=True).data.n_images == N


@pytest.mark.parametrize("write", [as_npz, as_lmdb])
def test_shards_of_other_images(small, images, tmp_path, write):
    # What is read by the shard alone is looked at in samples, of which the first and the last image always are.
    one, other = write(images, tmp_path / "one"), write(changed(images), tmp_path / "other")
    moved = write(images, tmp_path / "moved")
    shards = [str(tmp_path / name) for name in ("1", "2")]
    analyze(small, one, shards[0], shard=(1, 2))
    analyze(small, other, shards[1], shard=(2, 2))
    with pytest.raises(StoreError, match="was made with other images"):
        pipeline.merge(shards, tmp_path / "a")
    analyze(small, moved, shards[1], shard=(2, 2))
    with pytest.raises(StoreError, match="was made with other images"):
        pipeline.merge(shards, tmp_path / "a", data=other)
    assert pipeline.merge(shards, tmp_path / "a").data.n_images == N
