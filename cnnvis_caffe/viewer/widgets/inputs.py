"""Inputs of one look: segmented choice, drop-down, check box, stepper, slider with its value, chips."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnnvis_caffe.viewer.qt import (
    QColor,
    QEvent,
    QHBoxLayout,
    QLabel,
    QModelIndex,
    QPainter,
    QPen,
    QPoint,
    QRect,
    QRectF,
    QSize,
    QSizePolicy,
    Qt,
    QtGui,
    QtWidgets,
    QWidget,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style

#: A class's name has this room at most, in pixels.
WIDEST_CHIP = 240


class Segmented(QWidget):
    """A choice of which all options are seen.

    Signals
    -------
    chosen : str
        By the user, not by `set_value`.
    """

    chosen = Signal(str)

    def __init__(self, options: Sequence[tuple[str, str]], name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._options = list(options)
        self._value = self._options[0][0]
        self._under: int | None = None
        self._disabled: dict[str, str] = {}
        self._tips: dict[str, str] = {}
        self.setFocusPolicy(Qt.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(name)
        self.setFixedHeight(style.ROW)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)

    @property
    def value(self) -> str:
        """The chosen option."""
        return self._value

    def set_value(self, value: str) -> None:
        """Choose without telling anybody."""
        if value != self._value and any(value == key for key, _ in self._options):
            self._value = value
            self.setAccessibleDescription(dict(self._options)[value])
            self.update()

    def set_tips(self, tips: dict[str, str]) -> None:
        """Say of options what they mean, to whoever points at them."""
        self._tips = tips

    def set_unavailable(self, reasons: dict[str, str]) -> None:
        """Say which options cannot be chosen, and why."""
        self._disabled = reasons
        self.update()

    def reason_against(self, value: str) -> str:
        """Return why an option cannot be chosen, or nothing."""
        return self._disabled.get(value, "")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size in which every option has room."""
        metrics = self.fontMetrics()
        return QSize(sum(metrics.horizontalAdvance(text) + 18 for _, text in self._options), style.ROW)

    minimumSizeHint = sizeHint  # noqa: N815

    def _boxes(self) -> list[QRectF]:
        metrics = self.fontMetrics()
        wanted = [metrics.horizontalAdvance(text) + 18 for _, text in self._options]
        scale_room = (self.width() - 4 - sum(wanted)) / len(wanted)
        boxes, x = [], 2.0
        for width in wanted:
            boxes.append(QRectF(x, 2, width + scale_room, self.height() - 4))
            x += width + scale_room
        return boxes

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint the options, the chosen one raised."""
        chrome = style.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing, True)
        painter.setPen(QPen(QColor(chrome.focus if self.hasFocus() else chrome.line), 1))
        painter.setBrush(QColor(chrome.hover))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), style.CORNER, style.CORNER)
        for i, ((key, text), box) in enumerate(zip(self._options, self._boxes())):
            if key == self._value:
                painter.setPen(QPen(QColor(chrome.line), 1))
                painter.setBrush(QColor(chrome.raised))
                painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), style.CORNER - 1, style.CORNER - 1)
            usable = self.isEnabled() and key not in self._disabled
            strong = key == self._value or i == self._under
            painter.setPen(QColor(chrome.ink if usable and strong else chrome.muted))
            if not usable:
                painter.setOpacity(0.5)
            painter.drawText(box, Qt.AlignCenter, text)
            painter.setOpacity(1.0)
        painter.end()

    def _at(self, position: QPoint) -> int | None:
        for i, box in enumerate(self._boxes()):
            if box.contains(position):
                return i
        return None

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Choose."""
        at = self._at(event.pos())
        if event.button() == Qt.LeftButton and at is not None:
            self._choose(at)

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Point."""
        self._under = self._at(event.pos())
        key = self._options[self._under][0] if self._under is not None else ""
        self.setToolTip(style.tip(self._disabled.get(key) or self._tips.get(key, "")))
        self.update()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Nothing is pointed at."""
        self._under = None
        self.update()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Choose with the arrow keys."""
        step = {Qt.Key_Left: -1, Qt.Key_Up: -1, Qt.Key_Right: 1, Qt.Key_Down: 1}.get(event.key())
        if step is None:
            super().keyPressEvent(event)
            return
        at = [key for key, _ in self._options].index(self._value) + step
        while 0 <= at < len(self._options) and self._options[at][0] in self._disabled:
            at += step
        if 0 <= at < len(self._options):
            self._choose(at)

    def _choose(self, at: int) -> None:
        key = self._options[at][0]
        if key != self._value and key not in self._disabled:
            self.set_value(key)
            self.chosen.emit(key)


class Dropdown(QtWidgets.QComboBox):
    """A combo box painted flat.

    Signals
    -------
    chosen : str
        The data of the item that the user picked.
    """

    chosen = Signal(str)

    def __init__(self, name: str = "", options: Sequence[tuple[str, str]] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFixedHeight(style.ROW)
        self.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToContents)
        self.setItemDelegate(QtWidgets.QStyledItemDelegate(self))
        self.set_options(options)
        self.activated.connect(self._tell)

    def set_options(self, options: Sequence[tuple[str, str]]) -> None:
        """Offer other options, as (value, text); the chosen one stays if it is still there."""
        before = self.value
        self.blockSignals(True)
        self.clear()
        for value, text in options:
            self.addItem(text, value)
        at = self.findData(before)
        self.setCurrentIndex(at if at >= 0 else 0 if options else -1)
        self.blockSignals(False)
        self.updateGeometry()

    @property
    def value(self) -> str:
        """The chosen option."""
        data = self.currentData()
        return data if data is not None else ""

    def set_value(self, value: str) -> None:
        """Choose without telling anybody."""
        at = self.findData(value)
        if at >= 0 and at != self.currentIndex():
            self.blockSignals(True)
            self.setCurrentIndex(at)
            self.blockSignals(False)
            self.update()

    def _tell(self, at: int) -> None:
        self.chosen.emit(self.itemData(at))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size in which the longest option has room."""
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(self.itemText(i)) for i in range(self.count())), default=40)
        return QSize(widest + 34, style.ROW)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return a size in which the options are shortened."""
        return QSize(min(self.sizeHint().width(), 84), style.ROW)

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:  # noqa: N802
        """Leave the wheel to what scrolls."""
        event.ignore()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint a field with its text and a small arrow."""
        chrome = style.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing, True)
        painter.setPen(QPen(QColor(chrome.focus if self.hasFocus() else chrome.line), 1))
        painter.setBrush(QColor(chrome.hover if self.underMouse() and self.isEnabled() else chrome.field))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), style.CORNER, style.CORNER)
        painter.setPen(QColor(chrome.ink if self.isEnabled() else chrome.muted))
        room = self.rect().adjusted(9, 0, -22, 0)
        text = self.fontMetrics().elidedText(self.currentText(), Qt.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignVCenter | Qt.AlignLeft, text)
        _draw_chevron(painter, self.width() - 14, self.height() / 2, chrome.muted)
        painter.end()


