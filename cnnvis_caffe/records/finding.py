"""A finding as a value: what it is, where, how strong, why it matters, what to try."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from cnnvis_caffe.records.view import View

SEVERITIES = ("severe", "mild")


@dataclass(frozen=True)
class Place:
    """Where something was found; a click on it goes there.

    Attributes
    ----------
    node : str
        Empty for the network as a whole.
    neurons : tuple of int
        Ascending; empty for the layer as a whole.
    classes : tuple of int
        Ascending; empty where no single class is meant.
    """

    node: str = ""
    neurons: tuple[int, ...] = ()
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """One number that a finding rests on.

    Attributes
    ----------
    name : str
        What was measured: "share of dead neurons".
    value : float
        What came out.
    usual : str
        What is usual, in words: "below 1%"; empty where there is no such thing.
    unit : str
        "%" when `value` is a share of 1 that is shown in percent; empty for plain numbers.
    """

    name: str
    value: float
    usual: str = ""
    unit: str = ""


@dataclass(frozen=True)
class CheckedValue:
    """A value that a rule has looked at, and its limit, whether or not it became a finding.

    Attributes
    ----------
    kind : str
        The rule, as in `Finding`.
    name : str
        What was measured: "share of dead neurons".
    place : Place
    value, limit : float
    nearness : float
        How near the value is to its limit: 0 is far, 1 is at the limit, more is beyond it.
    unit : str
        As in `Evidence`.
    is_low : bool
        Whether values below the limit stand out, rather than those above it.
    """

    kind: str
    name: str
    place: Place
    value: float
    limit: float
    nearness: float
    unit: str = ""
    is_low: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON holds it; None for what is no finite number."""
        values = asdict(self)
        for name in ("value", "limit", "nearness"):
            values[name] = values[name] if math.isfinite(values[name]) else None
        return values


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or could be better.

    Attributes
    ----------
    kind : str
        Which rule found it: the name of its module in `cnnvis_caffe.findings`.
    severity : {"severe", "mild"}
    title : str
        One plain sentence with figures: "12 of 256 neurons of relu3-3 never fire".
    explanation : str
        What it means and why it matters.
    suggestion : str
        What an expert would try.
    places : tuple of Place
        The most important first; never empty.
    evidence : tuple of Evidence
        The most important first; never empty.
    strength : float
        How far beyond the rule's threshold it lies, at least 1; orders findings of one severity.
    snapshot : str
        Label of the snapshot it was found in.
    view : View
        What shows it.
    """

    kind: str
    severity: str
    title: str
    explanation: str
    suggestion: str
    places: tuple[Place, ...]
    evidence: tuple[Evidence, ...]
    strength: float = 1.0
    snapshot: str = ""
    view: View = View()

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {', '.join(SEVERITIES)}, got {self.severity!r}")
        if not self.places or not self.evidence:
            raise ValueError(f"finding {self.title!r} must have a place and evidence")

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON holds it; None for evidence that is not finite."""
        values = asdict(self)
        for evidence in values["evidence"]:
            evidence["value"] = evidence["value"] if math.isfinite(evidence["value"]) else None
        return values


@dataclass(frozen=True)
class Examination:
    """What the rules found, and everything that they looked at.

    Attributes
    ----------
    findings : tuple of Finding
        The severe ones first.
    checks : tuple of CheckedValue
        Rule by rule; of each the nearest to its limit first.
    not_judged : tuple of str
        Rules that found nothing to measure, by their kinds.
    """

    findings: tuple[Finding, ...]
    checks: tuple[CheckedValue, ...]
    not_judged: tuple[str, ...] = ()
