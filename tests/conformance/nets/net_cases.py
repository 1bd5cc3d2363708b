"""Nets made at random: how they are run, and how what real Caffe did with them is kept.

Runs on Python 3.9 with numpy 1.19 and without anything of `cnnvis_caffe`, because real Caffe lives there.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from case_files import _arrays, _find, _shared, make_values


class NetCase:
    """A prototxt whose header says what is done with the net; the same directives as in the cases of one layer.

    Attributes
    ----------
    name, text : str
    settings : dict of str to str
        ``phase``, ``level``, ``stages`` and ``seed``.
    steps : list of list of str
        The first is always ``build``.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.settings: dict[str, str] = {}
        self.steps = [["build"]]
        for line in text.splitlines():
            if line.startswith("#:"):
                word, *rest = line[2:].split()
                if word in ("phase", "level", "stages", "seed"):
                    self.settings[word] = " ".join(rest)
                else:
                    self.steps.append([word, *rest])


def run_net(caffe: Any, case: NetCase, look: str = "always") -> Iterator[dict]:
    """Run a net on a module that looks like pycaffe; give its state after each step that is no `fill`.

    Parameters
    ----------
    look : {"always", "last", "held"}
        After which steps `arrays` and `shared` are there: nobody must notice whether somebody looks. "held" looks
        always, and keeps a view of every array from the moment the net is built to the end.

    Yields
    ------
    dict
        ``wiring`` (after the first step): everything that has a name or an order. ``loss``: of a forward.
        ``arrays``: name -> array. ``shared``: pairs of arrays in the same memory. ``filled``: name -> values that
        `fill` steps wrote since the last state.
    """
    seed = int(case.settings["seed"])
    random = np.random.RandomState(seed)  # noqa: NPY002 - its stream never changes
    caffe.set_random_seed(seed)
    net: Any = None
    filled: dict[str, np.ndarray] = {}
    held: list[Any] = []
    for number, (word, *arguments) in enumerate(case.steps):
        if word == "fill":
            target = _find(net, arguments[0])
            target[...] = make_values(random, target.shape, *arguments[1:])
            filled[arguments[0]] = target.copy()
            continue
        state: dict[str, Any] = {"filled": filled}
        if word == "build":
            net = load_net(caffe, case)
            state["wiring"] = _wiring(net)
            held = [*_arrays(net).values()] if look == "held" else []
        elif word == "forward":
            state["loss"] = net._forward(*_span(net, arguments or ["", ""]))
        elif word == "backward":
            net._backward(*_span(net, arguments or ["", ""])[::-1])
        elif word == "reshape":
            net.blobs[arguments[0]].reshape(*map(int, arguments[1:]))
        elif word == "net_reshape":
            net.reshape()
        elif word == "clear_param_diffs":
            net.clear_param_diffs()
        elif word == "random_seed":
            caffe.set_random_seed(int(arguments[0]))
        else:
            raise ValueError(f"{case.name}: unknown step {word!r}")
        if look != "last" or number == len(case.steps) - 1:
            arrays = _arrays(net)
            state["arrays"] = {name: array.copy() for name, array in arrays.items()}
            state["shared"] = _shared(arrays)
        yield state
        filled = {}
    assert len(held) >= 0  # they live until here


def load_net(caffe: Any, case: NetCase) -> Any:
    """Build the net of a case."""
    handle, path = tempfile.mkstemp(suffix=".prototxt")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(case.text)
        return caffe.Net(
            path,
            getattr(caffe, case.settings["phase"]),
            level=int(case.settings.get("level", 0)),
            stages=case.settings.get("stages", "").split(),
        )
    finally:
        os.unlink(path)


def _span(net: Any, ends: list[str]) -> tuple[int, int]:
    """Indices of the first and last layer that a step names, lowest first; empty names mean all."""
    names = list(net._layer_names)
    first, last = ends
    return names.index(first) if first else 0, names.index(last) if last else len(names) - 1


