"""The public face: engines, looking into files, loading and training nets, pictures and tables."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.analyses import make_analysis

from cnnvis_caffe import api
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.errors import CnnvisError, EngineError


def test_our_engine():
    caffe = api.engine("torch")
    assert caffe.__name__ == "cnnvis_caffe.pycaffe"
    assert api.engine() is caffe


def test_an_engine_that_nobody_knows():
    with pytest.raises(EngineError, match="'torch' and 'caffe' are known"):
        api.engine("theano")


def in_new_process(script, **environment):
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


ASK = """
from cnnvis_caffe.api import engine
from cnnvis_caffe.errors import EngineError
try:
    print(engine("caffe").__file__)
except EngineError as error:
    print("EngineError:", error)
"""


@pytest.mark.parametrize(
    ("files", "before", "answer"),
    [
        ({}, "", "EngineError: there is no real Caffe here; install it"),
        ({"caffe/__init__.py": "TRAIN, TEST, Net = 0, 1, object"}, "", "__init__.py"),
        ({"caffe/readme.txt": ""}, "", "which is not pycaffe"),
        ({"caffe.py": "import caffe_that_is_missing"}, "", "the module 'caffe_that_is_missing' is missing"),
        ({"caffe.py": "raise ImportError('libcaffe.so.1')"}, "", "cannot be imported: libcaffe.so.1"),
        (
            {"caffe/__init__.py": "TRAIN, TEST, Net = 0, 1, object"},
            "from cnnvis_caffe.pycaffe import install_as_caffe; install_as_caffe()",
            "EngineError: in this process 'caffe' is cnnvis_caffe itself",
        ),
    ],
)
def test_the_real_caffe(tmp_path, repository, files, before, answer):
    if importlib.util.find_spec("caffe") and not before and not any(name.endswith(".py") for name in files):
        pytest.skip("there is a real Caffe here")
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert answer in in_new_process(before + ASK, PYTHONPATH=f"{tmp_path}:{repository}")


def test_inspect(repository):
    report = api.inspect(repository / "prototxt/lenet/deploy.prototxt", input_shapes={"data": (1, 1, 28, 28)})
    assert report["network"]["multiply_adds"] == 2_293_000


def test_load_net(repository, tmp_path):
    path = repository / "prototxt/lenet/deploy.prototxt"
    net = api.load_net(path)
    net.params["ip2"][1].data[:] = range(10)
    net.save(str(tmp_path / "a.caffemodel"))
    again = api.load_net(path, tmp_path / "a.caffemodel")
    assert np.array_equal(again.params["ip2"][1].data, np.arange(10))


# -- looking at an analysis ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def analysis():
    return make_analysis("lenet", n_snapshots=2)


@pytest.fixture(scope="module")
def opened(demo_folder):
    return api.open_analysis(demo_folder / "lenet_digits.cnnvis.h5")


def test_a_picture_shows_and_saves_itself(analysis, tmp_path):
    picture = api.picture(analysis, size=(900, 500), classes=[3], facet="activations")
    assert picture._repr_svg_().startswith("<svg ")
    ElementTree.fromstring(picture._repr_svg_())
    assert (picture.view.classes, picture.view.facet) == ((3,), "activations")
    picture.save(tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_text("utf-8") == picture.svg()
    assert repr(picture).startswith("<Picture ")
    assert picture.aggregation.columns


def test_a_picture_starts_from_a_view(analysis):
    view = api.picture(analysis, theme="dark", n_clusters=3).view
    assert api.picture(analysis, view=view, facet="activations").view == replace(view, facet="activations")


def test_snapshots_go_by_label_and_iteration(analysis):
    one = analysis.snapshots[0]
    assert api.picture(analysis, snapshot=one.iteration).view.snapshot == one.label
    assert one.label in api.layers(analysis, snapshot=one.label).title
    assert one.label in api.layers(analysis, snapshot=one.iteration).title


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: api.picture(a, fcet="features"), "did you mean 'facet'"),
        (lambda a: api.picture(a, facet="feature"), "no facet 'feature'"),
        (lambda a: api.picture(a, classes="none of them"), "no class"),
        (lambda a: api.picture(a, snapshot=3), "no snapshot '3'"),
        (lambda a: api.picture(a, expand="nowhere"), "no group"),
        (lambda a: api.picture(a, select="conv9:1"), "no layer"),
        (lambda a: api.neuron_page(a, "conv1:999"), "neurons 0 to"),
        (lambda a: api.neuron_page(a, "conv1:1", theme="pink"), "no theme 'pink'"),
        (lambda a: api.chart(a, "size"), "no quantity 'size'"),
        (lambda a: api.chart(a, by="size"), "no axis 'size'"),
        (lambda a: api.findings(a, ded=3), "no limit 'ded'"),
        (lambda a: api.findings(a, snapshot="x"), "no snapshot 'x'"),
        (lambda a: api.neurons(a, "conv9"), "no layer with neurons 'conv9'"),
        (lambda a: api.layers(a)["width"], "no column 'width'"),
    ],
)
def test_what_there_is_not_is_said(analysis, call, message):
    with pytest.raises(CnnvisError, match=message):
        call(analysis)


def test_pages_and_charts(analysis):
    for picture in (
        api.neuron_page(analysis, "conv2:3"),
        api.chart(analysis),
        api.chart(analysis, "mean_abs_weight", by="iteration", theme="dark"),
        api.chart(analysis, "loss"),
    ):
        ElementTree.fromstring(picture._repr_svg_())


def test_the_table_of_neurons_has_their_figures(analysis):
    features = analysis.snapshots[-1].features["ip1"]
    table = api.neurons(analysis, "ip1")
    assert len(table) == features.n_neurons
    assert table["mean"] == pytest.approx(features.overall_mean.tolist())
    assert table["neuron"] == list(range(features.n_neurons))
    row = list(table)[3]
    assert row["top image"] == features.top_image[3, 0]
    count = analysis.data.class_count
    assert row["active share"] == pytest.approx(float((features.active_share[3] * count).sum() / count.sum()))
    assert row["strongest class"] in analysis.data.class_names


def test_tables_show_themselves(analysis):
    table = api.layers(analysis)
    assert str(table).count("\n") == len(table) + 2
    html = ElementTree.fromstring(f"<div>{table._repr_html_()}</div>")
    assert len(html.findall(".//tbody/tr")) == len(table)
    assert [cell.text for cell in html.findall(".//th")] == list(table.columns)
    odd = api.Table("<1>", ("a&b",), (("<i>",), (None,), (1234,), (0.12345,)))
    assert "<i>" not in odd._repr_html_()
    assert str(odd).split("\n")[2:] == ["a&b", "<i>", "-", "1,234", "0.123"]


def test_a_comparison_of_snapshots(analysis):
    table = api.compare(analysis)
    assert analysis.snapshots[0].label in table.title
    assert set(table["neurons A"]) == set(table["neurons B"])
    assert all(change is None or change >= 0 for change in table["weight change"])
    other = api.compare(analysis, make_analysis("lenet", seed=1))
    assert len(other) == len(table)


def test_findings_are_those_of_the_command(opened):
    found = api.findings(opened)
    assert isinstance(found, tuple)
    result = CliRunner().invoke(group, ["findings", "--json", opened.path])
    assert [one.title for one in found] == [one["title"] for one in json.loads(result.stdout)["findings"]]
    assert len(repr(found).split("\n")) == len(found)
    ElementTree.fromstring(f"<div>{found._repr_html_()}</div>")
    assert repr(api.Findings()) == "nothing stands out"
    assert found == api.findings(opened, snapshot="")


def test_an_opened_analysis_shows_itself_in_a_few_lines(opened):
    assert repr(opened).startswith("LeNet on digits: 1,151 neurons of 8 layers on 1,500 images of digits:train\n")
    assert len(repr(opened).split("\n")) == 9
    assert "<table>" in opened._repr_html_()
    assert replace(opened, title="x").title == "x"


def test_a_report_shows_itself(repository):
    report = api.inspect(repository / "prototxt/lenet/deploy.prototxt")
    assert "Convolution 20 of 5x5" in repr(report)
    assert report._repr_html_().startswith("<pre")
    assert json.loads(json.dumps(report))["network"] == report["network"]


def test_train_gives_what_analyze_takes(demo_folder, tmp_path, monkeypatch):
    text = (demo_folder / "solver.prototxt").read_text("utf-8")
    text = re.sub(
        "snapshot_prefix.*", f'snapshot_prefix: "{tmp_path}/new/lenet"', text.replace("test_interval: 50", "")
    )
    text = text.replace('net: "', f'net: "{demo_folder}/')
    (tmp_path / "solver.prototxt").write_text(re.sub(r"snapshot: \d+", "snapshot: 2", text).replace("test_iter: 3", ""))
    start = demo_folder / "snapshots/lenet_iter_600.caffemodel"
    snapshots = api.train(tmp_path / "solver.prototxt", weights=start, iterations=3, log=tmp_path / "log.jsonl")
    assert [path.name for path in snapshots] == ["lenet_iter_2.caffemodel", "lenet_iter_3.caffemodel"]
    model = demo_folder / "train_val.prototxt"
    made = api.analyze(model, snapshots, "digits:test", tmp_path / "a.h5", log=tmp_path / "log.jsonl", limit=20)
    assert [one.iteration for one in made.snapshots] == [2, 3]
    assert made.curves
    assert "20 images" in repr(made)


def test_patches_are_those_of_the_analysis(opened):
    features = opened.snapshots[-1].features["conv2"]
    found = api.patches(opened, "conv2:7")
    assert len(found) == features.top_image.shape[1]
    assert found.table["image"] == features.top_image[7].tolist()
    np.testing.assert_allclose(found.table["response"], features.top_response[7], rtol=1e-6)
    # A patch that lies inside its image is cut out of it.
    for patch, row in zip(found.images, found.table):
        image = opened.images[row["image"]]
        if min(row["y0"], row["x0"]) >= 0 and row["y1"] <= image.shape[0] and row["x1"] <= image.shape[1]:
            np.testing.assert_array_equal(patch, image[row["y0"] : row["y1"], row["x0"] : row["x1"]])
            break
    else:
        raise AssertionError("no patch lies inside")
    assert max(max(patch.shape[:2]) for patch in api.patches(opened, "conv2:7", size_px=8)) == 8
    assert repr(found).startswith("conv2:7, iter 600: ")
    html = ElementTree.fromstring(f"<div>{found._repr_html_()}</div>")
    assert len(html.findall(".//figure")) == len(found)
    with pytest.raises(CnnvisError, match="such as conv1:3"):
        api.patches(opened, "3")


def test_findings_turn_into_json(opened):
    found = api.findings(opened)
    assert len(found) > 0
    values = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [one["title"] for one in values] == [one.title for one in found]
    assert values[0]["places"][0]["node"] == found[0].places[0].node
    assert json.loads(json.dumps(found[0].to_json())) == values[0]


@pytest.mark.parametrize(
    "ask",
    [lambda a: a.node("cnv2"), lambda a: a.snapshots[-1].features["cnv2"], lambda a: a.snapshots[-1].debug["cnv2"],
     lambda a: a.snapshots[-1].connections["cnv2"], lambda a: api.neurons(a, "cnv2"),
     lambda a: api.neuron_page(a, "cnv2:3"), lambda a: api.picture(a, select="cnv2:3"),
     lambda a: api.patches(a, "cnv2:3")],
)  # fmt: skip
def test_a_mistyped_layer_lists_near_ones(opened, ask):
    with pytest.raises(KeyError, match="did you mean 'conv2'"):
        ask(opened)


def test_dir_shows_the_api_only():
    assert dir(api) == sorted({*api.__all__, "open"})
    assert all(getattr(api, name) is not None for name in dir(api))


def test_everything_that_is_returned_is_documented(repository):
    """Each record that can be reached from what the functions return has a section with its fields."""
    page = (repository / "docs/api.md").read_text("utf-8")
    for name in ("Analysis", "Node", "Snapshot", "LayerFeatures", "Connections", "LayerDebug", "Curve", "DataSummary",
                 "Finding", "Place", "Evidence", "View", "Deployed", "Picture", "Table", "Patches"):  # fmt: skip
        assert f"## class {name}\n" in page, name
    for function in (getattr(api, name) for name in api.__all__ if callable(getattr(api, name))):
        returned = getattr(function, "__annotations__", {}).get("return", "")
        for name in re.findall(r"[A-Z]\w+", returned):
            others = ("Any", "ModuleType", "Net", "None", "Path")  # a DataFrame or an array is Any
            assert name in others or f"## class {name}\n" in page, (function, name)
