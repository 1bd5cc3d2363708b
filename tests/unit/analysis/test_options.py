"""The options of an analysis come from one table: what people see of them, and what is checked."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

from cnnvis_caffe import api
from cnnvis_caffe.analysis.analyze import analyze
from cnnvis_caffe.analysis.request import OPTIONS, AnalysisOptions, Request, make_request
from cnnvis_caffe.cli.analyze import command

BY_HAND = {"model", "weights", "random_weights", "data", "out", "resume", "as_json", "fork"}


def test_every_option_has_a_type_a_flag_and_words():
    assert list(AnalysisOptions.__annotations__) == list(OPTIONS)
    assert {item.name for item in fields(Request)} - set(OPTIONS) == {"model", "weights", "data", "fork"}
    flags = {parameter.name for parameter in command.params} - BY_HAND
    assert flags == {name for name, one in OPTIONS.items() if one.flag} == set(OPTIONS) - {"seed"}
    for one in OPTIONS.values():
        assert one.row.help and not one.row.help.endswith(".")


@pytest.mark.parametrize("function", [analyze, api.analyze])
def test_functions_show_every_option(function):
    parameters = inspect.signature(function).parameters
    assert list(parameters)[:4] == ["model", "weights", "data", "out"]
    assert [name for name in parameters if name in OPTIONS] == list(OPTIONS)
    assert parameters["top"].default == 9 and parameters["mean"].annotation.startswith("str | os.PathLike")
    doc = inspect.getdoc(function)
    assert '\ncontributions : {"own", "all", "none"}, default="own"\n    To the score' in doc
    assert "**options" not in doc


def test_a_request_holds_what_was_asked_for_as_texts_and_numbers(tmp_path):
    asked = make_request(
        "net", tmp_path, "d", "", {"log": tmp_path, "mean": (1, 2.5), "layers": ["a"], "shard": (1, 2)}
    )
    assert asked == Request(
        "net", (str(tmp_path),), "d", log=str(tmp_path), mean="1.0,2.5", layers=("a",), shard=(1, 2)
    )
    assert Request.from_json(asked.to_json()) == asked
    assert "allow_python_layers" not in asked.to_json()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"contributions": "some"}, r"contributions cannot be 'some'; use one of 'own', 'all', 'none'"),
        ({"top": 0}, "top cannot be 0; it is at least 1"),
        ({"shard": (3, 2)}, r"shard cannot be \(3, 2\); it is \(i, n\) for part i of n"),
    ],
)
def test_a_value_that_means_nothing(options, message):
    with pytest.raises(ValueError, match=message):
        make_request("net", None, "d", "", options)


def test_an_option_that_there_is_none_of():
    with pytest.raises(TypeError, match="no option 'bottom'; it has log, engine"):
        make_request("net", None, "d", "", {"bottom": 3})
