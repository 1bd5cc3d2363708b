"""Lists the neurons of several layers for the window: columns, their words, order, filter, what a row stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.progress import Progress
from cnnvis_caffe.readings.neurons import NeuronNumbers, joined, neuron_numbers
from cnnvis_caffe.readings.tables import neuron_columns
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.table_files import Part
from cnnvis_caffe.text.words import class_name, counted, figure, percent, whole
from cnnvis_caffe.viewer.model.lookup import column_of
from cnnvis_caffe.viewer.model.session import Session

#: Which layers are listed, where it is no single one: no layer has such a name.
IN_PICTURE, EVERYWHERE = "in the picture", "all layers"


@dataclass(frozen=True)
class ListColumn:
    """A column of the list.

    Attributes
    ----------
    name : str
        By which a filter names it; the first letters are enough.
    title, tip : str
    """

    name: str
    title: str
    tip: str


COLUMNS = (
    ListColumn("layer", "Layer", "In the order in which they run"),
    ListColumn("neuron", "Neuron", "Its number in its layer"),
    ListColumn("cluster", "Cluster", "In the picture; nothing for layers that it does not show"),
    ListColumn("strongest", "Strongest", "What it answers to most of all"),
    ListColumn("mean", "Mean", "Mean activation over the chosen images"),
    ListColumn(
        "selectivity",
        "Selectivity",
        "(mean − mean over the other images) / (sum of both): 1 is active for the chosen ones alone. In layers that go "
        "below 0, the difference in standard deviations. With all chosen, it is about the strongest one.",
    ),
    ListColumn("contribution", "Contribution", "What it adds to the scores of the chosen ones"),
    ListColumn("active", "Active", "Share of the chosen images that activate it"),
    ListColumn("dead", "Dead", "A rectifier's neuron that no image activates"),
    ListColumn("redundant", "Redundant with", "Another neuron of the layer that does the same, and how many more"),
)
NAMES = tuple(column.name for column in COLUMNS)


class Measurements:
    """Measures neurons, and keeps what does not depend on the chosen classes; made for one analysis."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._of_all: dict[tuple[str, str], NeuronNumbers] = {}

    def __call__(
        self, snapshot: str, layers: Sequence[str], classes: Sequence[int], progress: Progress
    ) -> NeuronNumbers:
        """Measure the neurons of some layers, one layer behind the other."""
        progress.start(len(layers), "measuring neurons")
        one, parts = self.analysis.snapshot(snapshot), []
        for layer in layers:
            key = (one.label, layer)
            if key not in self._of_all:
                self._of_all[key] = neuron_numbers(self.analysis, one, layer)
            parts.append(neuron_numbers(self.analysis, one, layer, classes, self._of_all[key]))
            progress.step()
        progress.done()
        return joined(parts)


