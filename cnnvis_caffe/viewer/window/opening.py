"""Opening analyses, sessions and models: what is asked, what runs meanwhile, and how it ends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.sessions import check_session, load_session
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.viewer.model import stages
from cnnvis_caffe.viewer.pages.consent_dialog import ask_for_consent
from cnnvis_caffe.viewer.pages.open_dialog import ModelRequest, OpenModelDialog
from cnnvis_caffe.viewer.qt import QObject, Qt
from cnnvis_caffe.viewer.work.child import run_in_child
from cnnvis_caffe.viewer.work.threads import Job

if TYPE_CHECKING:
    from cnnvis_caffe.viewer.window.main_window import MainWindow


class Opening(QObject):
    """What one window opens; one thing at a time."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._job: Job | None = None
        self._wanted_history: History | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is being opened or analysed."""
        return self._job is not None

    def path(self, path: str) -> None:
        """Open an analysis, a session, or a model, as the file's name says."""
        path = os.path.abspath(path)
        name = path.lower()
        if name.endswith((".prototxt", ".caffemodel")):
            self.ask_for_model(path)
            return
        if name.endswith(".json"):
            self._session_file(path)
            return
        self._begin(f"Opening {os.path.basename(path)}")
        self._job = self._window.jobs.start(
            stages.load_analysis,
            path,
            succeeded=lambda analysis: self._opened(analysis, path),
            failed=self._failed,
            stopped=self._stopped,
        )

    def _session_file(self, path: str) -> None:
        window = self._window
        if window.session.analysis is not None:
            window.run_safely(lambda: window.commands.open_session_from(path))
            return
        history = None
        try:
            history = load_session(path)
        except Exception as error:  # noqa: BLE001 - shown, with everything about it
            window.show_error(error)
            return
        # A session lies beside its analysis, as a rule.
        beside = path.replace(".cnnvis.json", ".cnnvis.h5").replace(".json", ".cnnvis.h5")
        if os.path.exists(beside):
            self._wanted_history = history
            self.path(beside)
        else:
            window.message.show_text("Open the analysis first that the session belongs to, then the session.")

    def _begin(self, title: str) -> None:
        self._window.message.hide()
        if self._job is not None:
            self._job.cancel()
        self._window.show_work(title)

    def _opened(self, analysis: Analysis, path: str) -> None:
        window = self._window
        self._job = None
        if path:
            window.settings.add_recent(path)
        history, self._wanted_history = self._wanted_history, None
        if history is not None:
            try:
                check_session(history, analysis, path)
            except Exception as error:  # noqa: BLE001 - the analysis is shown without the session
                window.show_error(error)
                history = None
        window.show_analysis(analysis, history)

    def _failed(self, error: BaseException) -> None:
        self._job = None
        self._window.show_what_was()
        self._window.show_error(error)

    def _stopped(self) -> None:
        self._job = None
        self._window.show_what_was()
        self._window.say("Stopped")

    def cancel(self) -> None:
        """Stop what is being opened or analysed."""
        if self._job is not None:
            self._job.cancel()

    def ask_for_model(self, path: str = "") -> None:
        """Ask for a model, its weights and data."""
        dialog = OpenModelDialog(self._window.settings, self._window)
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        if path.lower().endswith(".caffemodel"):
            dialog.weights.setText(path)
        elif path:
            dialog.model.setText(path)
        dialog.accepted.connect(lambda: self.analyse(dialog.request()))
        dialog.open()

    def analyse(self, request: ModelRequest) -> None:
        """Run data through a model in a process of its own, and look at the result; ask first if it brings code."""
        codes = stages.python_layers(request.model, request.options.get("stages", ()))
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

    def demo(self) -> None:
        """Make the demo, if it is not there yet, and look at it."""
        folder = os.path.join(os.path.expanduser(os.environ.get("XDG_CACHE_HOME", "~/.cache")), "cnnvis_caffe", "demo")
        self._in_child(
            "Training a small network on handwritten digits",
            "cnnvis_caffe.demo",
            "make_demo",
            {"folder": folder},
            str,
        )

    def _in_child(self, title: str, module: str, name: str, arguments: dict[str, Any], path_of: Any) -> None:
        self._begin(title)
        self._job = self._window.jobs.start(
            run_in_child,
            module,
            name,
            arguments,
            succeeded=lambda result: self.path(path_of(result)),
            failed=self._failed,
            stopped=self._stopped,
            progressed=self._window.work_page.show_progress,
        )
