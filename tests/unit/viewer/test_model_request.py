"""What is missing before a model can be analysed."""

from __future__ import annotations

from dataclasses import replace

from cnnvis_caffe.viewer.model.model_request import ModelRequest, usual_file


def test_what_is_missing_is_asked_for_one_by_one(tmp_path):
    model, weights = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    request = ModelRequest("", (), "", "")
    assert request.problem() == "Which network? Choose its prototxt."
    request = replace(request, model=str(model), weights=(str(weights),))
    assert request.problem() == f"{model}: there is no such file."
    model.touch()
    assert request.problem() == f"{weights}: there is no such file."
    weights.touch()
    assert request.problem().startswith("Which data?")
    request = replace(request, data="mnist:test")
    assert request.problem() == "Where should the result go?"
    request = replace(request, out=str(tmp_path / "no" / "a.cnnvis.h5"))
    assert request.problem() == f"{tmp_path / 'no'}: there is no such folder."
    assert replace(request, out=str(tmp_path / "a.cnnvis.h5")).problem() == ""


def test_it_is_what_analyze_takes():
    request = ModelRequest("a.prototxt", ("b", "c"), "mnist:test", "o", 20, False, {"stages": ("deploy",)})
    assert request.arguments() == {
        "model": "a.prototxt", "weights": ["b", "c"], "data": "mnist:test", "out": "o", "limit": 20,
        "gradients": False, "stages": ("deploy",),
    }  # fmt: skip


def test_the_file_has_the_name_of_the_models_folder():
    assert usual_file("/nets/lenet/train_val.prototxt") == "lenet.cnnvis.h5"
    assert usual_file("/net.prototxt") == "network.cnnvis.h5"
