"""Whether the window survives somebody who does anything at all: clicks, drags, keys, menus, sizes, all at random.

`python -m benchmarks.viewer FILE --monkey MINUTES [--seed N]` prints a line a minute and ends with 1 on an exception,
a message of an error, a stall or growth. Every minute it opens the analysis anew: hundreds of neurons moved by hand
make a picture several times as large, and what is to be seen here is whether anything else grows.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import random
import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from cnnvis_caffe.viewer.model.actions import ACTION_SPECS
from cnnvis_caffe.viewer.qt import QApplication, QPoint, Qt, QtGui, QtWidgets

if TYPE_CHECKING:
    from benchmarks.viewer import Bench

#: Processor time that the window's thread may take at most until it looks at the next event, in seconds. By the clock a
#: machine that does something else as well would count as a stall.
MOST_STALL_S = 0.25
#: Whoever does nothing for so long hangs: where every thread stands is printed, and it ends.
HANGS_S = 300.0
#: By how much the last quarter of the time may stand above the one before it, of the memory's medians, in MB: caches
#: are full by then. Medians of a few hundred levels are good to about 2 MB.
MOST_GROWTH_MB = 8.0
#: After so many steps the window comes to rest and its memory is noted.
STEPS_OF_LEVEL = 50
#: What asks for a file would wait for somebody to answer; what ends the analysis would leave nothing to click on; what
#: runs the network begins a process of its own.
ASKING = frozenset((
    "open_file", "open_model", "open_demo", "save_session", "open_session", "export_picture", "export_table",
    "export_patches", "export_neurons", "compare_file", "image_page", "close_analysis", "quit", "full_screen", "help",
    "about",
))  # fmt: skip
MOST_TABS = 4


class Monkey:
    """Random input for a window.

    Parameters
    ----------
    bench : Bench
        With the analysis open.
    seed : int
    """

    def __init__(self, bench: Bench, seed: int) -> None:
        from qt import pointer

        self.bench, self.window, self.pointer = bench, bench.window, pointer
        self.chance = random.Random(seed)
        self.safe = [spec.name for spec in ACTION_SPECS if spec.name not in ASKING]
        self.did: list[str] = []
        own = [self.act] * 3 + [self.double_click, self.menu, self.resize, self.tabs, self.arrows]
        self.moves = [self.click] * 6 + [self.drag, self.wheel, self.panel] * 2 + own

    def step(self) -> tuple[float, str]:
        """Do something and let the window answer; the longest that it did not look at events, and what was done."""
        move = self.chance.choice(self.moves)
        self.did = [move.__name__]
        longest = timed(move)
        for _ in range(self.chance.randrange(1, 5)):
            longest = max(longest, timed(self.bench.process))
        return longest, " ".join(self.did)

    def somewhere(self, widget: QtWidgets.QWidget) -> QPoint:
        return QPoint(self.chance.randrange(max(widget.width(), 1)), self.chance.randrange(max(widget.height(), 1)))

    def click(self) -> None:
        canvas = self.chance.choice(self.window.pictures.panes).canvas
        button = self.chance.choice((Qt.LeftButton, Qt.LeftButton, Qt.LeftButton, Qt.MiddleButton))
        self.pointer.click(canvas, self.somewhere(canvas), button)

    def double_click(self) -> None:
        canvas = self.window.pane.canvas
        self.pointer.double_click(canvas, self.somewhere(canvas))

    def drag(self) -> None:
        canvas = self.window.pane.canvas
        held = self.chance.choice((Qt.NoModifier, Qt.NoModifier, Qt.ShiftModifier, Qt.ControlModifier))
        places = [self.somewhere(canvas) for _ in range(3)]
        self.pointer.drag(canvas, *places, modifiers=held)

    def wheel(self) -> None:
        canvas = self.chance.choice(self.window.pictures.panes).canvas
        self.pointer.wheel(canvas, self.somewhere(canvas), self.chance.choice((-240, -120, 120, 240)))

    def act(self) -> None:
        self._trigger(self.window.actions_by_name[self.chance.choice(self.safe)])

    def _trigger(self, action: QtWidgets.QAction) -> None:
        if action.isEnabled():
            self.did.append(action.objectName() or action.text())
            action.trigger()

    def panel(self) -> None:
        panels = self.window.control_panel, self.window.pictures.snapshots
        widgets = [widget for panel in panels for widget in panel.findChildren(QtWidgets.QWidget)]
        seen = [one for one in widgets if one.isVisible() and not isinstance(one, QtWidgets.QComboBox)]
        if seen:  # a small window has no room for the panel
            widget = self.chance.choice(seen)
            self.pointer.click(widget, self.somewhere(widget))

    def menu(self) -> None:
        self.window.show_context_menu(self.window.session.selection, QPoint(200, 200))
        menu = self.window.menu
        actions = [
            action
            for action in menu.actions()
            if action.isEnabled() and action.menu() is None and not action.isSeparator()
        ]
        actions = [action for action in actions if action.objectName() not in ASKING]
        menu.close()
        if actions:
            self._trigger(self.chance.choice(actions))

    def resize(self) -> None:
        self.window.resize(self.chance.randrange(700, 1900), self.chance.randrange(500, 1200))

    def tabs(self) -> None:
        if self.window.pages.tabs.count() > MOST_TABS:
            self.window.pages.close_page(1)
        self.window.pages.tabs.setCurrentIndex(self.chance.randrange(self.window.pages.tabs.count()))

    def arrows(self) -> None:
        key = self.chance.choice((Qt.Key_Left, Qt.Key_Right, Qt.Key_Up, Qt.Key_Down, Qt.Key_Return, Qt.Key_Escape))
        for kind in (QtGui.QKeyEvent.KeyPress, QtGui.QKeyEvent.KeyRelease):
            QApplication.sendEvent(self.window.pane.canvas, QtGui.QKeyEvent(kind, key, Qt.NoModifier))


def timed(function: Callable[[], object]) -> float:
    """Call a function; the seconds of this thread's processor time that it took."""
    started = time.thread_time()
    function()
    return time.thread_time() - started


