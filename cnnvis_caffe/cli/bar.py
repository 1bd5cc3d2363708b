"""Progress as a bar on the terminal."""

from __future__ import annotations

import sys

import click
import tqdm

from cnnvis_caffe.text.plain import visible


class Bar:
    """A `Progress` that draws on stderr, and nothing where stderr is no terminal or nothing shall be said.

    Parameters
    ----------
    context : click.Context
        Of the command; its root knows whether to be quiet.
    unit : str, default="it"
        What is counted.
    """

    def __init__(self, context: click.Context, unit: str = "it") -> None:
        self._unit = f" {unit}" if unit != "it" else unit
        self.is_quiet = bool(context.find_root().params.get("quiet"))
        self.is_off = self.is_quiet or not sys.stderr.isatty()
        self._bars: list[tqdm.tqdm] = []

    def start(self, total: int, what: str) -> None:
        """Begin something of `total` steps."""
        unit_scale = total >= 10_000_000  # bytes rather than images
        self._bars.append(
            tqdm.tqdm(
                total=total, desc=visible(what), file=sys.stderr, leave=False, disable=self.is_off, unit=self._unit,
                unit_scale=unit_scale,
            )  # fmt: skip
        )

    def step(self, n: int = 1) -> None:
        """Take `n` steps."""
        self._bars[-1].update(n)

    def done(self) -> None:
        """End what was begun last."""
        self._bars.pop().close()
