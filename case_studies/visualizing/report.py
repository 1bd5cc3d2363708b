"""The study's results: collected from their files, judged beside what the paper says, written as Markdown."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from case_studies.visualizing.paper import CALTECH_101, SAYS, TABLE_1, TABLE_3, WHY_NO_NUMBER_AGREES
from cnnvis_caffe.text.words import counted

#: How far an error in percent may move before it counts as drift; trainings are the same on the same processor only.
LEAST_DRIFT = 3.0
TITLES = {
    "figure_2": "Figure 2: what feature maps respond to most",
    "figure_4": "Figure 4: how features come about",
    "figure_5": "Figure 5: moved, enlarged, turned",
    "figure_6": "Figure 6: the first layer, before and after a changed stride",
    "figure_7": "Figure 7: hidden parts",
    "table_1": "Figure 8 and Table 1: the same part of different images",
    "table_3": "Table 3: ablation",
    "transfer": "Generalisation: features on other data",
}
VERDICTS = (
    "*Seen*: every measure moves the way that the paper describes. *Partly seen*: some do. *Not seen*: none does.",
    "One run of small networks: a verdict says what happened here, not whether the paper is right.",
)

Results = dict[str, dict[str, Any]]


def collect(results: Path) -> Results:
    """Read the files of the parts.

    Parameters
    ----------
    results : Path
        Folder with ``<part>_<network>.json``.

    Returns
    -------
    dict
        What they say by part and network.
    """
    found: Results = {}
    for part in TITLES:
        for path in sorted(results.glob(f"{part}_*.json")):
            found.setdefault(part, {})[path.stem[len(part) + 1 :]] = json.loads(path.read_text())
    return found


def expected(found: Results) -> dict[str, Any]:
    """Return what expected.json says: the verdicts, and the errors of Table 3.

    Parameters
    ----------
    found : dict
        What `collect` gives.
    """
    verdicts = {part: {net: one["verdict"] for net, one in nets.items()} for part, nets in found.items()}
    rows = found.get("table_3", {}).get("small_alexnet", {}).get("rows", {})
    return {"verdicts": verdicts, "table_3": {name: _mean(row["test"]) for name, row in rows.items()}}


def drift(found: Results, before: Mapping[str, Any]) -> list[str]:
    """Say what has moved since expected.json was written.

    Parameters
    ----------
    found : dict
    before : mapping
        What expected.json says.

    Returns
    -------
    list of str
        A line for each verdict that is another one, and each error that is off by more than `LEAST_DRIFT`.
    """
    now = expected(found)
    lines = [
        f"{part} {net}: {now['verdicts'].get(part, {}).get(net, 'not there')}, expected {verdict}"
        for part, nets in before["verdicts"].items()
        for net, verdict in nets.items()
        if now["verdicts"].get(part, {}).get(net) != verdict
    ]
    for name, error in before["table_3"].items():
        own = now["table_3"].get(name)
        if own is None or error is None or abs(own - error) > LEAST_DRIFT:
            lines.append(f"table_3 {name}: {own}%, expected {error} ± {LEAST_DRIFT}")
    return lines


def markdown(found: Results, *, quick: bool = False) -> str:
    """Return the report.

    Parameters
    ----------
    found : dict
    quick : bool, default=False
        Whether it is of a quick run.
    """
    lines = ["# Visualizing and understanding: results", ""]
    lines += ["Written by `python -m case_studies.visualizing.run`; every number comes from a file in `results/`."]
    if quick:
        lines += ["", "**A quick run: it shows that all works, not what the networks show.**"]
    lines += ["", "| part | network | verdict |", "|---|---|---|"]
    for part, title in TITLES.items():
        nets = found.get(part) or {"–": {"verdict": "not run yet"}}
        lines += [f"| {title} | {net} | {one['verdict']} |" for net, one in nets.items()]
    lines += ["", *VERDICTS]
    for part, title in TITLES.items():
        lines += ["", f"## {title}", "", f"The paper. {SAYS[part]}"]
        for net, one in found.get(part, {}).items():
            lines += ["", *_PARTS[part](net, one), "", f"**{one['verdict'].capitalize()}** on {net}."]
    lines += ["", "## What differs", ""] + [f"- {text}" for text in WHY_NO_NUMBER_AGREES]
    lines += [f"- {line}" for line in _sources(found)]
    return "\n".join(lines) + "\n"


def _sources(found: Results) -> list[str]:
    """Where the networks come from."""
    nets = [pair for by_net in found.values() for pair in by_net.items()]
    return sorted({f"{net}: {one['source']}." for net, one in nets if "source" in one})


def _row(cells: list[Any]) -> str:
    """A row of a table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def _head(*cells: str) -> Iterator[str]:
    """The head of a table whose columns but the first hold numbers."""
    yield _row(list(cells))
    yield "|---|" + "--:|" * (len(cells) - 1)


def _mean(values: list[float | None]) -> float | None:
    """Mean over the seeds; None where one has diverged."""
    return None if not values or None in values else round(float(np.mean(np.array(values, float))), 2)


def _percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.1f}"


def _figure_2(net: str, one: dict[str, Any]) -> Iterator[str]:
    """Purity by layer."""
    yield from _head("layer", "share of the commonest class among the nine strongest images, %")
    yield from (_row([layer, _percent(share)]) for layer, share in one["layers"].items())
    yield _row(["nine random images", _percent(one["chance"])])
    yield from ("", f"![{one['drawn']} of {net}](figures/figure_2_{net}.png)")


