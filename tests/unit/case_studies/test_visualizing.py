"""The study of Zeiler and Fergus at a very small size, and its measures beside what is counted by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from case_studies.leaky_relu import data as cifar10
from case_studies.visualizing import image_figures, report, retrained, run
from case_studies.visualizing.networks import StudyNet
from case_studies.visualizing.verdict import verdict
from cnnvis_caffe.datasets.databases import mean_image, write_image_set
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.records.image_set import ImageSet

TINY = run.Sizes(30, 2, 2, 2, 2, 2, 100, (2, 3), 1, 20, at_once=0)


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    """Databases as the study makes them, of a hundred images each."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(4)
    for split in ("train", "test"):
        labels = np.arange(100) % 10
        images = random.integers(0, 156, (100, 3, 32, 32)) + 10 * labels[:, None, None, None]
        part = ImageSet("cifar10", split, images.astype(np.uint8), labels, tuple("abcdefghij"), "RGB")
        write_image_set(part, folder / f"cifar10_{split}_lmdb", digits=5)
        (folder / f"mnist_{split}_lmdb").mkdir()
    write_mean(folder / "cifar10_mean.binaryproto", mean_image(str(folder / "cifar10_train_lmdb")))
    (folder / cifar10.NOTE).write_text("random pixels\n")
    return folder


def test_variants_are_trained_and_reported(databases, tmp_path):
    words = ["table_3", "figure_6", "--quick", "--work", str(tmp_path), "--data", str(databases)]
    run.main(words, TINY)
    text = (tmp_path / "quick" / "RESULTS.md").read_text()
    assert "A quick run" in text and "| without conv3, conv4, fc6, fc7 | 71.1 | 71.3 | +30.8 |" in text
    assert "2 iterations of 32 images each, 1 seed" in text and "| kernel 7, stride 2 |" in text
    found = json.loads((tmp_path / "quick" / "results" / "table_3_small_alexnet.json").read_text())
    assert len(found["rows"]) == 7 and all(len(row["test"]) == 1 for row in found["rows"].values())
    before = (tmp_path / "quick" / "results" / "figure_6_small_alexnet.json").stat().st_mtime_ns
    run.main(words, TINY)  # what has a result is not done again
    assert (tmp_path / "quick" / "results" / "figure_6_small_alexnet.json").stat().st_mtime_ns == before


def test_a_network_of_ones_own(repository, zoo_dir, tmp_path):
    weights = [str(zoo_dir / "lenet_other_data" / f"lenet_iter_{n}.caffemodel") for n in (5000, 10000)]
    words = ["figure_2", "figure_4", "figure_5", "figure_7", "transfer", "--scale", "0.00390625"]
    deploy = str(repository / "prototxt/lenet/deploy.prototxt")
    words += ["--work", str(tmp_path), "--model", deploy, "--weights", *weights]
    run.main([*words, "--images", "digits:test", "--other", "digits:train", "digits:test"], TINY)
    text = (tmp_path / "full" / "RESULTS.md").read_text()
    assert text.count(" on lenet.\n") == 5
    for name in ("figure_2_lenet.png", "figure_4_lenet.png", "figure_5_lenet.svg", "figure_7_lenet.png"):
        assert f"figures/{name})" in text and (tmp_path / "full" / "figures" / name).stat().st_size > 1000
    found = json.loads((tmp_path / "full" / "results" / "figure_4_lenet.json").read_text())
    assert all(row[-1] == 1 for row in found["layers"].values())


def test_parts_of_digits(repository, tmp_path):
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 20] = 255  # the back of a 3
    for row, first in ((4, 8), (13, 11), (23, 6)):
        image[row, first:21] = 255
    found = image_figures.parts_of(image)
    assert found == {"upper tip": (1, 5, 8, 12), "waist": (10, 8, 17, 15), "lower tip": (20, 3, 27, 10)}
    net = StudyNet("lenet", str(repository / "prototxt/lenet/deploy.prototxt"), (None,), "digits:test",
                   {"scale": 0.00390625}, has_digits=True)  # fmt: skip
    rows = image_figures.table_1(net, tmp_path, tmp_path, 2)["rows"]
    assert [row[1] for row in rows[:4]] == ["upper tip", "waist", "lower tip", "random"]


def test_middle_frequencies():
    y, x = np.mgrid[:8, :8]
    waves = [np.ones((8, 8)), np.cos(np.pi * x), np.cos(np.pi * x / 2) + np.cos(np.pi * y)]
    shares = [retrained.middle_share(wave[None, None]) for wave in waves]
    np.testing.assert_allclose(shares, [0, 0, 1 / 3], atol=1e-9)


def test_verdicts_and_drift(tmp_path):
    assert [verdict(True, True), verdict(True, False), verdict(False)] == ["seen", "partly seen", "not seen"]
    rows = {name: {"train": [50.0], "test": [40.0]} for name in ("original", "without fc7")}
    table = {"rows": rows, "iterations": 7, "seconds": 9, "verdict": "seen"}
    (tmp_path / "table_3_small_alexnet.json").write_text(json.dumps(table))
    before = report.expected(report.collect(tmp_path))
    assert report.drift(report.collect(tmp_path), before) == []
    rows["without fc7"]["test"] = [44.0]
    (tmp_path / "table_3_small_alexnet.json").write_text(json.dumps({**table, "verdict": "not seen"}))
    assert report.drift(report.collect(tmp_path), before) == [
        "table_3 small_alexnet: not seen, expected seen", "table_3 without fc7: 44.0%, expected 40.0 ± 3.0"
    ]  # fmt: skip