def _wiring(net: Any) -> dict[str, Any]:
    """Names, orders and weights of a net that was just built."""
    return {
        "layers": list(net._layer_names),
        "types": [layer.type for layer in net.layers],
        "blobs": list(net._blob_names),
        "blob_keys": list(net.blobs),
        "params": [[name, len(blobs)] for name, blobs in net.params.items()],
        "inputs": list(net.inputs),
        "outputs": list(net.outputs),
        "tops": [[name, list(tops)] for name, tops in net.top_names.items()],
        "bottoms": [[name, list(bottoms)] for name, bottoms in net.bottom_names.items()],
        "loss_weights": [float(np.float32(weight)) for weight in net._blob_loss_weights],
        "named_loss_weights": [[name, float(np.float32(weight))] for name, weight in net.blob_loss_weights.items()],
    }


# -- what is kept ------------------------------------------------------------------------------------------------


class NetRecording:
    """What real Caffe did with nets: one flat array and an index in JSON.

    Attributes
    ----------
    nets : list of dict
        ``name``, ``text``, ``death`` ("" or how the process ended) and ``states``: ``loss``, ``shared`` (where it
        changed) and ``changed``, a list of (index into the net's ``arrays``, shape, offset) of the arrays that differ
        from the state before. Offset -1 means all zero. The first state has the ``wiring``.
    values : ndarray of shape (n,), float32
        To 17 bits: the others only make the file larger.
    """

    def __init__(self) -> None:
        self.nets: list[dict] = []
        self.values = np.zeros(0, np.float32)
        self._chunks: list[np.ndarray] = []
        self._end = 0

    @classmethod
    def read(cls, path: Path) -> NetRecording:
        """Read a file that `write` has written."""
        with np.load(path, allow_pickle=False) as file:
            recording = cls()
            recording.nets = json.loads(file["index"].tobytes().decode())
            recording.values = file["values"]
        return recording

    def write(self, path: Path) -> None:
        """Write a file whose bytes depend on the contents only."""
        index = np.frombuffer(json.dumps(self.nets, separators=(",", ":")).encode(), np.uint8)
        values = np.concatenate([self.values, *self._chunks])
        np.savez_compressed(path, index=index, values=values)

    def add(self, case: NetCase, states: list[dict], death: str) -> None:
        """Append what one net gave."""
        names: dict[str, int] = {}
        known: dict[str, np.ndarray] = {}
        shared: Any = []
        kept = []
        for state in states:
            known.update(state["filled"])
            changed = []
            for name, array in state["arrays"].items():
                if name in known and known[name].shape == array.shape and known[name].tobytes() == array.tobytes():
                    continue
                changed.append([names.setdefault(name, len(names)), list(array.shape), self._store(array)])
            known = dict(state["arrays"])
            entry = {"changed": changed, **{key: state[key] for key in ("wiring", "loss") if key in state}}
            if state["shared"] != shared:
                shared = entry["shared"] = state["shared"]
            kept.append(entry)
        self.nets.append({"name": case.name, "text": case.text, "death": death, "arrays": list(names), "states": kept})

    def _store(self, array: np.ndarray) -> int:
        """Keep an array; give where."""
        if not array.any():
            return -1
        offset = self._end
        self._chunks.append(_rounded(array.ravel()))
        self._end += array.size
        return offset

    def changed(self, net: dict, index: int) -> dict[str, np.ndarray]:
        """The arrays that a step changed."""
        result = {}
        for number, shape, offset in net["states"][index]["changed"]:
            count = int(np.prod(shape))
            flat = np.zeros(count, np.float32) if offset < 0 else self.values[offset : offset + count]
            result[net["arrays"][number]] = flat.reshape(shape)
        return result


def _rounded(values: np.ndarray) -> np.ndarray:
    """Values without the bits that no tolerance looks at; infinities, NaN and the largest values stay what they are."""
    bits = values.view(np.uint32)
    return np.where(np.abs(values) < 1e38, bits + np.uint32(0x40) & np.uint32(0xFFFFFF80), bits).view(np.float32)
