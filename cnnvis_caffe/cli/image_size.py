"""Reads the size of images from the command line."""

from __future__ import annotations

import re
from typing import Any

import click


class ImageSize(click.ParamType):
    """Height and width, or one number for both."""

    name = "H,W"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return height and width."""
        found = value if isinstance(value, tuple) else re.fullmatch(r"(\d{1,5})(?:[,x](\d{1,5}))?", value)
        if isinstance(found, tuple):
            return found
        if not found or int(found.group(1)) < 1:
            self.fail(f"{value!r} is not a size; give height and width, such as 256,256", param, ctx)
        return int(found.group(1)), int(found.group(2) or found.group(1))
