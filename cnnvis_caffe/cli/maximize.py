"""`cnnvis-caffe maximize`: images that neurons of a layer respond to most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.subject_options import check_places, check_weights_option, network_options, write_found

if TYPE_CHECKING:
    from cnnvis_caffe.explanation.options import SubjectOptions


@click.command()
@network_options
@click.option("--layer", required=True, metavar="NAME", help="The layer of the neurons.")
@click.option("--neurons", metavar="LIST", default="", help="Neurons, by number: 3,5,17.  [default: the first 24]")
@click.option("--steps", "n_steps", type=int, default=100, show_default=True, help="Steps uphill: the whole budget.")
@click.option("--rate", type=float, default=0.05, show_default=True,
              help="Mean change of a pixel in a step, by half its range.")  # fmt: skip
@click.option("--decay", type=float, default=0.01, show_default=True,
              help="Share of its distance from grey that a pixel loses in each step.")  # fmt: skip
@click.option("--blur", type=float, default=0.5, show_default=True,
              help="Blur after every fourth step, standard deviation in pixels; 0 for none.")  # fmt: skip
@click.option("--clip", type=float, default=0.0, show_default=True,
              help="Share of the pixels, those nearest to grey, that become grey after every fourth step.")  # fmt: skip
@click.option("--jitter", type=int, default=1, show_default=True,
              help="Pixels that the image is moved by at random for each step, at most.")  # fmt: skip
@click.option("--start-seed", type=int, default=0, show_default=True, help="For noise and jitter.")
@click.pass_context
def command(ctx: click.Context, **options: Any) -> None:
    """Make an image for each of some neurons that it responds to most, going uphill from noise.

    Of feature maps, the middle position is maximised, and the picture is what that sees. The network's prototxt says
    the size of its images.
    """
    from cnnvis_caffe.explanation.maximize import MaximizeOptions, maximize
    from cnnvis_caffe.explanation.options import SUBJECT_OPTIONS, subject_request
    from cnnvis_caffe.scene.feature_sheet import maximized_scene

    parts = [part.strip() for part in options["neurons"].split(",") if part.strip()]
    wrong = [part for part in parts if not part.isdigit()]
    if wrong:
        raise click.UsageError(f"--neurons {options['neurons']}: {wrong[0]!r} is not a number")
    check_weights_option(options)
    check_places(options)
    chosen = {name: options[name] for name in SUBJECT_OPTIONS if options.get(name) is not None}
    request = subject_request(options["model"], options["weights"], "", cast("SubjectOptions", chosen))
    wanted = MaximizeOptions(
        *(options[name] for name in ("n_steps", "rate", "decay", "blur", "clip", "jitter", "start_seed"))
    )
    with Interruptible(Bar(ctx, unit="steps")) as progress:
        found = maximize(request, options["layer"], [int(part) for part in parts], wanted, progress)
    names = ("layer", "neuron", "noise", "image")
    rows = [
        (found.node, neuron, float(start), float(end))
        for neuron, start, end in zip(found.neurons, found.start, found.activations)
    ]
    lines = [f"{layer}:{neuron}  {start:.3g} for noise, {end:.3g} for the image" for layer, neuron, start, end in rows]
    write_found(
        options, lambda theme: maximized_scene(found, theme), iter([names, *rows]),
        [dict(zip(names, row)) for row in rows], lines,
    )  # fmt: skip