class NeuronList:
    """The neurons of some layers, the rows that a filter lets through, and their order.

    Parameters
    ----------
    analysis : Analysis
    layers : sequence of str

    Attributes
    ----------
    rows : ndarray of int64
        The neurons that are listed, in their order: places among all neurons of the layers.
    numbers : NeuronNumbers or None
        None until they are measured.
    """

    def __init__(self, analysis: Analysis, layers: Sequence[str]) -> None:
        self.analysis, self.layers = analysis, tuple(layers)
        sizes = [analysis.node(layer).n_neurons for layer in self.layers]
        self.layer = np.repeat(np.arange(len(sizes)), sizes)
        self._starts = np.cumsum([0, *sizes])
        self.neuron = np.arange(len(self.layer)) - self._starts[self.layer]
        self.cluster = np.full(len(self.layer), np.nan)
        self.numbers: NeuronNumbers | None = None
        self.text, self.only = "", None  # type: tuple[str, np.ndarray | None]
        self._sorted_by, self._is_falling = "layer", False
        self._values: dict[str, np.ndarray] = {}
        self.rows = np.arange(len(self.layer))

    # -- what it holds

    def set_numbers(self, numbers: NeuronNumbers) -> None:
        """Show numbers; filter and order follow."""
        self.numbers, self._values = numbers, {}
        self._refresh()

    def set_clusters(self, aggregation: Aggregation | None) -> None:
        """Say in which cluster of the picture each neuron is."""
        self.cluster, self._values = np.full(len(self.layer), np.nan), {}
        for number, layer in enumerate(self.layers):
            column = column_of(aggregation, layer)
            if column is not None:
                self.cluster[self._starts[number] : self._starts[number + 1]] = column.labels + 1
        self._refresh()

    def values(self, column: str) -> np.ndarray:
        """Return what a column is sorted and filtered by, for all neurons; NaN where that is not known."""
        if column not in self._values:
            self._values[column] = self._values_of(column)
        return self._values[column]

    def _values_of(self, column: str) -> np.ndarray:
        if column in ("layer", "neuron", "cluster"):
            return np.asarray(getattr(self, column), np.float64)
        numbers = self.numbers
        if numbers is None:
            return np.full(len(self.layer), np.nan)
        if column == "strongest":
            return np.where(numbers.strongest >= 0, numbers.strongest, np.nan)
        name = {"active": "active_share", "redundant": "twins"}.get(column, column)
        return np.asarray(getattr(numbers, name))

    # -- order and filter

    def sort(self, column: str, *, is_falling: bool) -> None:
        """Sort by a column; what is not known comes last either way, and equals stay in the network's order."""
        self._sorted_by, self._is_falling = column, is_falling
        self._refresh()

    def filter(self, text: str, only: Iterable[int] | None = None) -> None:
        """List what the words of a text let through, of all neurons or of some.

        Raises
        ------
        ValueError
            If a condition names no column or no number.
        """
        self._mask(text)  # raises before anything is changed
        self.text = text
        self.only = None if only is None else np.asarray(sorted(only), np.int64)
        self._refresh()

    def _refresh(self) -> None:
        mask = self._mask(self.text)
        if self.only is not None:
            chosen = np.zeros(len(mask), bool)
            chosen[self.only] = True
            mask &= chosen
        kept = np.flatnonzero(mask)
        values = self.values(self._sorted_by)[kept]
        self.rows = kept[np.argsort(-values if self._is_falling else values, kind="stable")]

    def _mask(self, text: str) -> np.ndarray:
        mask = np.ones(len(self.layer), bool)
        for word in text.split():
            mask &= self._word(word.lower())
        return mask

    def _word(self, word: str) -> np.ndarray:
        """Which neurons a word lets through."""
        condition = re.fullmatch(r"([a-z]+)(<=|>=|<|>|=)(.*)", word)
        if condition is not None:
            return self._condition(*condition.groups())
        if word == "dead":
            return self.values("dead") > 0
        if word == "redundant":
            return self.values("redundant") > 0
        if word.isdigit():
            return self.neuron == int(word)
        layer, _, number = word.rpartition(":")
        if layer and number.isdigit():
            return self._in_layers(layer) & (self.neuron == int(number))
        mask = self._in_layers(word)
        names = [c for c, name in enumerate(self.analysis.data.class_names) if word in name.lower()]
        return mask | np.isin(self.values("strongest"), names)

    def _in_layers(self, part: str) -> np.ndarray:
        return np.array([part in layer.lower() for layer in self.layers], bool)[self.layer]

    def _condition(self, name: str, sign: str, number: str) -> np.ndarray:
        """Which neurons fulfil a condition such as "mean>0.5" or "active<10%"."""
        found = [column for column in NAMES if column.startswith(name)]
        if len(found) != 1:
            raise ValueError(f"no column {name!r}; there are {', '.join(NAMES)}")
        try:
            value = float(number.rstrip("%").replace("−", "-")) / (100 if number.endswith("%") else 1)
        except ValueError:
            raise ValueError(f"{number!r} after {name}{sign} is not a number") from None
        values = self.values(found[0])
        compare: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
            "<": np.less, ">": np.greater, "<=": np.less_equal, ">=": np.greater_equal, "=": np.equal,
        }  # fmt: skip
        return compare[sign](values, value)

    # -- what a row says

    def cell(self, row: int, column: str) -> str:
        """Return the words of a cell; nothing where there is nothing to say."""
        place, numbers = int(self.rows[row]), self.numbers
        if column == "layer":
            return self.layers[self.layer[place]]
        if column == "neuron":
            return str(self.neuron[place])
        value = float(self.values(column)[place])
        if not np.isfinite(value):
            return ""
        if column == "strongest":
            return class_name(self.analysis, int(value))
        if column == "active":
            return percent(value)
        if column == "dead":
            return "dead" if value else ""
        if column == "redundant":
            others = f" and {counted(int(value) - 1, 'other')}" if value > 1 else ""
            return f"{int(numbers.twin[place])}{others}" if value and numbers is not None else ""
        return figure(value) if column != "cluster" else str(int(value))

    # -- rows and targets

    def target(self, places: Iterable[int], current: int | None = None) -> Target | None:
        """Return the neurons at some places as one thing to select: those of one layer, where there are several.

        Parameters
        ----------
        places : iterable of int
            As in `rows`.
        current : int, optional
            One of them, whose layer it is; the first one by default.
        """
        chosen = np.asarray(sorted(places), np.int64)
        if not len(chosen):
            return None
        layer = self.layer[chosen[0] if current is None or current not in chosen else current]
        members = self.neuron[chosen[self.layer[chosen] == layer]]
        return Target("neuron", self.layers[layer], tuple(members.tolist()))

    def places(self, target: Target | None) -> np.ndarray:
        """Return where the neurons of a selection are among all; empty for what is neither neuron nor cluster."""
        if target is None or target.kind not in ("neuron", "cluster") or target.node not in self.layers:
            return np.zeros(0, np.int64)
        number = self.layers.index(target.node)
        members = np.asarray(target.members, np.int64)
        size = self._starts[number + 1] - self._starts[number]
        return np.asarray(self._starts[number] + members[members < size], np.int64)

    def rows_of(self, places: np.ndarray) -> np.ndarray:
        """Return the rows, sorted, in which some neurons are listed."""
        row = np.full(len(self.layer), -1)
        row[self.rows] = np.arange(len(self.rows))
        found = row[places]
        return np.sort(found[found >= 0])

    def parts(self, places: np.ndarray | None = None) -> list[Part]:
        """Return the listed neurons for a file, those at some places or all, in the order in which they are listed."""
        rows = self.rows if places is None else self.rows[np.isin(self.rows, places)]
        if self.numbers is None or not len(rows):
            return []
        names, values = neuron_columns(self.numbers)
        table = np.column_stack([values[:, :1], self.cluster, values[:, 1:]])[rows]
        ends = np.flatnonzero(np.diff(self.layer[rows])) + 1
        names = (names[0], "cluster", *names[1:])
        firsts = [0, *ends.tolist()]
        return [
            (self.layers[self.layer[rows[first]]], names, part) for first, part in zip(firsts, np.split(table, ends))
        ]


