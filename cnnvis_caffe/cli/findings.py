"""`cnnvis-caffe findings`: what an expert would point at in an analysis file."""

from __future__ import annotations

import json
import shutil
import textwrap
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import click

from cnnvis_caffe.cli.say import can_show, say

if TYPE_CHECKING:
    from cnnvis_caffe.findings import Thresholds
    from cnnvis_caffe.findings.checked import CheckedRule
    from cnnvis_caffe.records.analysis import Analysis
    from cnnvis_caffe.records.finding import Evidence, Finding, Place

_MARKS = {"severe": "●", "mild": "○"}
_MOST_NEURONS = 12


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False))
@click.option("--snapshot", metavar="LABEL", default="", help="Label or iteration; the last one by default.")
@click.option("--severe", is_flag=True, help="Only what is severe.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=VALUE",
              help="Set a limit, such as dead_severe=0.1; again for more. --limits lists them.")  # fmt: skip
@click.option("--limits", "lists_limits", is_flag=True, is_eager=True, expose_value=False,
              callback=lambda ctx, _, value: _list_limits(ctx, value), help="List all limits and stop.")  # fmt: skip
@click.option("--all", "shows_checks", is_flag=True, help="Also what was checked, and how near it is to its limit.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(
    file: str, snapshot: str, severe: bool, limits: tuple[str, ...], shows_checks: bool, as_json: bool
) -> None:
    """Find what is wrong, or could be better, in the network of the analysis in FILE.

    Each finding says what and where it is, the numbers behind it and the usual ones, why it matters and what to
    try: dead, redundant and saturated neurons, layers of one sign, parts without connections, breaks in the change of
    weights, vanishing and exploding gradients, training that failed.
    """
    from cnnvis_caffe.aggregation.aggregate import aggregate
    from cnnvis_caffe.findings import examine
    from cnnvis_caffe.findings.checked import checked_rules
    from cnnvis_caffe.records.view import View
    from cnnvis_caffe.store import read_analysis

    thresholds = _thresholds(limits)
    analysis = read_analysis(file)
    label = analysis.snapshot(snapshot).label
    aggregation = aggregate(analysis, View(snapshot=label))
    # The empty label also tells of snapshots before the last one.
    examination = examine(analysis, snapshot=snapshot, thresholds=thresholds, aggregation=aggregation)
    found = tuple(finding for finding in examination.findings if finding.severity == "severe" or not severe)
    if as_json:
        values = {"file": file, "network": analysis.title, "snapshot": label, "findings": [f.to_json() for f in found]}
        if shows_checks:
            values["checks"] = [check.to_json() for check in examination.checks]
            values["not_judged"] = list(examination.not_judged)
        say(json.dumps(values, indent=1))
        return
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    lines = _lines(analysis, label, found, width)
    if shows_checks:
        lines += _checked_lines(checked_rules(examination, analysis.data.short_names), width)
    for line in lines:
        say(line if can_show(line) else line.encode("ascii", "replace").decode("ascii"))


def _list_limits(ctx: click.Context, value: bool) -> None:
    """Print all limits and stop."""
    if value:
        from cnnvis_caffe.findings import Thresholds

        for field in fields(Thresholds):
            say(f"{field.name}={getattr(Thresholds(), field.name):g}")
        ctx.exit()


def _thresholds(limits: tuple[str, ...]) -> Thresholds:
    """The limits with those that were given."""
    from cnnvis_caffe.findings import Thresholds

    known = {field.name: type(getattr(Thresholds(), field.name)) for field in fields(Thresholds)}
    changes: dict[str, Any] = {}
    for limit in limits:
        name, _, value = limit.partition("=")
        if name not in known:
            raise click.UsageError(f"--limit {limit}: there is no limit {name!r}; --limits lists them")
        try:
            changes[name] = known[name](value)
        except ValueError:
            raise click.UsageError(f"--limit {limit}: {value!r} is not a value of {name}") from None
    return replace(Thresholds(), **changes)


def _lines(analysis: Analysis, label: str, found: tuple[Finding, ...], width: int) -> list[str]:
    """The findings for people."""
    head = " · ".join(part for part in (analysis.title, label, analysis.data.source) if part)
    if not found:
        return [f"{head}: nothing stands out"]
    n_severe = sum(finding.severity == "severe" for finding in found)
    lines = [f"{head}: {n_severe} severe, {len(found) - n_severe} mild"]
    for finding in found:
        lines.append("")
        lines += textwrap.wrap(f"{_MARKS[finding.severity]} {finding.title}", width, subsequent_indent="  ")
        places = "; ".join(filter(None, map(_place, finding.places[:4])))
        if len(finding.places) > 4:
            places += f"; {len(finding.places) - 4} more"
        evidence = "; ".join(map(_evidence, finding.evidence[:3]))
        for name, text in (
            ("where", places), ("seen", evidence), ("why", finding.explanation), ("try", finding.suggestion),
        ):  # fmt: skip
            if text:
                lines += textwrap.wrap(text, width, initial_indent=f"  {name:6}", subsequent_indent=" " * 8)
    return lines


def _checked_lines(rules: list[CheckedRule], width: int) -> list[str]:
    """What was checked, the nearest to its limit first."""
    lines = ["", "What was checked, the nearest to its limit first"]
    side = max(len(rule.title) for rule in rules) + 2
    for rule in rules:
        head = f"  {rule.title:{side}}"
        text = f"{rule.nearness_words}: {rule.words}"
        lines += textwrap.wrap(text, width, initial_indent=head, subsequent_indent=" " * (side + 2))
    return lines


def _place(place: Place) -> str:
    """A place in words: "relu2: 3, 5, 8"."""
    if not place.neurons:
        return place.node
    shown = ", ".join(map(str, place.neurons[:_MOST_NEURONS]))
    more = len(place.neurons) - _MOST_NEURONS
    return f"{place.node}: {shown}" + (f" and {more} more" if more > 0 else "")


def _evidence(evidence: Evidence) -> str:
    """A figure in words: "share of dead neurons 69% (usual: below 0.5%)"."""
    value = 100 * evidence.value if evidence.unit == "%" else evidence.value
    usual = f" (usual: {evidence.usual})" if evidence.usual else ""
    shown = f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:.3g}"
    return f"{evidence.name} {shown}{evidence.unit}{usual}"
