"""Ask every rule."""

from __future__ import annotations

from dataclasses import replace

from cnnvis_caffe.findings.class_order import class_order
from cnnvis_caffe.findings.dead import dead
from cnnvis_caffe.findings.disconnected import disconnected
from cnnvis_caffe.findings.gradients import gradients
from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.findings.one_sign import one_sign
from cnnvis_caffe.findings.preparation import preparation
from cnnvis_caffe.findings.rank import rank
from cnnvis_caffe.findings.redundant import redundant
from cnnvis_caffe.findings.saturated import saturated
from cnnvis_caffe.findings.thresholds import DEFAULT, Thresholds
from cnnvis_caffe.findings.training import empty_classes, training
from cnnvis_caffe.findings.unclaimed_classes import unclaimed_classes
from cnnvis_caffe.findings.unlearned_columns import unlearned_columns
from cnnvis_caffe.findings.weight_change import weight_change
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.finding import SEVERITIES, Finding
from cnnvis_caffe.text.tables import listed, plural

RULES = (
    training,
    preparation,
    class_order,
    unlearned_columns,
    dead,
    disconnected,
    redundant,
    one_sign,
    weight_change,
    gradients,
    saturated,
    unclaimed_classes,
    rank,
    empty_classes,
)


def find(
    analysis: Analysis,
    *,
    snapshot: str | int = "",
    thresholds: Thresholds = DEFAULT,
    aggregation: Aggregation | None = None,
) -> tuple[Finding, ...]:
    """Find what an expert would point at.

    Parameters
    ----------
    analysis : Analysis
    snapshot : str or int, optional
        As for `Analysis.snapshot`; the last one if it is empty. Of the last one, earlier snapshots in which nothing had
        been learned are told too.
    thresholds : Thresholds, optional
    aggregation : Aggregation, optional
        Of the same snapshot: clusters without connections are then looked for as well, and the views of the findings
        expand the groups that hide their layers.

    Returns
    -------
    tuple of Finding
        The severe ones first, then by how far they are beyond the usual.

    Raises
    ------
    UnknownSnapshotError
        If there is no such snapshot; the message lists those that there are.
    """
    look = Look(analysis, analysis.snapshot(snapshot), thresholds, aggregation)
    found = [finding for rule in RULES for finding in _few(look, list(rule(look)))]
    return tuple(sorted(found, key=_order))


def _order(finding: Finding) -> tuple[int, float, str]:
    """The severe ones first, then the strongest."""
    return SEVERITIES.index(finding.severity), -finding.strength, finding.title


def _few(look: Look, found: list[Finding]) -> list[Finding]:
    """The strongest findings of one rule, and one that stands for the rest."""
    most = look.thresholds.most_alike
    if len(found) <= most + 1:
        return found
    found = sorted(found, key=_order)
    first, rest = found[:most], found[most:]
    names = list(dict.fromkeys(finding.places[0].node for finding in rest))
    return [
        *first,
        replace(
            rest[0],
            title=f"The same in {plural(len(names), 'more layer')}: {listed(names, 3)} ({rest[0].title} …)",
            places=tuple(finding.places[0] for finding in rest),
            evidence=tuple(finding.evidence[0] for finding in rest),
        ),
    ]
