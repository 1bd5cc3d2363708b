"""Dresses the window: quiet, flat and grey around the one colourful thing. Every colour and size of it is here."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cache

from cnnvis_caffe.scene.lettering import font_family, font_files
from cnnvis_caffe.scene.theme import Theme, theme_named
from cnnvis_caffe.viewer.qt import (
    QApplication,
    QColor,
    QFont,
    QFontDatabase,
    QIcon,
    QPainter,
    QPainterPath,
    QPalette,
    QPen,
    QPixmap,
    QPointF,
    QRectF,
    Qt,
    QtCore,
    QtWidgets,
)

#: The grid and what stands on it, in pixels.
GRID = 4
SPACE = 8
MARGIN = 12
ROW = 28
CORNER = 5
TEXT = 12
SMALL = 11
TITLE = 13
HEAD = 20


@dataclass(frozen=True)
class Chrome:
    """The colours around the picture; "#RRGGBB" each.

    Attributes
    ----------
    panel : str
        Ground of docks, bars and menus.
    field : str
        Of what can be typed or chosen in.
    raised : str
        Of what is pressed or chosen.
    hover : str
        Under the pointer.
    line, ink, muted : str
    focus : str
        Ring of what has the keyboard.
    accent : str
        The filled part of sliders and bars.
    warning : str
    """

    panel: str
    field: str
    raised: str
    hover: str
    line: str
    ink: str
    muted: str
    focus: str
    accent: str
    warning: str


_CHROMES = {
    "light": Chrome(
        panel="#F3F4F5",
        field="#FFFFFF",
        raised="#FFFFFF",
        hover="#E8EAED",
        line="#D9DCE1",
        ink="#1E2329",
        muted="#5F6772",
        focus="#0072B2",
        accent="#5A6472",
        warning="#B34700",
    ),
    "dark": Chrome(
        panel="#1F2228",
        field="#17191D",
        raised="#3A404A",
        hover="#2B3038",
        line="#363B44",
        ink="#E7EAEE",
        muted="#98A1AE",
        focus="#4AA8E0",
        accent="#A6AFBC",
        warning="#F08A4B",
    ),
}


def chrome_of(theme: str) -> Chrome:
    """Return the chrome of a theme by its name."""
    return _CHROMES[theme]


def current() -> Chrome:
    """Return the chrome that the application wears now."""
    application = QApplication.instance()
    return _CHROMES[(application.property("cnnvis_theme") if application is not None else None) or "light"]


def current_theme() -> Theme:
    """Return the picture's theme that the application wears now."""
    application = QApplication.instance()
    return theme_named((application.property("cnnvis_theme") if application is not None else None) or "light")


def class_colours(n_classes: int) -> list[str]:
    """Return the colour of each class in the picture; where labels tell them apart, none is coloured."""
    theme = current_theme()
    known = theme.class_colours(range(n_classes))
    return [known.get(c, current().accent) for c in range(n_classes)]


def load_fonts() -> None:
    """Make the bundled font known to Qt, once for an application."""
    application = QApplication.instance()
    if application.property("cnnvis_fonts"):
        return
    for path in font_files().values():
        QFontDatabase.addApplicationFont(str(path))
    application.setProperty("cnnvis_fonts", True)


def wear(theme: str) -> None:
    """Dress the application in a theme: font, palette and style sheet."""
    application = QApplication.instance()
    load_fonts()
    if application.property("cnnvis_theme") == theme:
        return
    application.setProperty("cnnvis_theme", theme)
    if application.style().objectName() != "fusion":
        application.setStyle("Fusion")
    if application.font().family() != font_family():  # each of these lets every widget measure itself again
        font = QFont(font_family())
        font.setPixelSize(TEXT)
        application.setFont(font)
    chrome = _CHROMES[theme]
    application.setPalette(_palette(chrome))
    application.setStyleSheet(_style_sheet(chrome))


