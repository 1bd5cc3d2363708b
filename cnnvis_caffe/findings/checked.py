"""Says what the rules have looked at, for command line, window and API: rule by rule, and how near each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnvis_caffe.findings.find import RULE_WORDS, RULES, rule_title
from cnnvis_caffe.records.finding import CheckedValue, Examination
from cnnvis_caffe.text.words import counted, figure, percent


@dataclass(frozen=True)
class CheckedRule:
    """What a rule has looked at.

    Attributes
    ----------
    kind, title : str
        The rule, and what it looks for.
    nearest : CheckedValue or None
        The value that is nearest to its limit; None where there was nothing to measure.
    n_values : int
        Values that it has looked at.
    words : str
        The nearest value with its place and its limit; what is missing where there was nothing to measure.
    """

    kind: str
    title: str
    nearest: CheckedValue | None
    n_values: int
    words: str

    @property
    def nearness(self) -> float:
        """How near it is to becoming a finding: 1 is at the limit; 0 where there was nothing to measure."""
        return self.nearest.nearness if self.nearest is not None else 0.0

    @property
    def nearness_words(self) -> str:
        """The same in words."""
        if self.nearest is None:
            return "not judged"
        return "beyond its limit" if self.nearness >= 1 else f"{percent(round(self.nearness, 2))} of its limit"


def checked_rules(examination: Examination, columns: Sequence[str] = ()) -> list[CheckedRule]:
    """List the rules with the value of each that is nearest to its limit.

    Parameters
    ----------
    examination : Examination
    columns : sequence of str, optional
        Names of the classes, for values that are of one.

    Returns
    -------
    list of CheckedRule
        The nearest first; rules that had nothing to measure last.
    """
    rules = []
    for kind in (rule.__name__ for rule in RULES):
        checks = [check for check in examination.checks if check.kind == kind]
        nearest = max(checks, key=lambda check: check.nearness, default=None)
        needs = RULE_WORDS[kind][1] if kind in RULE_WORDS else ""
        words = f"needs {needs}" if needs else "nothing was measured"
        if nearest is not None:
            others = f" ({counted(len(checks), 'value')})" if len(checks) > 1 else ""
            words = check_words(nearest, columns) + others
        rules.append(CheckedRule(kind, rule_title(kind), nearest, len(checks), words))
    return sorted(rules, key=lambda rule: -rule.nearness)


def check_words(check: CheckedValue, columns: Sequence[str] = ()) -> str:
    """Write a value with its place and its limit: "relu2: share of dead neurons 0.3%, stands out from 0.5%"."""
    place = check.place.node
    if check.place.classes and check.place.classes[0] < len(columns):
        place = " ".join(filter(None, [place, columns[check.place.classes[0]]]))
    side = "below" if check.is_low else "from"
    text = f"{check.name} {_value(check, check.value)}, stands out {side} {_value(check, check.limit)}"
    return f"{place}: {text}" if place else text


def _value(check: CheckedValue, value: float) -> str:
    """A value with its unit."""
    return percent(value) if check.unit == "%" else figure(value)
