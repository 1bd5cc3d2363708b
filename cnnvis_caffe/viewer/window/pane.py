"""Shows the picture of a session; pointer and keys become selection and edits."""

from __future__ import annotations

from collections.abc import Callable

from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.canvas.canvas import Canvas
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.canvas.hover_card import HoverCard
from cnnvis_caffe.viewer.canvas.minimap import Minimap
from cnnvis_caffe.viewer.canvas.scene_index import Hit
from cnnvis_caffe.viewer.model.describe import describe
from cnnvis_caffe.viewer.model.edit_actions import move_to_cluster
from cnnvis_caffe.viewer.model.lookup import among_selected, with_added, with_toggled
from cnnvis_caffe.viewer.model.pictures import FinishedPicture, PictureMaker
from cnnvis_caffe.viewer.model.room import has_room_for_legend
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import QEvent, QHBoxLayout, QObject, QPoint, Qt, QtGui, QTimer, QVBoxLayout, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.busy_bar import BusyBar
from cnnvis_caffe.viewer.widgets.inputs import Line
from cnnvis_caffe.viewer.widgets.legend_strip import LegendStrip
from cnnvis_caffe.viewer.work.threads import PATIENCE_MS, Latest

#: A picture for a canvas of another size is asked for when it has kept that size for so long, in ms.
SETTLE_MS = 120
#: Of two canvases side by side one is wider by a pixel; both pictures have the same size then.
ODD_PX = 4
#: Room of a network's name over its picture, where there are two, in pixels.
TITLE_WIDTH = 112
#: Views that differ only in these go over into each other at once: nothing in them moves.
STILL = ("classes", "strong_by", "class_cutoff", "edge_filter", "edges", "theme", "snapshot")


def new_session(parent: QObject, theme: str = "light") -> Session:
    """Return a session whose pictures are made in a thread."""
    return Session(Latest(PictureMaker(Display), parent), theme)


