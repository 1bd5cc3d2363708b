"""Finds and explains by rule what an expert would point at in a network.

One module for each rule, with a function that takes a `Look` and yields findings; `thresholds` holds every limit with
its reason; `find` asks all of them. Rules read records only: no file, no network, no picture.
"""

from __future__ import annotations

from cnnvis_caffe.findings.find import examine, find, rule_title
from cnnvis_caffe.findings.thresholds import Thresholds

__all__ = ["Thresholds", "examine", "find", "rule_title"]