def text_font(px: int = TEXT, *, bold: bool = False) -> QFont:
    """Return the chrome's font in a size."""
    font = QFont(font_family())
    font.setPixelSize(px)
    font.setBold(bold)
    return font


def _palette(chrome: Chrome) -> QPalette:
    palette = QPalette()
    for role, colour in (
        (QPalette.Window, chrome.panel),
        (QPalette.WindowText, chrome.ink),
        (QPalette.Base, chrome.field),
        (QPalette.AlternateBase, chrome.panel),
        (QPalette.Text, chrome.ink),
        (QPalette.Button, chrome.panel),
        (QPalette.ButtonText, chrome.ink),
        (QPalette.BrightText, chrome.warning),
        (QPalette.Highlight, chrome.hover),
        (QPalette.HighlightedText, chrome.ink),
        (QPalette.ToolTipBase, chrome.field),
        (QPalette.ToolTipText, chrome.ink),
        (QPalette.Link, chrome.focus),
        (QPalette.Mid, chrome.line),
        (QPalette.Dark, chrome.muted),
        (QPalette.Light, chrome.field),
        (QPalette.PlaceholderText, chrome.muted),
    ):
        palette.setColor(role, QColor(colour))
    for role in (QPalette.Text, QPalette.WindowText, QPalette.ButtonText):
        palette.setColor(QPalette.Disabled, role, QColor(chrome.muted))
    return palette


