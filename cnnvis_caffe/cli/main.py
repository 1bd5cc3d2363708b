"""The command `cnnvis-caffe`: its options, its table of sub-commands, and how errors are shown."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import warnings

import click

from cnnvis_caffe import __version__
from cnnvis_caffe.cli.completion import accept_newer_words
from cnnvis_caffe.cli.examples import give_examples
from cnnvis_caffe.cli.interrupt import Terminated, terminable
from cnnvis_caffe.cli.plain_formatter import PlainFormatter
from cnnvis_caffe.cli.say import say
from cnnvis_caffe.errors import Cancelled, CnnvisError
from cnnvis_caffe.files.shortened import end_with_an_error
from cnnvis_caffe.processes import leave_current_folder
from cnnvis_caffe.text.plain import visible

# Name, and the line that `--help` shows. A sub-command is the attribute `command` of the module
# `cnnvis_caffe.cli.<name>`; it is imported only when it is called, so that help and completion stay quick.
COMMANDS = {
    "ablate": "Train a network without some of its layers, and compare the errors.",
    "analyze": "Run images through a trained network and write down what its neurons do.",
    "colour-shape": "Tell whether neurons respond to colour or to shape.",
    "compare": "Show two snapshots or two models side by side, and what differs most.",
    "correspondence": "Compare how hiding the same part changes the features of different images.",
    "data": "Make the databases that networks read, from data sets and image files.",
    "demo": "Train, analyse and show a small network; no download.",
    "deploy": "Make the network that uses what another one, or a lone caffemodel, was trained to do.",
    "explain": "Explain a network's answer to an image: which pixels make a class or a neuron respond.",
    "export": "Write a table of an analysis as CSV, npz or JSON, or its patches as PNG.",
    "features": "Draw what the feature maps of a layer look like: patches beside projections.",
    "findings": "List what stands out in a network: dead, redundant, disconnected neurons and more.",
    "inspect": "Show what a network, weights, solver, solver state, mean or analysis file holds.",
    "invariance": "Measure how far features move when images are moved, enlarged and turned.",
    "maximize": "Make images that neurons of a layer respond to most.",
    "merge": "Put the shards of an analysis together.",
    "occlude": "Slide a square over an image, and map the network's answers.",
    "predict": "Say what a network makes of images: classes, labels, numbers, masks or boxes.",
    "render": "Draw an analysis as PNG, SVG, PDF or HTML, without a screen.",
    "test": "Score a network on batches of its data, as caffe test does.",
    "time": "Time every layer of a network, forward and backward.",
    "transfer": "Try the features of every layer on other images, by a linear classifier.",
    "train": "Train a network as a solver says, as caffe train does.",
    "upgrade": "Rewrite a network, weights or solver of an older Caffe in the current format.",
    "view": "Open the viewer.",
}

EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_TERMINATED = 128 + signal.SIGTERM
EXIT_BROKEN_PIPE = 128 + 13  # SIGPIPE, which not every system has


class CommandGroup(click.Group):
    """A group that imports its commands when they are called and presents their errors."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, without importing any."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"cnnvis_caffe.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        command.name = cmd_name  # click 7 completes what a command calls itself
        give_examples(command, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands from `COMMANDS`; click's own would import them all."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; an error that we raise on purpose becomes one line on stderr."""
        try:
            with terminable():
                return super().invoke(ctx)
        except Terminated:
            ctx.exit(EXIT_TERMINATED)
        except (KeyboardInterrupt, Cancelled):
            ctx.exit(EXIT_INTERRUPTED)
        except BrokenPipeError:
            _silence_stdout()
            ctx.exit(EXIT_BROKEN_PIPE)
        except click.ClickException as error:
            error.__dict__["message"] = visible(error.message, has_lines=True)  # names of files are in them
            raise
        except (CnnvisError, OSError) as error:
            if ctx.params["debug"]:
                raise
            raise click.ClickException(_one_line(error)) from error
        except (MemoryError, RecursionError) as error:
            if ctx.params["debug"]:
                raise
            raise click.ClickException(_exhausted(error)) from error


def _one_line(error: Exception) -> str:
    """Return the message of an error on one line, file first for the system's own errors."""
    if isinstance(error, OSError) and not isinstance(error, CnnvisError) and error.strerror:
        return visible(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    return visible(" ".join(str(error).split()))


def _exhausted(error: MemoryError | RecursionError) -> str:
    """Say what was too large, where that is known, and what can be done."""
    said = " ".join(str(error).split())
    if isinstance(error, RecursionError):
        return f"something is nested too deeply to be read ({said}); neither Caffe nor this program makes such files"
    needed = f"{said}; " if said else ""
    return f"memory is full: {needed}take a smaller batch_size or input, or a machine with more memory"


def _silence_stdout() -> None:
    """Send what is still buffered nowhere, or Python complains about the closed pipe when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _StderrHandler(logging.Handler):
    """Writes log records to whatever stderr is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record), err=True)


def _set_up_logging(verbosity: int, log_file: str | None) -> None:
    """Show log records and warnings on stderr; -1 errors only, 0 warnings, 1 stages, 2 everything."""
    level = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    logger = logging.getLogger("cnnvis_caffe")
    for handler in [*logger.handlers]:
        if isinstance(handler, (_StderrHandler, logging.FileHandler)):
            logger.removeHandler(handler)
            handler.close()
    screen = _StderrHandler(level)
    screen.setFormatter(PlainFormatter("%(levelname)s: %(message)s"))
    logger.addHandler(screen)
    logger.setLevel(level)
    if log_file is not None:
        file = logging.FileHandler(log_file, encoding="utf-8")
        file.setFormatter(PlainFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger.addHandler(file)
        logger.setLevel(min(level, logging.INFO))

    def show_warning(message: Warning | str, *_: object, **__: object) -> None:
        logger.warning("%s", message)

    warnings.showwarning = show_warning


def _say_versions(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    """Print the version; with --verbose also those of the libraries, and what can be said of GPUs."""
    if not wanted or ctx.resilient_parsing:
        return
    say(f"cnnvis-caffe, version {__version__}")
    if ctx.params["verbose"]:
        for line in importlib.import_module("cnnvis_caffe.cli.versions").lines():
            say(line)
    ctx.exit()


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, expose_value=False, callback=_say_versions,
    help="Show the version; with --verbose also those of libraries, the GPUs, and why one cannot be used.",
)
@click.option("-v", "--verbose", count=True, is_eager=True, help="Report what is being done; twice for every detail.")
@click.option("-q", "--quiet", is_flag=True, help="Print results and errors only, without progress bars.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--log-file", type=click.Path(dir_okay=False), help="Also write the log to this file.")
def group(verbose: int, quiet: bool, debug: bool, log_file: str | None) -> None:
    """Open, run, explain and retrain Caffe models without Caffe."""
    _set_up_logging(-1 if quiet else verbose, log_file)


give_examples(group)


def main() -> None:
    """Run the command line of this process and exit: 0, 1 error, 2 usage, 130 interrupted, 143 terminated."""
    leave_current_folder()
    accept_newer_words()
    end_with_an_error()
    group(prog_name="cnnvis-caffe")
