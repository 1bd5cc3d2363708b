"""Reads training logs as curves: Caffe's own text, ours, and our log for programs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.formats.images import read_bytes
from cnnvis_caffe.records.analysis import Curve

_NUMBER = r"([-+]?(?:\d+(?:\.\d*)?(?:e[-+]?\d+)?|nan|inf))"
# Longer ones are no iterations and no places: those end at 2^31.
_WHOLE = r"(\d{1,10})"
_MAX_ITERATION = 2**31 - 1
_LONGEST_LINE = 4096  # of those that Caffe writes
# Severity and date, time, thread, file and line.
_PREFIX = re.compile(r"^[IWEF]\d{4,8} [\d:.]+ +\d+ [^\s\]]+:\d+\] ?")
_LOSS = re.compile(rf"Iteration {_WHOLE}(?: \([^)]*\))?, loss = {_NUMBER}\s*$", re.I)
_RATE = re.compile(rf"Iteration {_WHOLE}, lr = {_NUMBER}\s*$", re.I)
_TESTING = re.compile(rf"Iteration {_WHOLE}, Testing net \(#{_WHOLE}\)")
_OUTPUT = re.compile(rf"\s*(Train|Test) net output #{_WHOLE}: (.+?) = {_NUMBER}(?: \(.*\))?\s*$", re.I)
_GRADIENT = re.compile(rf"\s*\[Backward\] Layer (.+), param blob 0 diff: {_NUMBER}\s*$", re.I)
_WEIGHT = re.compile(rf"\s*\[Forward\] Layer (.+), param blob 0 data: {_NUMBER}\s*$", re.I)
_UPDATE = re.compile(rf"\s*\[Update\] Layer (.+), param (?:blob )?0 data: {_NUMBER}; diff: {_NUMBER}\s*$", re.I)

RATE, TRAIN_LOSS = "learning rate", "train loss"
#: Of one minibatch, unlike everything that an analysis measures on all data.
_MINIBATCH = ", one minibatch"


def read_training_log(path: str | os.PathLike[str]) -> tuple[Curve, ...]:
    """Read a training log.

    Parameters
    ----------
    path : str or path-like
        What Caffe or ``cnnvis-caffe train`` wrote to stderr, or the file that ``train --log`` wrote. It may be cut
        off anywhere, and be several logs one behind the other.

    Returns
    -------
    tuple of Curve
        "learning rate"; "train loss", which is smoothed; "test <output>" and "train <output> of a minibatch" for
        the outputs of the nets, with the number of the test net where there is more than one and of the value where
        an output has several; "weight of <layer>", "gradient of <layer>" and "update of <layer>" where the log has
        them (``debug_info``): mean absolute values of the layer's first parameter, gradient and update those of one
        minibatch. Where a run was resumed, what came after that iteration before is left out.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataFileError
        If it has no line of a training log.

    Notes
    -----
    The lines are those of ``src/caffe/solver.cpp``, ``src/caffe/solvers/sgd_solver.cpp`` and ``src/caffe/net.cpp``.
    """
    text = read_bytes(path).decode("utf-8", "replace")
    curves = _Curves()
    lines = _Lines(curves)
    # A last line without its end may stop inside a number: 1.9 of 1.98765 would be taken for a loss.
    for line in text[: text.rfind("\n") + 1].splitlines():
        if line.startswith("{"):
            _read_object(line, curves)
        elif len(line) <= _LONGEST_LINE:
            lines.read(_PREFIX.sub("", line))
    result = curves.result(os.path.basename(os.fspath(path)))
    if not result:
        raise DataFileError(os.fspath(path), "has no line of a training log, such as 'Iteration 100, loss = 0.5'")
    return result


class _Curves:
    """Values by curve and iteration."""

    def __init__(self) -> None:
        self._values: dict[str, dict[int, float]] = {}
        self._order: list[tuple[int, str]] = []  # of what was added, with iterations that only grow
        self._last = -1

    def at(self, iteration: int) -> None:
        """Say which iteration a log has come to; one that was passed already is that of a resumed run."""
        while iteration < self._last and self._order and self._order[-1][0] >= iteration:
            later, name = self._order.pop()
            self._values[name].pop(later, None)
        self._last = iteration

    def add(self, name: str, value: float) -> None:
        """Add a value of the iteration that the log has come to; a later one of the same takes its place."""
        self._values.setdefault(name, {})[self._last] = value
        self._order.append((self._last, name))

    def result(self, source: str) -> tuple[Curve, ...]:
        """All curves that have values."""
        curves = []
        for name, values in self._values.items():
            iterations = np.array(sorted(values), np.int64)
            if len(iterations):
                of_minibatch = name.startswith(("gradient of ", "update of ")) or name.endswith(" of a minibatch")
                numbers = np.array([values[i] for i in iterations.tolist()], np.float64)
                curves.append(Curve(name, "", iterations, numbers, source + _MINIBATCH * of_minibatch))
        return tuple(curves)


class _Lines:
    """Reads lines of text, of which each only means something after others."""

    def __init__(self, curves: _Curves) -> None:
        self._curves = curves
        self._iteration: int | None = None
        self._test: tuple[int, int] | None = None
        self._waiting: dict[str, float] = {}
        self._seen: dict[str, int] = {}

    def read(self, line: str) -> None:
        """Read a line without its prefix."""
        if line.startswith("Iteration "):
            self._read_iteration(line)
        elif "net output #" in line:
            self._read_output(line)
        elif "Layer " in line:
            self._read_debug(line)

    def _read_iteration(self, line: str) -> None:
        found = _LOSS.match(line)
        if found:
            self._iteration = int(found.group(1))
            self._test, self._seen = None, {}
            self._curves.at(self._iteration)
            self._curves.add(TRAIN_LOSS, float(found.group(2)))
            # Lines of debug_info come before the one that says which iteration they are of.
            for name, value in self._waiting.items():
                self._curves.add(name, value)
            self._waiting = {}
            return
        found = _RATE.match(line)
        if found:
            self._curves.at(int(found.group(1)))
            self._curves.add(RATE, float(found.group(2)))
            return
        found = _TESTING.match(line)
        if found:
            self._test, self._seen = (int(found.group(1)), int(found.group(2))), {}
            self._curves.at(self._test[0])

    def _read_output(self, line: str) -> None:
        found = _OUTPUT.match(line)
        if not found:
            return
        phase, number, name, value = found.group(1).lower(), int(found.group(2)), found.group(3), float(found.group(4))
        if number == 0:
            self._seen = {}
        place = self._seen.get(name, 0)
        self._seen[name] = place + 1
        shown = f"{name}[{place}]" if place else name
        if phase == "test" and self._test is not None:
            self._curves.add(_test_name(shown, self._test[1]), value)
        elif phase == "train" and self._iteration is not None:
            self._curves.add(f"train {shown} of a minibatch", value)

    def _read_debug(self, line: str) -> None:
        for pattern, what in ((_GRADIENT, "gradient"), (_WEIGHT, "weight")):
            found = pattern.match(line)
            if found:
                self._waiting[f"{what} of {found.group(1)}"] = float(found.group(2))
                return
        found = _UPDATE.match(line)
        if found and self._iteration is not None:
            self._curves.add(f"update of {found.group(1)}", float(found.group(3)))


def _test_name(output: str, net: int) -> str:
    """The name of a curve of a test net."""
    return f"test {output}" + (f" (net {net})" if net else "")


def _read_object(line: str, curves: _Curves) -> None:
    """Read a line of the log for programs."""
    try:
        row = json.loads(line)
        iteration = int(row["iter"])
        event = row["event"]
        if not 0 <= iteration <= _MAX_ITERATION:
            return
        if event in ("start", "train", "test"):
            curves.at(iteration)
        if event == "train":
            _add(curves, TRAIN_LOSS, row.get("smoothed_loss"))
            _add(curves, RATE, row.get("lr"))
            for name, value in _outputs(row.get("outputs")):
                _add(curves, f"train {name} of a minibatch", value)
            for layer, sizes in (row.get("layers") or {}).items():
                for what in ("weight", "gradient", "update"):
                    _add(curves, f"{what} of {layer}", sizes[what][0])
        elif event == "test":
            for name, value in _outputs(row.get("outputs")):
                _add(curves, _test_name(name, int(row.get("net", 0))), value)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError):
        return  # cut off, or no line of ours


def _outputs(outputs: Mapping[str, Any] | None) -> list[tuple[str, Any]]:
    """Names and single values."""
    result = []
    for name, value in (outputs or {}).items():
        values = value if isinstance(value, list) else [value]
        result += [(f"{name}[{i}]" if i else name, item) for i, item in enumerate(values)]
    return result


def _add(curves: _Curves, name: str, value: Any) -> None:
    """Add a value of the log for programs, where null is a number that is not finite."""
    curves.add(name, float("nan") if value is None else float(value))
