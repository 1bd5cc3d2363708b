"""Opens analyses, sessions and models: asks what is needed, works beside the window, and says how it ended."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.sessions import check_session, load_session
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.viewer.model.model_request import ModelRequest
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.pages.consent_dialog import ask_for_consent
from cnnvis_caffe.viewer.pages.open_dialog import OpenModelDialog
from cnnvis_caffe.viewer.qt import QObject, Qt, QWidget, Signal
from cnnvis_caffe.viewer.window.settings import Settings
from cnnvis_caffe.viewer.work import tasks
from cnnvis_caffe.viewer.work.child import run_in_child
from cnnvis_caffe.viewer.work.threads import Job, Jobs


class Opening(QObject):
    """Opens one thing at a time.

    Parameters
    ----------
    window : QWidget
        Above which questions are asked.
    session : Session
        Into which sessions are opened, where their analysis is looked at already.
    settings : Settings
    jobs : Jobs

    Signals
    -------
    began : str
        Work begins that takes a while; its title.
    progressed : (str, int, int)
    opened : (Analysis, History or None)
    failed : exception
    stopped : ()
    said, noted : str
        What was done, and what must be done first.
    """

    began = Signal(str)
    progressed = Signal(str, int, int)
    opened = Signal(object, object)
    failed = Signal(object)
    stopped = Signal()
    said = Signal(str)
    noted = Signal(str)

    def __init__(self, window: QWidget, session: Session, settings: Settings, jobs: Jobs) -> None:
        super().__init__(window)
        self._window, self._session = window, session
        self._settings, self._jobs = settings, jobs
        self._job: Job | None = None
        self._awaited_history: History | None = None

    @property
    def is_busy(self) -> bool:
        """Return whether something is being opened or analysed."""
        return self._job is not None

    def open_path(self, path: str) -> None:
        """Open an analysis, a session, or a model, as the file's name says."""
        path = os.path.abspath(path)
        name = path.lower()
        if name.endswith((".prototxt", ".caffemodel")):
            self.ask_for_model(path)
        elif name.endswith(".json"):
            self.open_session(path)
        else:
            self._begin(f"Opening {os.path.basename(path)}")
            self._job = self._jobs.start(
                tasks.load_analysis,
                path,
                succeeded=lambda analysis: self._opened(analysis, path),
                failed=self._fail,
                stopped=self._stop,
            )

    def open_session(self, path: str) -> None:
        """Do the edits of a session on its analysis, which is opened first if it lies beside the session."""
        analysis = self._session.analysis
        try:
            history = load_session(path)
            if analysis is not None:
                check_session(history, analysis, path)
        except Exception as error:  # noqa: BLE001 - shown, with everything about it
            self.failed.emit(error)
            return
        beside = path.replace(".cnnvis.json", ".cnnvis.h5").replace(".json", ".cnnvis.h5")
        if analysis is not None:
            self._session.open(analysis, history)
            self.said.emit(f"Session opened from {path}")
        elif os.path.exists(beside):
            self._awaited_history = history
            self.open_path(beside)
        else:
            self.noted.emit("Open the analysis first that the session belongs to, then the session.")

    def _begin(self, title: str) -> None:
        self.cancel()
        self.began.emit(title)

    def _opened(self, analysis: Analysis, path: str) -> None:
        self._job = None
        self._settings.add_recent(path)
        history, self._awaited_history = self._awaited_history, None
        try:
            if history is not None:
                check_session(history, analysis, path)
        except Exception as error:  # noqa: BLE001 - the analysis is shown without the session
            self.failed.emit(error)
            history = None
        self.opened.emit(analysis, history)

    def _fail(self, error: BaseException) -> None:
        self._job = None
        self.failed.emit(error)

    def _stop(self) -> None:
        self._job = None
        self.stopped.emit()

    def cancel(self) -> None:
        """Stop what is being opened or analysed."""
        if self._job is not None:
            self._job.cancel()

    def ask_for_model(self, path: str = "") -> None:
        """Ask for a model, its weights and data."""
        dialog = OpenModelDialog(self._settings, self._window)
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        if path.lower().endswith(".caffemodel"):
            dialog.weights.setText(path)
        elif path:
            dialog.model.setText(path)
        dialog.accepted.connect(lambda: self.analyse(dialog.request()))
        dialog.open()

    def analyse(self, request: ModelRequest) -> None:
        """Run data through a model in a process of its own, and look at the result; ask first if it brings code."""
        codes = tasks.python_layers(request.model, request.options.get("stages", ()))
        if not request.options.get("allow_python_layers"):
            ask_for_consent(codes, lambda: self._analyse(request, bool(codes)), self._window)
        else:
            self._analyse(request, True)

    def _analyse(self, request: ModelRequest, may_run_code: bool) -> None:
        self._in_child(
            f"Analysing {os.path.basename(os.path.dirname(os.path.abspath(request.model))) or request.model}",
            "cnnvis_caffe.pipeline",
            "analyze",
            {**request.arguments(), "allow_python_layers": may_run_code},
            lambda _: request.out,
        )

    def open_demo(self) -> None:
        """Make the demo, if it is not there yet, and look at it."""
        cache = os.path.expanduser(os.environ.get("XDG_CACHE_HOME", "~/.cache"))
        self._in_child(
            "Training a small network on handwritten digits",
            "cnnvis_caffe.demo",
            "make_demo",
            {"folder": os.path.join(cache, "cnnvis_caffe", "demo")},
            str,
        )

    def _in_child(
        self, title: str, module: str, name: str, arguments: dict[str, Any], path_of: Callable[[Any], str]
    ) -> None:
        self._begin(title)
        self._job = self._jobs.start(
            run_in_child,
            module,
            name,
            arguments,
            succeeded=lambda result: self.open_path(path_of(result)),
            failed=self._fail,
            stopped=self._stop,
            progressed=self.progressed.emit,
        )