def _figure_4(net: str, one: dict[str, Any]) -> Iterator[str]:
    """How many feature maps have settled, by snapshot."""
    yield "Feature maps whose strongest image is that of the last snapshot already, %:"
    yield ""
    yield from _head("layer", *one["snapshots"])
    yield from (_row([layer, *map(_percent, shares)]) for layer, shares in one["layers"].items())
    yield from ("", f"![{one['drawn']} of {net} over its snapshots](figures/figure_4_{net}.png)")


def _figure_5(net: str, one: dict[str, Any]) -> Iterator[str]:
    """Distances at the smallest amount, and at the one that costs most."""
    yield f"Distance of features, by their length; means over {one['n_images']} images:"
    yield ""
    yield from _head("", *one["layers"], "probability of the true class, %")
    for kind in ("translation", "scale", "rotation"):
        for name in ("smallest", "worst"):
            row = one[kind][name]
            distances = (f"{distance:.2f}" for distance in row["distance"])
            yield _row([f"{kind} {row['amount']:g}", *distances, _percent(row["probability"])])
    yield from ("", f"![Curves of {net}](figures/figure_5_{net}.svg)")


def _figure_6(net: str, one: dict[str, Any]) -> Iterator[str]:
    """The first layer of both networks."""
    heads = ("", "dead filters", "middle frequencies, %", "conv2 varies with the place by, %", "test error %")
    yield from _head(*heads)
    for name, title in (("before", "kernel 11, stride 4"), ("after", "kernel 7, stride 2")):
        row = one["rows"][name]
        if row["error"] is None:
            yield _row([title, "diverged", "", "", ""])
        else:
            dead = f"{row['dead']} of {row['n_filters']}"
            yield _row([title, dead, _percent(row["middle"]), _percent(row["aliasing"]), f"{row['error']:.2f}"])
    for name in ("before", "after"):
        yield from ("", f"![conv1 {name}](figures/figure_6_{name}.png)")


def _figure_7(net: str, one: dict[str, Any]) -> Iterator[str]:
    """What hiding the middle and the border does."""
    yield from _head("the square lies", "the class's probability falls by, points", "the strongest map falls by, %")
    for place in ("middle", "border"):
        yield _row([f"in the {place}" if place == "middle" else "at the border", _percent(one[place]),
                    _percent(one[f"map_{place}"])])  # fmt: skip
    yield from ("", f"![Hidden parts by {net}](figures/figure_7_{net}.png)")


def _table_1(net: str, one: dict[str, Any]) -> Iterator[str]:
    """Ours beside the paper's."""
    yield from _head("layer", "part", "share of changes of other sign")
    yield from (_row([layer, part, f"{mean:.3f} ± {error:.3f}"]) for layer, part, mean, error in one["rows"])
    yield ""
    yield f"Parts of {one['n_images']} images of the digit {one['digit']}. The paper, on dogs:"
    yield ""
    yield from _head("layer", "part", "mean change of signs")
    yield from (_row([layer, part, f"{mean:.3f} ± {error:.3f}"]) for layer, part, mean, error in TABLE_1)
    yield from ("", f"![Parts of {net}](figures/figure_8_{net}.svg)")


def _table_3(net: str, one: dict[str, Any]) -> Iterator[str]:
    """Ours beside the paper's."""
    yield from _head("", "paper: train %", "validation %", "rise", "ours: train %", "test %", "rise")
    start = _mean(one["rows"]["original"]["test"])
    for name, (train, test) in TABLE_3.items():
        row = one["rows"].get(name, {"train": [], "test": []})
        ours = [_mean(row[part]) for part in ("train", "test")]
        rise = "–" if None in (ours[1], start) else f"{ours[1] - start:+.2f}"
        shown = ["–" if value is None or math.isnan(value) else f"{value:.2f}" for value in ours]
        yield _row([name, f"{train:.1f}", f"{test:.1f}", f"{test - TABLE_3['original'][1]:+.1f}", *shown, rise])
    seeds = counted(len(one["rows"]["original"]["test"]), "seed")
    yield ""
    yield f"{one['iterations']} iterations of 32 images each, {seeds}, {one['seconds']} seconds."


def _transfer(net: str, one: dict[str, Any]) -> Iterator[str]:
    """Accuracies by layer."""
    yield f"Accuracy on {one['data']}, %, of a linear classifier on the features of each layer, by images of a class."
    yield "The last row is the paper's way: the last layer retrained, with Caffe's solver, on the features below it."
    yield ""
    heads = [f"{who}, {count}" for who in ("trained", "untrained") for count in one["per_class"]]
    yield from _head("layer", *heads)
    for layer, shares in one["trained"].items():
        yield _row([layer, *map(_percent, shares), *map(_percent, one["untrained"][layer])])
    yield ""
    for count, with_it, without in CALTECH_101:
        yield f"The paper on Caltech-101, {count} images of a class: {with_it}% with training, {without}% without."
    yield from ("", f"![Transfer of {net}](figures/transfer_{net}.svg)")


_PARTS = {
    "figure_2": _figure_2, "figure_4": _figure_4, "figure_5": _figure_5, "figure_6": _figure_6, "figure_7": _figure_7,
    "table_1": _table_1, "table_3": _table_3, "transfer": _transfer,
}  # fmt: skip