def growth(levels: list[float]) -> float:
    """Return by how much the median of the last quarter of some levels lies above that of the quarter before."""
    quarter = len(levels) // 4
    return float(np.median(levels[-quarter:]) - np.median(levels[-2 * quarter : -quarter])) if quarter else 0.0


def monkey(bench: Bench, minutes: float, seed: int) -> int:
    """Let it play; 1 where something went wrong, which is printed, else 0."""
    from benchmarks.viewer import memory_mb

    bench.first_paint()
    bench.settle()
    player, window = Monkey(bench, seed), bench.window
    levels: list[float] = []
    wrong: list[str] = []
    stall, slowest, number, minute = 0.0, "", 0, 0
    started = time.monotonic()

    def tell() -> None:
        line = {
            "minute": minute,
            "steps": number,
            "memory_mb": round(float(np.median(levels[-10:] or [memory_mb()])), 1),
            "objects": len(gc.get_objects()) + gc.get_freeze_count(),
            "widgets": len(QApplication.allWidgets()),
            "pages": window.pages.tabs.count() - 1,
            "undo": len(window.session.history.edits),
            "shapes": len(window.pane.canvas.display.shapes),
            "longest_ms": round(1000 * stall),
            "slowest": slowest,
        }
        print(json.dumps(line), flush=True)

    try:
        tell()
        while time.monotonic() - started < 60 * minutes and not bench.errors:
            taken, did = player.step()
            number += 1
            if taken > stall:
                stall, slowest = taken, did
            if number % STEPS_OF_LEVEL == 0:
                faulthandler.dump_traceback_later(HANGS_S, exit=True)
                bench.settle()
                gc.collect()
                levels.append(memory_mb())
                if time.monotonic() - started >= 60 * (minute + 1):
                    minute += 1
                    tell()
                    window.show_analysis(window.session.analysis)
                    bench.settle()
            if window.message.text:
                wrong.append(f"message after {number} steps, {did}: {window.message.text}\n{window.message._details}")
                break
        bench.settle()
        window.discard_and_close()
    except Exception as error:  # noqa: BLE001 - printed below
        bench.errors.append(error)
    finally:
        faulthandler.cancel_dump_traceback_later()
    for error in bench.errors:
        wrong.append("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    if stall > MOST_STALL_S:
        wrong.append(f"the window stood still for {stall:.1f} s at {slowest}; {MOST_STALL_S} s are allowed")
    grown = growth(levels)
    if grown > MOST_GROWTH_MB:
        wrong.append(f"memory grew by {grown:.1f} MB in the last quarter; {MOST_GROWTH_MB} MB are allowed")
    print(json.dumps({"seed": seed, "steps": number, "longest_ms": round(1000 * stall), "grown_mb": round(grown, 1)}))
    for text in wrong:
        print(text, file=sys.stderr)
    return 1 if wrong else 0
