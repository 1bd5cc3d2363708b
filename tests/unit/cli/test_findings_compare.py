from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe.cli import compare, findings
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.store import write_analysis
from tests.helpers.analyses import make_analysis, with_features


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """An analysis of two snapshots with three dead neurons in the last one."""
    analysis = make_analysis("deep", n_snapshots=2)
    top = analysis.snapshots[-1].features["conv3_2"].overall_maximum.copy()
    top[[3, 7, 8]] = -0.5
    path = str(tmp_path_factory.mktemp("analysis") / "deep.cnnvis.h5")
    write_analysis(path, with_features(analysis, "conv3_2", overall_maximum=top.astype(np.float32)))
    return path


def run(module, *arguments):
    result = CliRunner().invoke(module.command, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_findings_say_what_where_why_and_what_to_try(file):
    lines = run(findings, file).output.splitlines()
    assert lines[0] == "deep · iter 2000 · made up: 1 severe, 0 mild"
    assert lines[2] == "● 3 of 64 neurons of relu3_2 never fire"
    assert lines[3] == "  where relu3_2: 3, 7, 8"
    assert lines[4].startswith("  seen  share of dead neurons 4.69% (usual: below 0.5%)")
    assert any(line.startswith("  try   Try a leaky ReLU") for line in lines)


def test_findings_of_another_snapshot_and_as_json(file):
    assert "nothing stands out" in run(findings, file, "--snapshot", "1000").output
    found = json.loads(run(findings, file, "--json").output)["findings"]
    assert [(f["kind"], f["places"][0]["neurons"]) for f in found] == [("dead", [3, 7, 8])]


def test_limits_are_listed_and_set(file):
    assert "dead_severe=0.04" in run(findings, "--limits").output.splitlines()
    assert "0 severe, 1 mild" in run(findings, file, "--limit", "dead_severe=0.5").output
    assert "there is no limit 'dead'" in run(findings, file, "--limit", "dead=1").output


def test_one_file_is_compared_from_its_first_to_its_last_snapshot(file):
    lines = run(compare, file).output.splitlines()
    assert lines[0].startswith("A  iter 1000: error 2%")
    assert lines[1].startswith("B  iter 2000: error 1%")
    assert any(line.startswith("conv3_2 ") for line in lines)


def test_a_comparison_is_json_or_a_picture(file, tmp_path):
    values = json.loads(run(compare, f"{file}@2000", f"{file}@iter 1000", "--json").output)
    assert (values["first"]["snapshot"], values["second"]["snapshot"]) == ("iter 2000", "iter 1000")
    out = tmp_path / "both.svg"
    # The table is printed as well.
    assert run(compare, file, "--out", str(out)).output == run(compare, file).output != ""
    assert "What changed by layer" in out.read_text("utf-8")


def test_the_same_snapshot_twice_is_refused(file):
    with pytest.raises(CnnvisError, match="both sides are 'iter 2000'"):
        run(compare, f"{file}@2000", f"{file}@2000")


def test_an_unknown_format_is_refused_before_any_work(file):
    result = run(compare, file, "--out", "both.doc")
    assert result.exit_code == 2 and "pictures are written as" in result.output
