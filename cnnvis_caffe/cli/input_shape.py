"""The flag that states the shape of a blob, such as data=1,3,224,224."""

from __future__ import annotations

import click


class InputShape(click.ParamType):
    """NAME=N,C,H,W."""

    name = "TOP=N,C,H,W"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        """Read a name and a shape."""
        if isinstance(value, tuple):
            return value
        name, _, lengths = str(value).rpartition("=")
        try:
            shape = tuple(int(length) for length in lengths.replace("x", ",").split(","))
        except ValueError:
            shape = ()
        if not name or not shape or min(shape) < 1:
            self.fail(f"{value!r} is not a name with a shape; write it like data=1,3,224,224", param, ctx)
        return name, shape
