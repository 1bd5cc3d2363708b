"""Writes what stands around the picture: the window's title, the numbers of the status line, the names of tabs."""

from __future__ import annotations

import os

from cnnvis_caffe.edits.history import History
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.words import whole
from cnnvis_caffe.viewer.model.describe import describe
from cnnvis_caffe.viewer.model.session import Session

_BETWEEN = "  ·  "


def window_title(session: Session) -> str:
    """Return the window's title."""
    analysis, snapshot = session.analysis, session.snapshot
    if analysis is None or snapshot is None:
        return "cnnvis_caffe"
    return f"{analysis.title} · {snapshot.label} — cnnvis_caffe"


def subtitles(session: Session) -> list[str]:
    """Return what is said beside the network's name, from all of it to the snapshot's label alone."""
    analysis, snapshot = session.analysis, session.snapshot
    if analysis is None or snapshot is None:
        return [""]
    data = analysis.data
    error = f"error {100 * snapshot.error:.2f}%" if snapshot.error == snapshot.error else ""
    parts = [part for part in (snapshot.label, error, data.source, f"{whole(data.n_images)} images") if part]
    return [_BETWEEN.join(parts[:n]) for n in range(len(parts), 0, -1)]


def picture_facts(session: Session, zoom: float) -> str:
    """Return what the picture holds, and how large it is seen."""
    aggregation = session.aggregation
    if aggregation is None:
        return ""
    n = sum(len(column.labels) for column in aggregation.columns)
    parts = [
        f"{len(aggregation.columns)} layers",
        f"{whole(n)} neurons",
        f"{round(100 * session.view.edge_filter)}% of strength",
        f"zoom {round(100 * zoom)}%",
    ]
    return _BETWEEN.join(parts)


def selection_line(session: Session) -> str:
    """Return what is selected, in one line: "Selected: conv1 · neuron 3"."""
    if session.selection is None or session.analysis is None:
        return ""
    return f"Selected: {describe(session.analysis, session.aggregation, session.view, session.selection).line}"


def pointed_line(session: Session, target: Target | None, class_index: int = -1, *, has_card: bool = True) -> str:
    """Return what the pointer is on, in one line.

    Nothing where a card at the pointer says it and something is selected: the line at the bottom stays about that.
    """
    analysis, is_thing = session.analysis, target is not None and target.kind not in ("legend", "ground")
    if (has_card and session.selection is not None) or analysis is None or target is None or not is_thing:
        return ""
    return describe(analysis, session.aggregation, session.view, target, class_index).line


def history_texts(history: History) -> dict[str, str]:
    """Return what undo and redo would do, by the actions' names; "Undo" alone where there is nothing."""
    texts = {"undo": history.undo_text, "redo": history.redo_text}
    return {name: f"{name.capitalize()} {text[:1].lower() + text[1:]}".strip() for name, text in texts.items()}


def heading(session: Session, *, says_snapshot: bool, says_file: bool) -> tuple[str, str]:
    """Return title and subtitle of one of two pictures."""
    analysis, snapshot = session.analysis, session.snapshot
    if analysis is None or snapshot is None:
        return "", ""
    # Two trainings of one network have one title: their files tell them apart.
    file = os.path.basename(analysis.path).replace(".cnnvis.h5", "") if says_file else ""
    parts = [snapshot.label if says_snapshot else "", file]
    return analysis.title, _BETWEEN.join(part for part in parts if part)
