"""`cnnvis-caffe transfer`: how well the features of a network tell the classes of other images apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.image_size import ImageSize
from cnnvis_caffe.cli.interrupt import Interruptible
from cnnvis_caffe.cli.subject_options import check_places, check_weights_option, network_options, write_found

if TYPE_CHECKING:
    from cnnvis_caffe.explanation.options import SubjectOptions


class _Counts(click.ParamType):
    """Whole numbers between commas."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in value.split(",")]
        if not all(part.isdigit() and int(part) for part in parts):
            self.fail(f"{value!r} is not a list of numbers above 0; give some such as 5,20,60", param, ctx)
        return tuple(sorted({int(part) for part in parts}))


@click.command()
@network_options
@click.option("--data", "train", required=True, metavar="DATA", help="Images with classes to learn from.")
@click.option("--test", "test", required=True, metavar="DATA", help="Images with the same classes to try it on.")
@click.option("--per-class", type=_Counts(), default=(5, 20, 60), metavar="NUMBERS",
              help="Images of each class to learn from.  [default: 5,20,60]")  # fmt: skip
@click.option("--layers", metavar="NAMES", help="Layers to try.  [default: all with weights]")
@click.option("--repeats", "n_repeats", type=click.IntRange(1), default=3, show_default=True,
              help="Choices of the images to learn from.")  # fmt: skip
@click.option("--limit", "n_test", type=click.IntRange(1), default=1000, show_default=True,
              help="Test images at most, each class in proportion.")  # fmt: skip
@click.option("--choice-seed", type=click.IntRange(0), default=0, show_default=True, help="For these choices.")
@click.option("--size", type=ImageSize(), default=(), metavar="H,W",
              help="Height and width of the images, where neither network nor weights say it.")  # fmt: skip
@click.option("--retrain", is_flag=True, help="Retrain the network's last layer as well, with Caffe's solver.")
@click.option("--keep", type=click.Path(file_okay=False), metavar="FOLDER",
              help="Keep what is found on the way there; the same command goes on with it.")  # fmt: skip
@click.pass_context
def command(ctx: click.Context, **options: Any) -> None:
    """Train a linear classifier on the features of each layer, for images that the network was not trained on.

    Images are brought to the network's size, and to grey or colour as it takes them.
    """
    from cnnvis_caffe.explanation.options import SUBJECT_OPTIONS, subject_request
    from cnnvis_caffe.explanation.transfer import TransferOptions, transfer
    from cnnvis_caffe.scene.chart import build_chart
    from cnnvis_caffe.scene.explanation_charts import transfer_chart

    check_weights_option(options)
    check_places(options)
    chosen = {name: options[name] for name in SUBJECT_OPTIONS if options.get(name) is not None}
    request = subject_request(options["model"], options["weights"], "", cast("SubjectOptions", chosen))
    layers = tuple(name.strip() for name in (options["layers"] or "").split(",") if name.strip())
    wanted = TransferOptions(
        options["train"], options["test"], layers, options["per_class"], options["n_repeats"], options["n_test"],
        options["choice_seed"], options["size"], options["retrain"], options["keep"] or "",
    )  # fmt: skip
    with Interruptible(Bar(ctx)) as progress:
        found = transfer(request, wanted, progress)
    names = ("layer", "images per class", "accuracy", "least", "most")
    rows = [
        (layer, count, float(values.mean()), float(values.min()), float(values.max()))
        for layer, by_count in zip(found.layers, found.accuracy)
        for count, values in zip(found.per_class, by_count)
    ]
    width = max(12, *(len(layer) + 2 for layer in found.layers))
    head = f"{'layer':<{width}}" + "".join(f"{count:>6} a class" for count in found.per_class)
    lines = [head] + [
        f"{layer:<{width}}" + "".join(f"{100 * values.mean():>13.1f}%" for values in by_count)
        for layer, by_count in zip(found.layers, found.accuracy)
    ]
    write_found(
        options,
        lambda theme: build_chart(transfer_chart(found), size=(960, 360), theme=theme),
        iter([names, *rows]),
        [dict(zip(names, row)) for row in rows],
        lines,
    )
