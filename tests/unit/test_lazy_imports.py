"""Opening a file must not wait for, or need, libraries that only running or viewing needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "sklearn", "PyQt5", "matplotlib", "cv2", "scipy.optimize")

REPORT = """
import sys
try:
    {statement}
except SystemExit as exit:
    assert not exit.code, exit.code
print("loaded:", [name for name in {heavy!r} if name in sys.modules])
"""


def loaded_by(statement: str) -> str:
    """The last line that a new Python prints: which heavy libraries a statement loaded."""
    script = REPORT.format(statement=statement, heavy=HEAVY)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "statement",
    [
        "import cnnvis_caffe",
        "import cnnvis_caffe.api",
        "import cnnvis_caffe.aggregation.aggregate",
        "import cnnvis_caffe.findings.find",
        "from cnnvis_caffe.cli.main import group; group(['--help'])",
        "from cnnvis_caffe.cli.main import group; group(['inspect', '--help'])",
        "from cnnvis_caffe.cli.main import group; group(['time', '--help'])",
        "from cnnvis_caffe.cli.main import group; group(['upgrade', '--help'])",
        "from cnnvis_caffe.cli.main import group; group(['inspect', 'prototxt/lenet/deploy.prototxt'])",
    ],
)
def test_nothing_heavy_is_loaded(statement, repository, monkeypatch):
    monkeypatch.chdir(repository)
    assert loaded_by(statement) == "loaded: []"


def test_a_heavy_library_is_noticed(monkeypatch, tmp_path):
    (tmp_path / "sklearn.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert loaded_by("import sklearn") == "loaded: ['sklearn']"


def test_the_api_loads_no_step_before_it_is_taken():
    script = "import sys, cnnvis_caffe.api; print(*(name for name in sys.modules if name.startswith('cnnvis_caffe.')))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    steps = ("analysis.model", "datasets", "network", "runtime.net", "scene", "store", "render")
    loaded = result.stdout.split()
    assert "cnnvis_caffe.api.functions" in loaded
    assert [name for name in loaded if name.startswith(tuple(f"cnnvis_caffe.{step}" for step in steps))] == []