def _style_sheet(c: Chrome) -> str:
    return f"""
QMainWindow, QDialog {{ background: {c.panel}; }}
QMainWindow::separator {{ background: {c.line}; width: 1px; height: 1px; }}
QMainWindow::separator:hover {{ background: {c.muted}; }}
QMenuBar {{ background: {c.panel}; border: none; padding: 2px 6px; }}
QMenuBar::item {{ padding: 5px 9px; border-radius: 4px; background: transparent; }}
QMenuBar::item:selected, QMenuBar::item:pressed {{ background: {c.hover}; }}
QMenu {{ background: {c.field}; border: 1px solid {c.line}; padding: 4px; }}
QMenu::item {{ padding: 5px 28px 5px 26px; border-radius: 4px; }}
QMenu::item:selected {{ background: {c.hover}; }}
QMenu::item:disabled {{ color: {c.muted}; }}
QMenu::separator {{ height: 1px; background: {c.line}; margin: 4px 8px; }}
QMenu::indicator {{ width: 14px; height: 14px; left: 6px; }}
QStatusBar {{ background: {c.panel}; border-top: 1px solid {c.line}; color: {c.ink}; }}
QStatusBar::item {{ border: none; }}
QToolBar {{ background: {c.panel}; border: none; border-bottom: 1px solid {c.line}; spacing: 2px; padding: 3px 8px; }}
QToolBar::separator {{ background: {c.line}; width: 1px; margin: 5px 6px; }}
QToolTip {{ background: {c.field}; color: {c.ink}; border: 1px solid {c.line}; padding: 4px 6px; }}
QToolButton {{ border: 1px solid transparent; border-radius: {CORNER}px; padding: 4px 6px; background: transparent; }}
QToolButton:hover {{ background: {c.hover}; }}
QToolButton:pressed, QToolButton:checked {{ background: {c.hover}; }}
QToolButton:focus {{ border: 1px solid {c.focus}; }}
QToolButton:disabled {{ color: {c.muted}; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QPushButton {{ background: {c.field}; border: 1px solid {c.line}; border-radius: {CORNER}px; padding: 5px 14px;
  min-height: 16px; }}
QPushButton:hover {{ background: {c.hover}; }}
QPushButton:pressed {{ background: {c.line}; }}
QPushButton:focus {{ border: 1px solid {c.focus}; }}
QPushButton:disabled {{ color: {c.muted}; background: {c.panel}; }}
QPushButton[primary="true"] {{ background: {c.ink}; color: {c.panel}; border: 1px solid {c.ink}; }}
QPushButton[primary="true"]:hover {{ background: {c.accent}; border-color: {c.accent}; }}
QPushButton[primary="true"]:focus {{ border: 2px solid {c.focus}; padding: 4px 13px; }}
QPushButton[primary="true"]:disabled {{ background: {c.line}; border-color: {c.line}; color: {c.muted}; }}
QPushButton[link="true"] {{ background: transparent; border: 1px solid transparent; color: {c.muted};
  padding: 1px 5px; }}
QPushButton[link="true"]:hover {{ color: {c.ink}; background: {c.hover}; }}
QPushButton[link="true"]:focus {{ border: 1px solid {c.focus}; }}
QLineEdit, QSpinBox, QPlainTextEdit, QTextEdit {{ background: {c.field}; border: 1px solid {c.line};
  border-radius: {CORNER}px; padding: 4px 7px; selection-background-color: {c.focus}; selection-color: #FFFFFF; }}
QLineEdit:focus, QSpinBox:focus, QPlainTextEdit:focus, QTextEdit:focus {{ border: 1px solid {c.focus}; }}
QLabel[role="muted"] {{ color: {c.muted}; }}
QLabel[role="small"] {{ color: {c.muted}; font-size: {SMALL}px; }}
QLabel[role="title"] {{ font-weight: bold; font-size: {TITLE}px; }}
QLabel[role="head"] {{ font-weight: bold; font-size: {HEAD}px; }}
QLabel[role="section"] {{ font-weight: bold; }}
QLabel[role="warning"] {{ color: {c.warning}; }}
QFrame[role="rule"] {{ background: {c.line}; max-height: 1px; min-height: 1px; border: none; }}
QFrame[role="card"] {{ background: {c.field}; border: 1px solid {c.line}; border-radius: {CORNER}px; }}
QFrame[role="bar"] {{ background: {c.panel}; border: none; border-top: 1px solid {c.line}; }}
QDockWidget {{ border: none; }}
QDockWidget > QWidget {{ background: {c.panel}; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: {c.panel}; border: none; }}
QAbstractItemView {{ background: {c.panel}; border: none; outline: none; selection-background-color: {c.hover};
  selection-color: {c.ink}; }}
QTreeView::item, QListView::item {{ padding: 3px 4px; border-radius: 4px; }}
QTreeView::item:hover, QListView::item:hover {{ background: {c.hover}; }}
QTreeView::item:selected, QListView::item:selected {{ background: {c.hover}; color: {c.ink}; }}
QTreeView::item {{ border-radius: 0; }}
QTreeView:focus, QListView:focus, QTableView:focus {{ border: 1px solid {c.focus}; }}
QComboBox QAbstractItemView {{ background: {c.field}; border: 1px solid {c.line}; padding: 3px; }}
QHeaderView::section {{ background: {c.panel}; color: {c.muted}; border: none; border-bottom: 1px solid {c.line};
  padding: 4px 6px; }}
QTableView {{ gridline-color: {c.line}; }}
QTableView::item {{ border: none; padding: 0 16px 0 7px; }}
QTableView QHeaderView::section {{ padding: 4px 16px 4px 10px; }}
QHeaderView::up-arrow, QHeaderView::down-arrow {{ subcontrol-position: center right; right: 4px; width: 9px; }}
QTabBar {{ background: {c.panel}; }}
QTabBar::tab {{ background: transparent; color: {c.muted}; padding: 6px 12px; border: none;
  border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {c.ink}; border-bottom: 2px solid {c.accent}; }}
QTabBar::tab:hover {{ color: {c.ink}; background: {c.hover}; }}
QTabBar::tab:focus {{ color: {c.ink}; border-bottom: 2px solid {c.focus}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {c.line}; }}
QSlider::groove:horizontal {{ height: 4px; background: {c.line}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {c.accent}; border-radius: 2px; height: 4px; }}
QSlider::handle:horizontal {{ background: {c.field}; border: 1px solid {c.accent}; width: 12px; height: 12px;
  margin: -5px 0; border-radius: 7px; }}
QSlider::handle:horizontal:hover {{ background: {c.hover}; }}
QSlider::handle:horizontal:focus {{ border: 2px solid {c.focus}; width: 10px; height: 10px; }}
QSlider:disabled {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle {{ background: {c.line}; border-radius: 3px; margin: 2px; min-height: 24px; min-width: 24px; }}
QScrollBar::handle:hover {{ background: {c.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QProgressBar {{ background: {c.line}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
QSplitter::handle {{ background: {c.line}; }}
QSplitter::handle:horizontal {{ width: 1px; }}
QSplitter::handle:vertical {{ height: 1px; }}
"""


