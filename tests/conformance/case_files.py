"""Conformance cases: how they are written, run and kept. Used under real Caffe and under ours alike.

Runs on Python 3.9 with numpy 1.19 and without anything of `cnnvis_caffe`, because real Caffe lives there.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
CASES = HERE / "cases"

SETTINGS = ("phase", "seed", "tolerance", "raises", "drops", "equal_axes", "quirk")
#: Steps after which everything is compared; `fill` only prepares.
ACTIONS = ("build", "forward", "backward", "reshape", "net_reshape", "clear_param_diffs", "random_seed", "memory_data")


class Case:
    """One prototxt with the directives of its header.

    Attributes
    ----------
    name : str
        ``Type/case``.
    text : str
        The prototxt.
    settings : dict of str to str
    steps : list of list of str
        Directives that do something, in order, split into words. The first is always ``build``.
    actions : list of list of str
        The steps after which the net is looked at: all but ``fill``.
    """

    def __init__(self, path: Path) -> None:
        self.name = f"{path.parent.name}/{path.stem}"
        self.text = path.read_text()
        self.settings: dict[str, str] = {}
        self.steps = [["build"]]
        for line in self.text.splitlines():
            if not line.startswith("#:"):
                continue
            word, _, rest = line[2:].strip().partition(" ")
            if word in SETTINGS:
                self.settings[word] = rest
            elif word == "fill" or word in ACTIONS:
                self.steps.append([word, *rest.split()])
            else:
                raise ValueError(f"{path}: unknown directive {word!r}")
        self.actions = [step for step in self.steps if step[0] != "fill"]


def all_cases() -> list[Case]:
    """Every case in the folder, in order of name."""
    return [Case(path) for path in sorted(CASES.glob("*/*.prototxt"))]


def draws_masks(case: Case) -> bool:
    """Whether Dropout draws random numbers, which a GPU draws by itself."""
    return 'type: "Dropout"' in case.text and "TRAIN" in case.text


def run_case(caffe: Any, case: Case, before: Callable[[Any], Any] | None = None) -> Iterator[dict]:
    """Run a case on a module that looks like pycaffe; give the state of the net after each action.

    Parameters
    ----------
    caffe : module
    case : Case
    before : callable, optional
        Called with the net before each forward and backward.

    Yields
    ------
    dict
        ``arrays``: name -> array, such as ``conv1`` (data of a blob), ``conv1.diff``, ``conv1[0]`` (a parameter),
        ``conv1[0].diff``; ``outputs``: names in order; ``shared``: pairs of names of blobs in the same memory;
        ``filled``: what `fill` steps have written since the last action, by name.
    """
    for net, filled in run_actions(caffe, case, before):
        arrays = _arrays(net)
        yield {
            "arrays": {name: array.copy() for name, array in arrays.items()},
            "outputs": list(net.outputs),
            "shared": _shared(arrays),
            "filled": filled,
        }


def run_actions(
    caffe: Any, case: Case, before: Callable[[Any], Any] | None = None
) -> Iterator[tuple[Any, dict[str, np.ndarray]]]:
    """Run a case without looking at anything; give the net and what was filled after each action."""
    random = np.random.RandomState(int(case.settings.get("seed", 0)))  # noqa: NPY002 - its stream never changes
    caffe.set_random_seed(int(case.settings.get("seed", 0)))
    net = None
    filled: dict[str, np.ndarray] = {}
    for word, *arguments in case.steps:
        if before is not None and word in ("forward", "backward"):
            before(net)
        if word == "build":
            net = _load(caffe, case)
        elif word == "fill":
            target = _find(net, arguments[0])
            target[...] = make_values(random, target.shape, *arguments[1:])
            filled[arguments[0]] = target.copy()
            continue
        elif word == "forward":
            net.forward(**dict(zip(("start", "end"), arguments)))
        elif word == "backward":
            net.backward(**dict(zip(("start", "end"), arguments)))
        elif word == "reshape":
            net.blobs[arguments[0]].reshape(*map(int, arguments[1:]))
        elif word == "net_reshape":
            net.reshape()
        elif word == "clear_param_diffs":
            net.clear_param_diffs()
        elif word == "random_seed":
            caffe.set_random_seed(int(arguments[0]))
        elif word == "memory_data":
            top = next(iter(net.blobs.values()))
            n_items = int(arguments[0])
            data = make_values(random, (n_items, *top.data.shape[1:]), *arguments[1:])
            net.set_input_arrays(data, np.arange(n_items, dtype=np.float32))
        yield net, filled
        filled = {}


def make_values(random: Any, shape: tuple[int, ...], kind: str, *arguments: str) -> np.ndarray:
    """Values of one kind; README.md lists the kinds."""
    numbers = [float(argument) for argument in arguments]
    count = int(np.prod(shape))
    if kind == "normal":
        values = random.standard_normal(count)
    elif kind == "uniform":
        low, high = numbers or (-1.0, 1.0)
        values = random.uniform(low, high, count)
    elif kind == "grid":
        values = random.randint(-40, 41, count) / 8
    elif kind == "labels":
        values = random.randint(0, int(numbers[0]), count)
    elif kind == "values":
        values = np.resize(numbers, count)
    elif kind == "shuffled":
        values = random.permutation(np.resize(numbers, count))
    else:
        raise ValueError(f"unknown kind of values {kind!r}")
    return np.asarray(values, np.float32).reshape(shape)


def _load(caffe: Any, case: Case) -> Any:
    """Build the net of a case."""
    handle, path = tempfile.mkstemp(suffix=".prototxt")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(case.text)
        return caffe.Net(path, getattr(caffe, case.settings.get("phase", "TEST")))
    finally:
        os.unlink(path)


def _find(net: Any, name: str) -> np.ndarray:
    """The live array that a name stands for."""
    name, part = (name[: -len(".diff")], "diff") if name.endswith(".diff") else (name, "data")
    if name.endswith("]"):
        layer, _, index = name[:-1].rpartition("[")
        return getattr(net.params[layer][int(index)], part)
    return getattr(net.blobs[name], part)


def _arrays(net: Any) -> dict[str, np.ndarray]:
    """Every array of a net by name."""
    blobs = dict(net.blobs)
    for layer, params in net.params.items():
        blobs.update((f"{layer}[{index}]", blob) for index, blob in enumerate(params))
    data = {name: _values(blob, "data") for name, blob in blobs.items()}
    return {**data, **{f"{name}.diff": _values(blob, "diff") for name, blob in blobs.items()}}


def _values(blob: Any, part: str) -> np.ndarray:
    """Data or diff; Caffe aborts when those of a blob are touched that never had any."""
    return getattr(blob, part) if blob.count else np.zeros(tuple(blob.shape), np.float32)


def _shared(arrays: dict[str, np.ndarray]) -> list[list[str]]:
    """Pairs of arrays that lie in the same memory."""
    names = sorted(arrays)
    return [
        [first, second]
        for index, first in enumerate(names)
        for second in names[index + 1 :]
        if np.may_share_memory(arrays[first], arrays[second])
    ]


class Recording:
    """What real Caffe did with the cases of one layer type: one flat array and an index in JSON.

    Attributes
    ----------
    cases : dict of str to dict
        Case name -> ``text`` (the case as it was recorded), ``aborted`` (bool) and ``states``, one for each action
        that Caffe survived: ``outputs``, ``shared`` and ``changed``, a dict from array name to (shape, offset) of
        those arrays that differ from the state before. Offset -1 means all zero.
    values : ndarray of shape (n,), float32
    """

    def __init__(self, cases: dict[str, dict] | None = None, values: np.ndarray | None = None) -> None:
        self.cases = {} if cases is None else cases
        self.values = np.zeros(0, np.float32) if values is None else values

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read a file that `write` has written."""
        with np.load(path, allow_pickle=False) as file:
            return cls(json.loads(file["index"].tobytes().decode()), file["values"])

    def write(self, path: Path) -> None:
        """Write a file whose bytes depend on the contents only."""
        index = np.frombuffer(json.dumps(self.cases, separators=(",", ":")).encode(), np.uint8)
        np.savez_compressed(path, index=index, values=self.values)

    def add(self, case: Case, states: list[dict], aborted: bool) -> None:
        """Append what one case gave."""
        known: dict[str, np.ndarray] = {}
        kept, chunks, end = [], [self.values], len(self.values)
        for state in states:
            known.update(state["filled"])
            changed = {}
            for name, array in state["arrays"].items():
                if name in known and known[name].shape == array.shape and known[name].tobytes() == array.tobytes():
                    continue
                if array.any():
                    changed[name] = [list(array.shape), end]
                    chunks.append(array.ravel())
                    end += array.size
                else:
                    changed[name] = [list(array.shape), -1]
            known = dict(state["arrays"])
            kept.append({"outputs": state["outputs"], "shared": state["shared"], "changed": changed})
        self.cases[case.name] = {"text": case.text, "aborted": aborted, "states": kept}
        self.values = np.concatenate(chunks)

    def changed(self, case_name: str, index: int) -> dict[str, np.ndarray]:
        """The arrays that an action changed."""
        result = {}
        for name, (shape, offset) in self.cases[case_name]["states"][index]["changed"].items():
            count = int(np.prod(shape))
            flat = np.zeros(count, np.float32) if offset < 0 else self.values[offset : offset + count]
            result[name] = flat.reshape(shape)
        return result
