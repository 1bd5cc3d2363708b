"""Flags as Caffe's own tool takes them: with one dash or two, with ``=`` or a space, lists with commas."""

from __future__ import annotations

import os

import click

#: Under this name a context knows the arguments as they were given.
ARGUMENTS = "cnnvis_caffe.arguments"


class CaffeCommand(click.Command):
    """A command that takes ``-solver`` for ``--solver``, and ``--gray=true`` or ``--nogray``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write Caffe's ways to give a flag as click's."""
        ctx.meta[ARGUMENTS] = [*args]
        options = {option: param for param in self.get_params(ctx) for option in param.opts if option.startswith("--")}
        own = args.index("--") if "--" in args else len(args)
        known = [known for arg in args[:own] for known in _as_click_knows(arg, options)]
        return super().parse_args(ctx, known + args[own:])


# What gflags takes for a flag that is on or off.
_ON = ("1", "t", "true", "y", "yes")
_OFF = ("0", "f", "false", "n", "no")


def _as_click_knows(arg: str, options: dict[str, click.Parameter]) -> list[str]:
    """An argument in click's form; a flag that is off is left out, as all are off by default."""
    if not arg.startswith("-"):
        return [arg]
    name, equals, value = arg.partition("=")
    name = f"--{name.lstrip('-')}"
    if name not in options:
        positive = f"--{name[len('--no'):]}" if name.startswith("--no") else ""
        return [] if _is_switch(options.get(positive)) and not equals else [arg]
    if not (equals and _is_switch(options[name])):
        return [name + equals + value] if arg.startswith("--") or len(arg) > 2 else [arg]
    if value.lower() in _ON:
        return [name]
    if value.lower() in _OFF:
        return []
    raise click.BadParameter(f"{value!r} is neither true nor false", param_hint=name)


def _is_switch(option: click.Parameter | None) -> bool:
    """Whether an option is on when it is named, and has no opposite of its own."""
    return isinstance(option, click.Option) and bool(option.is_flag) and not option.secondary_opts


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