# -- icons, drawn so that they need no files and follow the theme

_STROKES = {
    "undo": "M 4,7 L 10,7 C 14,7 14,13 10,13 L 7,13 M 7,4 L 4,7 L 7,10",
    "redo": "M 12,7 L 6,7 C 2,7 2,13 6,13 L 9,13 M 9,4 L 12,7 L 9,10",
    "open": "M 2,13 L 2,4 L 6,4 L 8,6 L 13,6 L 13,8 M 2,13 L 12,13 L 14.5,8 L 4.5,8 L 2,13",
    "fit": "M 2,6 L 2,2 L 6,2 M 10,2 L 14,2 L 14,6 M 14,10 L 14,14 L 10,14 M 6,14 L 2,14 L 2,10",
    "zoom_in": "M 7,4 L 7,10 M 4,7 L 10,7 M 10.8,10.8 L 14,14 O 7,7,5",
    "zoom_out": "M 4,7 L 10,7 M 10.8,10.8 L 14,14 O 7,7,5",
    "search": "M 10.5,10.5 L 14,14 O 6.5,6.5,4.5",
    "close": "M 4,4 L 12,12 M 12,4 L 4,12",
    "float": "M 3,6 L 3,13 L 10,13 L 10,6 L 3,6 M 6,6 L 6,3 L 13,3 L 13,10 L 10,10",
    "export": "M 8,2 L 8,10 M 5,7 L 8,10 L 11,7 M 3,10 L 3,13 L 13,13 L 13,10",
    "compare": "M 2,3 L 7,3 L 7,13 L 2,13 L 2,3 M 9,3 L 14,3 L 14,13 L 9,13 L 9,3",
    "panels": "M 2,3 L 14,3 L 14,13 L 2,13 L 2,3 M 6,3 L 6,9.5 M 2,9.5 L 14,9.5",
    "theme": "M 8,3 C 1,3 1,13 8,13 C 5,10 5,6 8,3 O 8,8,5",
    "expand": "M 6,3 L 2,8 L 6,13 M 10,3 L 14,8 L 10,13",
    "play": "M 5,3 L 12,8 L 5,13 L 5,3",
    "left": "M 10,3 L 5,8 L 10,13",
    "right": "M 6,3 L 11,8 L 6,13",
    "down": "M 3,6 L 8,11 L 13,6",
    "file": "M 4,2 L 9,2 L 12,5 L 12,14 L 4,14 L 4,2 M 9,2 L 9,5 L 12,5",
    "check": "M 3,8.5 L 6.5,12 L 13,4.5",
    "copy": "M 5,5 L 13,5 L 13,14 L 5,14 L 5,5 M 3,11 L 3,2 L 11,2",
}


@cache
def icon_path(name: str) -> QPainterPath:
    """Return the strokes of an icon on a grid of 16."""
    path = QPainterPath()
    tokens = _STROKES[name].replace(",", " ").split()
    i = 0
    while i < len(tokens):
        command = tokens[i]
        n = {"M": 2, "L": 2, "C": 6, "O": 3}[command]
        values = [float(token) for token in tokens[i + 1 : i + 1 + n]]
        if command == "M":
            path.moveTo(*values)
        elif command == "L":
            path.lineTo(*values)
        elif command == "C":
            path.cubicTo(*values)
        else:
            path.addEllipse(QPointF(values[0], values[1]), values[2], values[2])
        i += n + 1
    return path


