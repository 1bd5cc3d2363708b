"""Writing to the terminal: the only way, so that names from files do nothing there."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click

from cnnvis_caffe.text.plain import visible


def say(text: str = "", *, err: bool = False) -> None:
    """Write text, and end the line.

    Parameters
    ----------
    text : str
        May have several lines.
    err : bool, default=False
        To stderr.
    """
    click.echo(visible(text, has_lines=True), err=err)


def say_lines(lines: Iterable[str], *, err: bool = False) -> None:
    """Write lines, each of which stays one whatever names it holds.

    Parameters
    ----------
    lines : iterable of str
    err : bool, default=False
        To stderr.
    """
    say("\n".join(map(visible, lines)), err=err)


def can_show(text: str) -> bool:
    """Return whether the terminal or file behind stdout has all characters of a text.

    Parameters
    ----------
    text : str

    Returns
    -------
    bool
    """
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
