"""`python -m cnnvis_caffe.tools`: Caffe's tools under their own names, as faces of our commands."""

from __future__ import annotations

import importlib

import click

from cnnvis_caffe.cli import main as our

#: Where the command of a tool is, and what help says of it.
TOOLS = {
    "caffe": ("caffe_tools:caffe", "caffe train, test, time and device_query."),
    "classification": ("caffe_examples:classification", "Classify an image, as Caffe's C++ example does."),
    "compute_image_mean": ("data:mean", "Write the mean image of a database."),
    "convert_imageset": ("data:images", "Write the images of a list as an LMDB."),
    "extract_features": ("caffe_examples:extract_features", "Write blobs of a network as LMDBs."),
    "upgrade_net_proto_binary": ("upgrade:command", "Rewrite the weights of an older Caffe."),
    "upgrade_net_proto_text": ("upgrade:command", "Rewrite the network of an older Caffe."),
    "upgrade_solver_proto_text": ("upgrade:command", "Rewrite the solver of an older Caffe."),
}
_BREWS = {
    "device_query": ("caffe_examples:device_query", "Show which GPUs are there."),
    **{name: (f"{name}:command", our.COMMANDS[name]) for name in ("test", "time", "train")},
}


class ToolGroup(our.CommandGroup):
    """A group that imports its commands when they are called.

    Parameters
    ----------
    table : dict of str to (str, str)
        Module of `cnnvis_caffe.cli` and name in it, and the line that help shows, for each command.
    **options
        Of `click.Group`.
    """

    def __init__(self, table: dict[str, tuple[str, str]], **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, without importing any."""
        return sorted(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None if there is none of that name."""
        if cmd_name not in self._table:
            return None
        module, _, name = self._table[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(f"cnnvis_caffe.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self._table[name][1]) for name in self.list_commands(ctx)])


class _Brew(ToolGroup, click.Group):
    def invoke(self, ctx: click.Context) -> object:
        """Leave errors to the group above."""
        return click.Group.invoke(self, ctx)


caffe = _Brew(_BREWS, name="caffe", help="Train, test and time networks, as the program caffe does.")
group = ToolGroup(
    TOOLS,
    name="tools",
    params=our.group.params,
    callback=our.group.callback,
    context_settings=our.group.context_settings,
    help="Caffe's tools, with their own arguments and flags: one dash or two, with =true or without.",
)

def main() -> None:
    """Run a tool and exit as `cnnvis-caffe` does."""
    group(prog_name="python -m cnnvis_caffe.tools")