#: Of an icon that cannot be chosen.
DISABLED_OPACITY = 0.35


class _IconEngine:
    """Draws icons as pixmaps in the sizes that screens want."""

    def __init__(self, name: str, colour: str) -> None:
        self.icon = QIcon()
        # What Qt makes of an icon that cannot be chosen is as bright as the others on a dark ground.
        for mode, opacity in ((QIcon.Normal, 1.0), (QIcon.Disabled, DISABLED_OPACITY)):
            for side in (16, 32, 48):
                pixmap = QPixmap(side, side)
                pixmap.fill(Qt.transparent)
                painter = QPainter(pixmap)
                painter.setRenderHint(QPainter.Antialiasing, True)
                painter.setOpacity(opacity)
                painter.scale(side / 16, side / 16)
                painter.setPen(QPen(QColor(colour), 1.4, Qt.SolidLine, Qt.RoundCap, Qt.RoundJoin))
                painter.drawPath(icon_path(name))
                painter.end()
                self.icon.addPixmap(pixmap, mode)


def icon(name: str, colour: str = "") -> QIcon:
    """Return an icon in the chrome's ink."""
    return _IconEngine(name, colour or current().ink).icon


def close_button() -> QtWidgets.QToolButton:
    """Return a small button for a tab."""
    button = QtWidgets.QToolButton()
    button.setIcon(icon("close", current().muted))
    button.setIconSize(QtCore.QSize(9, 9))
    button.setFixedSize(18, 18)
    button.setStyleSheet("padding: 0;")
    return button


def menu_button(icon_name: str, text: str, menu: QtWidgets.QMenu) -> QtWidgets.QToolButton:
    """Return a button of a toolbar that opens a menu."""
    button = QtWidgets.QToolButton()
    button.setIcon(icon(icon_name))
    button.setToolTip(text)
    button.setAccessibleName(text)
    button.setMenu(menu)
    button.setPopupMode(QtWidgets.QToolButton.InstantPopup)
    return button


def program_icon() -> QIcon:
    """Return the program's icon: three columns of clusters and two bundles."""
    result = QIcon()
    theme = theme_named("light")
    for side in (16, 32, 64, 128):
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.Antialiasing, True)
        painter.scale(side / 64, side / 64)
        painter.setPen(Qt.NoPen)
        painter.setBrush(QColor(theme.ground))
        painter.drawRoundedRect(QRectF(1, 1, 62, 62), 13, 13)
        for y, colour in ((20, theme.positive), (40, theme.negative)):
            path = QPainterPath(QPointF(18, y - 4))
            path.cubicTo(30, y - 4, 30, y + 8, 46, y + 4)
            painter.setBrush(Qt.NoBrush)
            painter.setPen(QPen(QColor(colour), 4, Qt.SolidLine, Qt.RoundCap))
            painter.drawPath(path)
        painter.setPen(Qt.NoPen)
        painter.setBrush(QColor(theme.ink))
        for x, y, height in ((8, 10, 20), (8, 34, 20), (42, 14, 16), (42, 34, 22)):
            painter.drawRoundedRect(QRectF(x, y, 14, height), 3, 3)
        painter.end()
        result.addPixmap(pixmap)
    return result


def label(text: str = "", role: str = "", *, wrap: bool = False) -> QtWidgets.QLabel:
    """Return a label in one of the roles of the style sheet."""
    widget = QtWidgets.QLabel(text)
    if role:
        widget.setProperty("role", role)
    widget.setWordWrap(wrap)
    widget.setTextFormat(QtCore.Qt.PlainText)
    return widget


def tip(text: str) -> str:
    """Return text for a tool tip: Qt would take a name that looks like HTML for it, and open what it names."""
    return f"<span>{html.escape(text)}</span>" if "<" in text else text


def rule() -> QtWidgets.QFrame:
    """Return a thin line between sections."""
    line = QtWidgets.QFrame()
    line.setProperty("role", "rule")
    return line
