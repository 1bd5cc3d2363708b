"""The page's lines for completion, put where it says, in real shells: what Tab makes of what was typed."""

from __future__ import annotations

import importlib.metadata
import os
import re
import select
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="shells that believe in a keyboard need a pseudo-terminal")

ROOT = Path(__file__).resolve().parents[2]
START_FILES = {
    "bash": ".bashrc",
    "zsh": ".zshrc",
    "fish": ".config/fish/completions/cnnvis-caffe.fish",
}
SECONDS = 60  # at most; a Tab starts a Python


def words_of_the_page(shell):
    """The block in docs/guides/install.md that asks for this shell's completion."""
    page = (ROOT / "docs/guides/install.md").read_text("utf-8")
    assert f"`~/{START_FILES[shell]}`" in page
    (block,) = [block for block in re.findall(r"(?ms)^```\w+\n(.*?)^```$", page) if f"={shell}_source" in block]
    return block


class Shell:
    """An interactive shell at a pseudo-terminal of its own."""

    def __init__(self, name, home, folder):
        self.name = name
        environment = {
            "HOME": str(home),
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "TERM": "dumb" if name == "bash" else "xterm",
            "LC_ALL": "C.UTF-8",
        }
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(home)
                os.execvpe(name, [name, "-i"], environment)
            finally:
                os._exit(127)

    def type(self, keys, wanted):
        """What is printed after some keys, as soon as it matches."""
        os.write(self.terminal, keys.encode())
        printed, end = "", time.monotonic() + SECONDS
        while not re.search(wanted, printed):
            if time.monotonic() > end:
                pytest.fail(f"after {keys!r} there is no {wanted!r} in {printed!r}")
            if select.select([self.terminal], [], [], 0.2)[0]:
                printed += os.read(self.terminal, 4096).decode("utf-8", "replace")
        return printed

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)


@pytest.fixture
def shell(request, tmp_path):
    """A shell whose start file is what the page says, in a new home."""
    name = request.param
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} here")
    home, programs = tmp_path / "home", tmp_path / "programs"
    start = home / START_FILES[name]
    start.parent.mkdir(parents=True)
    start.write_text(words_of_the_page(name))
    programs.mkdir()
    program = programs / "cnnvis-caffe"
    program.write_text(f"#!{sys.executable}\nfrom cnnvis_caffe.cli.main import main\n\nmain()\n")
    program.chmod(0o755)
    opened = Shell(name, home, programs)
    yield opened
    opened.close()


@pytest.mark.parametrize("shell", START_FILES, indirect=True)
def test_tab_completes_commands_options_and_values(shell):
    shell.type("echo re''ady\n", "ready")
    shell.type("cnnvis-caffe ana\t", "analyze")
    shell.type("--mo\t", "--model")
    if shell.name == "fish" and importlib.metadata.version("click").startswith("7."):
        return  # click 7 finds values in fish only before their first letter is typed
    shell.type("m.prototxt --engine ca\t", r"engine.*[^-]caffe")
