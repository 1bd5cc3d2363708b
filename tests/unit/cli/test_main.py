"""The frame of the command line: options, exit codes, and how errors look."""

from __future__ import annotations

import ast
import logging
import subprocess
import sys
import types
import warnings
from pathlib import Path

import click
import numpy
import pytest
from helpers.command_line import runner

import cnnvis_caffe
from cnnvis_caffe.cli import main
from cnnvis_caffe.errors import Cancelled, MeanFileError


@pytest.fixture(autouse=True)
def logging_as_before():
    """Undo what the command does to this process's logging and warnings."""
    logger = logging.getLogger("cnnvis_caffe")
    handlers, level = [*logger.handlers], logger.level
    with warnings.catch_warnings():
        yield
    for handler in set(logger.handlers) - set(handlers):
        handler.close()
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.fixture
def run(monkeypatch):
    """Run `cnnvis-caffe OPTIONS try`, where `try` is a command that calls the given function."""

    def run_(function, *options):
        module = types.ModuleType("cnnvis_caffe.cli.attempt")
        module.command = click.command(name="attempt")(function)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(main.COMMANDS, "attempt", "Try something.")
        return runner().invoke(main.group, [*options, "attempt"])

    return run_


def raiser(error):
    def function():
        raise error

    return function


def test_help_lists_every_command_without_importing_one():
    result = runner().invoke(main.group, ["--help"])
    assert result.exit_code == 0
    for name in main.COMMANDS:
        assert f"\n  {name} " in result.stdout


def test_the_version_is_the_package_s_and_setup_s():
    result = runner().invoke(main.group, ["--version"])
    assert result.stdout.splitlines() == [f"cnnvis-caffe, version {cnnvis_caffe.__version__}"]
    tree = ast.parse((Path(cnnvis_caffe.__file__).parents[1] / "setup.py").read_text("utf-8"))
    keywords = [word for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords]
    assert [word.value.value for word in keywords if word.arg == "version"] == [cnnvis_caffe.__version__]
    citation = (Path(cnnvis_caffe.__file__).parents[1] / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {cnnvis_caffe.__version__}\n" in citation


@pytest.mark.parametrize("options", [["--version", "--verbose"], ["-v", "--version"]])
def test_the_version_with_verbose_also_names_libraries_and_gpus(options):
    pytest.importorskip("torch")
    from cnnvis_caffe.runtime import backend, devices

    result = runner().invoke(main.group, options)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == f"cnnvis-caffe, version {cnnvis_caffe.__version__}"
    assert f"numpy {numpy.__version__}, " in lines[2]
    assert lines[3:] == devices.describe(backend.gpus(ask_driver=True))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MeanFileError("mean.binaryproto", "it is\nempty"), "Error: mean.binaryproto: it is empty\n"),
        (PermissionError(13, "Permission denied", "a.prototxt"), "Error: a.prototxt: Permission denied\n"),
        (OSError(28, "No space left on device"), "Error: No space left on device\n"),
    ],
)
def test_an_error_is_one_line_on_stderr(run, error, line):
    result = run(raiser(error))
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", line)


def test_debug_shows_where_an_error_came_from(run):
    error = MeanFileError("mean.binaryproto", "it is empty")
    result = run(raiser(error), "--debug")
    assert result.exception is error
    assert result.exit_code == 1


def test_a_mistake_of_ours_is_not_hidden(run):
    error = ZeroDivisionError("ours")
    assert run(raiser(error)).exception is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Cancelled()])
def test_interrupted_is_130(run, error):
    assert run(raiser(error)).exit_code == 130


@pytest.mark.parametrize("arguments", [["nothing"], ["--nothing"]])
def test_wrong_usage_is_2(arguments):
    result = runner().invoke(main.group, arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


@pytest.mark.parametrize(
    ("options", "shown"),
    [((), ["warned", "hinted"]), (("-q",), []), (("-v",), ["said", "warned", "hinted"])],
)
def test_v_and_q_choose_what_is_logged(run, options, shown):
    def function():
        logger = logging.getLogger("cnnvis_caffe.somewhere")
        logger.debug("detailed")
        logger.info("said")
        logger.warning("warned")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("hinted", UserWarning, stacklevel=1)

    result = run(function, *options)
    assert result.exit_code == 0
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == shown


def test_the_log_file_has_the_stages_too(run, tmp_path):
    result = run(lambda: logging.getLogger("cnnvis_caffe.somewhere").info("said"), "--log-file", str(tmp_path / "log"))
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "INFO cnnvis_caffe.somewhere: said" in (tmp_path / "log").read_text("utf-8")


def test_a_closed_pipe_is_quiet():
    script = (
        "import sys, types, click\n"
        "module = types.ModuleType('attempt')\n"
        "module.command = click.command()(lambda: [print('x' * 1000) for _ in range(1000)] and None)\n"
        "sys.modules['cnnvis_caffe.cli.inspect'] = module\n"
        "from cnnvis_caffe.cli.main import main\n"
        "sys.argv[1:] = ['inspect']\n"
        "main()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdout=pipe, stderr=pipe) as process:
        process.stdout.close()
        stderr = process.stderr.read()
    assert stderr == b""
    assert process.returncode == 128 + 13
