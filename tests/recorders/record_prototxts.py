#!/usr/bin/env python3
"""Ask real Caffe which prototxts it accepts and what it makes of them.

Run inside real Caffe, with the recordings to refresh::

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_prototxts.py tests/recorded/files/prototxts/*.json

A recording names one of Caffe's upgrade tools and holds cases. In a case, ``text`` is the file, one
character per byte (latin-1). The rest is filled in here: ``accepted`` and ``output`` (what the tool wrote) or
``error`` (the words of protobuf or Caffe). ``differs`` is written by hand and says why we do otherwise. To
add a case, add its text and run this again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile


def record(tool: str, case: dict, folder: str) -> dict:
    """Return one case with Caffe's verdict."""
    source, target = os.path.join(folder, "in.prototxt"), os.path.join(folder, "out.prototxt")
    with open(source, "wb") as file:
        file.write(case["text"].encode("latin-1"))
    if os.path.exists(target):
        os.remove(target)
    recorded = {key: case[key] for key in ("text", "differs") if key in case}
    result = subprocess.run([tool, source, target], capture_output=True)
    # A net that loses something in the upgrade is written all the same, and Caffe runs it.
    recorded["accepted"] = os.path.exists(target)
    if recorded["accepted"]:
        if "differs" in case:
            return recorded
        with open(target, "rb") as file:
            recorded["output"] = file.read().decode("latin-1")
    else:
        recorded["error"] = reason(result.stderr.decode("latin-1"))
    return recorded


def reason(words: str) -> str:
    """Return the line of Caffe's standard error that says what was wrong."""
    for pattern in (r"Error parsing text-format [\w.]+: (.*)", r"(?m)^F\d+ .*?\] (.*)"):
        found = re.search(pattern, words)
        if found:
            return found.group(1)
    return words.strip()[:200]


def main() -> None:
    """Refresh the recordings named on the command line."""
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            recording = json.load(file)
        with tempfile.TemporaryDirectory() as folder:
            recording["cases"] = [record(recording["tool"], case, folder) for case in recording["cases"]]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(recording, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