def _draw_chevron(painter: QPainter, x: float, y: float, colour: str) -> None:
    painter.setPen(QPen(QColor(colour), 1.4, Qt.SolidLine, Qt.RoundCap, Qt.RoundJoin))
    from cnnvis_caffe.viewer.qt import QPainterPath, QPointF

    path = QPainterPath(QPointF(x - 3.5, y - 1.75))
    path.lineTo(x, y + 1.75)
    path.lineTo(x + 3.5, y - 1.75)
    painter.setBrush(Qt.NoBrush)
    painter.drawPath(path)


class Check(QtWidgets.QCheckBox):
    """A check box painted flat."""

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint a box, its tick and the text."""
        painter = QPainter(self)
        paint_check(painter, QRect(0, (self.height() - 14) // 2, 14, 14), self.isChecked(), focus=self.hasFocus())
        chrome = style.current()
        painter.setPen(QColor(chrome.ink if self.isEnabled() else chrome.muted))
        painter.drawText(self.rect().adjusted(21, 0, 0, 0), Qt.AlignVCenter | Qt.AlignLeft, self.text())
        painter.end()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of box and text."""
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + 24, 22)

    def hitButton(self, position: QPoint) -> bool:  # noqa: N802
        """Answer to a click anywhere."""
        return self.rect().contains(position)


