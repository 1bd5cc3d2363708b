"""`cnnvis-caffe colour-shape`: whether neurons respond to colour or to shape."""

from __future__ import annotations

from typing import Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.subject_options import open_named, subject_options, write_found


@click.command()
@subject_options
@click.option("--layer", required=True, metavar="NAME", help="The layer of the neurons.")
@click.option("--strongest", "n_strongest", type=click.IntRange(1), default=9, show_default=True,
              help="Images with a neuron's largest responses that count.")  # fmt: skip
@click.option("--parts", "n_parts", type=click.IntRange(2), default=4, show_default=True,
              help="Parts that each side of an image is cut into.")  # fmt: skip
@click.option("--shuffle-seed", type=click.IntRange(0), default=0, show_default=True, help="For the shuffling.")
@click.pass_context
def command(ctx: click.Context, **options: Any) -> None:
    """Compare responses to IMAGE with those to the same without colour, with colours turned, and with parts shuffled.

    IMAGE is anything that analyze takes as data. Without --at 200 images are taken, each class in proportion.
    """
    from cnnvis_caffe.explanation.colour_shape import colour_shape, some_images
    from cnnvis_caffe.explanation.numbers import colour_shape_json, colour_shape_rows
    from cnnvis_caffe.scene.chart import build_chart
    from cnnvis_caffe.scene.explanation_charts import colour_shape_chart
    from cnnvis_caffe.text.words import counted, percent

    with Interruptible(Bar(ctx, unit="images")) as progress:
        subject = open_named(options, progress)
        subject = subject if options["at"] else some_images(subject)
        found = colour_shape(
            subject, options["layer"], n_strongest=options["n_strongest"], n_parts=options["n_parts"],
            seed=options["shuffle_seed"], progress=progress,
        )  # fmt: skip
    known = found.kept[:, ~(found.kept != found.kept).any(0)]
    lines = [
        f"{name}: neurons keep {percent(float(sorted(shares)[len(shares) // 2]))} of their response (median), "
        f"{sum(share < 0.5 for share in shares)} of {len(shares)} less than half"
        for name, shares in zip(found.changes, known.tolist())
        if shares
    ] or ["no neuron of the layer responds to any of the images"]
    lines.append(f"{found.node}, {counted(found.n_images, 'image')}, the {found.n_strongest} strongest of each neuron")
    write_found(
        options,
        lambda theme: build_chart(colour_shape_chart(found), size=(960, 360), theme=theme),
        colour_shape_rows(found),
        colour_shape_json(found),
        lines,
    )
