"""Recordings of what real Caffe made of small files; see tests/recorders/record_prototxts.py."""

from __future__ import annotations

import json

from helpers.recordings import PROTOTXTS


def cases(name, **wanted):
    """Return the cases of one recording; ``accepted=True`` gives only those that Caffe accepts."""
    recorded = json.loads((PROTOTXTS / f"{name}.json").read_text(encoding="utf-8"))["cases"]
    return [case for case in recorded if all(case[key] == value for key, value in wanted.items())]


def text_of(case):
    """Return the text of a case as it is read from a file."""
    return case["text"].encode("latin-1").decode("utf-8", "surrogateescape")
