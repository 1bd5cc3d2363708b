"""The options that name a network and images, for the commands that explain; and how these write what they found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from cnnvis_caffe.cli.analysis_flags import flags_of
from cnnvis_caffe.cli.fork import fork_option
from cnnvis_caffe.cli.say import say_lines
from cnnvis_caffe.explanation.options import SUBJECT_OPTIONS

if TYPE_CHECKING:
    from cnnvis_caffe.explanation.options import SubjectOptions
    from cnnvis_caffe.explanation.subject import Subject
    from cnnvis_caffe.progress import Progress
    from cnnvis_caffe.scene.shapes import Scene

_FILE = click.Path(dir_okay=False)

#: What names a network, and says where results go.
NETWORK_OPTIONS = (
    click.option("--model", required=True, type=_FILE, help="The network prototxt: train_val or deploy."),
    click.option("--weights", type=_FILE, help="Its snapshot."),
    click.option("--random-weights", is_flag=True, help="Use the weights that the network's fillers give."),
    click.option("--out", type=_FILE, metavar="FILE", help="Write a picture: .png, .svg, .pdf or .html."),
    click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True,
                 help="Colours of the picture."),
    click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="Write all numbers as a table."),
    click.option("--json", "as_json", is_flag=True, help="Write a summary to standard output as JSON."),
    flags_of(SUBJECT_OPTIONS.values()),
    fork_option,
)  # fmt: skip
_IMAGES = (
    click.argument("images", metavar="IMAGE"),
    click.option("--at", multiple=True, type=click.IntRange(0), metavar="N",
                 help="Number of an image, from 0, where IMAGE holds several; again for more."),
)  # fmt: skip


def subject_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a network and images."""
    for option in reversed((*_IMAGES, *NETWORK_OPTIONS)):
        command = option(command)
    return command


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a network."""
    for option in reversed(NETWORK_OPTIONS):
        command = option(command)
    return command


def check_weights_option(options: dict[str, Any]) -> None:
    """Raise unless the user says where the weights come from, in one way."""
    if bool(options["weights"]) == options["random_weights"]:
        raise click.UsageError("give --weights with a file, or --random-weights")


def open_named(options: dict[str, Any], progress: Progress, *, default: Sequence[int] = (0,)) -> Subject:
    """Open the network and the images that the options name.

    Parameters
    ----------
    options : dict
        Of a command with `subject_options`.
    progress : Progress
    default : sequence of int, default=(0,)
        The images that are taken where the user names none; those that there are.

    Returns
    -------
    Subject
    """
    from cnnvis_caffe.explanation.options import subject_request
    from cnnvis_caffe.explanation.subject import open_subject

    check_weights_option(options)
    check_places(options)
    chosen = {name: options[name] for name in SUBJECT_OPTIONS if options.get(name) is not None}
    request = subject_request(
        options["model"], options["weights"], options["images"], cast("SubjectOptions", chosen)
    )
    return open_subject(request, options["at"] or None, progress, default=default)


def write_found(
    options: dict[str, Any],
    draw: Callable[[Any], Scene],
    rows: Iterator[tuple[Any, ...]],
    report: Sequence[dict[str, Any]],
    lines: Sequence[str],
) -> None:
    """Write the picture and the table that were asked for, and say the rest.

    Parameters
    ----------
    options : dict
        Of a command with `subject_options`.
    draw : callable
        Gives the picture in a theme.
    rows : iterator of tuple
        Of the table.
    report : sequence of dict
        What --json prints.
    lines : sequence of str
        What is said without it.
    """
    from cnnvis_caffe.explanation.numbers import csv_bytes
    from cnnvis_caffe.files.atomic import write_bytes
    from cnnvis_caffe.render.write import write_scene
    from cnnvis_caffe.scene.theme import theme_named

    if options["out"]:
        write_scene(draw(theme_named(options["theme"])), options["out"])
    if options["csv_file"]:
        write_bytes(options["csv_file"], csv_bytes(rows))
    say_lines([json.dumps(list(report))] if options["as_json"] else list(lines))


def image_line(image: Any) -> str:
    """Return an image by its name, with its most probable classes.

    Parameters
    ----------
    image : SeenImage
    """
    from cnnvis_caffe.text.words import probability

    best = ", ".join(f"{image.class_names[number]} {probability(share)}" for number, share in image.best(3))
    return f"{image.name}: {best}" if best else image.name


def check_places(options: dict[str, Any]) -> None:
    """Raise where results could not be written, before any work is done."""
    from pathlib import Path

    from cnnvis_caffe.errors import CnnvisError
    from cnnvis_caffe.render.write import check_picture_path

    if options["out"]:
        check_picture_path(options["out"])
    if options["csv_file"] and not Path(options["csv_file"]).parent.is_dir():
        raise CnnvisError(f"--csv {options['csv_file']}: there is no folder {Path(options['csv_file']).parent}")