def layers_to_list(session: Session, which: str) -> tuple[str, ...]:
    """Return the layers whose neurons are listed: of the picture, all, or one."""
    analysis, snapshot = session.analysis, session.snapshot
    if analysis is None or snapshot is None:
        return ()
    known = [node.name for node in analysis.shown_nodes if node.name in snapshot.features]
    known = [name for name in known if name != analysis.data.input_name]
    if which == IN_PICTURE:
        columns = session.aggregation.columns if session.aggregation is not None else ()
        shown = {column.node for column in columns}
        return tuple(name for name in known if name in shown)
    return tuple(name for name in known if which in (EVERYWHERE, name))


def chosen_words(session: Session) -> str:
    """Say for which classes the numbers are."""
    analysis, classes = session.analysis, session.view.classes
    if analysis is None:
        return ""
    data = analysis.data
    if not classes:
        return f"all {data.columns}"
    if len(classes) > 3:
        return f"{len(classes)} {data.columns}"
    names = ", ".join(class_name(analysis, c) for c in classes if c < data.n_classes)
    return f"{data.column if len(classes) == 1 else data.columns} {names}"


def state_line(neurons: NeuronList, n_chosen: int, target: Target | None) -> str:
    """Say how many neurons are listed and selected, and which of them the picture shows as selected."""
    n, listed = len(neurons.layer), len(neurons.rows)
    words = counted(n, "neuron") if listed == n else f"{whole(listed)} of {counted(n, 'neuron')}"
    if not n_chosen:
        return words
    words += f"  ·  {whole(n_chosen)} selected"
    if target is not None and len(target.members) < n_chosen:
        words += f", {whole(len(target.members))} of {target.node} in the picture"
    return words
