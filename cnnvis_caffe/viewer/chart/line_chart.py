"""The widget that shows a chart: it points at lines, zooms along the x axis, and leads to layers and snapshots."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from cnnvis_caffe.records.chart import Chart
from cnnvis_caffe.scene.chart import describe_chart, has_values, plot_shapes
from cnnvis_caffe.scene.chart_frame import ChartFrame
from cnnvis_caffe.scene.chart_marks import node_marks, point_in_words, point_marks
from cnnvis_caffe.scene.shapes import Scene, Shape, Target
from cnnvis_caffe.scene.theme import Theme
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.chart.stepping import Point, next_point, other_line
from cnnvis_caffe.viewer.chart.x_range import panned, zoomed
from cnnvis_caffe.viewer.qt import (
    QApplication,
    QColor,
    QEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPointF,
    QRectF,
    QResizeEvent,
    QSize,
    Qt,
    QWheelEvent,
    QWidget,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style

#: How near to a point the pointer must be, in pixels.
NEAR_PX = 14.0
#: Between the chart and the edge of the widget, in pixels.
MARGIN_PX = 4.0
ZOOM_STEP = 1.25
#: Share of what is seen that a key moves along.
PAN_SHARE = 0.2


class LineChart(QWidget):
    """Shows a chart.

    Signals
    -------
    point_clicked : (str, str)
        The node and the snapshot of a point or of a name; empty where it has none.
    pointed : str
        What the pointer is on, in words; empty for nothing.
    """

    point_clicked = Signal(str, str)
    pointed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.chart: Chart | None = None
        self.frame: ChartFrame | None = None
        self.hover: Point | None = None
        self.node = ""
        self._theme: Theme = style.current_theme()
        self._x_range: tuple[float, float] | None = None
        self._plot: Display | None = None
        self._painted: QPixmap | None = None  # the chart without marks
        self._press: QPointF | None = None
        self._pan_from: float | None = None
        self.setFocusPolicy(Qt.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WA_OpaquePaintEvent)
        self.setMinimumSize(200, 96)
        self.setAccessibleName("Chart of debugging information")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a low wide size."""
        return QSize(600, 150)

    # -- what is shown

    def show_chart(self, chart: Chart, theme: Theme) -> None:
        """Show a chart in the colours of a theme; of another axis everything, of the same axis what is seen now."""
        if self.chart is None or _axis_of(self.chart) != _axis_of(chart):
            self._x_range = None
        self._point_at(None)
        self.chart = chart
        self._theme = replace(theme, ground=style.chrome_of(theme.name).panel)
        self._lay_out()
        self.setAccessibleDescription(" ".join([describe_chart(chart), *chart.notes]))

    def mark_node(self, node: str) -> None:
        """Mark the layer that is selected; empty for none."""
        self.node = node
        self.update()

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The chart as shapes, without marks."""
        return self._plot.shapes if self._plot is not None else ()

    def set_x_range(self, x_range: tuple[float, float] | None) -> None:
        """Show a part of the x axis, or all of it."""
        if x_range != self._x_range:
            self._x_range = x_range
            self._lay_out()

    def _lay_out(self) -> None:
        """Draw the chart anew, in the size that the widget has."""
        self.frame = self._plot = self._painted = None
        if self.chart is not None and has_values(self.chart):
            width, height = self.width() - 2 * MARGIN_PX, self.height() - 2 * MARGIN_PX
            self.frame = ChartFrame(self.chart, MARGIN_PX, MARGIN_PX, width, height, self._x_range)
            self._plot = self._display_of(tuple(plot_shapes(self.frame, self._theme)))
        if self.hover is not None and (self.frame is None or not self._is_in_sight(self.hover)):
            self._point_at(None)
        self.update()

    def _display_of(self, shapes: tuple[Shape, ...]) -> Display:
        return Display(Scene(self.width(), self.height(), self._theme.ground, shapes))

    def _is_in_sight(self, point: Point) -> bool:
        return self.frame is not None and bool(np.isfinite(self.frame.places(point[0])[point[1], 1]))

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Paint the chart with its marks, or what to do where there is none."""
        painter = QPainter(self)
        if self._plot is None:
            self._paint_empty(painter)
        else:
            painter.drawPixmap(0, 0, self._painted_plot())
            marks = self._display_of(tuple(self.marks()))
            marks.paint(painter, QRectF(self.rect()), 1.0)
        if self.hasFocus() and self.property("showsFocus"):
            painter.setOpacity(1.0)
            painter.setPen(QPen(QColor(style.chrome_of(self._theme.name).focus), 2))
            painter.setBrush(Qt.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _painted_plot(self) -> QPixmap:
        """The chart without marks, painted once for each size, range, theme and density of the screen."""
        ratio = self.devicePixelRatioF()
        if self._painted is None or self._painted.devicePixelRatio() != ratio:
            assert self._plot is not None
            self._painted = QPixmap(math.ceil(self.width() * ratio), math.ceil(self.height() * ratio))
            self._painted.setDevicePixelRatio(ratio)
            self._painted.fill(QColor(self._theme.ground))
            painter = QPainter(self._painted)
            self._plot.paint(painter, QRectF(self.rect()), 1.0)
            painter.end()
        return self._painted

    def marks(self) -> list[Shape]:
        """Return the mark of the selected layer, and that of the point under the pointer above it."""
        if self.frame is None:
            return []
        marks = list(node_marks(self.frame, self.node, self._theme, "node")) if self.node else []
        if self.hover is not None:
            marks += point_marks(self.frame, *self.hover, self._theme)
        return marks

    def _paint_empty(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), QColor(self._theme.ground))
        if self.chart is not None:
            painter.setFont(style.text_font())
            painter.setPen(QColor(self._theme.muted))
            painter.drawText(QRectF(self.rect()), Qt.AlignCenter | Qt.TextWordWrap, self.chart.empty)

    # -- pointing

    def describe_point(self, number: int, i: int) -> str:
        """Say what a point is, in a line."""
        assert self.chart is not None
        where, line, value = point_in_words(self.chart, number, i)
        return " · ".join(part for part in (where, line, f"{self.chart.y.title.lower()} {value}") if part)

    def _point_at(self, found: Point | None) -> None:
        if found == self.hover:
            return
        self.hover = found
        self.setCursor(Qt.PointingHandCursor if found is not None else Qt.ArrowCursor)
        self.pointed.emit(self.describe_point(*found) if found is not None else "")
        self.update()

    def _nearest(self, at: QPointF) -> Point | None:
        return self.frame.nearest(at.x(), at.y(), NEAR_PX) if self.frame is not None else None

    def _name_at(self, at: QPointF) -> Target | None:
        """What the name of a line or of a layer under a pixel stands for."""
        hit = self._plot.hit(at.x(), at.y(), 1.0) if self._plot is not None else None
        return hit.target if hit is not None else None

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a click, or a pan."""
        self.setFocus(Qt.MouseFocusReason)
        if event.button() == Qt.LeftButton:
            self._press = event.localPos()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Point, or pan along the x axis."""
        at = event.localPos()
        if self._pan_from is not None:
            self._pan_by_pixels(self._pan_from - at.x())
            self._pan_from = at.x()
        elif self._press is not None and event.buttons() & Qt.LeftButton:
            if abs(at.x() - self._press.x()) >= QApplication.startDragDistance():
                self._pan_from = self._press.x()
                self._point_at(None)
                self.setCursor(Qt.ClosedHandCursor)
                self.mouseMoveEvent(event)
        else:
            self._point_at(self._nearest(at))
            if self.hover is None:
                self.setCursor(Qt.ArrowCursor if self._name_at(at) is None else Qt.PointingHandCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go to the layer or snapshot that was clicked, or end a pan."""
        was_pan, press, self._pan_from, self._press = self._pan_from is not None, self._press, None, None
        if was_pan:
            self.setCursor(Qt.ArrowCursor)
        elif event.button() == Qt.LeftButton and press is not None:
            found, name = self._nearest(press), self._name_at(press)
            if found is not None:
                self._click(found)
            elif name is not None:
                self.point_clicked.emit(name.node, name.other_node)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show the whole x axis."""
        if event.button() == Qt.LeftButton and self._nearest(event.localPos()) is None:
            self.set_x_range(None)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom along the x axis about the pointer; pan with Shift or sideways."""
        if self.frame is None:
            event.ignore()
            return
        event.accept()
        angle = event.angleDelta()
        if event.modifiers() & Qt.ShiftModifier or abs(angle.x()) > abs(angle.y()):
            self._pan_by_pixels(-(angle.x() or angle.y()))
        else:
            self._zoom_by(ZOOM_STEP ** (angle.y() / 120), self.frame.x_value(event.position().x()))
        self._point_at(self._nearest(event.position()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Nothing is pointed at."""
        self._point_at(None)

    def _click(self, found: Point) -> None:
        assert self.chart is not None
        series, point = self.chart.series[found[0]], found[1]
        node = series.nodes[point] if series.nodes else ""
        snapshot = series.snapshots[point] if series.snapshots else ""
        self.point_clicked.emit(node, snapshot)

    # -- the x axis

    def _zoom_by(self, factor: float, at: float) -> None:
        frame = self.frame
        if frame is not None:
            at = min(max(at, frame.x_low), frame.x_high)
            shown = frame.x_low, frame.x_high
            self.set_x_range(zoomed(shown, frame.full, factor, at, has_names=bool(frame.labels)))

    def _pan_by_pixels(self, pixels: float) -> None:
        frame = self.frame
        if frame is not None and self._x_range is not None:
            by = pixels * (frame.x_high - frame.x_low) / (frame.right - frame.left)
            self.set_x_range(panned(self._x_range, frame.full, by))

    # -- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows go from point to point and from line to line, Enter goes there; + and − zoom, 0 shows everything."""
        key, frame = event.key(), self.frame
        if frame is None:
            super().keyPressEvent(event)
            return
        middle = (frame.x_low + frame.x_high) / 2
        sideways = {Qt.Key_Left: -1, Qt.Key_Right: 1}.get(key)
        if sideways and event.modifiers() & Qt.ShiftModifier:
            self._pan_by_pixels(sideways * PAN_SHARE * (frame.right - frame.left))
        elif sideways:
            self._point_at(next_point(frame, self.hover, sideways) or self.hover)
        elif key in (Qt.Key_Up, Qt.Key_Down):
            self._point_at(other_line(frame, self.hover, -1 if key == Qt.Key_Up else 1) or self.hover)
        elif key in (Qt.Key_Plus, Qt.Key_Equal, Qt.Key_Minus):
            self._zoom_by(ZOOM_STEP ** (-1 if key == Qt.Key_Minus else 1), middle)
        elif key == Qt.Key_0:
            self.set_x_range(None)
        elif key in (Qt.Key_Return, Qt.Key_Enter) and self.hover is not None:
            self._click(self.hover)
        else:
            super().keyPressEvent(event)

    # -- the window

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Draw the chart in its new size."""
        self._lay_out()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Show the focus when a key brought it."""
        self.setProperty("showsFocus", event.reason() in (Qt.TabFocusReason, Qt.BacktabFocusReason))
        super().focusInEvent(event)


def _axis_of(chart: Chart) -> tuple:
    """What makes two charts have the same x axis."""
    ends = [(float(one.x.min()), float(one.x.max())) for one in chart.series if len(one.x)]
    return chart.x, min((low for low, _ in ends), default=0.0), max((high for _, high in ends), default=0.0)
