"""Paints a `Chart` with pyqtgraph: the line that is looked at stands out, others stand back, points can be clicked."""

from __future__ import annotations

import numpy as np
import pyqtgraph
from pyqtgraph import AxisItem, PlotWidget

from cnnvis_caffe.records.chart import Axis, Chart, Series
from cnnvis_caffe.scene.lettering import font_family
from cnnvis_caffe.scene.theme import Theme
from cnnvis_caffe.text.words import figure, percent
from cnnvis_caffe.viewer.qt import (
    QColor,
    QFont,
    QPainter,
    QPointF,
    QRectF,
    QSize,
    Qt,
    QtGui,
    QtWidgets,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style as look

#: How near to a point the pointer must be, in pixels.
NEAR_PX = 14
#: Names of lines stand at their ends: their largest width, what they stand away from them and from each other, and the
#: room of the dot before each.
NAME_MOST, NAME_GAP, NAME_STEP, NAME_DOT = 132, 8, 14, 11


class LineChart(PlotWidget):
    """Shows a chart.

    Signals
    -------
    point_clicked : (str, str)
        The node and the snapshot of a point; empty where it has none.
    pointed : str
        What the pointer is on, in words; empty for nothing.
    """

    point_clicked = Signal(str, str)
    pointed = Signal(str)

    def __init__(self) -> None:
        self._bottom, self._left = LayerAxis("bottom"), NumberAxis("left")
        super().__init__(axisItems={"bottom": self._bottom, "left": self._left})
        self.chart: Chart | None = None
        self._theme: Theme = look.current_theme()
        self._node = ""
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        self.setFrameShape(QtWidgets.QFrame.NoFrame)
        self.setAccessibleName("Chart of debugging information")
        self.viewport().setAccessibleName("Chart of debugging information")
        self.setFocusPolicy(Qt.StrongFocus)
        self.setMouseTracking(True)
        self._hover_index: tuple[int, int] | None = None
        self._mark = pyqtgraph.ScatterPlotItem(size=11, pxMode=True)
        self._node_line = pyqtgraph.InfiniteLine(angle=90, movable=False)
        self._key_point = 0

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a low wide size."""
        return QSize(600, 150)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return the smallest that can be read."""
        return QSize(200, 96)

    def show_chart(self, chart: Chart, theme: Theme) -> None:
        """Paint a chart in the colours of a theme."""
        self._point_at(None)
        self.chart, self._theme = chart, theme
        chrome = look.chrome_of(theme.name)
        plot = self.getPlotItem()
        plot.clear()
        plot.disableAutoRange()
        self.setBackground(chrome.panel)
        font = QFont(font_family())
        font.setPixelSize(look.SMALL)
        for axis, what in ((self._bottom, chart.x), (self._left, chart.y)):
            axis.describe(what)
            axis.setPen(pyqtgraph.mkPen(chrome.line))
            axis.setTextPen(pyqtgraph.mkPen(chrome.muted))
            axis.setStyle(tickFont=font, tickLength=-4, maxTickLevel=0)
        self._bottom.setHeight(24)
        self._left.setWidth(58)
        plot.layout.setContentsMargins(0, 0, self._room_for_names(), 0)
        plot.showGrid(x=False, y=True)
        # pyqtgraph 0.11 gives its slider, from 0 to 255, a number that Qt does not take when it is told an alpha.
        plot.ctrl.gridAlphaSlider.setValue(30)
        n = len(chart.series)
        for series in sorted(chart.series, key=lambda one: one.is_emphasised):
            colour = self._colour(series, n)
            strong = series.is_emphasised or not chart.is_ordered
            values = self._heights(series)
            pen = pyqtgraph.mkPen(colour, width=2.0 if strong else 1.0)
            if not np.isfinite(values).any():
                continue
            few = np.isfinite(values).sum() <= 60
            plot.plot(
                series.x,
                values,
                pen=pen,
                connect="finite",
                antialias=True,
                symbol="o" if few else None,
                symbolSize=6 if strong else 4,
                symbolBrush=pyqtgraph.mkBrush(colour),
                symbolPen=pyqtgraph.mkPen(chrome.panel, width=1),
            )
        self._mark.clear()
        plot.addItem(self._mark)
        self._node_line.setPen(pyqtgraph.mkPen(theme.selection, width=1.5))
        plot.addItem(self._node_line, ignoreBounds=True)
        self._fit()
        self.mark_node(self._node)
        self.setAccessibleDescription(chart.title + ". " + " ".join(chart.notes))

    # -- names of the lines

    def _named(self) -> list[Series]:
        """Lines that have something to show, where there are several."""
        known = [one for one in self.chart.series if np.isfinite(self._heights(one)).any()] if self.chart else []
        return known if len(known) > 1 else []

    def _room_for_names(self) -> int:
        metrics = QtGui.QFontMetrics(look.text_font(look.SMALL, bold=True))
        widths = [metrics.horizontalAdvance(series.name) for series in self._named()]
        return min(max(widths), NAME_MOST) + NAME_DOT + NAME_GAP + 2 if widths else 0

    def names_of_lines(self) -> list[tuple[Series, float]]:
        """Return the lines whose names have room, each with the height of its name in pixels, from top to bottom.

        What is emphasised comes first where there is not room for all.
        """
        box, bottom = self.getPlotItem().vb, self.viewport().height() - 24
        ends = []
        for series in self._named():
            heights = self._heights(series)
            last = np.flatnonzero(np.isfinite(heights))[-1]
            ends.append((series, self._on_screen(box, float(series.x[last]), float(heights[last])).y()))
        most = max(int(bottom // NAME_STEP), 1)
        ends = sorted(ends, key=lambda end: (not end[0].is_emphasised, -end[0].rank))[:most]
        ends.sort(key=lambda end: end[1])
        half = NAME_STEP / 2
        wanted = np.clip([y for _, y in ends], half, max(bottom - half, half))
        for k in range(1, len(wanted)):
            wanted[k] = max(wanted[k], wanted[k - 1] + NAME_STEP)
        for k in range(len(wanted) - 1, -1, -1):
            below = bottom - half if k == len(wanted) - 1 else wanted[k + 1] - NAME_STEP
            wanted[k] = min(wanted[k], below)
        return [(series, float(y)) for (series, _), y in zip(ends, wanted)]

    def _on_screen(self, box, x: float, y: float) -> QPointF:
        """Where a point of the chart is, in pixels."""
        return QPointF(self.mapFromScene(box.mapViewToScene(QPointF(x, y))))

    def _draw_names(self, painter: QPainter) -> None:
        chrome = look.chrome_of(self._theme.name)
        left = self.viewport().width() - self._room_for_names() + NAME_GAP
        room, n = self.viewport().width() - left - NAME_DOT, len(self._named())
        painter.setRenderHint(QPainter.Antialiasing, True)
        for series, y in self.names_of_lines():
            painter.setPen(Qt.NoPen)
            painter.setBrush(self._colour(series, n))
            painter.drawEllipse(QPointF(left + 3, y), 3, 3)
            painter.setFont(look.text_font(look.SMALL, bold=self._stands_out(series)))
            painter.setPen(QColor(chrome.ink if series.is_emphasised else chrome.muted))
            text = painter.fontMetrics().elidedText(series.name, Qt.ElideMiddle, room)
            box = QRectF(left + NAME_DOT, y - NAME_STEP / 2, room, NAME_STEP)
            painter.drawText(box, Qt.AlignLeft | Qt.AlignVCenter, text)

    def _stands_out(self, series: Series) -> bool:
        """Whether a line is one that is looked at, among others that stand back."""
        return series.is_emphasised and not all(one.is_emphasised for one in self._named())

    def _fit(self) -> None:
        assert self.chart is not None
        points = [
            (series.x[np.isfinite(self._heights(series))], self._heights(series)[np.isfinite(self._heights(series))])
            for series in self.chart.series
        ]
        x = np.concatenate([p[0] for p in points]) if points else np.zeros(0)
        y = np.concatenate([p[1] for p in points]) if points else np.zeros(0)
        if not len(x):
            return
        low, high = float(y.min()), float(y.max())
        if not self.chart.y.is_log and low >= 0:
            low = 0.0
        if self.chart.y.unit == "%":
            high = max(high, 0.01)
        room = (high - low or abs(high) or 1.0) * 0.08
        n_labels = len(self.chart.x.labels)
        left, right = (0.0, n_labels - 1.0) if n_labels else (float(x.min()), float(x.max()))
        side = (right - left) * 0.025 or 0.5
        self.getPlotItem().setRange(
            xRange=(left - side, right + side), yRange=(low - (room if low else 0), high + room), padding=0
        )

    def _heights(self, series: Series) -> np.ndarray:
        """Values as they are drawn: without what a logarithmic axis cannot show."""
        assert self.chart is not None
        values = series.y
        if self.chart.y.is_log:
            values = np.log10(np.where(values > 0, values, np.nan))
        return values

    def _colour(self, series: Series, n: int) -> QColor:
        theme = self._theme
        if self.chart is not None and self.chart.is_ordered:
            if series.is_emphasised:
                return QColor(theme.ink)
            colour = QColor(theme.neutral)
            colour.setAlphaF(0.35 + 0.4 * min(series.rank / max(n - 1, 1), 1.0))
            return colour
        palette = [theme.positive, theme.negative, *theme.classes]
        chosen = list(dict.fromkeys(palette))
        return QColor(chosen[series.rank % len(chosen)])

    def mark_node(self, node: str) -> None:
        """Draw a line through the layer that is selected; empty for none."""
        self._node = node
        position = None
        if self.chart is not None:
            for series in self.chart.series:
                if node and node in series.nodes and self.chart.x.labels:
                    position = float(series.x[series.nodes.index(node)])
                    break
        self._node_line.setVisible(position is not None)
        if position is not None:
            self._node_line.setValue(position)

    # -- pointing

    def _nearest(self, position: QPointF) -> tuple[int, int] | None:
        """The series and point next to a pixel, emphasised ones first among equals."""
        if self.chart is None:
            return None
        box = self.getPlotItem().vb
        best, found = float(NEAR_PX**2), None
        for number, series in enumerate(self.chart.series):
            heights = self._heights(series)
            for i in np.flatnonzero(np.isfinite(heights)):
                at = self._on_screen(box, float(series.x[i]), float(heights[i]))
                distance = (at.x() - position.x()) ** 2 + (at.y() - position.y()) ** 2
                distance -= 9 if series.is_emphasised else 0
                if distance < best:
                    best, found = distance, (number, int(i))
        return found

    def describe_point(self, number: int, i: int) -> str:
        """Say what a point is, in a line."""
        assert self.chart is not None
        series, chart = self.chart.series[number], self.chart
        value = percent(float(series.y[i])) if chart.y.unit == "%" else figure(float(series.y[i]))
        where = (
            chart.x.labels[int(series.x[i])] if chart.x.labels else f"{chart.x.title} {figure(float(series.x[i]), 6)}"
        )
        parts = [where, series.name, f"{chart.y.title.lower()} {value}"]
        return " · ".join(dict.fromkeys(part for part in parts if part))

    def mouseMoveEvent(self, event) -> None:  # noqa: N802
        """Show what the nearest point is."""
        self._point_at(self._nearest(event.localPos()))

    def _point_at(self, found: tuple[int, int] | None) -> None:
        if found == self._hover_index:
            return
        self._hover_index = found
        if found is None or self.chart is None:
            self._mark.clear()
            self.setToolTip("")
            self.unsetCursor()
            self.pointed.emit("")
            return
        number, i = found
        series = self.chart.series[number]
        chrome = look.chrome_of(self._theme.name)
        self._mark.setData(
            [float(series.x[i])],
            [float(self._heights(series)[i])],
            brush=pyqtgraph.mkBrush(self._theme.selection),
            pen=pyqtgraph.mkPen(chrome.panel, width=1.5),
        )
        text = self.describe_point(number, i)
        self.setToolTip(look.tip(text))
        self.setCursor(Qt.PointingHandCursor)
        self.pointed.emit(text)

    def mousePressEvent(self, event) -> None:  # noqa: N802
        """Go to the layer or snapshot of the nearest point."""
        found = self._nearest(event.localPos())
        self.setFocus(Qt.MouseFocusReason)
        if event.button() == Qt.LeftButton and found is not None:
            self._click(found)

    def _click(self, found: tuple[int, int]) -> None:
        assert self.chart is not None
        series = self.chart.series[found[0]]
        node = series.nodes[found[1]] if series.nodes else ""
        snapshot = series.snapshots[found[1]] if series.snapshots else ""
        self.point_clicked.emit(node, snapshot)

    def mouseReleaseEvent(self, event) -> None:  # noqa: N802
        """Nothing: the chart neither pans nor zooms."""

    def wheelEvent(self, event) -> None:  # noqa: N802
        """Leave the wheel to what scrolls."""
        event.ignore()

    def leaveEvent(self, event) -> None:  # noqa: N802
        """Nothing is pointed at."""
        self._point_at(None)

    def keyPressEvent(self, event) -> None:  # noqa: N802
        """Left and right go from point to point of the line that is looked at, Enter goes there."""
        step = {Qt.Key_Left: -1, Qt.Key_Right: 1}.get(event.key())
        if self.chart is None or not self.chart.series:
            super().keyPressEvent(event)
            return
        number = next((k for k, one in enumerate(self.chart.series) if one.is_emphasised), 0)
        known = np.flatnonzero(np.isfinite(self.chart.series[number].y))
        if step is not None and len(known):
            at = self._hover_index[1] if self._hover_index is not None else int(known[0]) - step
            places = [int(k) for k in known if (k - at) * step > 0]
            if places:
                self._point_at((number, places[0] if step > 0 else places[-1]))
        elif event.key() in (Qt.Key_Return, Qt.Key_Enter) and self._hover_index is not None:
            self._click(self._hover_index)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event) -> None:  # noqa: N802
        """Paint the chart, or what to do where there is none."""
        super().paintEvent(event)
        if self.chart is not None and self.chart.series:
            painter = QPainter(self.viewport())
            self._draw_names(painter)
            painter.end()
        if self.chart is not None and not self.chart.series:
            painter = QPainter(self.viewport())
            chrome = look.chrome_of(self._theme.name)
            painter.fillRect(self.viewport().rect(), QColor(chrome.panel))
            painter.setFont(look.text_font())
            painter.setPen(QColor(chrome.muted))
            painter.drawText(QRectF(self.viewport().rect()), Qt.AlignCenter | Qt.TextWordWrap, self.chart.empty)
            painter.end()


class LayerAxis(AxisItem):
    """Names of layers, as many as fit, or numbers."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        self._what = Axis("")

    def describe(self, what: Axis) -> None:
        """Show what an axis shows."""
        self._what = what
        self.enableAutoSIPrefix(False)
        self.picture = None

    def tickValues(self, least, most, size):  # noqa: N802
        """Return a tick for each name that has room, or pyqtgraph's own."""
        labels = self._what.labels
        if not labels:
            return super().tickValues(least, most, size)[:1]
        room = size / max(most - least, 1e-9)
        step = max(1, int(np.ceil(46 / room)))
        widest = max(len(label) for label in labels) * 6.0
        if widest > room * step:
            step = max(step, int(np.ceil(min(widest, 96) / room)))
        return [(1.0, [float(i) for i in range(0, len(labels), step)])]

    def tickStrings(self, values, scale, spacing):  # noqa: N802
        """Return the names, shortened in the middle, or numbers."""
        labels = self._what.labels
        if not labels:
            return [figure(value, 6) for value in values]
        return [_short(labels[int(value)]) if 0 <= value < len(labels) else "" for value in values]


class NumberAxis(LayerAxis):
    """Figures with two or three digits, shares in percent."""

    def describe(self, what: Axis) -> None:
        """Show what an axis shows."""
        super().describe(Axis(what.title, what.unit, what.is_log))

    def tickStrings(self, values, scale, spacing):  # noqa: N802
        """Return figures."""
        if self._what.is_log:
            values = [10.0**value for value in values]
        if self._what.unit == "%":
            return [percent(value) for value in values]
        return [figure(value, 2) for value in values]


def _short(name: str, most: int = 16) -> str:
    return name if len(name) <= most else f"{name[: most - 8]}…{name[-7:]}"