class Pane(QWidget):
    """Shows a session.

    Signals
    -------
    menu_requested : (Target or None, QPoint)
    opened : Target
        Something was double-clicked, or Enter was pressed on it.
    used : Pane
        It was clicked, or has the keys now.
    """

    menu_requested = Signal(object, QPoint)
    opened = Signal(object)
    used = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.apply: Callable[..., None] = session.apply  # where two are compared, the other one may have to know
        self.canvas = Canvas()
        self.minimap = Minimap(self.canvas)
        self.card = HoverCard(self.canvas)
        self.busy = BusyBar(self.canvas)
        self.legend = LegendStrip()
        self.shows_legend = True
        self.sized_like: QWidget | None = None
        self.wants_whole_legend = False  # where there is little room for it
        self._pointer = QPoint()
        self._reveal: Target | None = None
        self._shown_view: View | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._build()
        self._connect()

    def _build(self) -> None:
        self.head = QWidget()
        row = QHBoxLayout(self.head)
        row.setContentsMargins(style.MARGIN, 0, style.MARGIN, 0)
        self.head.setFixedHeight(36)
        self.title, self.subtitle = Line(role="section", least=TITLE_WIDTH), Line(role="muted", least=0)
        row.addWidget(self.title)
        row.addWidget(self.subtitle)
        row.addStretch(1)
        self.head.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.head)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.legend)

    def _connect(self) -> None:
        canvas, session = self.canvas, self.session
        self._settle.timeout.connect(self._tell_size)
        canvas.hovered.connect(self._hovered)
        canvas.clicked.connect(self._clicked)
        canvas.double_clicked.connect(self._double_clicked)
        canvas.toggled.connect(self._toggled)
        canvas.banded.connect(lambda neurons: session.select(with_added(session.selection, neurons)))
        canvas.menu_requested.connect(self._menu)
        canvas.dropped.connect(self._dropped)
        canvas.stepped.connect(self._step)
        canvas.camera_changed.connect(session.touch)
        self.legend.clicked.connect(self._legend_clicked)
        self.legend.folded.connect(self._fold_legend)
        canvas.installEventFilter(self)
        session.picture_changed.connect(self._show)
        session.selection_changed.connect(self._selected)
        session.analysis_changed.connect(self._analysis_changed)
        session.busy_changed.connect(self._set_busy)
        session.progressed.connect(self.busy.show_progress)
        self.busy.cancelled.connect(session.cancel)
        canvas.escaped.connect(self._escape)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Follow the canvas's size and the pointer."""
        if watched is self.canvas:
            if event.type() == event.Resize:
                self._settle.start()
            elif event.type() in (event.MouseButtonPress, event.ContextMenu) or _is_tabbed_to(event):
                self.used.emit(self)
            elif event.type() == event.MouseMove:
                self._pointer = event.pos()
                if self.card.isVisible():
                    self.card.move_to(self._pointer)
        return super().eventFilter(watched, event)

    def _tell_size(self) -> None:
        # The legend may be wider than the canvas, where it belongs to two pictures.
        parent = self.legend.parentWidget()
        width = max(self.canvas.width(), parent.width() if parent is not None and self.shows_legend else 0)
        like = self.sized_like or self.canvas
        differs = max(abs(like.width() - self.canvas.width()), abs(like.height() - self.canvas.height()))
        shown = self.canvas if differs > ODD_PX else like
        is_line = not (self.wants_whole_legend or has_room_for_legend(self.canvas.height() + self.legend.height_taken))
        self.session.set_size(float(shown.width()), float(shown.height()), float(width), legend_is_line=is_line)

    @property
    def is_settled(self) -> bool:
        """Return whether the picture of what is asked for is there and painted."""
        return not self.session.is_busy and self.canvas.is_painted and not self._settle.isActive()

    def tell_size_now(self) -> None:
        """Let the next picture have the size that the canvas has now."""
        self._settle.stop()
        self._tell_size()

    # -- its pictures

    def _analysis_changed(self) -> None:
        self._shown_view = None
        self.session.legend_comes = self.shows_legend and self.legend.isHidden()
        if self.session.analysis is None:
            self.canvas.set_scene(None)
            self.legend.set_scene(None)
        else:
            self.canvas.is_fitted = True
            self.canvas.empty_text = "Making the picture…"
            self.canvas.set_scene(None)

    def _show(self, picture: FinishedPicture) -> None:
        view, before = picture.request.view, self._shown_view
        self._shown_view = view
        moves = before is not None and any(
            getattr(view, name) != getattr(before, name) for name in view.__dataclass_fields__ if name not in STILL
        )
        keep = self._anchor()
        self.canvas.set_theme(view.theme)
        self.canvas.set_scene(picture.display, moves=moves, keep=keep)
        if self.shows_legend:
            self.legend.set_scene(picture.legend)
            self.session.legend_comes = False
        self.canvas.setAccessibleDescription(picture.scene.description)
        self._selected(self.session.selection)
        self.card.show_card(None, self._pointer)
        if self._reveal is not None:
            target, self._reveal = self._reveal, None
            self.canvas.reveal(target)

    def _set_busy(self, busy: bool) -> None:
        self.canvas.set_busy(busy)
        self.busy.set_busy(busy and self.session.picture is not None)

    def _escape(self) -> None:
        """Escape takes back what takes long."""
        if self.busy.isVisible():
            self.session.cancel()

    def _anchor(self) -> Target | None:
        """What should stay in place: what the pointer is on, else the selection."""
        hover = self.session.hover
        return hover if hover is not None and hover.node else self.session.selection

    def reveal(self, target: Target) -> None:
        """Bring something into sight, now or as soon as its picture is there."""
        if self.session.is_busy:
            self._reveal = target
        elif not self.canvas.reveal(target):
            self._reveal = None

    # -- pointing

    def _hovered(self, hit: Hit | None) -> None:
        session = self.session
        target = hit.target if hit is not None else None
        class_index = hit.class_index if hit is not None else -1
        session.point_at(target, class_index)
        if target is None or session.analysis is None or target.kind in ("legend", "ground"):
            self.card.show_card(None, self._pointer)
            return
        card = describe(session.analysis, session.aggregation, session.view, target, class_index)
        self.card.show_card(card, self._pointer)

    def _clicked(self, hit: Hit | None) -> None:
        self.card.show_card(None, self._pointer)
        if hit is None or hit.target.kind == "legend":
            self.session.select(None)
        elif hit.target.kind == "group":
            self.session.select(hit.target)
            self.opened.emit(hit.target)
        else:
            self.session.select(hit.target)

    def _toggled(self, hit: Hit | None) -> None:
        self.card.show_card(None, self._pointer)
        if hit is not None and hit.target.kind not in ("legend", "group"):
            self.session.select(with_toggled(self.session.selection, hit.target))

    def _legend_clicked(self, hit: Hit | None) -> None:
        if hit is not None:
            self.session.select(None if hit.target == self.session.selection else hit.target)

    def _fold_legend(self) -> None:
        """Show all of the legend where it was one line, and the other way round."""
        if not has_room_for_legend(self.canvas.height() + self.legend.height_taken):
            self.wants_whole_legend = not self.wants_whole_legend
            self._tell_size()

    def _double_clicked(self, hit: Hit | None) -> None:
        self.card.show_card(None, self._pointer)
        if hit is not None and hit.target.kind not in ("legend", "group"):
            self.opened.emit(hit.target)

    def _menu(self, hit: Hit | None, position: QPoint) -> None:
        self.card.show_card(None, self._pointer)
        target = hit.target if hit is not None else None
        if target is not None and target.kind != "legend":
            target = among_selected(self.session.selection, target)
            self.session.select(target)
        self.menu_requested.emit(target, position)

    def _dropped(self, neuron: Target, cluster: Target | None) -> None:
        members = cluster.members if cluster is not None else ()
        self.apply(move_to_cluster(among_selected(self.session.selection, neuron), tuple(members)))

    def _selected(self, target: Target | None) -> None:
        # The scene itself outlines neurons that are not seen as patches; several are never outlined as one.
        is_none = target is None or (target.kind == "neuron" and len(target.members) != 1)
        self.canvas.set_selected(() if target is None or is_none else (target,))
        if target is not None and self.session.analysis is not None:
            card = describe(self.session.analysis, self.session.aggregation, self.session.view, target)
            self.canvas.setAccessibleDescription(f"Selected: {card.line}")

    def _step(self, direction: str) -> None:
        """Move the selection by an arrow key; begin at the first cluster."""
        session, canvas = self.session, self.canvas
        if canvas.display is None:
            return
        selection = session.selection
        if selection is None or canvas.display.box_of(selection) is None:
            first = next((target for target in canvas.display.targets() if target.kind == "cluster"), None)
            if first is not None:
                session.select(first)
            return
        target = canvas.neighbour(selection, direction)
        if target is not None:
            session.select(target)
            canvas.reveal(target, zoom_in=False)

    def step_into(self) -> None:
        """From a column to its first cluster, from a cluster to its strongest neuron."""
        selection, display = self.session.selection, self.canvas.display
        if selection is None or display is None:
            return
        if selection.kind == "column":
            inner = display.find("cluster", selection.node)
        elif selection.kind == "cluster":
            inner = Target("neuron", selection.node, (selection.members[0],))
        else:
            return
        if inner is not None:
            self.session.select(inner)

    def step_out(self) -> None:
        """From a neuron to its cluster, from there to its column, from there to nothing; ends a drag first."""
        selection, display = self.session.selection, self.canvas.display
        if self.canvas.is_dragging:
            self.canvas.cancel_drag()
        elif self.busy.isVisible():
            self.session.cancel()
        elif selection is not None and display is not None:
            outer = None
            if selection.kind == "neuron" and len(selection.members) == 1:
                outer = display.find("cluster", selection.node, selection.members)
            elif selection.kind == "cluster":
                outer = display.find("column", selection.node)
            self.session.select(outer)

    def set_heading(self, title: str, subtitle: str = "") -> None:
        """Name the pane, where there are two."""
        self.title.setText(title)
        self.subtitle.setText(subtitle, [""])  # a few letters of it would say nothing
        self.head.setVisible(bool(title))

    def set_active(self, on: bool) -> None:
        """Show by the heading whether keys and menus are about this one, where there are two."""
        if self.title.property("role") != ("section" if on else "muted"):
            self.title.setProperty("role", "section" if on else "muted")
            self.title.style().polish(self.title)
            self.title.updateGeometry()

    def shutdown(self, patience_ms: int = PATIENCE_MS) -> bool:
        """End the session's work."""
        self._settle.stop()
        self.canvas.removeEventFilter(self)
        self.canvas.set_scene(None)
        return self.session.close(patience_ms)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Enter opens what is selected."""
        if event.key() in (Qt.Key_Return, Qt.Key_Enter) and self.session.selection is not None:
            self.opened.emit(self.session.selection)
        else:
            super().keyPressEvent(event)


def _is_tabbed_to(event: QEvent) -> bool:
    """Whether somebody came by the Tab key; a window that is shown again gives the focus back unasked."""
    return event.type() == event.FocusIn and event.reason() in (Qt.TabFocusReason, Qt.BacktabFocusReason)
