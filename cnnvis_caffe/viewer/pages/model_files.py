"""Asks where the model and the weights of an analysis are now, once for a session."""

from __future__ import annotations

import os

from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import QtWidgets, QWidget
from cnnvis_caffe.viewer.work.tasks import missing_file


def ask_for_files(session: Session, parent: QWidget) -> str | None:
    """Ask for each file that is not where it was; what the user says is kept in the session.

    Returns
    -------
    str or None
        Empty where both are there, what is wrong in a sentence, None where the user cancels.
    """
    analysis, snapshot = session.analysis, session.snapshot
    if analysis is None or snapshot is None:
        return None
    asked = ""
    while True:
        missing = missing_file(analysis, snapshot.label, session.model_places)
        if not missing:
            return ""
        if missing == asked:
            return f"{os.path.basename(missing)} is not in the folder that you chose"
        title = f"Where is {os.path.basename(missing)} now?"
        kind = f"{os.path.basename(missing)} (*{os.path.splitext(missing)[1]});;All files (*)"
        path, _ = QtWidgets.QFileDialog.getOpenFileName(parent, title, os.path.dirname(analysis.path), kind)
        if not path:
            return None
        asked = missing
        session.model_places += (os.path.dirname(path), path)