def paint_check(painter: QPainter, box: QRect, checked: bool, *, focus: bool = False, colour: str = "") -> None:
    """Paint a check box, filled with a colour when it is checked."""
    chrome = style.current()
    painter.setRenderHint(QPainter.Antialiasing, True)
    fill = colour or chrome.accent
    edge = chrome.focus if focus else fill if checked else chrome.muted
    painter.setPen(QPen(QColor(edge), 1.2))
    painter.setBrush(QColor(fill if checked else chrome.field))
    area = QRectF(box).adjusted(0.6, 0.6, -0.6, -0.6)
    painter.drawRoundedRect(area, 3, 3)
    if checked:
        light = QColor(fill).lightnessF() > 0.6
        painter.setPen(QPen(QColor("#1E2329" if light else "#FFFFFF"), 1.7, Qt.SolidLine, Qt.RoundCap, Qt.RoundJoin))
        painter.setBrush(Qt.NoBrush)
        painter.save()
        painter.translate(box.x(), box.y())
        painter.scale(box.width() / 16, box.height() / 16)
        painter.drawPath(style.icon_path("check"))
        painter.restore()


class CheckDelegate(QtWidgets.QStyledItemDelegate):
    """Gives the items of a list the check boxes of everything else; the style's own are not seen on a dark ground."""

    def paint(self, painter: QPainter, option: QtWidgets.QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint the item, then its check box over the style's."""
        super().paint(painter, option, index)
        state = index.data(Qt.CheckStateRole)
        if state is None:
            return
        wanted = QtWidgets.QStyleOptionViewItem(option)
        self.initStyleOption(wanted, index)
        drawn_by = option.widget.style() if option.widget is not None else QtWidgets.QApplication.style()
        box = drawn_by.subElementRect(QtWidgets.QStyle.SE_ItemViewItemCheckIndicator, wanted, option.widget)
        painter.save()
        painter.fillRect(box, QColor(style.current().panel))
        side = min(box.width(), box.height(), 14)
        place = QRect(0, 0, side, side)
        place.moveCenter(box.center())
        paint_check(painter, place, state == Qt.Checked)
        painter.restore()


class Stepper(QWidget):
    """A whole number with a button on either side; its least value may have a name.

    Signals
    -------
    chosen : int
    """

    chosen = Signal(int)

    def __init__(self, least: int, most: int, name: str = "", least_text: str = "") -> None:
        super().__init__()
        self._least, self._most, self._least_text = least, most, least_text
        self._value = least
        self._stands_for = 0
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._less = self._button("−", "fewer", name)
        self._more = self._button("+", "more", name)
        self._text = QLabel()
        self._text.setAlignment(Qt.AlignCenter)
        self._text.setMinimumWidth(36)
        for widget in (self._less, self._text, self._more):
            layout.addWidget(widget)
        self._less.clicked.connect(lambda: self._step(-1))
        self._more.clicked.connect(lambda: self._step(1))
        self.setAccessibleName(name)
        self._show()

    @staticmethod
    def _button(text: str, verb: str, name: str) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton()
        button.setText(text)
        button.setFixedSize(style.ROW - 2, style.ROW - 2)
        button.setAutoRepeat(True)
        button.setAutoRepeatDelay(400)
        button.setAccessibleName(f"{name}: {verb}")
        return button

    @property
    def value(self) -> int:
        """The number."""
        return self._value

    def set_value(self, value: int) -> None:
        """Set without telling anybody."""
        self._value = min(max(value, self._least), self._most)
        self._show()

    def set_stands_for(self, number: int) -> None:
        """Say which number the named one gives now: steps go on from there; 0 where it is not known."""
        self._stands_for = number
        self._show()

    def _step(self, by: int) -> None:
        value = self._value + by
        if self._value == self._least and by > 0 and self._least_text:
            value = min(max(2, self._least + 1, self._stands_for + 1), self._most)
        elif value < 2 and self._least_text:
            value = self._least
        if self._least <= value <= self._most and value != self._value:
            self.set_value(value)
            self.chosen.emit(value)

    def _show(self) -> None:
        named = self._value == self._least and self._least_text
        known = f" {self._stands_for}" if self._stands_for else ""
        self._text.setText(f"{self._least_text}{known}" if named else str(self._value))
        self._less.setEnabled(self._value > self._least)
        self._more.setEnabled(self._value < self._most)


class Slider(QWidget):
    """A slider with what it stands at beside it.

    Signals
    -------
    moved : int
        While it is dragged, and by keys.
    """

    moved = Signal(int)

    def __init__(self, least: int, most: int, name: str, text: Callable[[int], str]) -> None:
        super().__init__()
        self._text_of = text
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(style.SPACE)
        self.slider = QtWidgets.QSlider(Qt.Horizontal)
        self.slider.setRange(least, most)
        self.slider.setAccessibleName(name)
        self.slider.setMinimumHeight(22)
        self._text = QLabel()
        self._text.setAlignment(Qt.AlignRight | Qt.AlignVCenter)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self._text)
        widest = max(self.fontMetrics().horizontalAdvance(text(value)) for value in (least, (least + most) // 2, most))
        self._text.setMinimumWidth(widest + 4)
        self.slider.valueChanged.connect(self._changed)
        self._text.setText(text(self.slider.value()))

    @property
    def value(self) -> int:
        """Return its value."""
        return self.slider.value()

    def set_value(self, value: int) -> None:
        """Set without telling anybody; not while the user drags it."""
        if self.slider.isSliderDown():
            return
        self.slider.blockSignals(True)
        self.slider.setValue(value)
        self.slider.blockSignals(False)
        self._text.setText(self._text_of(self.slider.value()))

    def _changed(self, value: int) -> None:
        self._text.setText(self._text_of(value))
        self.moved.emit(value)


class Flow(QtWidgets.QLayout):
    """Places widgets from left to right and begins a new line where one is full."""

    def __init__(self, parent: QWidget | None = None, gap: int = style.GRID) -> None:
        super().__init__(parent)
        self._items: list[QtWidgets.QLayoutItem] = []
        self._gap = gap
        self.setContentsMargins(0, 0, 0, 0)

    def addItem(self, item: QtWidgets.QLayoutItem) -> None:  # noqa: N802
        """Add at the end."""
        self._items.append(item)

    def count(self) -> int:
        """Return how many widgets there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QtWidgets.QLayoutItem | None:  # noqa: N802
        """Return one, or None."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QtWidgets.QLayoutItem | None:  # noqa: N802
        """Take one away."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        """The narrower, the higher."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        """Return the height that a width needs."""
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, box: QRect) -> None:  # noqa: N802
        """Place everything."""
        super().setGeometry(box)
        self._place(box, move=True)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the least size."""
        return self.minimumSize()

    def minimumSize(self) -> QSize:  # noqa: N802
        """Return the size of the largest widget."""
        size = QSize()
        for item in self._items:
            size = size.expandedTo(item.minimumSize())
        return size

    def _place(self, box: QRect, *, move: bool) -> int:
        x, y, height = box.x(), box.y(), 0
        for item in self._items:
            hint = item.sizeHint()
            if x > box.x() and x + hint.width() > box.right() + 1:
                x, y, height = box.x(), y + height + self._gap, 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), hint))
            x += hint.width() + self._gap
            height = max(height, hint.height())
        return y + height - box.y()


