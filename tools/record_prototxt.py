#!/usr/bin/env python3
"""Ask real Caffe which prototxts it accepts and what it reads from them.

Run inside real Caffe, with the recording to refresh::

    real-caffe run python3 tools/record_prototxt.py tests/unit/formats/recordings/prototxt_cases.json

The recording is a list of cases. ``text`` is the file, one character per byte (latin-1); the rest is filled in here:
``accepted``, and ``output`` (the message as text, after the upgrade) or ``error`` (position and words of protobuf).
To add a case, add its text and run this again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile

TOOL = "upgrade_net_proto_text"


def record(text: str, folder: str) -> dict:
    """Return one case with Caffe's verdict."""
    source, target = os.path.join(folder, "in.prototxt"), os.path.join(folder, "out.prototxt")
    with open(source, "wb") as file:
        file.write(text.encode("latin-1"))
    if os.path.exists(target):
        os.remove(target)
    result = subprocess.run([TOOL, source, target], capture_output=True)
    if result.returncode == 0:
        with open(target, "rb") as file:
            return {"text": text, "accepted": True, "output": file.read().decode("latin-1")}
    words = result.stderr.decode("latin-1")
    position = re.search(r"Error parsing text-format [\w.]+: (.*)", words)
    fatal = re.search(r"^F\d+ .*?\] (.*)", words, re.MULTILINE)
    found = position or fatal
    return {"text": text, "accepted": False, "error": found.group(1) if found else words.strip()[:200]}


def main() -> None:
    """Refresh the recordings named on the command line."""
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)
        with tempfile.TemporaryDirectory() as folder:
            cases = [record(case["text"], folder) for case in cases]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(cases, file, indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
