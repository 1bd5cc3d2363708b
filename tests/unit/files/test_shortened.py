"""A file that becomes shorter while it is mapped ends our commands with an error that names it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.processes import python_code

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what happens is up to the system")

MAPPED = """
import os, sys
from cnnvis_caffe.files.shortened import end_with_an_error
from cnnvis_caffe.formats.mapped import MappedFile
from cnnvis_caffe.errors import FileFormatError
if sys.argv[2:]:
    end_with_an_error()
values = MappedFile(sys.argv[1], FileFormatError).view("<f4", 0, 100_000)
os.truncate(sys.argv[1], 4096)
print(values.copy().sum())
"""
LMDB = """
import os, sys
from cnnvis_caffe.files.shortened import end_with_an_error
from cnnvis_caffe.formats.lmdb import LmdbDatabase
end_with_an_error()
database = LmdbDatabase(sys.argv[1])
os.truncate(os.path.join(sys.argv[1], "data.mdb"), 8192)
print(sum(len(value) for _, value in database))
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(python_code(code, arguments), capture_output=True, text=True, check=False)


def test_a_mapped_file(tmp_path):
    path = tmp_path / "weights"
    np.ones(100_000, "<f4").tofile(path)
    done = run(MAPPED, str(path), "ours")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Error: {str(path)!r}: became shorter while it was read; try again when it is whole\n"


def test_it_would_end_without_a_word(tmp_path):
    path = tmp_path / "weights"
    np.ones(100_000, "<f4").tofile(path)
    done = run(MAPPED, str(path))
    assert (done.returncode, done.stderr) == (-signal.SIGBUS, "")


def test_a_database(tmp_path):
    with LmdbWriter(tmp_path / "db") as writer:
        for number in range(100):
            writer.put(b"%08d" % number, bytes(5000))
    done = run(LMDB, str(tmp_path / "db"))
    assert (done.returncode, done.stdout) == (1, "")
    assert os.path.join("db", "data.mdb") in done.stderr and "became shorter" in done.stderr
