"""Decides what becomes of a session that is opened: on the analysis that is shown, on its own, or first a question."""

from __future__ import annotations

import os
from dataclasses import dataclass

from cnnvis_caffe.edits.origin import differences, find_analysis, origin_of
from cnnvis_caffe.edits.sessions import SavedSession, check_session, misfits
from cnnvis_caffe.errors import SessionError
from cnnvis_caffe.records.analysis import Analysis


@dataclass(frozen=True)
class SessionPlan:
    """What to do with a session.

    Attributes
    ----------
    open_path : str
        Analysis to open first, with the session; empty to stay with the one that is shown.
    question : str
        To be answered before; empty where nothing is unclear.
    details : str
        What differs or does not fit.
    can_use_here : bool
        Whether the edits fit the analysis that is shown.
    """

    open_path: str = ""
    question: str = ""
    details: str = ""
    can_use_here: bool = True


def plan_session(saved: SavedSession, analysis: Analysis | None) -> SessionPlan:
    """Decide where a session is opened.

    Parameters
    ----------
    saved : SavedSession
    analysis : Analysis or None
        What is shown.

    Returns
    -------
    SessionPlan

    Raises
    ------
    SessionError
        If it fits nothing that is there.
    """
    origin, own = saved.origin, find_analysis(saved.origin, saved.path)
    name = os.path.basename(saved.path)
    if analysis is None:
        if not own:
            whose = f"of {origin.absolute_path or origin.title}, which is not there" if origin is not None else ""
            advice = "open the analysis first that the session belongs to, then the session"
            raise SessionError(saved.path, f"is a session {whose}; {advice}" if whose else advice)
        return SessionPlan(open_path=own)
    if origin is None:
        check_session(saved.history, analysis, saved.path)
        return SessionPlan()
    differ = differences(origin, origin_of(analysis))
    if not differ:
        return SessionPlan()
    wrong = misfits(saved.history, analysis)
    if wrong and not own:
        check_session(saved.history, analysis, saved.path, origin)
    lines = [*differ, *(f"does not fit: {text}" for text in wrong[:3])]
    if len(wrong) > 3:
        lines.append(f"and {len(wrong) - 3} more that do not fit")
    return SessionPlan(
        own, f"{name} was saved on another analysis: {_name(origin.absolute_path) or origin.title}.", "\n".join(lines),
        not wrong,
    )  # fmt: skip


def _name(path: str) -> str:
    return os.path.basename(path)
