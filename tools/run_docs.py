"""Run what README and docs tell people to type, and put what really comes out below it.

    python tools/run_docs.py                        # all of them
    python tools/run_docs.py docs/guides/open.md    # some

Three kinds of fenced blocks are run, in their order, in a folder that holds the demo's files and `prototxt/`:

    ```console      lines that start with "$ " are commands; the others are what they print
    ```bash         commands whose output does not matter
    ```python       statements; a block ```text right below is what they print

A comment in the line above a block says more, as in `<!-- test: slow (trains), show 5 2 -->`:

    skip (REASON)     it is not run
    slow (REASON)     only by the test that is marked slow
    exit 1            the exit code
    show 5 2          of each output only the first 5 lines and the last 2 are written down
    needs fish        only where there is such a program

A python block that begins with `# new file: cnnvis_caffe/...py` is that file; one that begins with
`# cnnvis_caffe/...py, in TABLE:` has imports and rows for a table of that file. Both are in place until the
document ends (`tools/extensions.py`).

`tests/unit/test_docs.py` runs the same and compares, numbers apart.
"""

from __future__ import annotations

import contextlib
import glob
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import extensions  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
HOME = "/home/you"  # what is written in place of the folder in which the commands ran
RUN = ("console", "bash", "python")
SHOWN = ("text", "prototxt", "json")
NOT_OURS = ("docs/analysis_cost.md", "docs/performance.md", "docs/training.md")  # other programs write them
_FENCE = re.compile(r"^```(\w*)$")
_OPTIONS = re.compile(r"^<!-- test: (.*) -->$")
_OPTION = re.compile(r"(skip|slow) \(([^)]+)\)|(exit|show|needs) ([\w ]+)")
_NUMBER = re.compile(r"(?<![\w.])[-+−]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?%?")  # not the one of conv1
_LOG = re.compile(r"(?m)^[IWE]\d{4} [\d:.]+ +\d+ ")
_SHELL = re.compile(r"[|&;<>$`(){}#]")
ENVIRONMENT = {"COLUMNS": "100", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}


def documents() -> list[Path]:
    """README and all of docs."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path for path in found if path.relative_to(ROOT).as_posix() not in NOT_OURS]


@dataclass
class Block:
    """A fenced block: its lines are `lines[first:end]` of the document."""

    language: str
    first: int
    end: int
    lines: list[str]
    options: dict[str, str]
    output: Block | None = None  # of a python block

    @property
    def where(self) -> str:
        return f"line {self.first}"

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Commands with what is written below each."""
        command, expected = "", []
        for line in self.lines:
            if line.startswith("$ ") or command.endswith("\\"):
                if command.endswith("\\"):
                    command += "\n" + line
                    continue
                if command:
                    yield command, expected
                command, expected = line[2:], []
            else:
                expected.append(line)
        if command:
            yield command, expected


def blocks(text: str) -> list[Block]:
    """All fenced blocks of a document."""
    lines = text.split("\n")
    found: list[Block] = []
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        if fence is None:
            number += 1
            continue
        end = next(i for i in range(number + 1, len(lines)) if lines[i] == "```")
        said = _OPTIONS.match(lines[number - 1]) if number else None
        options = {}
        for one in _OPTION.finditer(said.group(1) if said else ""):
            options[one.group(1) or one.group(3)] = one.group(2) or one.group(4)
        block = Block(fence.group(1), number + 1, end, lines[number + 1 : end], options)
        if block.language == "text" and found and found[-1].language == "python":
            between = lines[found[-1].end + 1 : number]
            if not "".join(between).strip():
                found[-1].output = block
        found.append(block)
        number = end + 1
    return found


