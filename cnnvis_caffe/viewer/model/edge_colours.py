"""Says which colourings of connections an analysis has the numbers for."""

from __future__ import annotations

from cnnvis_caffe.readings.relations import QUANTITIES, step_quantity
from cnnvis_caffe.records.analysis import Analysis

#: Why the numbers are missing, where more can be said.
_REASONS = {
    "gradient": "This analysis has no gradients: run analyze without --no-gradients.",
    "relative_change": "There is only one snapshot: changes need a second one.",
}


def missing_edge_colours(analysis: Analysis | None) -> dict[str, str]:
    """Return why edges cannot be coloured, by quantity; those that can are not in it."""
    if analysis is None:
        return {}
    snapshot, before = analysis.snapshots[-1], (analysis.snapshots[-2] if len(analysis.snapshots) > 1 else None)
    first = next(iter(snapshot.connections), "")
    unknown = [kind for kind in QUANTITIES if step_quantity(snapshot, before, first, kind) is None]
    return {kind: _REASONS.get(kind, "This analysis does not have the numbers for it.") for kind in unknown}
