"""Keeps what has been computed, so that a small change of the view costs little."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from cnnvis_caffe.records.analysis import Analysis


class Cache:
    """Results of the stages of an aggregation of one analysis, by what they depend on.

    Each stage forgets what was used least recently. With another analysis everything is forgotten. One thread at a
    time.

    Parameters
    ----------
    per_stage : int, default=2048
        Results that are kept of each stage.
    """

    def __init__(self, per_stage: int = 2048) -> None:
        self._per_stage = per_stage
        self._analysis: Analysis | None = None
        self._stages: dict[str, OrderedDict[Hashable, Any]] = {}

    def of(self, analysis: Analysis) -> Cache:
        """Return it, emptied where it was filled by another analysis.

        Parameters
        ----------
        analysis : Analysis

        Returns
        -------
        Cache
        """
        if analysis is not self._analysis:
            self._analysis = analysis
            self._stages = {}
        return self

    def get(self, stage: str, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return a result, made now if it is not known.

        Parameters
        ----------
        stage : str
        key : hashable
        make : callable
            Without arguments.

        Returns
        -------
        Any
        """
        known = self._stages.setdefault(stage, OrderedDict())
        if key in known:
            known.move_to_end(key)
            return known[key]
        value = known[key] = make()
        if len(known) > self._per_stage:
            known.popitem(last=False)
        return value
