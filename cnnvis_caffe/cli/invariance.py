"""`cnnvis-caffe invariance`: how far features and probabilities move when images are moved, enlarged and turned."""

from __future__ import annotations

from typing import Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.subject_options import open_named, subject_options, write_found


class _NumberList(click.ParamType):
    """Numbers between commas."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers; give numbers between commas, such as -4,0,4", param, ctx)


@click.command()
@subject_options
@click.option("--transformation", "kinds", multiple=True, type=click.Choice(["translation", "scale", "rotation"]),
              help="Transformation of the images; again for more.  [default: all three]")  # fmt: skip
@click.option("--amounts", type=_NumberList(), default=(), metavar="NUMBERS",
              help="Amounts of one transformation, between commas: pixels down, factors, or degrees.")  # fmt: skip
@click.option("--layers", metavar="NAMES", help="Layers to look at.  [default: a first, a middle and the last]")
@click.option("--keep", type=click.Path(file_okay=False), metavar="FOLDER",
              help="Keep what is found on the way there; the same command goes on with it.")  # fmt: skip
@click.pass_context
def command(ctx: click.Context, **options: Any) -> None:
    """Move, enlarge and turn the images of IMAGE, and measure how far their features move.

    IMAGE is anything that analyze takes as data: mnist:test, a folder, a list. Without --at the first 20 are taken.
    """
    from cnnvis_caffe.explanation.invariance import N_IMAGES, TRANSFORMATIONS, InvarianceOptions, invariance
    from cnnvis_caffe.explanation.numbers import invariance_json, invariance_rows
    from cnnvis_caffe.scene.invariance import invariance_scene
    from cnnvis_caffe.text.words import counted, percent

    layers = tuple(name.strip() for name in (options["layers"] or "").split(",") if name.strip())
    kinds = options["kinds"] or tuple(TRANSFORMATIONS)
    chosen = InvarianceOptions(kinds, options["amounts"], layers, options["keep"] or "")
    with Interruptible(Bar(ctx, unit="images")) as progress:
        subject = open_named(options, progress, default=range(N_IMAGES))
        found = invariance(subject, chosen, progress)
    names = [subject.model.source.name_of(int(index)) for index in subject.indices]
    lines = []
    for one in found:
        far = int(one.probability.mean(1).argmin())
        parts = [f"{layer} {row[far].mean():.2f}" for layer, row in zip(one.layers, one.distance)]
        lines.append(
            f"{one.kind} by {one.amounts[far]:g}{TRANSFORMATIONS[one.kind]}: distance {', '.join(parts)}; "
            f"probability of the true class {percent(float(one.probability[far].mean()))}"
        )
    lines.append(f"means over {counted(len(names), 'image')}, at the amount where the true class is least probable")
    title = subject.model.title
    write_found(
        options, lambda theme: invariance_scene(found, title, theme), invariance_rows(found, names),
        invariance_json(found), lines,
    )  # fmt: skip
