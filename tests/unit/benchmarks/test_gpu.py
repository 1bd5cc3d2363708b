"""The command that proves a GPU goes on past whatever fails, and says what did."""

from __future__ import annotations

import json
import os
import sys
import time

import pytest

pytest.importorskip("torch")

from benchmarks import gpu, gpu_page
from benchmarks.child import run_child
from benchmarks.gpu_tests import gpu_files, run_tests

TESTS = """
import os, warnings
import pytest

def test_unmarked():
    raise AssertionError("not one of them")

@pytest.mark.gpu
def test_passes():
    warnings.warn("old function")

@pytest.mark.gpu
def test_fails():
    assert 1 + 1 == 3

@pytest.mark.gpu
@pytest.mark.skip(reason="wants another GPU")
def test_skips():
    pass

@pytest.mark.gpu
def test_breaks_the_device():
    raise RuntimeError("CUDA error: an illegal memory access was encountered")

@pytest.mark.gpu
def test_runs_in_a_fresh_process():
    assert os.getpid() != FIRST

@pytest.mark.gpu
def test_kills_the_process():
    os.abort()

@pytest.mark.gpu
def test_runs_after_that():
    pass
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Of the tests above and of a file that cannot be imported."""
    root = tmp_path_factory.mktemp("root")
    (root / "pytest.ini").write_text("[pytest]\nmarkers = gpu: here\nfilterwarnings = error\n")
    # Written by whoever imports the file first.
    first = "import pathlib\nFILE = pathlib.Path(__file__).with_name('first')\n" + (
        "FILE.exists() or FILE.write_text(str(os.getpid()))\nFIRST = int(FILE.read_text())\n"
    )
    (root / "test_a.py").write_text(TESTS.replace("import pytest\n", "import pytest\n" + first, 1))
    (root / "test_b.py").write_text("import a_module_that_is_not_there\n")
    (root / "test_c.py").write_text("def test_no_gpu():\n    pass\n")
    folder = tmp_path_factory.mktemp("notes")
    return run_tests([root / f"test_{letter}.py" for letter in "abc"], folder, 120, root)


def test_every_test_has_its_result(results):
    found = results[0]
    assert (found.path, found.passed, found.skipped, found.not_run) == ("test_a.py", 3, {"wants another GPU": 1}, 0)
    assert found.warnings == {"UserWarning: old function": 1}
    assert [test.partition("::")[2] for test in found.failed] == [
        "test_fails", "test_breaks_the_device", "test_kills_the_process"
    ]  # fmt: skip
    messages = list(found.failed.values())
    assert "assert (1 + 1) == 3" in messages[0]
    assert "illegal memory access" in messages[1]
    assert messages[2] == "the process ended within the test: killed by SIGABRT"


def test_a_file_that_cannot_be_imported_is_a_failure_and_one_without_such_tests_is_left_out(results):
    assert [result.path for result in results] == ["test_a.py", "test_b.py"]
    ((name, message),) = results[1].failed.items()
    assert name == "test_b.py" and "No module named 'a_module_that_is_not_there'" in message


