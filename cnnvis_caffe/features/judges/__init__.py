"""Judges of a network's answers: one module for each kind of answer, and the table from tasks to them."""

from __future__ import annotations

from cnnvis_caffe.features.judges.classes import ClassJudge
from cnnvis_caffe.features.judges.judge import Judge
from cnnvis_caffe.features.judges.labels import LabelJudge, ScoreJudge
from cnnvis_caffe.features.judges.numbers import NumberJudge
from cnnvis_caffe.features.judges.pairs import PairJudge
from cnnvis_caffe.features.judges.pixels import PixelJudge

#: By the name of the task; see `records.task`.
JUDGES: dict[str, type[Judge]] = {
    "classes": ClassJudge,
    "labels": LabelJudge,
    "score": ScoreJudge,
    "numbers": NumberJudge,
    "pixels": PixelJudge,
    "boxes": Judge,
    "pairs": PairJudge,
    "embedding": Judge,
}

__all__ = ["JUDGES", "Judge"]
