"""Looks for what stands out, once for each snapshot, after its picture has been painted."""

from __future__ import annotations

from cnnvis_caffe.records.finding import Examination
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.panels.findings_panel import FindingsPanel
from cnnvis_caffe.viewer.qt import QObject, QTimer, Signal
from cnnvis_caffe.viewer.work import tasks
from cnnvis_caffe.viewer.work.threads import Job, Jobs

#: The picture comes first, then what stands out in it.
AFTER_MS = 400


class FindingsSearch(QObject):
    """Fills the list of findings.

    Signals
    -------
    failed : exception
    """

    failed = Signal(object)

    def __init__(self, session: Session, jobs: Jobs, panel: FindingsPanel, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._jobs, self._panel = session, jobs, panel
        self._job: Job | None = None
        self._looked_in: tuple[int, str] | None = None
        self.soon = QTimer(self)
        self.soon.setSingleShot(True)
        self.soon.setInterval(AFTER_MS)
        self.soon.timeout.connect(self._find)

    def start_again(self) -> None:
        """Forget what was found; another analysis is looked at."""
        self._looked_in = None
        self._panel.show_state("Looking for what stands out…")

    def _find(self) -> None:
        analysis, aggregation, snapshot = self._session.analysis, self._session.aggregation, self._session.snapshot
        if analysis is None or aggregation is None or snapshot is None:
            return
        key = (id(analysis), snapshot.label)
        if key == self._looked_in:
            return
        self._looked_in = key
        if self._job is not None:
            self._job.cancel()
        self._job = self._jobs.start(
            tasks.find_all,
            analysis,
            aggregation,
            snapshot.label,
            succeeded=lambda found: self._found(key, found),
            failed=self._fail,
        )

    def _found(self, key: tuple[int, str], found: Examination) -> None:
        self._job = None
        if key == self._looked_in:
            analysis = self._session.analysis
            self._panel.show_findings(found, analysis.data.short_names if analysis is not None else ())

    def _fail(self, error: BaseException) -> None:
        self._job = None
        self._panel.show_state("The search for findings failed.")
        self.failed.emit(error)
