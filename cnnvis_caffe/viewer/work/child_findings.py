"""Finds what stands out in an analysis file in another process: that reads far more than a picture does."""

from __future__ import annotations

from cnnvis_caffe.aggregation.aggregate import aggregate
from cnnvis_caffe.findings.find import examine
from cnnvis_caffe.progress import Progress
from cnnvis_caffe.records.finding import Examination
from cnnvis_caffe.records.view import View
from cnnvis_caffe.store import read_analysis


def find_in_file(path: str, snapshot: str, progress: Progress) -> Examination:
    """Find what stands out in a snapshot of an analysis file."""
    progress.start(2, "findings")
    analysis = read_analysis(path)
    label = snapshot if snapshot != analysis.snapshots[-1].label else ""
    aggregation = aggregate(analysis, View(snapshot=label))
    progress.step()
    found = examine(analysis, snapshot=snapshot, aggregation=aggregation)
    progress.step()
    progress.done()
    return found
