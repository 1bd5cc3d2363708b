"""`cnnvis-caffe ablate`: what layers of a network are worth, by training it without them."""

from __future__ import annotations

from typing import Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.device import gpu_index, use_device
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.say import say
from cnnvis_caffe.cli.subject_options import check_places, write_found

_FILE = click.Path(dir_okay=False)


@click.command()
@click.option("--solver", required=True, type=_FILE, help="The solver prototxt, with a net for both phases.")
@click.option("--folder", required=True, type=click.Path(file_okay=False), metavar="FOLDER",
              help="A folder for each variant goes there, with prototxts, snapshots and log.")  # fmt: skip
@click.option("--without", metavar="LAYERS", help="Layers to remove: conv3,conv4.")
@click.option("--width", metavar="SIZES", help="Numbers of outputs: fc6=2048,fc7=2048.")
@click.option("--kernel", metavar="SIZES", help="Sides of kernels: conv1=7.")
@click.option("--stride", metavar="SIZES", help="Strides: conv1=2.")
@click.option("--variant", "variants", multiple=True, metavar="TEXT",
              help="A further variant, such as 'without conv3,conv4; width fc6=2048'; again for more.")  # fmt: skip
@click.option("--original/--no-original", default=True, show_default=True, help="Train the network as it is, too.")
@click.option("--iterations", type=click.IntRange(1), help="Instead of the solver's max_iter.")
@click.option("--seed", type=click.IntRange(0), help="Instead of the solver's random_seed.")
@click.option("--keep-weights", type=_FILE, metavar="FILE",
              help="Begin with these weights where a layer's name and shapes fit.")  # fmt: skip
@click.option("--write-only", is_flag=True, help="Write the prototxts and train nothing.")
@click.option("--gpu", metavar="ID", help="Train on this GPU.")
@click.option("--out", type=_FILE, metavar="FILE", help="Write a picture: .png, .svg, .pdf or .html.")
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True,
              help="Colours of the picture.")  # fmt: skip
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="Write all numbers as a table.")
@click.option("--json", "as_json", is_flag=True, help="Write a summary to standard output as JSON.")
@click.pass_context
def command(ctx: click.Context, **options: Any) -> None:
    """Train a network without some of its layers, or with layers of another size, and compare the errors.

    A layer with weights takes along the rectifiers, normalisation and dropout that follow it. Errors are means over
    test_iter batches of test and of training images. The same command again goes on where the last one stopped.
    """
    from cnnvis_caffe.explanation.ablation import AblationOptions, ablate, write_variants
    from cnnvis_caffe.explanation.numbers import ablation_json, ablation_rows
    from cnnvis_caffe.runtime.tuning import tune_for_training
    from cnnvis_caffe.scene.ablation import ablation_scene

    check_places(options)
    wanted = AblationOptions(
        options["folder"], _variants(options), options["iterations"] or 0,
        -1 if options["seed"] is None else options["seed"], options["keep_weights"] or "",
    )  # fmt: skip
    if options["write_only"]:
        for variant, folder in zip(wanted.variants, write_variants(options["solver"], wanted)):
            say(f"{variant.words}: {folder}")
        return
    tune_for_training()
    use_device(gpu_index(options["gpu"], False))
    with Interruptible(Bar(ctx, unit="iterations")) as progress:
        found = ablate(options["solver"], wanted, progress)
    table = list(ablation_rows(found))
    write_found(
        options, lambda theme: ablation_scene(found, theme), iter(table), ablation_json(found), _lines(found)
    )  # fmt: skip


def _variants(options: dict[str, Any]) -> tuple[Any, ...]:
    """What the options describe, each variant once."""
    from cnnvis_caffe.records.variant import Variant, parse_variant

    words = ("without", "width", "kernel", "stride")
    texts = ["; ".join(f"{word} {options[word]}" for word in words if options[word])] if any(
        options[word] for word in words
    ) else []  # fmt: skip
    try:
        described = [parse_variant(text) for text in [*texts, *options["variants"]]]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    found = dict.fromkeys([*([Variant()] if options["original"] else []), *described])
    if not described:
        raise click.UsageError("say what is changed: --without, --width, --kernel, --stride or --variant")
    return tuple(found)


def _lines(found: Any) -> list[str]:
    """The table on the terminal."""
    from cnnvis_caffe.text.words import counted, percent

    width = max(len(row.words) for row in found.rows)
    lines = []
    for row in found.rows:
        if row.diverged is not None:
            text = f"diverged in iteration {row.diverged}"
        else:
            names = found.accuracies
            parts = [
                f"{'' if len(names) == 1 else name + ' '}error {percent(row.error('test', name))}, "
                f"training images {percent(row.error('train', name))}"
                for name in names
            ]
            text = "; ".join(parts) or "the network has no accuracy"
        lines.append(f"{row.words:<{width}}  {text}; {counted(row.n_parameters, 'parameter')}")
    return lines
