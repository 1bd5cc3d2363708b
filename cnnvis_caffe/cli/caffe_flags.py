"""Flags as Caffe's own tool takes them: with one dash or two, with ``=`` or a space, lists with commas."""

from __future__ import annotations

import os

import click


class CaffeCommand(click.Command):
    """A command that takes ``-solver`` for ``--solver``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give long options that were written with one dash their second one."""
        long_options = {option for param in self.get_params(ctx) for option in param.opts if option.startswith("--")}
        own = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [_with_two_dashes(arg, long_options) for arg in args[:own]] + args[own:])


def _with_two_dashes(arg: str, long_options: set[str]) -> str:
    """An argument as click knows it."""
    is_single = arg.startswith("-") and not arg.startswith("--")
    return f"-{arg}" if is_single and f"-{arg.partition('=')[0]}" in long_options else arg


def split_names(names: str | None) -> list[str]:
    """Return the parts of a list with commas; a file whose name has commas is one part.

    Parameters
    ----------
    names : str or None

    Returns
    -------
    list of str
        Without empty parts.
    """
    if names is None:
        return []
    parts = [names] if os.path.exists(names) else names.split(",")
    return [part.strip() for part in parts if part.strip()]
