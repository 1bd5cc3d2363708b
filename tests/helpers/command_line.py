"""Running commands in this process, with any click."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner, Result


class _Whole(Result):
    """Before click 8.2 either standard error was part of the output, or could be looked at by itself."""

    @property
    def output(self) -> str:
        return self.stdout + self.stderr


class _Apart(CliRunner):
    def invoke(self, *arguments: Any, **more: Any) -> Result:
        result = super().invoke(*arguments, **more)
        result.__class__ = _Whole
        return result


def runner() -> CliRunner:
    """A runner whose results have `stdout`, `stderr`, and both as `output`."""
    try:
        return _Apart(mix_stderr=False)
    except TypeError:
        return CliRunner()
