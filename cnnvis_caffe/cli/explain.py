"""`cnnvis-caffe explain`: why a network answers as it does to an image, by its pixels."""

from __future__ import annotations

from typing import Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.subject_options import image_line, open_named, subject_options, write_found
from cnnvis_caffe.records.explanation import METHODS


class _Position(click.ParamType):
    """Row and column, such as 3,4."""

    name = "y,x"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = value.split(",")
        if len(parts) != 2 or not all(part.strip().isdigit() for part in parts):
            self.fail(f"{value!r} is not a position; give row and column, such as 3,4", param, ctx)
        return tuple(int(part) for part in parts)


@click.command()
@subject_options
@click.option("--neuron", metavar="LAYER:N", default="", help="Explain a neuron, such as conv2:17.")
@click.option("--class", "of_class", metavar="CLASS", default="",
              help="Explain the score of a class: its name or number.  [default: the most probable one]")  # fmt: skip
@click.option("--position", type=_Position(), default=(), metavar="Y,X",
              help="The neuron at this row and column.  [default: where it responds most]")  # fmt: skip
@click.option("--method", "methods", multiple=True, type=click.Choice(list(METHODS)),
              help="How to explain; again for more.  [default: all]")  # fmt: skip
@click.option("--layer", metavar="NAME", default="", help="Feature maps for grad-cam.  [default: the last convolution]")
@click.option("--baseline", type=click.Choice(["zero", "black", "grey", "white"]), default="zero", show_default=True,
              help="Image without content, for integrated; zero is what the mean image becomes.")  # fmt: skip
@click.option("--steps", "n_steps", type=click.IntRange(2), default=50, show_default=True,
              help="Steps of the integral, for integrated.")  # fmt: skip
@click.pass_context
def command(ctx: click.Context, **options: Any) -> None:
    """Explain a network's answer to IMAGE: which pixels make a class or a neuron respond.

    IMAGE is an image file, or anything else that analyze takes as data: mnist:test, a folder, a list, a database.
    """
    from cnnvis_caffe.explanation.explain import ExplainOptions, explain
    from cnnvis_caffe.explanation.numbers import explained_json, explained_rows
    from cnnvis_caffe.scene.explanation import explanation_scene
    from cnnvis_caffe.text.words import figure

    names = ("neuron", "of_class", "position", "layer", "baseline", "n_steps")
    chosen = ExplainOptions(
        methods=options["methods"] or tuple(METHODS), **{name: options[name] for name in names}
    )
    with Interruptible(Bar(ctx)) as progress:
        found = explain(open_named(options, progress), chosen, progress)
    lines = []
    for one in found:
        lines.append(image_line(one.image))
        first = one.explanations[0]
        at = f" at {', '.join(map(str, first.position))}" if first.position else ""
        lines.append(f"  {one.target}: activation {figure(first.activation)}{at}")
        lines += [f"  {each.method}: {each.note}" for each in one.explanations if each.note]
    write_found(
        options, lambda theme: explanation_scene(found, theme), explained_rows(found), explained_json(found), lines
    )
