"""A snapshot is found by the same names, and missed with the same words, wherever it is asked for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from cnnvis_caffe import api
from cnnvis_caffe.aggregation.aggregate import aggregate
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.edits.choose import chosen_view
from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.sessions import check_session
from cnnvis_caffe.errors import SessionError, UnknownSnapshotError
from cnnvis_caffe.findings import find
from cnnvis_caffe.readings.debugging import chart_by_layer
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.neuron_page import build_neuron_page
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.describe import describe
from tests.helpers.analyses import make_analysis, with_snapshot

LABELS = ("iter 1000", "iter 2000", "best")
WRONG = "there is no snapshot '{}'; there are 'iter 1000', 'iter 2000', 'best'"


@pytest.fixture(scope="module")
def analysis():
    made = make_analysis("lenet", top=3, n_snapshots=3)
    made = with_snapshot(made, 0, path="run/lenet_iter_1000.caffemodel")
    return with_snapshot(made, 2, label="best", iteration=None, path="run/best.caffemodel")


@pytest.fixture
def command(analysis, monkeypatch, tmp_path):
    """Run a command on the analysis: its output, and what it wrote."""
    monkeypatch.setattr("cnnvis_caffe.store.read_analysis", lambda path: analysis)

    def run(name, *arguments, file="a.cnnvis.h5", out=""):
        options = ["--out", str(tmp_path / out)] if out else []
        result = CliRunner().invoke(group, [name, file, *arguments, *options])
        return result.output, (tmp_path / out).read_bytes() if out and (tmp_path / out).exists() else b""

    return run


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (("1000", 1000, "iter 1000", "iter1000", "lenet_iter_1000.caffemodel", "run/lenet_iter_1000.caffemodel"), 0),
        (("2000", 2000, "iter 2000"), 1),
        (("last", "", "best", "best.caffemodel"), 2),
    ],
)
def test_the_same_snapshot_everywhere(analysis, command, tmp_path, names, label):
    snapshot, label = analysis.snapshots[label], LABELS[label]
    neuron = Target("neuron", "conv2", (3,))
    for name in names:
        assert analysis.snapshot(name) is snapshot
        assert analysis.snapshot(chosen_view(analysis, View(), {"snapshot": name}).snapshot) is snapshot
        assert api.layers(analysis, snapshot=name).title.startswith(f"lenet, {label}")
        assert api.neurons(analysis, "conv2", snapshot=name)["mean"] == snapshot.features["conv2"].overall_mean.tolist()
        text = str(name)
        assert (
            describe(analysis, None, View(snapshot=text), neuron).rows
            == describe(analysis, None, View(snapshot=label), neuron).rows
        )
        pages = (build_neuron_page(analysis, one, "conv2", 3) for one in (text, snapshot))
        assert len({page.description for page in pages}) == 1
        lines = chart_by_layer(analysis, "mean_abs_weight", snapshot=text).series
        assert [line.snapshots[0] for line in lines if line.is_emphasised] == [label]
        _, csv = command("export", "overall", "--layers", "conv2", "--snapshot", text, out="a.csv")
        assert csv == command("export", "overall", "--layers", "conv2", "--snapshot", label, out="a.csv")[1] != b""


@pytest.mark.parametrize(("name", "label"), [("1000", "iter 1000"), ("last", "best")])
def test_the_same_snapshot_in_findings_and_pictures(analysis, command, tmp_path, name, label):
    """What takes longer, once for a name."""
    assert json.loads(command("findings", "--snapshot", name, "--json")[0])["snapshot"] == label
    assert {finding.snapshot for finding in find(analysis, snapshot=name)} <= {label}
    report = tmp_path / "report.json"
    command("render", "--clusters", "3", "--snapshot", name, "--report", str(report), out="a.svg")
    assert json.loads(report.read_text())["snapshot"] == label
    view = View(snapshot=name, clusters_of=name, n_clusters=3)
    one, two = (aggregate(analysis, replace(view, snapshot=n, clusters_of=n)) for n in (name, label))
    assert [gap.positive.tolist() for gap in one.gaps] == [gap.positive.tolist() for gap in two.gaps]
    output, _ = command("compare", "a@iter 2000", file=f"a@{name}")
    assert f"A  {label}: " in output


@pytest.mark.parametrize("name", ["3000", "iter 5", "latest", "-1"])
def test_the_same_error_everywhere(analysis, command, name):
    neuron, view = Target("neuron", "conv2", (3,)), View(snapshot=name)
    history = History(view)
    message = f"lenet: {WRONG.format(name)}"
    for ask in (
        lambda: analysis.snapshot(name),
        lambda: api.picture(analysis, snapshot=name),
        lambda: api.picture(analysis, clusters_of=name),
        lambda: api.neuron_page(analysis, "conv2:3", snapshot=name),
        lambda: api.patches(analysis, "conv2:3", snapshot=name),
        lambda: api.findings(analysis, snapshot=name),
        lambda: api.layers(analysis, snapshot=name),
        lambda: api.compare(analysis, snapshots=(name, "")),
        lambda: aggregate(analysis, view),
        lambda: find(analysis, snapshot=name),
        lambda: build_neuron_page(analysis, name, "conv2", 3),
        lambda: chart_by_layer(analysis, snapshot=name),
        lambda: describe(analysis, None, view, neuron),
    ):
        with pytest.raises(UnknownSnapshotError) as caught:
            ask()
        assert str(caught.value) == message
    with pytest.raises(SessionError, match="no snapshot"):
        check_session(history, analysis, "a.json")
    for out, one, *rest in (("a.svg", "render"), ("", "findings"), ("a.csv", "export", "mean")):
        assert command(one, *rest, "--snapshot", name, out=out) == (f"Error: {message}\n", b"")


def test_of_many_snapshots_the_first_and_the_last_are_named():
    analysis = make_analysis("lenet")
    many = tuple(replace(analysis.snapshots[0], label=f"iter {n}", iteration=n) for n in range(100, 2100, 100))
    with pytest.raises(UnknownSnapshotError, match="there are 20, from 'iter 100' to 'iter 2000'$"):
        replace(analysis, snapshots=many).snapshot("iter 5")
