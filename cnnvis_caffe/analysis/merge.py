"""From the shards of an analysis to its file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from cnnvis_caffe.analysis import assemble
from cnnvis_caffe.analysis.check_same import check_same
from cnnvis_caffe.analysis.model import Nets
from cnnvis_caffe.analysis.options import paths_as_texts
from cnnvis_caffe.analysis.prepare import prepare_run
from cnnvis_caffe.analysis.request import PARTIAL, Request
from cnnvis_caffe.analysis.run import merged
from cnnvis_caffe.errors import StoreError
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.store import check_writable, read_analysis
from cnnvis_caffe.store.state import AnalysisState, read_state


def merge(
    shards: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | None = None,
    weights: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    data: str | os.PathLike[str] | None = None,
    allow_python_layers: bool = False,
    progress: Progress = SILENT,
) -> Analysis:
    """Make an analysis file of shards.

    Parameters
    ----------
    shards : sequence of str or path-like
        All of them, in any order.
    out : str or path-like
        File to write.
    model, weights, data : optional
        Where these are now, if not where they were; they must be the same.
    allow_python_layers : bool, default=False
        Whether the code of the network's Python layers may be run.
    progress : Progress, default=SILENT

    Returns
    -------
    Analysis
        Opened from the file; the same as that of one pass, but for the rounding of sums.

    Raises
    ------
    CnnvisError
        If shards are missing, unfinished or do not belong together, or `out` cannot be written.
    """
    out = os.fspath(out)
    if any(os.path.realpath(path) == os.path.realpath(out) for path in shards):
        raise StoreError(out, "", "is one of the shards; name another file")
    check_writable(out)
    states = _checked_shards([read_state(path) for path in shards])
    stored = Request.from_json(states[0].request)
    request = Request.from_json(
        {
            **stored.to_json(),
            "shard": (1, 1),
            "model": stored.model if model is None else os.fspath(model),
            "weights": stored.weights if weights is None else paths_as_texts(weights),
            "data": stored.data if data is None else os.fspath(data),
        }
    )
    request = replace(request, allow_python_layers=allow_python_layers)
    run = prepare_run(request, out + PARTIAL, progress)
    check_same(states[0], run.settings)
    if sum(state.n_images for state in states) != len(run.indices):
        raise StoreError(states[0].path, "n_images", f"the shards do not have {len(run.indices)} images together")
    run.seconds = sum(state.seconds for state in states)
    nets = Nets(run.model.network, request)
    run.group_images(nets, progress)
    assemble.write(run, nets, lambda number: merged(run, nets, states, number), out, progress)
    return read_analysis(out)


def _checked_shards(states: Sequence[AnalysisState]) -> list[AnalysisState]:
    """Shards by number; raises unless they are all there, finished, and of one analysis."""
    if not states:
        raise StoreError("shards", "", "there are none; name the files that analyze --shard wrote")
    first = states[0]
    n_shards = first.shard[1]
    by_number: dict[int, AnalysisState] = {}
    for state in states:
        check_same(state, dict(first.settings))
        number, others = state.shard
        if others != n_shards:
            raise StoreError(state.path, "shard", f"is one of {others}, but {first.path} is one of {n_shards}")
        if number in by_number:
            raise StoreError(state.path, "shard", f"{number}/{n_shards} is in {by_number[number].path} as well")
        if not state.is_complete:
            raise StoreError(state.path, "n_done", "is an unfinished shard; finish it with --resume")
        by_number[number] = state
    missing = [str(number) for number in range(1, n_shards + 1) if number not in by_number]
    if missing:
        raise StoreError(first.path, "shard", f"of {n_shards} shards, these are missing: {', '.join(missing)}")
    return [by_number[number] for number in sorted(by_number)]
