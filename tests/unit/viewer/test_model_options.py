"""Options of "Analyse a model": the one table of options as fields, and one image that is prepared with them."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.analysis.request import OPTIONS, make_request
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.progress import SILENT
from cnnvis_caffe.viewer.model.model_options import option_groups, option_values
from cnnvis_caffe.viewer.model.model_request import ModelRequest
from cnnvis_caffe.viewer.work.child_preview import preview


def test_every_option_of_the_table_has_a_field_or_a_place_elsewhere():
    fields = [field for group in option_groups().values() for field in group]
    named = [field.name for field in fields]
    assert len(set(named)) == len(named)
    assert set(OPTIONS) - set(named) == {"limit", "gradients", "shard", "seed", "allow_python_layers"}
    by_name = {field.name: field for field in fields}
    assert by_name["resize"].kind == "check" and by_name["mean"].files
    assert [value for value, _ in by_name["channel_order"].choices] == ["", "RGB", "BGR"]
    assert all(field.help.endswith(".") and field.label for field in fields)


def test_what_is_typed_becomes_values(tmp_path):
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    typed = {"scale": " 0.5 ", "batch": "", "resize": True, "skip_damaged": False, "classes": str(names), "top": "9",
             "layers": "conv1, conv2", "mean": "104,117,123", "channel_order": "BGR", "task": ""}  # fmt: skip
    values = option_values(typed)
    assert values == {
        "scale": 0.5, "resize": True, "classes": ("cat", "dog"), "layers": ("conv1", "conv2"), "mean": "104,117,123",
        "channel_order": "BGR",
    }  # fmt: skip
    request = make_request("net.prototxt", None, "mnist:test", "", values)
    assert (request.scale, request.layers, request.channel_order) == (0.5, ("conv1", "conv2"), "BGR")


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("batch", "many", "Batch: 'many' is not a whole number."),
        ("scale", "1/256", "Scale: '1/256' is not a number."),
        ("batch", "0", "Batch cannot be '0'; it is at least 1."),
        ("channel_order", "GBR", "use one of '', 'RGB', 'BGR'"),
    ],
)
def test_what_an_option_cannot_be_is_said(name, typed, words):
    with pytest.raises(ValueError, match=words.replace(".", r"\.")):
        option_values({name: typed})


def test_weights_are_asked_for_unless_random_ones_are_wanted(tmp_path):
    model = tmp_path / "net.prototxt"
    model.touch()
    asked = ModelRequest(str(model), (), "mnist:test", str(tmp_path / "a.h5"), has_random_weights=False)
    assert asked.problem() == "Which weights? Choose snapshots, or tick Random weights."
    assert ModelRequest(str(model), (), "mnist:test", str(tmp_path / "a.h5"), has_random_weights=True).problem() == ""


@pytest.fixture
def data(tmp_path):
    images = np.zeros((4, 28, 28), np.uint8)
    images[0, 3, 5], images[0, 20, 7] = 255, 102
    path = tmp_path / "grey.npz"
    np.savez(path, images=images, labels=np.arange(4))
    return str(path)


def test_one_image_is_prepared_as_the_analysis_would_do_it(data, repository):
    model = str(repository / "prototxt/lenet/train_val.prototxt")
    found = preview(model, None, data, SILENT)
    assert found.image.shape == found.prepared.shape == (28, 28, 3)
    assert found.image[3, 5].tolist() == [255, 255, 255] and found.prepared[20, 7].tolist() == [102, 102, 102]
    lines = dict(found.lines)
    assert "times 0.00390625" in lines["Prepared"] and lines["Input"] == "1×28×28, grey, 0 to 0.996"
    assert lines["Task"].startswith("classes: ") and lines["Classes"].startswith("10: 0, 1")
    assert lines["Answers"] == "ip2"
    changed = dict(preview(model, None, data, SILENT, scale=2.0, classes=tuple("abcdefghij")).lines)
    assert changed["Input"] == "1×28×28, grey, 0 to 510" and changed["Classes"] == "10: a, b, c, d, e, f, …"


def test_what_was_found_beside_the_network_is_said(data, repository, tmp_path):
    for name in ("deploy", "train_val"):
        (tmp_path / f"{name}.prototxt").write_text((repository / f"prototxt/lenet/{name}.prototxt").read_text("utf-8"))
    found = preview(str(tmp_path / "deploy.prototxt"), None, data, SILENT)
    assert "0.00390625" in dict(found.lines)["Prepared"]
    assert any("train_val.prototxt" in note for note in found.notes)
    with pytest.raises(CnnvisError, match="class names are given"):
        preview(str(tmp_path / "deploy.prototxt"), None, data, SILENT, classes=("a",))