@dataclass
class Place:
    """A folder to run in."""

    folder: Path
    demo: Path
    environment: dict[str, str] = field(default_factory=dict)
    names: dict[str, object] = field(default_factory=dict)
    until_end: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def run_command(self, command: str) -> tuple[int, str]:
        """Exit code and output; our own plain commands run in this process, which has its libraries loaded."""
        command = command.replace("\\\n", " ")
        first, _, last = command.rpartition(" && ")
        if not last.startswith("cnnvis-caffe ") or _SHELL.search(last):
            return self._run_in_shell(command)
        code, printed = self._run_in_shell(first) if first else (0, "")
        if code:
            return code, printed
        code, more = self._run_here(last)
        return code, printed + more

    def _run_in_shell(self, command: str) -> tuple[int, str]:
        environment = {**os.environ, **ENVIRONMENT, **self.environment}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=900, check=False,
        )  # fmt: skip
        return done.returncode, self._plain(done.stdout)

    def _run_here(self, command: str) -> tuple[int, str]:
        from click.testing import CliRunner

        from cnnvis_caffe.cli.main import group

        with self._inside():
            words = [name for word in shlex.split(command)[1:] for name in (sorted(glob.glob(word)) or [word])]
            result = CliRunner().invoke(group, words, prog_name="cnnvis-caffe")
        text = result.output
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            text += "".join(traceback.format_exception(*result.exc_info))
        return result.exit_code, self._plain(text)

    def run_python(self, source: str) -> tuple[int, str]:
        """0 or 1, and what is printed."""
        said = io.StringIO()
        code = 0
        with self._inside(), contextlib.redirect_stdout(said):
            try:
                if extensions.is_extension(source):
                    self.until_end.enter_context(extensions.in_place(source))
                else:
                    exec(compile(source, "<docs>", "exec"), self.names)
            except Exception:  # noqa: BLE001 - whatever it is, it is reported
                code = 1
                said.write(traceback.format_exc())
        return code, self._plain(said.getvalue())

    @contextlib.contextmanager
    def _inside(self) -> Iterator[None]:
        """In the folder, with its environment, and with warnings as people have them."""
        import logging

        before, variables = os.getcwd(), dict(os.environ)
        logger = logging.getLogger("cnnvis_caffe")
        handlers, level = [*logger.handlers], logger.level
        os.chdir(self.folder)
        os.environ.update({**ENVIRONMENT, **self.environment})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("default")
                warnings.simplefilter("ignore", ResourceWarning)
                yield
        finally:
            os.chdir(before)
            os.environ.clear()
            os.environ.update(variables)
            logger.handlers[:] = handlers
            logger.setLevel(level)

    def _plain(self, text: str) -> str:
        for folder, name in ((self.folder, HOME), (self.demo, f"{HOME}/demo"), (ROOT, HOME)):
            text = text.replace(str(folder), name)
        return text


def make_place(folder: Path, demo: Path) -> Place:
    """A folder with a copy of the demo's files, `prototxt/` and `examples/`; the user's cache has the demo as well."""
    shutil.copytree(demo, folder / "demo", ignore=shutil.ignore_patterns("lock.mdb"))
    for name in ("prototxt", "examples"):
        (folder / name).symlink_to(ROOT / name)
    cache = folder / ".cache"
    (cache / "cnnvis_caffe").mkdir(parents=True)
    (cache / "cnnvis_caffe" / "demo").symlink_to(folder / "demo")
    environment = {"XDG_CACHE_HOME": str(cache), "HOME": str(folder), "DISPLAY": "", "WAYLAND_DISPLAY": ""}
    return Place(folder, demo.resolve(), environment)


def normalised(text: str) -> str:
    """Text that is the same where only numbers, the lengths of lists of numbers, and spaces differ."""
    text = " ".join(_NUMBER.sub("#", _LOG.sub("", text)).split())
    text = re.sub(r"#((, | -> )#)+", "#", text).replace("# min # s", "# s")
    return re.sub(r"(\b[\w/]+: #)(; \1)+", r"\1", text)


