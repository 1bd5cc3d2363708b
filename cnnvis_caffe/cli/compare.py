"""`cnnvis-caffe compare`: two snapshots or two models beside each other."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING

import click

from cnnvis_caffe.cli.say import say
from cnnvis_caffe.records.view import THEMES

if TYPE_CHECKING:
    from cnnvis_caffe.readings.comparison import Comparison, LayerRow
    from cnnvis_caffe.records.analysis import Analysis, Snapshot


@click.command()
@click.argument("first", metavar="A[@LABEL]")
@click.argument("second", metavar="[B[@LABEL]]", required=False)
@click.option("--out", type=click.Path(dir_okay=False), help="Also draw it: .png, .svg, .pdf or .html.")
@click.option("--scale", type=click.FloatRange(0.1, 8), default=1.0, help="Pixels of a PNG for one of the picture.")
@click.option("--theme", type=click.Choice(list(THEMES)), default="light", help="Colours of the picture.")
@click.option("--neurons", "n_neurons", type=click.IntRange(0), default=12, show_default=True,
              help="How many of the neurons that changed most to list.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(
    first: str, second: str | None, out: str | None, scale: float, theme: str, n_neurons: int, as_json: bool
) -> None:
    """Compare two snapshots of one analysis file, or of two.

    A and B are analysis files, with @LABEL or @ITERATION for one snapshot of them: run.cnnvis.h5@5000. With one file
    alone, or the same one twice, its first and its last snapshot are compared; else the last ones of both.
    """
    from cnnvis_caffe.errors import CnnvisError
    from cnnvis_caffe.readings.comparison import compare, comparison_json
    from cnnvis_caffe.store import read_analysis

    if out is not None:
        _check_format(out)
    left_path, left_label = _split(first)
    right_path, right_label = _split(second) if second else (left_path, "")
    left = read_analysis(left_path)
    same = os.path.realpath(left_path) == os.path.realpath(right_path)
    right = left if same else read_analysis(right_path)
    one = left.snapshot(left_label)
    two = right.snapshot(right_label)
    if same and not left_label:
        one = left.snapshots[0]
    if same and one is two:
        raise CnnvisError(
            f"{left_path}: both sides are {one.label!r}; give two snapshots, such as {left_path}@LABEL, or two files"
        )
    comparison = compare((left, one), (right, two), n_neurons=n_neurons)
    if out is not None:
        from cnnvis_caffe.render.write import write_scene
        from cnnvis_caffe.scene.compare import build_compare
        from cnnvis_caffe.scene.theme import theme_named

        write_scene(build_compare(comparison, theme=theme_named(theme)), out, scale=scale)
    if as_json:
        say(json.dumps(comparison_json(comparison), indent=1))
    else:
        for line in _lines(comparison):
            say(line)


def _check_format(out: str) -> None:
    """Refuse names that say no format of a picture, or no place for it, before any work is done."""
    from cnnvis_caffe.errors import CnnvisError
    from cnnvis_caffe.render.write import FORMATS

    if os.path.splitext(out)[1].lower() not in (*FORMATS, ".htm"):
        raise click.UsageError(f"--out {out}: pictures are written as {', '.join(FORMATS)}")
    if not os.path.isdir(os.path.dirname(out) or "."):
        raise CnnvisError(f"--out {out}: there is no folder {os.path.dirname(out)}")


def _split(text: str) -> tuple[str, str]:
    """File and label of FILE@LABEL; a file whose own name has an @ is taken as it is."""
    if os.path.exists(text) or "@" not in text:
        return text, ""
    path, _, label = text.rpartition("@")
    return path, label


def _lines(comparison: Comparison) -> list[str]:
    """The comparison for people."""
    from cnnvis_caffe.text.tables import table

    lines = []
    for mark, side in (("A", comparison.first), ("B", comparison.second)):
        lines.append(f"{mark}  {side.name}: {_measured(side.analysis, side.snapshot)}")
    lines += [f"   ({note})" for note in comparison.notes]
    rows: list[tuple[str, ...]] = [
        ("layer", "neurons", "mean |weight|", "mean |gradient|", "dead", "changed", "distance", "top shared")
    ]
    rows += [_row(row) for row in comparison.layers]
    lines += ["", *table(rows, "<>>>>>>>")]
    if comparison.neurons:
        names = comparison.first.analysis.data.class_names, comparison.second.analysis.data.class_names
        found = [("neurons that changed most", "distance", "top shared", "most for")]
        for neuron in comparison.neurons:
            best = tuple(known[c] if c >= 0 else "nothing" for known, c in zip(names, neuron.best))
            classes = best[0] if best[0] == best[1] else f"{best[0]} -> {best[1]}"
            shared = _percent(neuron.top_shared)
            found.append((f"{neuron.node} {neuron.neuron}", f"{neuron.distance:.2g}", shared, classes))
        lines += ["", *table(found, "<>><")]
    return lines


def _measured(analysis: Analysis, snapshot: Snapshot) -> str:
    """How well one does, and on what."""
    parts = [f"error {_percent(snapshot.error)}", f"loss {_number(snapshot.loss)}"]
    return ", ".join(parts) + f" on {analysis.data.n_images:,} images of {analysis.data.source}"


def _row(row: LayerRow) -> tuple[str, ...]:
    """A layer's numbers."""
    left, right = row.n_neurons
    return (
        row.layer,
        str(left) if left == right else f"{left or '-'} -> {right or '-'}",
        _both(row.mean_abs_weight),
        _both(row.mean_abs_gradient),
        _both(row.dead_share, is_share=True),
        _percent(row.weight_change),
        _number(row.distance),
        _percent(row.top_shared),
    )


def _both(values: tuple[float, float], *, is_share: bool = False) -> str:
    """Two numbers, or one where they look the same."""
    left, right = (_percent(value) if is_share else _number(value) for value in values)
    return left if left == right else f"{left} -> {right}"


def _number(value: float) -> str:
    """A number with three digits; "-" where it is not known."""
    return f"{value:.3g}" if math.isfinite(value) else "-"


def _percent(share: float) -> str:
    """A share in percent; "-" where it is not known."""
    from cnnvis_caffe.text.words import percent

    return percent(share, unknown="-")
