"""Keeps unsaved edits from being lost: writes them while one works, and asks before they go."""

from __future__ import annotations

import logging
from collections.abc import Callable

from cnnvis_caffe.viewer.model.recovery import Leftover, RecoveryFile, leftovers
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.model.unsaved import EditsBeside, UnsavedEdits
from cnnvis_caffe.viewer.pages.edits_dialogs import ask_to_restore, ask_to_save
from cnnvis_caffe.viewer.qt import QObject, QTimer, QWidget
from cnnvis_caffe.viewer.window.settings import Settings

logger = logging.getLogger(__name__)
#: Edits are in the recovery file after so long, in ms.
KEEP_MS = 2000


class EditsKeeper(QObject):
    """Asks about the edits of a session.

    Parameters
    ----------
    window : QWidget
        Above which questions are asked.
    session : Session
    settings : Settings

    Attributes
    ----------
    unsaved : UnsavedEdits
    beside : callable
        Returns the edits of a second model, where one is shown. The window sets it.
    save : callable
        Saves edits, after asking where; False if the user cancels. The window sets it.
    """

    def __init__(self, window: QWidget, session: Session, settings: Settings) -> None:
        super().__init__(window)
        self._window, self._session, self._settings = window, session, settings
        self._recovery_folder = settings.recovery_folder
        self.unsaved = UnsavedEdits(session, RecoveryFile(self._recovery_folder))
        self.beside: Callable[[], EditsBeside | None] = lambda: None
        self.save: Callable[[UnsavedEdits | EditsBeside], bool] = lambda _: False
        self._is_asking = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(KEEP_MS)
        self._soon.timeout.connect(self.keep)
        session.view_changed.connect(lambda _: None if self._soon.isActive() else self._soon.start())

    def keep(self) -> None:
        """Write the recovery file now, where there is something to keep; one that cannot be written stops nobody."""
        try:
            self.unsaved.keep()
        except OSError as error:
            logger.warning("unsaved edits cannot be kept for a crash: %s", error)

    def stop(self) -> None:
        """Write nothing more."""
        self._soon.stop()

    @property
    def has_unsaved(self) -> bool:
        """Return whether anything would be lost, in the picture or in the one beside it."""
        beside = self.beside()
        return self.unsaved.exist or (beside is not None and beside.exist)

    def discard(self) -> None:
        """Forget all that is not saved."""
        self.unsaved.discard()
        beside = self.beside()
        if beside is not None:
            beside.discard()

    def before_leaving(self, then: Callable[[], object]) -> None:
        """Ask about unsaved edits, then go on: at once where there are none, never after Cancel."""
        self.before_ending_comparison(lambda: self._ask(self.unsaved, then))

    def before_ending_comparison(self, then: Callable[[], object]) -> None:
        """Likewise for those of the second model alone."""
        beside = self.beside()
        if beside is None:
            then()
        else:
            self._ask(beside, then)

    def _ask(self, edits: UnsavedEdits | EditsBeside, then: Callable[[], object]) -> None:
        if not edits.exist:
            then()
        elif not self._is_asking:
            self._is_asking = True

            def save() -> None:
                self._is_asking = False  # the next question may come before this one is off the screen
                if self.save(edits):
                    then()

            def discard() -> None:
                self._is_asking = False
                then()

            box = ask_to_save(edits.question(), save, discard, self._window)
            box.finished.connect(self._asked)

    def _asked(self) -> None:
        self._is_asking = False

    def belong_to(self, path: str) -> None:
        """Say that the view is what a session file holds, and remember the file."""
        self.unsaved.belong_to(path)
        if self._session.analysis is not None and self._session.analysis.path:
            self._settings.add_session(path, self._session.analysis.path)

    def offer_leftovers(self, restore: Callable[[Leftover], None]) -> None:
        """Ask about what a crash has left, the newest first."""
        found = leftovers(self._recovery_folder)
        if not found:
            return
        newest = found[0]

        def discard() -> None:
            newest.remove()
            self.offer_leftovers(restore)

        ask_to_restore(newest, lambda: restore(newest), discard, self._window)

    def restored(self, leftover: Leftover) -> None:
        """Take over what a crash has left: it is this window's now, and still unsaved."""
        self.unsaved.count_as_unsaved()
        self.keep()
        leftover.remove()