def agrees(expected: list[str], printed: str) -> bool:
    """Whether output is what is written down; a line `...` stands for any lines."""
    wanted = [normalised(part) for part in re.split(r"(?m)^\.\.\.$", "\n".join(expected))]
    pattern = r"\s?.*\s?".join(map(re.escape, wanted))
    return re.fullmatch(pattern, normalised(printed), re.DOTALL) is not None


def shortened(printed: str, show: str) -> list[str]:
    """The lines to write down."""
    lines = printed.rstrip("\n").split("\n") if printed.strip() else []
    lines = [line.rstrip() for line in lines]
    if show:
        first, _, last = show.partition(" ")
        n_first, n_last = int(first), int(last or 0)
        if len(lines) > n_first + n_last + 1:
            lines = [*lines[:n_first], "...", *lines[len(lines) - n_last :]]
    return lines


def is_run(block: Block, *, slow: bool) -> bool:
    """Whether a block is run here."""
    needed = block.options.get("needs", "")
    return (
        block.language in RUN
        and "skip" not in block.options
        and (slow or "slow" not in block.options)
        and (not needed or shutil.which(needed) is not None)
    )


def run(block: Block, place: Place) -> Iterator[tuple[str, list[str] | None, int, str]]:
    """Run a block: each command with what is written down, its exit code and what it printed."""
    if block.language == "python":
        expected = block.output.lines if block.output is not None else None
        yield "python", expected, *place.run_python("\n".join(block.lines))
    elif block.language == "bash":
        yield block.lines[0], None, *place.run_command("set -e\n" + "\n".join(block.lines))
    else:
        for command, expected in block.commands():
            yield command, expected, *place.run_command(command)


def problems(path: Path, place: Place, *, slow: bool = False) -> list[str]:
    """What does not come out as a document says."""
    found = []
    with place.until_end:
        for block in blocks(path.read_text("utf-8")):
            if not is_run(block, slow=slow):
                continue
            wanted = int(block.options.get("exit", "0"))
            for command, expected, code, printed in run(block, place):
                where = f"{path.name}, {block.where}: {command}"
                if code != wanted:
                    found.append(f"{where}: exit code {code}\n{printed}")
                elif expected is not None and not agrees(expected, printed):
                    written = "\n".join(expected)
                    found.append(f"{where}\n--- written\n{written}\n--- printed\n{printed}")
    return found


def rewrite(path: Path, place: Place) -> list[str]:
    """Write down what comes out; return what failed."""
    text = path.read_text("utf-8")
    lines = text.split("\n")
    failed = []
    changes: list[tuple[int, int, list[str]]] = []
    with place.until_end:
        for block in blocks(text):
            if not is_run(block, slow=True):
                continue
            wanted = int(block.options.get("exit", "0"))
            new: list[str] = []
            for command, _, code, printed in run(block, place):
                if code != wanted:
                    failed.append(f"{path.name}, {block.where}: {command}: exit code {code}\n{printed}")
                kept = shortened(printed, block.options.get("show", ""))
                if block.language == "console":
                    new += [f"$ {line}" if i == 0 else line for i, line in enumerate(command.split("\n"))] + kept
                elif block.output is not None:
                    changes.append((block.output.first, block.output.end, kept))
            if block.language == "console":
                changes.append((block.first, block.end, new))
    for first, end, new in sorted(changes, reverse=True):
        lines[first:end] = new
    path.write_text("\n".join(lines), "utf-8")
    return failed


def main() -> None:
    import tempfile

    from cnnvis_caffe.demo import make_demo

    chosen = [Path(name).resolve() for name in sys.argv[1:]] or documents()
    demo = make_demo(ROOT / "build" / "docs" / "demo").parent
    failed = []
    for path in chosen:
        print(path.relative_to(ROOT), file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            failed += rewrite(path, make_place(Path(folder).resolve() / "you", demo))
    sys.exit("\n\n".join(failed) or None)  # an empty text would count as an error


if __name__ == "__main__":
    main()
