"""`cnnvis-caffe view` where no window can be opened: one line and exit code 1, whatever Qt is told to use."""

from __future__ import annotations

import os
import sys

import pytest
from helpers import programs

pytest.importorskip("PyQt5")

from cnnvis_caffe.store import write_analysis

#: No display can have it: numbers end where those of ports do.
NO_DISPLAY = ":987654321"


@pytest.mark.parametrize("platform", [None, "xcb"])
@pytest.mark.parametrize("display", [None, NO_DISPLAY])
def test_a_display_that_cannot_be_opened_is_one_line(tmp_path, repository, lenet, platform, display):
    write_analysis(tmp_path / "lenet.cnnvis.h5", lenet)
    said = {"QT_QPA_PLATFORM": platform, "DISPLAY": display, "PYTHONPATH": str(repository)}
    names = (*said, "WAYLAND_DISPLAY")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment.update({name: value for name, value in said.items() if value is not None})
    words = [sys.executable, "-m", "cnnvis_caffe", "view", "lenet.cnnvis.h5"]
    done = programs.run(words, cwd=tmp_path, env=environment)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: no window can be opened")
    assert "cnnvis-caffe render" in line
    assert display is None or f"'{display}'" in line