class Chip(QtWidgets.QAbstractButton):
    """A small switch with a colour and a name, for a class.

    Signals
    -------
    chosen_alone : ()
        It was clicked twice.
    """

    chosen_alone = Signal()

    def __init__(self, text: str, colour: str) -> None:
        super().__init__()
        self._colour = colour
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.StrongFocus)
        self.setAccessibleName(f"class {text}")

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:  # noqa: N802
        """Choose it alone."""
        self.chosen_alone.emit()

    def set_colour(self, colour: str) -> None:
        """Wear another colour."""
        self._colour = colour
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of swatch and name."""
        return QSize(min(self.fontMetrics().horizontalAdvance(self.text()) + 30, WIDEST_CHIP), 22)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint the check box in the class's colour, then the name."""
        chrome = style.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing, True)
        if self.underMouse() or self.hasFocus():
            painter.setPen(QPen(QColor(chrome.focus), 1) if self.hasFocus() else QPen(Qt.NoPen))
            painter.setBrush(QColor(chrome.hover) if self.underMouse() else Qt.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        paint_check(painter, QRect(4, (self.height() - 14) // 2, 14, 14), self.isChecked(), colour=self._colour)
        painter.setPen(QColor(chrome.ink if self.isChecked() else chrome.muted))
        room = self.rect().adjusted(24, 0, -2, 0)
        name = self.fontMetrics().elidedText(self.text(), Qt.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignVCenter | Qt.AlignLeft, name)
        painter.end()


class Elided(QWidget):
    """A name that is shortened in the middle where there is no room for it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.setToolTip(style.tip(text))
        self.setAccessibleName(text)
        self.setSizePolicy(QSizePolicy.Ignored, QSizePolicy.Preferred)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of the whole name."""
        return QSize(self.fontMetrics().horizontalAdvance(self.text), 22)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:  # noqa: N802
        """Paint the name."""
        painter = QPainter(self)
        text = self.fontMetrics().elidedText(self.text, Qt.ElideMiddle, self.width())
        painter.setPen(QColor(style.current().ink))
        painter.drawText(self.rect(), Qt.AlignLeft | Qt.AlignVCenter, text)
        painter.end()


class Line(QtWidgets.QLabel):
    """A label that is shortened in the middle where there is no room for it; the tool tip has all of it.

    Parameters
    ----------
    text, role : str, default=""
        As for `style.label`.
    least : int
        As much of it is always seen, in pixels.
    """

    def __init__(self, text: str = "", role: str = "", least: int = 56) -> None:
        super().__init__()
        self._whole, self._room, self._least = "", 0, least
        self._shorter: tuple[str, ...] = ()
        self.setTextFormat(Qt.PlainText)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def text(self) -> str:
        """Return all of it."""
        return self._whole

    def setText(self, text: str, shorter: Sequence[str] = ()) -> None:  # noqa: N802
        """Show another text, or the first of some shorter ones that fits."""
        self._whole, self._shorter = text, tuple(shorter)
        self.setAccessibleName(text)
        self._fit()
        self.updateGeometry()

    def set_room(self, width: int, least: int = 56) -> None:
        """Ask for so much room whatever the text, so that what stands beside it does not move."""
        self._room, self._least = width, least
        self.updateGeometry()

    def width_of(self, text: str) -> int:
        """Return the room that a text takes, in pixels."""
        self.ensurePolished()
        margins = self.contentsMargins()
        return self.fontMetrics().horizontalAdvance(text) + margins.left() + margins.right() + 2

    def _fit(self) -> None:
        room, metrics = max(self.contentsRect().width(), 0), self.fontMetrics()
        texts = (self._whole, *self._shorter)
        fitting = (text for text in texts if metrics.horizontalAdvance(text) <= room)
        shown = next(fitting, "") or metrics.elidedText(texts[-1], Qt.ElideMiddle, room)
        super().setText(shown)
        self.setToolTip("" if shown == self._whole else style.tip(self._whole))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of the whole text."""
        return QSize(self._room or self.width_of(self._whole), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Return a size in which something of it is seen."""
        return QSize(min(self.sizeHint().width(), self._least), super().minimumSizeHint().height())

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        """Show as much as there is room for."""
        super().resizeEvent(event)
        self._fit()
