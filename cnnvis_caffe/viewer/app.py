"""Starts the program: checks the display, opens the window, and shows errors that nobody catches."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.processes import environment, python_code

if TYPE_CHECKING:
    from types import TracebackType

    from cnnvis_caffe.viewer.model.model_request import ModelRequest
    from cnnvis_caffe.viewer.qt import QApplication
    from cnnvis_caffe.viewer.window.main_window import MainWindow


class DisplayError(CnnvisError):
    """There is no screen on which a window could be opened."""


def check_display() -> None:
    """Raise unless a window can be opened.

    Qt ends the process when it cannot open the display; so this is tried in another one first.

    Raises
    ------
    DisplayError
    """
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM", "") in ("offscreen", "minimal", "vnc"):
        return
    advice = "use a machine with a screen, ssh -X, or `cnnvis-caffe render` for a picture in a file"
    if not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        raise DisplayError(f"no window can be opened: neither DISPLAY nor WAYLAND_DISPLAY is set; {advice}")
    code = "from cnnvis_caffe.viewer.qt import QApplication; QApplication(['cnnvis-caffe'])"
    tried = subprocess.run(python_code(code), env=environment(), capture_output=True, text=True, check=False)
    if tried.returncode:
        lines = [line for line in tried.stderr.splitlines() if line.strip()]
        said = next((line for line in lines if "display" in line.lower() or "xcb" in line.lower()), "")
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or ""
        raise DisplayError(f"no window can be opened on display {display!r}{': ' + said if said else ''}; {advice}")


def make_application(arguments: Sequence[str] = ()) -> QApplication:
    """Return the application, made at the first call."""
    from cnnvis_caffe.viewer.model.memory import keep_memory_together
    from cnnvis_caffe.viewer.qt import QApplication, Qt, QtCore

    application = QApplication.instance()
    if application is not None:
        return application
    keep_memory_together()
    QApplication.setAttribute(Qt.AA_EnableHighDpiScaling, True)
    QApplication.setAttribute(Qt.AA_UseHighDpiPixmaps, True)
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    QtCore.QLocale.setDefault(QtCore.QLocale.c())
    application = QApplication(["cnnvis-caffe", *arguments])
    application.setApplicationName("cnnvis_caffe")
    application.setApplicationDisplayName("cnnvis_caffe")
    application.setQuitOnLastWindowClosed(True)
    return application


def install_exception_hook(window: MainWindow) -> None:
    """Let exceptions that nobody catches become messages of a window, instead of ending the process."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            window.close_now()
            return
        sys.__excepthook__(kind, error, trace) if not isinstance(error, CnnvisError) else None
        window.show_error(error.with_traceback(trace))

    sys.excepthook = hook


def run(path: str | None = None, request: ModelRequest | None = None, places: Sequence[str] = ()) -> int:
    """Open the window and stay until it is closed.

    Parameters
    ----------
    path : str, optional
        An analysis file, a session, or a model to ask about.
    request : ModelRequest, optional
        A model to analyse.
    places : sequence of str
        Where the model and weights of an analysis are now, where they have moved.

    Returns
    -------
    int
        0, or what Qt says.

    Raises
    ------
    DisplayError
        If there is no screen.
    """
    check_display()
    application = make_application()
    import signal

    from cnnvis_caffe.viewer.qt import QTimer
    from cnnvis_caffe.viewer.window.main_window import MainWindow

    sys.setswitchinterval(0.002)  # a thread that makes a picture lets the window draw soon
    window = MainWindow()
    window.session.model_places = tuple(map(os.path.abspath, places))
    install_exception_hook(window)
    signal.signal(signal.SIGINT, lambda *_: window.close_now())
    # The command line's own way out, an exception, would come up inside of Qt.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Python sees signals only while it runs; this gives it the chance.
    awake = QTimer()
    awake.start(250)
    awake.timeout.connect(lambda: None)
    window.show()
    QTimer.singleShot(0, window.offer_leftovers)
    if request is not None:
        QTimer.singleShot(0, lambda: window.opening.analyse(request))
    elif path is not None:
        QTimer.singleShot(0, lambda: window.open_path(path))
    try:
        return int(application.exec_())
    finally:
        sys.excepthook = sys.__excepthook__
