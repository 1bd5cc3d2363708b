"""Says which colourings of connections an analysis has the numbers for."""

from __future__ import annotations

import math

from cnnvis_caffe.records.analysis import Analysis


def missing_edge_colours(analysis: Analysis | None) -> dict[str, str]:
    """Return why edges cannot be coloured, by quantity; those that can are not in it."""
    if analysis is None:
        return {}
    reasons = {}
    snapshot = analysis.snapshots[-1]
    first = next((snapshot.connections[name] for name in snapshot.connections), None)
    if first is None or first.gradient is None:
        reasons["gradient"] = "This analysis has no gradients: run analyze without --no-gradients."
    has_update = any(math.isfinite(debug.last_update) for debug in snapshot.debug.values())
    if len(analysis.snapshots) < 2 and not has_update:
        reasons["relative_change"] = "There is only one snapshot: changes need a second one."
    return reasons
