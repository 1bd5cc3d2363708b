"""`cnnvis-caffe occlude`: which parts of an image a network needs for its answer."""

from __future__ import annotations

from typing import Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.subject_options import image_line, open_named, subject_options, write_found


@click.command()
@subject_options
@click.option("--class", "of_class", metavar="CLASS", default="",
              help="Class to follow, by name or number.  [default: the true one, else the most probable]")  # fmt: skip
@click.option("--size", type=click.IntRange(1), default=None, metavar="PIXELS",
              help="Side of the square.  [default: a quarter of the image]")  # fmt: skip
@click.option("--stride", type=click.IntRange(1), default=None, metavar="PIXELS",
              help="Step from one place of the square to the next.  [default: a quarter of the square]")  # fmt: skip
@click.option("--fill", type=click.Choice(["grey", "black", "white", "mean"]), default="grey", show_default=True,
              help="What the square shows; mean is the mean colour of the image.")  # fmt: skip
@click.option("--layer", metavar="NAME", default="",
              help="Layer of the feature map to follow.  [default: the last convolution]")  # fmt: skip
@click.option("--keep", type=click.Path(file_okay=False), metavar="FOLDER",
              help="Keep what is found on the way there; the same command goes on with it.")  # fmt: skip
@click.pass_context
def command(ctx: click.Context, **options: Any) -> None:
    """Slide a square over IMAGE, and map the network's answers.

    Shows the probability of a class, the most probable class, and the activation of the strongest feature map.
    IMAGE is an image file, or anything else that analyze takes as data.
    """
    from cnnvis_caffe.explanation.numbers import occlusion_json, occlusion_rows
    from cnnvis_caffe.explanation.occlude import OccludeOptions, occlude
    from cnnvis_caffe.scene.explanation import occlusion_scene
    from cnnvis_caffe.text.words import probability

    chosen = OccludeOptions(
        options["size"] or 0, options["stride"] or 0, options["fill"], options["of_class"], options["layer"],
        options["keep"] or "",
    )  # fmt: skip
    with Interruptible(Bar(ctx)) as progress:
        found = occlude(open_named(options, progress), chosen, progress)
    lines = []
    for one in found:
        hidden, label = one.occlusion, one.occlusion.label
        y0, x0, y1, x1 = hidden.boxes.reshape(-1, 4)[int(hidden.probability.argmin())].tolist()
        lines.append(image_line(one.image))
        lines.append(
            f"  class {one.image.class_names[label]}: {probability(float(hidden.whole[label]))}; "
            f"{probability(float(hidden.probability.min()))} with the pixels from {y0},{x0} to {y1 - 1},{x1 - 1} hidden"
        )
    write_found(
        options, lambda theme: occlusion_scene(found, theme), occlusion_rows(found), occlusion_json(found), lines
    )
