"""The analysis file: `write_analysis` and `read_analysis`; parts of an analysis on their way are `state`s.

`schema.py` says what is where, `docs/analysis-file.md` says it for readers elsewhere.
"""

from __future__ import annotations

from cnnvis_caffe.store.reader import read_analysis
from cnnvis_caffe.store.writer import check_writable, write_analysis

__all__ = ["check_writable", "read_analysis", "write_analysis"]
