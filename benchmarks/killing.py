"""Kill commands at random moments, and write what was lost.

    python -m benchmarks.killing [--times 50] [--seed N] [--work NAME] [--report docs/reliability.md]

Every kind of work runs once undisturbed. Then it begins again over the same old files, is killed with SIGKILL at a
moment drawn evenly from its length, and runs once more. After the kill every file of the work must be the old or the
new one, whole; after the next run, the same files must be there as undisturbed, and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from benchmarks.sections import write_section
from cnnvis_caffe.analysis import run as analysis_run
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.datasets.databases import write_image_set
from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.kinds import ChooseTheme
from cnnvis_caffe.edits.sessions import save_session
from cnnvis_caffe.records.image_set import ImageSet

NET = """name: "small"
layer { name: "data" type: "Data" top: "data" top: "label" transform_param { mirror: true scale: 0.01 }
  data_param { source: "lmdb" batch_size: 8 backend: LMDB } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 6 kernel_size: 5 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "drop" type: "Dropout" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" momentum: 0.9 max_iter: 30 snapshot: 3 random_seed: 3
snapshot_prefix: "out/small"
"""
TITLE = "## Killed at any moment"
TEXT = """\
`python -m benchmarks.killing --times {times} --report docs/reliability.md` wrote this part. Each kind of work runs
undisturbed, then over the same old files again and again, killed by SIGKILL at moments drawn evenly from its length.
After the kill every file must be the old or the new one, whole. After the next run the same files must be there as
undisturbed, equal to the bit, and nothing else; of analyses, all but the time they took is compared.

{n} kills, seed {seed}: {wrong}.

| work | kills | left something half made | lost by the kill | other than undisturbed after the next run | length |
|---|---|---|---|---|---|
{rows}
"""
#: Old files of the works, beside `out`, which each begins with.
OLD = "old"
#: How long children of a killed process may live on.
SECONDS_TO_END = 5.0

Files = dict[str, str]


@dataclass(frozen=True)
class Work:
    """What is killed; it writes in the folder ``out`` of the current folder.

    Attributes
    ----------
    name : str
    run, next_run : callable
        The work, and what is run after it was killed.
    """

    name: str
    run: Callable[[], None]
    next_run: Callable[[], None]


@dataclass
class Outcome:
    """What came of one kind of work; `lost` and `other` say for each bad kill what was wrong."""

    seconds: float = 0.0
    n_kills: int = 0
    n_half_made: int = 0
    lost: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    def row(self, name: str) -> str:
        """A row of the table."""
        numbers = (name, self.n_kills, self.n_half_made, len(self.lost), len(self.other), f"{self.seconds:.2f} s")
        return f"| {' | '.join(map(str, numbers))} |"


def _command(*arguments: str) -> Callable[[], None]:
    """A command, as it is run in the current folder."""
    return lambda: group.main(list(arguments), standalone_mode=False)


def _train_on() -> None:
    """Go on from the newest solver state."""
    states = {int(path.stem.rpartition("_")[2]): str(path) for path in Path("out").glob("*.solverstate")}
    newest = ["--snapshot", states[max(states)]] if states else []
    _command("train", "--solver", "solver.prototxt", *newest)()


def _analyze(data: str, *more: str) -> Callable[[], None]:
    """An analysis of two snapshots that writes its state down after every batch."""
    weights = ("--weights", "weights/small_iter_15.caffemodel", "--weights", "weights/small_iter_30.caffemodel")
    out = ("--data", data, "--batch", "8", "--out", "out/small.cnnvis.h5")

    def run() -> None:
        analysis_run.SECONDS_BETWEEN_STATES = 0.0
        _command("analyze", "--model", "net.prototxt", *weights, *out, *more)()

    return run


def _save_sessions(n: int) -> Callable[[], None]:
    """Save two sessions in turns."""

    def run() -> None:
        for number in range(n):
            history = History()
            for edit in range(200):
                history.apply(ChooseTheme("dark" if (edit + number) % 2 else "light"))
            save_session("out/session.cnnvis.json", history)

    return run


def _render(theme: str) -> Callable[[], None]:
    return _command("render", "small.cnnvis.h5", "--out", "out/picture.png", "--theme", theme)


def _convert(source: str) -> Callable[[], None]:
    return _command("data", "convert", source, "out/db", "--force")


#: Each with what makes the old files.
WORKS: dict[str, tuple[Work, Callable[[], None] | None]] = {
    "train": (Work("`train`, then `--snapshot`", _command("train", "--solver", "solver.prototxt"), _train_on), None),
    "analyze": (
        Work("`analyze`, then `--resume`", _analyze("lmdb"), _analyze("lmdb", "--resume")),
        _analyze("other_lmdb", "--limit", "8"),
    ),
    "render": (Work("`render` over an old picture", _render("light"), _render("light")), _render("dark")),
    "session": (Work("saving sessions", _save_sessions(40), _save_sessions(40)), _save_sessions(1)),
    "convert": (Work("`data convert --force`", _convert("lmdb"), _convert("lmdb")), _convert("other_lmdb")),
}


def kill(name: str, times: int, folder: Path, seed: int) -> Outcome:
    """Kill one kind of work again and again.

    Parameters
    ----------
    name : str
        One of `WORKS`.
    times : int
        How often.
    folder : pathlib.Path
        As `prepare` made it.
    seed : int
        Of the moments.

    Returns
    -------
    Outcome
    """
    work, make_old = WORKS[name]
    rng = random.Random(f"{seed} {name}")
    with _chdir(folder):
        _begin_with(None)
        if make_old:
            _run(make_old)
        shutil.rmtree(OLD, ignore_errors=True)
        shutil.copytree("out", OLD)
        old = _files()
        _warm_up(work.run)
        _begin_with(OLD)
        outcome = Outcome(seconds=_run(work.run))
        new = _files()
        while outcome.n_kills < times:
            _begin_with(OLD)
            if not _run_and_kill(work.run, rng.uniform(0, outcome.seconds)):
                continue
            outcome.n_kills += 1
            outcome.n_half_made += any(path.startswith(".") or ".partial" in path for path in os.listdir("out"))
            outcome.lost += _lost(old, new, _files())
            _run(work.next_run)
            outcome.other += _difference(new, _files())
    return outcome


def _lost(old: Files, new: Files, found: Files) -> list[str]:
    """What is missing, or neither old nor new; one line at most."""
    visible = {path: what for path, what in found.items() if not path.startswith(".") and ".partial" not in path}
    missing = [f"{path} is missing" for path in old if path not in visible]
    half = [f"{path} is neither old nor new" for path in visible if visible[path] not in (old.get(path), new.get(path))]
    return [", ".join(missing + half)] if missing or half else []


def _difference(expected: Files, found: Files) -> list[str]:
    """The names of files that are not as expected; one line at most."""
    names = [path for path in sorted({*expected, *found}) if expected.get(path) != found.get(path)]
    return [", ".join(names)] if names else []


def _files() -> Files:
    """All files below ``out``, each with a checksum of what must be the same after every run."""
    out = Path("out")
    return {str(path.relative_to(out)): _checksum(path) for path in sorted(out.rglob("*")) if path.is_file()}


def _checksum(path: Path) -> str:
    """Of an analysis without when and how long it was made, of other files of all bytes."""
    if not path.name.endswith(".cnnvis.h5") or path.name.startswith("."):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()

    def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("provenance"):
            digest.update(f"{name} {item.dtype} {item.shape}".encode() + np.asarray(item[()]).tobytes())

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return digest.hexdigest()


def _begin_with(old: str | None) -> None:
    """Let ``out`` hold the old files only."""
    shutil.rmtree("out", ignore_errors=True)
    if old:
        shutil.copytree(old, "out")
    else:
        os.mkdir("out")


def _warm_up(work: Callable[[], None]) -> None:
    """Import what a run of the work imports, so that it does not take up most of every run."""

    def run_and_tell() -> None:
        work()
        Path("modules").write_text("\n".join(sys.modules))

    _run(run_and_tell)
    for name in Path("modules").read_text().split():
        if name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def _run(work: Callable[[], None]) -> float:
    """Run work in a process of its own; how many seconds it took."""
    started = time.monotonic()
    child = _start(work)
    if os.waitpid(child, 0)[1]:
        raise SystemExit(f"the work failed: {Path('errors').read_text()}")
    return time.monotonic() - started


def _run_and_kill(work: Callable[[], None], seconds: float) -> bool:
    """Kill work after so many seconds, and wait for the end of what it started; False where it had ended before."""
    child = _start(work)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    deadline = time.monotonic() + SECONDS_TO_END
    with contextlib.suppress(ProcessLookupError):
        while True:  # the child began a session of its own: its own children are those of its group
            os.killpg(child, 0)
            if time.monotonic() > deadline:
                os.killpg(child, signal.SIGKILL)
                raise SystemExit("the killed work has left a process behind")
            time.sleep(0.01)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _start(work: Callable[[], None]) -> int:
    """Begin work in a copy of this process, which has loaded all libraries; what it says goes into a file."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        os.setsid()
        output = os.open("errors", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        work()
        status = 0
    except SystemExit as end:
        status = int(bool(end.code))
    except BaseException:  # noqa: BLE001 - the child must not go on as its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@contextlib.contextmanager
def _chdir(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def prepare(folder: Path, with_snapshots: bool = True) -> None:
    """Make what the works need: two databases, a network, a solver, and perhaps snapshots and an analysis of them."""
    rng = np.random.default_rng(1)
    with _chdir(folder):
        for name, n in (("lmdb", 40), ("other_lmdb", 24)):
            images = rng.integers(0, 256, (n, 3, 14, 12), dtype=np.uint8)
            labels = np.arange(n, dtype=np.int64) % 4
            write_image_set(ImageSet(name, "train", images, labels, tuple("abcd"), "BGR"), name)
        Path("net.prototxt").write_text(NET)
        Path("solver.prototxt").write_text(SOLVER)
        if not with_snapshots:
            return
        _begin_with(None)
        _run(_command("train", "--solver", "solver.prototxt"))
        os.rename("out", "weights")
        _begin_with(None)
        _run(_analyze("lmdb"))
        os.rename("out/small.cnnvis.h5", "small.cnnvis.h5")


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", action="append", choices=[*WORKS], help="only this one; several times for more")
    parser.add_argument("--report", type=Path, help="the page to write in")
    arguments = parser.parse_args()
    names = arguments.work or [*WORKS]
    outcomes = {}
    with tempfile.TemporaryDirectory(prefix="killing-") as folder:
        prepare(Path(folder), with_snapshots=bool({"analyze", "render"}.intersection(names)))
        for name in names:
            outcomes[name] = outcome = kill(name, arguments.times, Path(folder), arguments.seed)
            print(outcome.row(WORKS[name][0].name), flush=True)
            for what in (*outcome.lost, *outcome.other):
                print(f"    {what}", flush=True)
    n_wrong = sum(len(outcome.lost) + len(outcome.other) for outcome in outcomes.values())
    if arguments.report:
        rows = "\n".join(outcome.row(WORKS[name][0].name) for name, outcome in outcomes.items())
        n = sum(outcome.n_kills for outcome in outcomes.values())
        wrong = f"{n_wrong} were wrong" if n_wrong else "nothing was lost, nothing was left"
        text = TEXT.format(times=arguments.times, n=n, seed=arguments.seed, wrong=wrong, rows=rows)
        write_section(arguments.report, TITLE, text)
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
