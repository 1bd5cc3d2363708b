"""How quickly the window answers, and whether it survives: `python -m benchmarks.viewer [--monkey MINUTES]`.

Measured without a screen (QT_QPA_PLATFORM=offscreen), on a made-up analysis of GoogLeNet's size unless a file is
named. Figures are printed as JSON, one line for each; nothing is asserted about time. Random input is in
`benchmarks/monkey.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import numpy as np

from cnnvis_caffe.processes import python_words
from cnnvis_caffe.viewer.qt import QtCore

ROOT = Path(__file__).resolve().parent.parent
FRAMES = 120
WINDOW = (1600, 1000)
HEARTBEAT_MS = 5


def memory_mb() -> float:
    """What the process holds now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def peak_mb() -> float:
    """The most that it ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


class Bench:
    """A window with an analysis, and a stopwatch."""

    def __init__(self, path: str) -> None:
        from cnnvis_caffe.viewer.app import make_application
        from cnnvis_caffe.viewer.window.main_window import MainWindow
        from cnnvis_caffe.viewer.window.settings import Settings

        sys.setswitchinterval(0.002)
        self.application = make_application()
        self.folder = tempfile.mkdtemp()
        self.errors: list[BaseException] = []
        sys.excepthook = lambda kind, error, trace: self.errors.append(error.with_traceback(trace))
        self.path = path
        self.window = MainWindow(Settings(os.path.join(self.folder, "settings.ini")))
        self.window.resize(*WINDOW)
        self.window.show()
        self.heart = QtCore.QTimer()  # conditions are looked at again, also when nothing happens
        self.heart.start(HEARTBEAT_MS)
        self.process()

    def process(self) -> None:
        """Let Qt work; what is to be deleted later would otherwise wait for a loop that never comes."""
        self.application.processEvents()
        self.application.sendPostedEvents(None, QtCore.QEvent.DeferredDelete)

    def until(self, condition, most_s: float = 120.0) -> float:
        """Let Qt work until something is so; the seconds that it took."""
        started = time.perf_counter()
        while not condition():
            # As the program's own loop does: to look again and again would take time from the thread that is at work.
            self.application.processEvents(QtCore.QEventLoop.WaitForMoreEvents)
            self.process()
            if time.perf_counter() - started > most_s:
                raise TimeoutError(condition)
        return time.perf_counter() - started

    def settle(self) -> None:
        """Wait until nothing is under way."""
        self.until(lambda: self.window.is_settled)

    def wait(self, seconds: float) -> None:
        """Let Qt work for a while."""
        end = time.perf_counter() + seconds
        self.until(lambda: time.perf_counter() > end)

    def first_paint(self) -> tuple[float, float]:
        """Open the file; seconds to the first whole picture, and of the processor."""
        shown = []
        self.window.pane.canvas.scene_shown.connect(lambda: shown.append((time.perf_counter(), time.process_time())))
        started, used = time.perf_counter(), time.process_time()
        self.window.open_path(self.path)
        self.until(lambda: bool(shown))
        return shown[0][0] - started, shown[0][1] - used

    def frames(self, step) -> tuple[float, float]:
        """Milliseconds of a frame, median and 95th percentile, while a step is done before each."""
        canvas, times = self.window.pane.canvas, []
        for number in range(FRAMES):
            started = time.perf_counter()
            step(number)
            canvas.repaint()
            self.process()
            times.append(1000 * (time.perf_counter() - started))
        self.settle()
        return float(np.median(times)), float(np.percentile(times, 95))

    def latency(self, edit) -> tuple[float, float, float]:
        """Milliseconds from an edit until its picture is there, painted; transitions not counted.

        By the clock, of the processor, and by the clock until the sizes of patches are those of other classes too.
        """
        session, canvas, made = self.window.session, self.window.pane.canvas, []
        session.picture_changed.connect(made.append)
        started, used = time.perf_counter(), time.process_time()
        session.apply(edit)
        self.until(lambda: bool(made) and canvas.display is not None and canvas.is_complete)
        taken, used = 1000 * (time.perf_counter() - started), 1000 * (time.process_time() - used)
        self.until(lambda: not session.is_busy and canvas.is_painted)
        whole = 1000 * (time.perf_counter() - started)
        session.picture_changed.disconnect(made.append)
        self.settle()
        return taken, used, whole


def measure(path: str, stands_s: float) -> dict[str, float]:
    """Measure everything, of a window that stands for some seconds before the file is opened; figures by name."""
    from cnnvis_caffe.edits.kinds import ChooseClasses, ChooseEdgeFilter, ChooseFacet
    from cnnvis_caffe.viewer.qt import QPointF

    bench = Bench(path)
    bench.wait(stands_s)
    taken, used = bench.first_paint()
    result = {"first_paint_s": taken, "first_paint_cpu_s": used}
    window = bench.window
    window.set_reduced_motion(True)

    def measure_edits(name: str, *edits) -> None:
        taken, used, whole = np.median([bench.latency(edit) for edit in edits], axis=0)
        result[f"{name}_ms"], result[f"{name}_cpu_ms"], result[f"{name}_whole_ms"] = taken, used, whole

    bench.wait(0.3)  # the window has its size, but nothing is prepared yet
    measure_edits("facet_first", ChooseFacet("activations"))
    window.session.apply(ChooseFacet("features"))
    bench.settle()
    window.set_reduced_motion(False)
    result["memory_opened_mb"] = memory_mb()
    canvas = window.pane.canvas
    aggregation = window.session.aggregation
    result["neurons"] = float(sum(len(column.labels) for column in aggregation.columns))
    result["shapes"] = float(len(canvas.display.shapes))
    at = QPointF(canvas.width() * 0.4, canvas.height() * 0.5)
    for name, step in (
        ("zoom_in", lambda _: canvas.zoom_by(1.025, at)),
        ("pan_near", lambda i: canvas.pan_by(-12, 3 if i % 40 < 20 else -3)),
        ("zoom_out", lambda _: canvas.zoom_by(1 / 1.025, at)),
        ("pan_far", lambda i: canvas.pan_by(-6 if i % 60 < 30 else 6, 0)),
    ):
        result[f"{name}_median_ms"], result[f"{name}_p95_ms"] = bench.frames(step)
    canvas.fit()
    bench.settle()
    window.set_reduced_motion(True)
    measure_edits("facet", *map(ChooseFacet, ("activations", "features", "contributions", "features")))
    measure_edits("classes", *map(ChooseClasses, ((1, 2), (3,), (2, 5), ())))
    measure_edits("filter", *map(ChooseEdgeFilter, (0.7, 0.5, 0.6, 0.9, 0.8)))
    result["memory_mb"], result["peak_mb"] = memory_mb(), peak_mb()
    window.discard_and_close()
    if bench.errors:
        raise bench.errors[0]
    return result


def made_up(kind: str, folder: str) -> str:
    """Write a made-up analysis; its path."""
    from helpers.analyses import make_analysis

    from cnnvis_caffe.store import write_analysis

    path = os.path.join(folder, f"{kind}.cnnvis.h5")
    write_analysis(path, make_analysis(kind, n_snapshots=1 if kind == "googlenet" else 3))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", help="an analysis; a made-up one if left out")
    parser.add_argument("--monkey", type=float, metavar="MINUTES", help="random input instead of measuring")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--stands",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="how long the window stands before a file is opened",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.file or made_up("lenet" if options.monkey else "googlenet", folder)
        if options.monkey:
            from benchmarks.monkey import monkey

            raise SystemExit(monkey(Bench(path), options.monkey, options.seed))
        # The measured process has not made the analysis up: that costs memory of its own.
        import subprocess

        if options.file is None:
            command = python_words("benchmarks.viewer", path, "--stands", str(options.stands), folders=[ROOT])
            raise SystemExit(subprocess.run(command, check=False).returncode)
        result = measure(path, options.stands)
    print(json.dumps({n: round(v, 2) if isinstance(v, float) else v for n, v in result.items()}, indent=1))


if __name__ == "__main__":
    main()
