"""Opens analyses, sessions and models: asks what is needed, works beside the window, and says how it ended."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from cnnvis_caffe.datasets.opening import is_image_file
from cnnvis_caffe.edits.sessions import SavedSession, check_session, is_session_file, read_session
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.viewer.model.model_request import ModelRequest
from cnnvis_caffe.viewer.model.recovery import Leftover
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.model.session_opening import plan_session
from cnnvis_caffe.viewer.pages.consent_dialog import ask_for_consent
from cnnvis_caffe.viewer.pages.edits_dialogs import ask_where
from cnnvis_caffe.viewer.pages.open_dialog import OpenModelDialog
from cnnvis_caffe.viewer.qt import QObject, Qt, QWidget, Signal
from cnnvis_caffe.viewer.window.edits_keeper import EditsKeeper
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
    keeper : EditsKeeper
        Asks about unsaved edits before something else is opened.

    Signals
    -------
    began : str
        Work begins that takes a while; its title.
    progressed : (str, int, int)
    opened : (Analysis, History or None)
    failed : exception
    stopped : ()
    said, noted : str
        What was done, and what differs from what one may expect.
    """

    began = Signal(str)
    progressed = Signal(str, int, int)
    opened = Signal(object, object)
    failed = Signal(object)
    stopped = Signal()
    said = Signal(str)
    noted = Signal(str)

    def __init__(self, window: QWidget, session: Session, settings: Settings, jobs: Jobs, keeper: EditsKeeper) -> None:
        super().__init__(window)
        self._window, self._session = window, session
        self._settings, self._jobs, self._keeper = settings, jobs, keeper
        self._job: Job | None = None
        self._awaited: tuple[SavedSession, Callable[[], None]] | None = None
        self._image = ""  # that a model is opened for

    @property
    def is_busy(self) -> bool:
        """Return whether something is being opened or analysed."""
        return self._job is not None

    def open_path(self, path: str) -> None:
        """Open an analysis, a session, or a model, as the file's name says."""
        path = os.path.abspath(path)
        name = path.lower()
        if name.endswith((".prototxt", ".caffemodel")) or is_image_file(name):
            self.ask_for_model(path)
        elif name.endswith(".json") or is_session_file(path):
            self.open_session(path)
        else:
            self._keeper.before_leaving(lambda: self._load(path))

    def _load(self, path: str, awaited: tuple[SavedSession, Callable[[], None]] | None = None) -> None:
        """Read an analysis, for a session or for itself."""
        self._begin(f"Opening {os.path.basename(path)}")
        self._awaited = awaited
        self._job = self._jobs.start(
            tasks.load_analysis,
            path,
            succeeded=lambda analysis: self._opened(analysis, path),
            failed=self._fail,
            stopped=self._stop,
        )

    def open_session(self, path: str) -> None:
        """Do the edits of a session on its analysis, which is opened first if it is found; ask where it is another."""
        try:
            saved = read_session(path)
        except Exception as error:  # noqa: BLE001 - shown, with everything about it
            self.failed.emit(error)
            return
        self._open_saved(saved, lambda: self._keeper.belong_to(path))

    def restore(self, leftover: Leftover) -> None:
        """Do again the edits that a crash has left."""
        self._open_saved(leftover.saved, lambda: self._keeper.restored(leftover))

    def _open_saved(self, saved: SavedSession, then: Callable[[], None]) -> None:
        try:
            plan = plan_session(saved, self._session.analysis)
        except Exception as error:  # noqa: BLE001 - shown, with everything about it
            self.failed.emit(error)
            return

        def own() -> None:
            self._keeper.before_leaving(lambda: self._load(plan.open_path, (saved, then)))

        def here() -> None:
            self._keeper.before_leaving(lambda: self._use_here(saved, then))

        if plan.question:
            ask_where(plan, own, here, self._window)
        elif plan.open_path:
            own()
        else:
            here()

    def _use_here(self, saved: SavedSession, then: Callable[[], None]) -> None:
        self._session.open(self._session.analysis, saved.history)
        then()
        self.said.emit(f"Session opened from {saved.path}")

    def _begin(self, title: str) -> None:
        self.cancel()
        self.began.emit(title)

    def _opened(self, analysis: Analysis, path: str) -> None:
        self._job = None
        self._settings.add_recent(path)
        awaited, self._awaited = self._awaited, None
        if awaited is None:
            self.opened.emit(analysis, None)
            return
        saved, then = awaited
        try:
            differ = check_session(saved.history, analysis, saved.path, saved.origin)
        except Exception as error:  # noqa: BLE001 - the analysis is shown without the session
            self.opened.emit(analysis, None)
            self.failed.emit(error)
            return
        self.opened.emit(analysis, saved.history)
        then()
        if differ:
            note = "was saved on another analysis than the one that lies there now: "
            self.noted.emit(f"{os.path.basename(saved.path)} {note}{'; '.join(differ)}.")

    def _fail(self, error: BaseException) -> None:
        self._job, self._image = None, ""
        self.failed.emit(error)

    def _stop(self) -> None:
        self._job, self._image = None, ""
        self.stopped.emit()

    def cancel(self) -> None:
        """Stop what is being opened or analysed."""
        if self._job is not None:
            self._job.cancel()

    def take_image(self) -> str:
        """Return the image that the model was opened for, once; empty for none."""
        image, self._image = self._image, ""
        return image

    def ask_for_model(self, path: str = "") -> None:
        """Ask for a model, its weights and data; a single image is data too, and is looked at afterwards."""
        dialog = OpenModelDialog(self._settings, self._jobs, self._window)
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        if path.lower().endswith(".caffemodel"):
            dialog.weights.setText(path)
        elif is_image_file(path):
            dialog.data.setText(path)
        elif path:
            dialog.model.setText(path)
        dialog.accepted.connect(lambda: self.analyse(dialog.request()))
        dialog.open()

    def analyse(self, request: ModelRequest) -> None:
        """Run data through a model in a process of its own, and look at the result; ask first if it brings code."""
        self._keeper.before_leaving(lambda: self._ask_for_consent(request))

    def _ask_for_consent(self, request: ModelRequest) -> None:
        codes = tasks.python_layers(request.model, request.options.get("stages", ()))
        if not request.options.get("allow_python_layers"):
            ask_for_consent(codes, lambda: self._analyse(request, bool(codes)), self._window)
        else:
            self._analyse(request, True)

    def _analyse(self, request: ModelRequest, may_run_code: bool) -> None:
        self._image = os.path.abspath(request.data) if is_image_file(request.data) else ""
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
        title, folder = "Training a small network on handwritten digits", os.path.join(cache, "cnnvis_caffe", "demo")
        self._keeper.before_leaving(
            lambda: self._in_child(title, "cnnvis_caffe.demo", "make_demo", {"folder": folder}, str)
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
            succeeded=lambda result: self._load(os.path.abspath(path_of(result))),
            failed=self._fail,
            stopped=self._stop,
            progressed=self.progressed.emit,
        )
