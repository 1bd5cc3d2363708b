"""Makes Qt's actions from the list of all actions, and switches them on and off."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cnnvis_caffe.viewer.model.actions import ACTION_SPECS
from cnnvis_caffe.viewer.qt import QAction, QKeySequence, QObject, Qt
from cnnvis_caffe.viewer.widgets import style


def make_actions(parent: QObject, commands: Mapping[str, Callable[..., None]]) -> dict[str, QAction]:
    """Make all actions.

    Parameters
    ----------
    parent : QObject
    commands : mapping of str to callable
        What they do, by name; those with a mark are told whether it is set.

    Returns
    -------
    dict of str to QAction
        By name.
    """
    result = {}
    for spec in ACTION_SPECS:
        action = QAction(spec.text, parent)
        action.setObjectName(spec.name)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        action.setShortcutContext(Qt.WindowShortcut)
        action.setToolTip(spec.text.rstrip("…") + (f"  ({spec.keys[0]})" if spec.keys else ""))
        action.setStatusTip(spec.tip)
        action.setCheckable(spec.is_checkable)
        if spec.icon:
            action.setIcon(style.icon(spec.icon))
            action.setProperty("cnnvis_icon", spec.icon)
        action.setIconVisibleInMenu(False)
        function = commands[spec.name]
        if spec.is_checkable:
            action.toggled.connect(function)
        else:
            action.triggered.connect(lambda _checked=False, function=function: function())
        result[spec.name] = action
    return result


def enable(actions: dict[str, QAction], there: frozenset[str]) -> None:
    """Let those actions be chosen whose needs are there; undo and redo have a rule of their own."""
    for spec in ACTION_SPECS:
        if spec.name not in ("undo", "redo"):
            actions[spec.name].setEnabled(spec.needs in there)


def show_history(actions: dict[str, QAction], texts: dict[str, str]) -> None:
    """Say what undo and redo would do, by their names."""
    for name, text in texts.items():
        action = actions[name]
        action.setEnabled(text.lower() != name)
        action.setText(text)
        action.setToolTip(f"{text}  ({action.shortcut().toString()})")


def restyle(actions: dict[str, QAction]) -> None:
    """Draw the icons in the colours of another theme."""
    for action in actions.values():
        icon = action.property("cnnvis_icon")
        if icon:
            action.setIcon(style.icon(icon))