def test_what_had_no_time_is_not_run(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu: here\n")
    (tmp_path / "test_long.py").write_text("import time, pytest\n" + "".join(
        f"@pytest.mark.gpu\ndef test_{name}():\n    time.sleep({seconds})\n"
        for name, seconds in (("short", 0), ("long", 600), ("never", 0))
    ))  # fmt: skip
    start = time.monotonic()
    notes = tmp_path / "notes"
    notes.mkdir()
    (found,) = run_tests([tmp_path / "test_long.py"], notes, 5, tmp_path)
    assert time.monotonic() - start < 60
    ((test, message),) = found.failed.items()
    if test == "test_long.py":  # a machine so busy that Python took all of the time to start
        return
    assert (found.passed, found.not_run) == (1, 1)
    assert test == "test_long.py::test_long" and "stopped after" in message


def test_children_end_with_a_process_that_is_stopped(tmp_path):
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    start = time.monotonic()
    assert run_child([sys.executable, "-c", script], tmp_path / "log", 1) == "stopped after 1 s"
    assert time.monotonic() - start < 30
    assert run_child([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log", 60) == "error 3"


def test_every_file_with_tests_for_a_gpu_is_found():
    names = {path.name for path in gpu_files()}
    assert {"test_layers.py", "test_solvers.py", "test_memory.py", "test_devices.py"} <= names


FIGURES = {
    "pretended": False, "date": "2026-11-30", "version": "0.1.0", "device": ["GPU 0: NVIDIA H200: can be used"],
    "machine": "Some processor", "cudnn": 91900,
    "tests": [
        {"path": "tests/a.py", "passed": 3, "failed": {"a::b": "one\n<two>"}, "skipped": {"why": 2}, "warnings": {},
         "not_run": 0, "seconds": 7.4},
    ],
    "parts": [
        {"title": "Training", "is_speed": True, "outcome": "done", "seconds": 60.2, "text": "| net |\n| lenet |\n"},
        {"title": "Counts", "is_speed": False, "outcome": "error 1", "seconds": 1.0, "text": ""},
    ],
}  # fmt: skip


def test_the_page_says_what_ran_where_and_what_failed():
    text = gpu_page.page(FIGURES)
    assert "GPU 0: NVIDIA H200: can be used" in text and "cuDNN 91900" in text
    assert "| tests/a.py | 3 | 1 | 2 | 0 | 7 |" in text
    assert "- `a::b`: one &lt;two>" in text and "- 2: why" in text
    assert "## Training\n\n| net |" in text
    assert "**It did not come to its end: error 1.**" in text
    assert gpu_page.REAL in text and gpu_page.PRETENDED not in text
    pretended = gpu_page.page({**FIGURES, "pretended": True})
    assert gpu_page.PRETENDED in pretended and "| lenet |" not in pretended
    assert all(name in text for name in gpu_page.requirements())


def test_the_short_table_has_a_line_for_everything():
    assert gpu_page.short_table(FIGURES).splitlines() == [
        "tests     3 passed, 1 failed, 2 skipped, 0 not run",
        "Training  done, 60 s",
        "Counts    error 1, 1 s",
    ]


def test_what_counts_as_good():
    good = json.loads(json.dumps(FIGURES))
    assert not gpu_page.is_good(good)
    good["tests"][0]["failed"] = {}
    assert not gpu_page.is_good(good)
    good["parts"][1]["outcome"] = "done"
    assert gpu_page.is_good(good)
    good["tests"][0]["not_run"] = 1
    assert not gpu_page.is_good(good)


def test_the_fewest_trainings_that_get_most_done_are_chosen():
    from benchmarks.gpu_training import best_at_once

    assert best_at_once({1: 100.0, 2: 180.0, 4: 185.0, 8: 150.0}) == 2
    assert best_at_once({1: 100.0, 2: 101.0}) == 1


def test_operations_of_an_image():
    """LeNet by hand: products of convolutions and inner products, an addition each, forward and two gradients."""
    from benchmarks.gpu_training import operations_per_image

    products = 20 * 25 * 24 * 24 + 50 * 20 * 25 * 8 * 8 + 500 * 50 * 4 * 4 + 10 * 500
    assert operations_per_image("lenet") == 3 * 2 * products


def test_a_real_caffe_that_has_no_gpu_is_said_on_the_page(monkeypatch, tmp_path):
    monkeypatch.delenv("CNNVIS_REAL_CAFFE_GPU", raising=False)
    monkeypatch.setenv("CNNVIS_GPU_RECORDINGS", "before")
    assert gpu._ask_real_caffe(tmp_path, tmp_path) == ""
    # `sh -c` takes the words behind it as arguments.
    monkeypatch.setenv("CNNVIS_REAL_CAFFE_GPU", "sh -c 'echo no GPU can be used; exit 3'")
    assert gpu._ask_real_caffe(tmp_path, tmp_path) == "error 3: no GPU can be used"
    assert os.environ["CNNVIS_GPU_RECORDINGS"] == "before"
    monkeypatch.setenv("CNNVIS_REAL_CAFFE_GPU", "sh -c 'echo $*'")
    assert gpu._ask_real_caffe(tmp_path, tmp_path) == "done"
    assert os.environ["CNNVIS_GPU_RECORDINGS"] == str(tmp_path / "caffe")
    assert f"record_layers.py --gpu --to {tmp_path}/caffe" in (tmp_path / "caffe.log").read_text()
    said = "Real Caffe could not be asked on this GPU (error 3: no GPU can be used)"
    assert said in gpu_page.page({**FIGURES, "caffe": "error 3: no GPU can be used"})
