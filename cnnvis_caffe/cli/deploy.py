"""`cnnvis-caffe deploy`: the network that uses what another one was trained to do. Needs no PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.cli.input_shape import InputShape
from cnnvis_caffe.cli.say import say_lines
from cnnvis_caffe.text.tables import shape

if TYPE_CHECKING:
    from cnnvis_caffe.network.deploy import Deployed

_FILE = click.Path(dir_okay=False)
#: Layers that are gone and named; a long tail says little.
_SHOWN = 6


@click.command()
@click.argument("file", type=_FILE)
@click.option("--weights", "-w", type=_FILE, help="Weights of the network, which may tell the shape of its images.")
@click.option("--out", required=True, type=_FILE, metavar="FILE.prototxt", help="The file to write.")
@click.option(
    "--input-shape",
    "input_shapes",
    type=InputShape(),
    multiple=True,
    help="Shape of an input, such as data=1,3,224,224; also several times.",
)
@click.option("--batch", type=click.IntRange(1), help="Images in a batch, instead of what the data layer says.")
@click.option("--side-losses", is_flag=True, help="Keep the branches to losses that only help to train.")
@click.option("--stage", multiple=True, help="Stage that layers' rules ask for; also several times.")
@fork_option
def command(
    file: str,
    weights: str | None,
    out: str,
    input_shapes: tuple[tuple[str, tuple[int, ...]], ...],
    batch: int | None,
    side_losses: bool,
    stage: tuple[str, ...],
) -> None:
    """Write the deploy prototxt of FILE: a train_val prototxt, or a caffemodel without its prototxt.

    Inputs take the place of data, Softmax or Sigmoid that of losses; layers that only training and scoring need are
    gone. Old layers come out in the current format. Real Caffe runs the result too.
    """
    from cnnvis_caffe.network.deploy import deploy

    shapes = dict(input_shapes)
    made = deploy(file, weights, stages=stage, input_shapes=shapes, batch=batch, keep_side=side_losses)
    made.write(out)
    say_lines(_lines(made, file, weights, out))


def _lines(made: Deployed, file: str, weights: str | None, out: str) -> list[str]:
    """What was made, and what to do with it."""
    from cnnvis_caffe.formats.file_kind import CAFFEMODEL, guess_kind
    from cnnvis_caffe.prediction.inputs import takes_pairs

    lines = [f"{out}: network {made.network.message.name!r}"]
    lines += [f"input      {name} {shape(dims)}" for name, dims in made.inputs.items()]
    lines += [f"output     {name} {shape(dims or None)}" for name, dims in made.outputs.items()]
    lines += [f"put in     {text}" for text in made.put_in]
    if made.left_out:
        more = len(made.left_out) - _SHOWN
        lines.append(f"left out   {', '.join(made.left_out[:_SHOWN])}" + (f" and {more} more" if more > 0 else ""))
    lines += [f"note       {note}" for note in made.notes]
    weights = weights or (file if guess_kind(file) == CAFFEMODEL else "FILE.caffemodel")
    options = " ".join(["", *made.preparation])
    if takes_pairs(made.inputs):
        lines.append(f"next       cnnvis-caffe predict {out} {weights} PAIRS.txt{options}")
        lines.append("           PAIRS.txt has two images on each line, such as images/a.png images/b.png")
    else:
        lines.append(
            f"next       cnnvis-caffe analyze --model {out} --weights {weights} --data FOLDER{options} "
            "--out FILE.cnnvis.h5"
        )
    return lines
