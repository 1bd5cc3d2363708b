"""`cnnvis-caffe correspondence`: whether hiding the same part of different images changes features alike."""

from __future__ import annotations

from typing import Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.subject_options import open_named, subject_options, write_found


@click.command()
@subject_options
@click.option("--parts", "parts_file", required=True, type=click.Path(dir_okay=False), metavar="FILE.csv",
              help="Boxes of parts: image,part,y0,x0,y1,x1, in pixels of the network's input.")  # fmt: skip
@click.option("--original-pixels", is_flag=True,
              help="The boxes are in pixels of the images as they lie in their files.")  # fmt: skip
@click.option("--layers", metavar="NAMES", help="Layers to look at.  [default: a first, a middle and the last]")
@click.option("--random-parts", "n_random", type=click.IntRange(1), default=10, show_default=True,
              help="Random parts of each image, as the control.")  # fmt: skip
@click.option("--seed", "random_seed", type=click.IntRange(0), default=0, show_default=True,
              help="For the random parts.")  # fmt: skip
@click.pass_context
def command(ctx: click.Context, **options: Any) -> None:
    """Hide the same part of the images in IMAGE, and compare how the features of each two change.

    A share near 0 means that hiding the part does the same to both: the network knows what corresponds.
    """
    from cnnvis_caffe.explanation.correspondence import correspondence, read_part_boxes
    from cnnvis_caffe.scene.chart import build_chart
    from cnnvis_caffe.scene.explanation_charts import correspondence_chart

    if options["at"]:
        raise click.UsageError("--parts says which images are looked at: leave --at out")
    parts = read_part_boxes(options["parts_file"], of_original=options["original_pixels"])
    layers = tuple(name.strip() for name in (options["layers"] or "").split(",") if name.strip())
    with Interruptible(Bar(ctx)) as progress:
        subject = open_named({**options, "at": parts.images}, progress)
        found = correspondence(
            subject, parts, layers=layers, n_random=options["n_random"], seed=options["random_seed"], progress=progress
        )
    names = ("layer", "part", "mean", "standard error")
    lines = [f"{layer:<12} {part:<16} {mean:.4f} ± {error:.4f}" for layer, part, mean, error in found.rows]
    write_found(
        options,
        lambda theme: build_chart(correspondence_chart(found), size=(960, 360), theme=theme),
        iter([names, *found.rows]),
        [dict(zip(names, row)) for row in found.rows],
        lines,
    )
