"""Ask every rule."""

from __future__ import annotations

from collections.abc import Mapping
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
from cnnvis_caffe.records.finding import SEVERITIES, Examination, Finding
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


#: What each rule looks for, and what it needs to be judged, by kind.
RULE_WORDS: Mapping[str, tuple[str, str]] = {
    "training": ("Training that failed", "answers that are right or wrong"),
    "preparation": ("Preparation of images", "a network that does not say how images are prepared"),
    "class_order": ("Labels in another order", "a confusion matrix"),
    "unlearned_columns": ("Answers that are guessed", "several labels, numbers or classes of pixels"),
    "dead": ("Dead neurons", "rectifiers"),
    "disconnected": ("Parts without connections", "layers with weights"),
    "redundant": ("Redundant neurons", "a layer with enough neurons, and more than guessing"),
    "one_sign": ("Weights of one sign", "a layer with 20 connections or more"),
    "weight_change": ("Change of weights", "two snapshots, or a solver state"),
    "gradients": ("Gradients", "gradients of the loss"),
    "saturated": ("Saturated neurons", "sigmoid or tanh layers"),
    "unclaimed_classes": ("Classes without an output", "one class an image, 20 images of it, and more than guessing"),
    "rank": ("Width of layers", "activations of 8 neurons or more, and more than guessing"),
    "empty_classes": ("Classes without images", "a score for each class"),
}


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
    return examine(analysis, snapshot=snapshot, thresholds=thresholds, aggregation=aggregation).findings


def examine(
    analysis: Analysis,
    *,
    snapshot: str | int = "",
    thresholds: Thresholds = DEFAULT,
    aggregation: Aggregation | None = None,
) -> Examination:
    """Find what an expert would point at, and say what was looked at.

    Parameters
    ----------
    analysis, snapshot, thresholds, aggregation
        As for `find`.

    Returns
    -------
    Examination

    Raises
    ------
    UnknownSnapshotError
        As `find`.
    """
    look = Look(analysis, analysis.snapshot(snapshot), thresholds, aggregation)
    found = [finding for rule in RULES for finding in _few(look, list(rule(look)))]
    kinds = [rule.__name__ for rule in RULES]
    checks = sorted(look.checks, key=lambda check: (kinds.index(check.kind), -check.nearness))
    not_judged = tuple(kind for kind in kinds if not any(check.kind == kind for check in checks))
    return Examination(tuple(sorted(found, key=_order)), tuple(checks), not_judged)


def rule_title(kind: str) -> str:
    """Return what a rule looks for, in words."""
    return RULE_WORDS[kind][0] if kind in RULE_WORDS else kind.replace("_", " ").capitalize()


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
