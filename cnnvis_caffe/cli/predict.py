"""`cnnvis-caffe predict`: what a network says about images."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.caffe_flags import split_names
from cnnvis_caffe.cli.class_names import class_names
from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.cli.image_size import ImageSize
from cnnvis_caffe.cli.input_shape import InputShape
from cnnvis_caffe.cli.python_layers import python_layers_option
from cnnvis_caffe.cli.say import say, say_lines
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.files.atomic import write_bytes
from cnnvis_caffe.prediction.request import PredictionRequest
from cnnvis_caffe.text.plain import csv_cell

if TYPE_CHECKING:
    import numpy as np

    from cnnvis_caffe.records.prediction import Predictions




@click.command()
@click.argument("model", type=click.Path(dir_okay=False))
@click.argument("images", nargs=-1, required=True, metavar="[WEIGHTS] IMAGES...")
@click.option("--top", type=click.IntRange(1), default=5, show_default=True, help="Classes to name for each image.")
@click.option("--classes", metavar="NAMES", help="Names of the classes between commas, or a file with one a line.")
@click.option("--scale", type=float, help="Factor of the input, instead of the model's own.")
@click.option("--mean", metavar="MEAN", help="Mean file, or values separated by commas, instead of the model's own.")
@click.option("--channel-order", type=click.Choice(["RGB", "BGR"]), help="Channel order that the network takes.")
@click.option("--image-dims", type=ImageSize(),
              help="Resize images to this size, then crop them to the network's input.")  # fmt: skip
@click.option("--oversample", is_flag=True, help="Mean over ten crops: corners, middle, and the same mirrored.")
@click.option("--masks", type=click.Path(file_okay=False), help="Folder with the right masks, named as the images.")
@click.option("--task", type=click.Choice(["classes", "labels", "numbers", "pixels"]),
              help="What the output means, where the network does not say it.")  # fmt: skip
@click.option("--output", metavar="NAME", default="", help="The output with the answer, where there are several.")
@click.option("--input-shape", "input_shapes", type=InputShape(), multiple=True, help="Shape of an input.")
@click.option("--limit", type=click.IntRange(1), help="Most images to take, each class in proportion.")
@click.option("--skip-damaged", is_flag=True, help="Leave out images that cannot be decoded, and name them.")
@click.option("--pictures", type=click.Path(file_okay=False), metavar="FOLDER",
              help="Write masks as PNG with the colours of PASCAL VOC, or images with their boxes.")  # fmt: skip
@click.option("--threshold", type=click.FloatRange(0, 1), default=0.5, show_default=True,
              help="Lowest score of a box that is drawn.")  # fmt: skip
@click.option("--out", type=click.Path(dir_okay=False), help="Write a table: .csv or .json.")
@click.option("--csv", "as_csv", is_flag=True, help="Write the table to standard output, as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Write everything to standard output, as JSON.")
@click.option("--engine", type=click.Choice(["torch", "caffe"]), default="torch", show_default=True,
              help="Our runtime, or a real Caffe that is installed here.")  # fmt: skip
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--batch", type=click.IntRange(1), help="Images at once; by default as suits the network.")
@click.option("--stage", metavar="NAMES", help="Stages that the layers' rules ask for, separated by commas.")
@fork_option
@python_layers_option
@click.pass_context
def command(ctx: click.Context, model: str, images: tuple[str, ...], **options: Any) -> None:
    """Say what a network makes of images: classes with probabilities, labels, numbers, masks or boxes.

    MODEL is a network prototxt with WEIGHTS behind it, or a caffemodel alone. IMAGES are image files, folders, lists,
    or anything else that analyze takes as --data.
    """
    from cnnvis_caffe.prediction.run import predict
    from cnnvis_caffe.text.predictions import prediction_lines, trial_lines

    _check(options)
    request = _request(model, images, options)
    drawer = _Drawer(options["pictures"], options["threshold"], request.classes) if options["pictures"] else None
    found = predict(request, each=drawer, progress=Bar(ctx, unit="images"))
    if options["out"]:
        write_bytes(options["out"], _TABLES[os.path.splitext(options["out"])[1].lower()](found).encode("utf-8"))
    if options["as_csv"] or options["as_json"]:
        say((_as_csv if options["as_csv"] else _as_json)(found).rstrip("\n"))
    else:
        say_lines(prediction_lines(found))
        say_lines([f"written {path}" for path in (options["out"], options["pictures"]) if path])
    said = list(trial_lines(found, _command(request)))
    if said:
        say_lines(said, err=True)


def _check(options: dict[str, Any]) -> None:
    """Refuse options that cannot be meant, before any work is done."""
    out = options["out"]
    if out and os.path.splitext(out)[1].lower() not in _TABLES:
        raise click.BadParameter(f"{out}: a table is written as {' or '.join(_TABLES)}", param_hint="--out")
    if out and not os.path.isdir(os.path.dirname(out) or "."):
        raise CnnvisError(f"--out {out}: there is no folder {os.path.dirname(out)}")
    if options["as_csv"] and options["as_json"]:
        raise click.UsageError("--csv and --json exclude each other; --out writes a second table")


def _request(model: str, files: tuple[str, ...], options: dict[str, Any]) -> PredictionRequest:
    """What is asked, with the arguments in either order."""
    from cnnvis_caffe.formats import file_kind

    weights: str = ""
    if file_kind.guess_kind(model) in (file_kind.CAFFEMODEL, file_kind.HDF5_WEIGHTS):
        if os.path.isfile(files[0]) and file_kind.guess_kind(files[0]) == file_kind.NETWORK:
            model, weights, files = files[0], model, files[1:]
    else:
        weights, files = files[0], files[1:]
    if not files:
        raise click.UsageError(
            "name the images: cnnvis-caffe predict MODEL WEIGHTS IMAGES..., such as "
            "cnnvis-caffe predict deploy.prototxt net.caffemodel photos/"
        )
    return PredictionRequest(
        model=model,
        weights=weights,
        images=files,
        engine=options["engine"],
        device=options["device"],
        batch=options["batch"],
        limit=options["limit"],
        top=options["top"],
        oversample=options["oversample"],
        image_dims=options["image_dims"],
        scale=options["scale"],
        mean=options["mean"] or "",
        channel_order=options["channel_order"] or "",
        classes=tuple(class_names(options["classes"])),
        output=options["output"],
        task=options["task"] or "",
        masks=options["masks"] or "",
        stages=tuple(split_names(options["stage"])),
        input_shapes=dict(options["input_shapes"]),
        skip_damaged=options["skip_damaged"],
        allow_python_layers=options["allow_python_layers"],
    )


def _command(request: PredictionRequest) -> str:
    """The same command without options."""
    others = [*([request.weights] if request.weights else []), *request.images]
    return f"cnnvis-caffe predict {shlex.quote(request.model)} {shlex.join(others)}"


class _Drawer:
    """Writes the mask or the boxes of each image into a folder.

    Parameters
    ----------
    folder : str
        Made where it is not there.
    threshold : float
        Least score of a box.
    names : sequence of str
    """

    def __init__(self, folder: str, threshold: float, names: Sequence[str]) -> None:
        self._folder, self._threshold, self._names = folder, threshold, names
        self._used: set[str] = set()
        os.makedirs(folder, exist_ok=True)

    def __call__(self, index: int, name: str, answer: np.ndarray) -> None:
        """Write one picture, named as the image; as its index where two have one name."""
        import numpy as np

        from cnnvis_caffe.formats.images import read_image
        from cnnvis_caffe.formats.palette_png import encode_indices, voc_palette
        from cnnvis_caffe.render.write import write_scene
        from cnnvis_caffe.scene.boxes import build_boxes

        stem = os.path.splitext(os.path.basename(name))[0]
        stem = f"{stem}_{index}" if stem in self._used else stem
        self._used.add(stem)
        path = os.path.join(self._folder, f"{stem}.png")
        if answer.dtype == np.uint8:
            write_bytes(path, encode_indices(answer, voc_palette()))
        elif os.path.isfile(name):
            boxes = answer[answer[:, 1] >= self._threshold]
            write_scene(build_boxes(read_image(name)[:, :, ::-1], boxes, self._names, name), path)


def _as_csv(found: Predictions) -> str:
    """The table; an empty cell where a number is missing."""
    from cnnvis_caffe.text.predictions import prediction_table

    columns, rows = prediction_table(found)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(csv_cell, columns))
    writer.writerows([csv_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue()


def _as_json(found: Predictions) -> str:
    """Everything."""
    from cnnvis_caffe.text.predictions import prediction_json

    return json.dumps(prediction_json(found), indent=1, allow_nan=False) + "\n"


_TABLES = {".csv": _as_csv, ".json": _as_json}
