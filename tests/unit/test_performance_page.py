"""The page of measured speeds: what it is written from, and what it counts."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")

from benchmarks import report
from benchmarks.nets import NETS


def test_the_page_shows_the_kept_figures(tmp_path):
    report.write(report.PROCESSORS, tmp_path / "page.md")
    assert (tmp_path / "page.md").read_text("utf-8") == report.REPORT.read_text("utf-8")


def test_a_section_for_each_processor(tmp_path):
    """The share of the matrix rate is there where that was measured: 240 of 300 thousand millions a second."""
    kept = json.loads((report.PROCESSORS / "amd-epyc-avx512.json").read_text("utf-8"))
    kept.update(machine="Some other, 8 cores", instructions="NEON", matrix_gflops=300.0)
    for row in kept["speed"]:
        row["gflops"] = 240.0
    folder = tmp_path / "processors"
    folder.mkdir()
    for name, one in (("a", kept), ("b", {**kept, "machine": "Third, 2 cores", "matrix_gflops": None})):
        (folder / f"{name}.json").write_text(json.dumps(one), "utf-8")
    report.write(folder, tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text("utf-8")
    first, second = text.index("## Some other with NEON"), text.index("## Third with NEON")
    assert first < second
    assert text[first:second].count(" 80% |") == len(kept["speed"])
    assert "Matrix rate: 300 GFLOP/s." in text[first:second]
    assert "%" not in text[second:].split("| net |")[1].split("Milliseconds")[0]


def test_work_of_a_net():
    """LeNet by hand: 20 5x5 windows on 24x24, 50 of 20 channels on 8x8, 800 x 500, 500 x 10; twice each."""
    layers = [20 * 25 * 576, 50 * 500 * 64, 800 * 500, 500 * 10]
    assert NETS["lenet"].gflop("forward") == pytest.approx(2 * sum(layers) / 1e9)
    assert NETS["lenet"].gflop("backward") == pytest.approx(2 * (3 * sum(layers) - layers[0]) / 1e9)


def test_what_is_still_to_be_measured():
    speed = {"lenet forward": {}, "lenet backward": {}, "vgg10 forward": {}}
    assert report.missing({"speed": speed}) == ["opening", "cifar10_full", "vgg10", "caffenet", "googlenet"]
    every = {f"{name} {one}": {} for name, net in NETS.items() for one in net.passes}
    assert report.missing({"speed": every, "opening": {}}) == []
