"""Networks, files and folders whose names would do something on a terminal."""

from __future__ import annotations

import json
import re

import pytest

ACTING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2066]")
NAME = r"a\033[2J\nERROR: done\342\200\256\302\233"  # as a prototxt writes it
NETWORK = f"""name: "{NAME}"
layer {{ name: "data" type: "Input" top: "{NAME}" input_param {{ shape {{ dim: 2 dim: 3 dim: 8 dim: 7 }} }} }}
layer {{ name: "{NAME}" type: "InnerProduct" bottom: "{NAME}" top: "ip" inner_product_param {{ num_output: 2 }} }}
layer {{ name: "x" type: "No{NAME}" bottom: "ip" top: "y" }}
"""


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "evil\x1b[31m\u202e"
    folder.mkdir()
    (folder / "net\n.prototxt").write_text(NETWORK)
    return folder / "net\n.prototxt"


@pytest.mark.parametrize(
    "arguments", [["inspect"], ["inspect", "--wide"], ["inspect", "--json"], ["time", "--model"], ["upgrade"],
                  ["deploy", "--out", "{}"], ["train", "--solver"], ["render", "--out", "{}.png"], ["findings"]]
)  # fmt: skip
def test_commands_show_names_as_they_are(arguments, model, call):
    from click.testing import CliRunner

    from cnnvis_caffe.cli.main import group

    words = [argument.format(model.with_name("out\x1b")) for argument in arguments]
    result = CliRunner().invoke(group, [*words, str(model)])
    assert not ACTING.search(result.output), repr(result.output)
    assert "\nERROR: done" not in result.output
    assert isinstance(result.exception, (SystemExit, type(None)))


def test_json_is_what_it_was(model, call):
    report = json.loads(call("inspect", "--json", model).stdout)
    assert repr("a\x1b[2J\nERROR: done\u202e\x9b") in repr(report)
