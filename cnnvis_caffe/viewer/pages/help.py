"""Shows all keys, made from the actions, and what the program is made of."""

from __future__ import annotations

import html
import platform

from cnnvis_caffe import __version__
from cnnvis_caffe.viewer.model.actions import ACTION_SPECS, KEY_HELP, MENUS, MOUSE_HELP
from cnnvis_caffe.viewer.qt import (
    BINDING,
    BINDING_VERSION,
    QT_VERSION,
    QApplication,
    QDialog,
    QHBoxLayout,
    QKeySequence,
    Qt,
    QtWidgets,
    QVBoxLayout,
    QWidget,
)
from cnnvis_caffe.viewer.widgets import style


class HelpDialog(QDialog):
    """Keys and mouse, with a field to search in them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self.resize(620, 640)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 18, 20, 16)
        layout.setSpacing(10)
        self.search = QtWidgets.QLineEdit()
        self.search.setPlaceholderText("find an action or a key")
        self.search.setAccessibleName("Find an action or a key")
        self.search.setClearButtonEnabled(True)
        layout.addWidget(self.search)
        self.view = QtWidgets.QTextBrowser()
        self.view.setOpenLinks(False)
        self.view.setFrameShape(QtWidgets.QFrame.NoFrame)
        self.view.setAccessibleName("All keys")
        layout.addWidget(self.view, 1)
        self.search.textChanged.connect(self._show)
        self._show("")

    def _show(self, query: str) -> None:
        chrome = style.current()
        query = query.lower()
        sections: list[tuple[str, list[tuple[str, str, str]]]] = [
            ("Mouse", [(what, where, "") for where, what in MOUSE_HELP]),
            ("In the picture", [(what, where, "") for where, what in KEY_HELP]),
        ]
        for menu in MENUS:
            rows = []
            for spec in ACTION_SPECS:
                if spec.menu == menu:
                    keys = ", ".join(QKeySequence(key).toString(QKeySequence.NativeText) for key in spec.keys)
                    rows.append((spec.text.rstrip("…"), keys, spec.tip))
            sections.append((menu, rows))
        parts = []
        for title, rows in sections:
            kept = [row for row in rows if query in " ".join(row).lower()]
            if not kept:
                continue
            parts.append(f'<tr><td colspan="2" style="padding-top:14px;"><b>{html.escape(title)}</b></td></tr>')
            for text, keys, tip in kept:
                about = f'<br><span style="color:{chrome.muted}">{html.escape(tip)}</span>' if tip else ""
                parts.append(
                    f'<tr><td style="padding:4px 24px 4px 0;" width="56%">{html.escape(text)}{about}</td>'
                    f'<td style="padding:4px 0;">{html.escape(keys) or "&nbsp;"}</td></tr>'
                )
        body = "".join(parts) or f'<tr><td style="color:{chrome.muted}">Nothing of that name.</td></tr>'
        self.view.setHtml(f'<table width="100%" cellspacing="0">{body}</table>')


def versions() -> list[tuple[str, str]]:
    """Return what the program is made of, with versions."""
    from importlib import metadata

    rows = [("cnnvis_caffe", __version__), ("Python", platform.python_version())]
    rows += [(BINDING, BINDING_VERSION), ("Qt", QT_VERSION)]
    for name in ("numpy", "scipy", "scikit-learn", "h5py", "torch"):
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return rows


class AboutDialog(QDialog):
    """Name, versions, licences; all of it can be copied."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About cnnvis_caffe")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 22, 24, 16)
        layout.setSpacing(12)
        head = QHBoxLayout()
        head.setSpacing(14)
        picture = style.label()
        picture.setPixmap(style.program_icon().pixmap(48, 48))
        head.addWidget(picture)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(style.label("cnnvis_caffe", "head"))
        words.addWidget(style.label("Open, run, explain and retrain Caffe models without Caffe.", "muted"))
        head.addLayout(words, 1)
        layout.addLayout(head)
        grid = QtWidgets.QGridLayout()
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(4)
        rows = versions()
        for row, (name, version) in enumerate(rows):
            grid.addWidget(style.label(name, "muted"), row, 0)
            value = style.label(version)
            value.setTextInteractionFlags(Qt.TextSelectableByMouse)
            grid.addWidget(value, row, 1)
        grid.setColumnStretch(1, 1)
        layout.addLayout(grid)
        text = (
            "After the paper «Towards Better Analysis of Deep Convolutional Neural Networks» by Liu, Shi, Li, Li, Zhu "
            f"and Liu. BSD 3-Clause; used together with {BINDING} this window falls under GPL 3."
        )
        note = style.label(text, "muted", wrap=True)
        note.setMinimumWidth(380)
        layout.addWidget(note)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        copy, close = QtWidgets.QPushButton("Copy versions"), QtWidgets.QPushButton("Close")
        close.setDefault(True)
        copy.clicked.connect(
            lambda: QApplication.clipboard().setText("\n".join(f"{name} {version}" for name, version in rows))
        )
        close.clicked.connect(self.close)
        buttons.addWidget(copy)
        buttons.addWidget(close)
        layout.addLayout(buttons)
