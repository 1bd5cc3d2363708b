"""Each row of README's table of installs, installed into an empty environment: what it promises works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from helpers.recordings import ARCHIVES

pytestmark = [pytest.mark.install, pytest.mark.timeout(1200)]

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = next((ARCHIVES / "v1").glob("*.h5"))
LENET = ROOT / "prototxt/lenet"

#: What is run for each row, in order; {0} is an analysis file.
PROMISES = {
    "": [
        f"inspect {LENET}/train_val.prototxt",
        f"deploy {LENET}/train_val.prototxt --out deploy.prototxt",
        f"upgrade {LENET}/train_val.prototxt new.prototxt",
        "findings {0}",
        "compare {0}",
        "export {0} mean --out mean.csv",
    ],
    "torch,lmdb": [
        "data digits data",
        "train --solver solver.prototxt",
        "test --model train_val.prototxt --weights snapshots/digits_iter_5.caffemodel --iterations 1",
        "time --model train_val.prototxt --iterations 1",
    ],
    "data": ["render {0} --out a.svg", "render {0} --out a.html"],
    "data,render": ["render {0} --out a.png", "render {0} --out a.pdf"],
    "all": [
        "demo --folder demo --out a.png",
        "analyze --model demo/train_val.prototxt --weights demo/snapshots/lenet_iter_600.caffemodel --data digits:test "
        "--out a.cnnvis.h5",
    ],
}
SOLVER = """net: "train_val.prototxt" test_iter: 1 test_interval: 5 base_lr: 0.01 lr_policy: "fixed" max_iter: 5
snapshot_prefix: "snapshots/digits" solver_mode: CPU"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built once, from a copy so that nothing is left in the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "cnnvis_caffe", source / "cnnvis_caffe", ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "MANIFEST.in"):
        shutil.copy(ROOT / name, source)
    run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), "."], source)
    return next(out.glob("*.whl"))


def run(command, folder):
    """Run a command; its output is in the failure."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment["QT_QPA_PLATFORM"] = "offscreen"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def rows_of_readme():
    """The extras of every row of the table, and of those that a row names beside its own."""
    text = (ROOT / "README.md").read_text("utf-8")
    table = text[text.index("| command | what works then |") :].split("\n\n")[0]
    return {found for found in re.findall(r'`(?:pip install )?"\.\[([\w,]+)\]"`', table)} | {""}


def test_every_row_is_tried():
    assert rows_of_readme() == set(PROMISES)


@pytest.mark.parametrize("extras", list(PROMISES))
def test_a_row(extras, wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    binaries = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    what = f"{wheel}[{extras}]" if extras else str(wheel)
    pip = [binaries / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    run([*pip, "-c", str(ROOT / "constraints.txt"), what], tmp_path)
    shutil.copy(ARCHIVE, tmp_path / "archive.cnnvis.h5")
    train_val = (LENET / "train_val.prototxt").read_text().replace("data/mnist", "data/digits")
    (tmp_path / "train_val.prototxt").write_text(train_val)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    for command in PROMISES[extras]:
        run([binaries / "cnnvis-caffe", *command.format("archive.cnnvis.h5").split()], tmp_path)
