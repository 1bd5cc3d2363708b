"""Knows which edits are not in any file, what to ask about them, and when they are written for a crash."""

from __future__ import annotations

import os
from dataclasses import replace

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.kinds import ChooseSnapshot, ChooseTheme
from cnnvis_caffe.edits.origin import ANALYSIS_ENDING, SESSION_ENDING, origin_of
from cnnvis_caffe.edits.sessions import save_session, session_text
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.text.words import counted
from cnnvis_caffe.viewer.model.paired_sessions import PairedSessions
from cnnvis_caffe.viewer.model.recovery import RecoveryFile
from cnnvis_caffe.viewer.model.session import Session

_NAMED = 3
#: Nobody is asked about these: they change what is looked at, and take one key to do again.
_LOOKING = (ChooseSnapshot, ChooseTheme)


class UnsavedEdits:
    """The edits of a session since it was opened or saved.

    Parameters
    ----------
    session : Session
    recovery : RecoveryFile
        Keeps them while one works.

    Attributes
    ----------
    path : str
        The session file that they go to; empty where none was chosen yet.
    """

    def __init__(self, session: Session, recovery: RecoveryFile) -> None:
        self._session, self._recovery = session, recovery
        self._saved = _lasting(session.view)
        self.path = ""
        session.analysis_changed.connect(self._opened)

    def _opened(self) -> None:
        self._saved, self.path = _lasting(self._session.view), ""
        self._recovery.remove()

    @property
    def exist(self) -> bool:
        """Return whether the view differs from what was opened or saved, and from the usual one.

        Theme and snapshot do not count.
        """
        view = _lasting(self._session.view)
        return self._session.analysis is not None and view not in (self._saved, View())

    @property
    def suggested_path(self) -> str:
        """Return where the session goes if nobody says otherwise: its own file, or a name beside the analysis."""
        return self.path or _path_beside(self._session.analysis)

    def question(self) -> tuple[str, str]:
        """Return what is asked before they are lost: a sentence, and the last edits in a few words."""
        return _question(self.path, self._session, self._session.history)

    def save(self, path: str) -> None:
        """Write them to a session file.

        Raises
        ------
        SessionError
            If it cannot be written; they stay unsaved.
        """
        save_session(path, self._session.history, self._session.analysis)
        self.belong_to(path)

    def belong_to(self, path: str) -> None:
        """Say that the view is what a session file holds."""
        self._saved, self.path = _lasting(self._session.view), os.path.abspath(path)
        self._recovery.remove()

    def count_as_unsaved(self) -> None:
        """Say that no file holds the view, though it was opened with its edits."""
        self._saved = View()

    def discard(self) -> None:
        """Forget them: what is shown counts as saved, and is not found after a crash."""
        self._saved = _lasting(self._session.view)
        self._recovery.remove()

    def keep(self) -> None:
        """Write them where they are found after a crash; remove what was written where all is saved.

        Raises
        ------
        OSError
            If the recovery file cannot be written.
        """
        analysis = self._session.analysis
        if self.exist and analysis is not None:
            self._recovery.write(session_text(self._session.history, origin_of(analysis)))
        else:
            self._recovery.remove()


class EditsBeside:
    """What was done by hand to the second of two models, as it is asked about; no recovery file has it.

    Parameters
    ----------
    pair : PairedSessions

    Attributes
    ----------
    path : str
        The session file that it goes to; empty where none was chosen yet.
    """

    def __init__(self, pair: PairedSessions) -> None:
        self._pair, self._saved = pair, pair.own.view
        self.path = ""

    @property
    def exist(self) -> bool:
        """Return whether there is something to lose."""
        return self._pair.own.view not in (self._saved, View())

    @property
    def suggested_path(self) -> str:
        """Return where it goes if nobody says otherwise: its own file, or a name beside the second analysis."""
        return self.path or _path_beside(self._pair.second.analysis)

    def question(self) -> tuple[str, str]:
        """Return what is asked before it is lost: a sentence, and the last edits in a few words."""
        return _question(self.path, self._pair.second, self._pair.own)

    def save(self, path: str) -> None:
        """Write a session of the second analysis, with all that is shown of it.

        Raises
        ------
        SessionError
            If it cannot be written.
        """
        save_session(path, self._pair.second.history, self._pair.second.analysis)
        self._saved, self.path = self._pair.own.view, os.path.abspath(path)

    def discard(self) -> None:
        """Ask about it no more."""
        self._saved = self._pair.own.view


def _path_beside(analysis: Analysis | None) -> str:
    """A name for a session beside its analysis."""
    if analysis is None:
        return ""
    if analysis.path.endswith(ANALYSIS_ENDING):
        return analysis.path[: -len(ANALYSIS_ENDING)] + SESSION_ENDING
    return (os.path.splitext(analysis.path)[0] or analysis.title) + SESSION_ENDING


def _question(path: str, session: Session, history: History) -> tuple[str, str]:
    """A sentence, and the last edits in a few words."""
    title = session.analysis.title if session.analysis is not None else ""
    return f"Save the edits of {os.path.basename(path) or title}?", _last_edits(history)


def _lasting(view: View) -> View:
    """What of a view is asked about."""
    usual = View()
    return replace(view, theme=usual.theme, snapshot=usual.snapshot)


def _last_edits(history: History) -> str:
    """The last edits, the newest first."""
    edits = [edit.text for edit in reversed(history.edits) if not isinstance(edit, _LOOKING)]
    if not edits:
        return "Without saving they are lost."
    more = f", and {counted(len(edits) - _NAMED, 'edit')} before" if len(edits) > _NAMED else ""
    return f"Without saving these are lost: {'; '.join(edits[:_NAMED])}{more}."
