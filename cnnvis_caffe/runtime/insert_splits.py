"""Split layers for blobs that several layers read, with Caffe's names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.runtime.place import place_of

Top = tuple[int, int]  # (layer index, top index): one version of a blob


def insert_splits(network: Any, path: str = "", lines: Mapping[str, int] | None = None) -> Any:
    """Return a copy of a network in which every top is read once at most.

    Parameters
    ----------
    network : NetParameter
        With its layers in the order in which they run.
    path, lines : str and mapping of str to int, optional
        File and lines of the layers, for messages.

    Raises
    ------
    LayerError
        If a layer reads a blob that no earlier layer makes.

    Notes
    -----
    Follows `src/caffe/util/insert_splits.cpp`. A non-zero loss weight counts as a reader, and moves to the first
    top of the split.
    """
    source_of, n_readers, loss_weight = _readers(network, path, lines)
    next_part: Counter[Top] = Counter()
    result = type(network)()
    result.CopyFrom(network)
    del result.layer[:]
    for i, original in enumerate(network.layer):
        layer = result.layer.add()
        layer.CopyFrom(original)
        for j, blob in enumerate(original.bottom):
            source = source_of[i, j]
            if n_readers[source] > 1:
                producer = network.layer[source[0]].name
                layer.bottom[j] = f"{split_name(producer, blob, source[1])}_{next_part[source]}"
                next_part[source] += 1
        for j, blob in enumerate(original.top):
            top = i, j
            if n_readers[top] < 2:
                continue
            split = result.layer.add()
            split.name = split_name(original.name, blob, j)
            split.type = "Split"
            split.bottom.append(blob)
            split.top.extend(f"{split.name}_{part}" for part in range(n_readers[top]))
            if loss_weight.get(top):
                split.loss_weight.extend([loss_weight[top]] + [0.0] * (n_readers[top] - 1))
                # Caffe quirk: clears the weights of *all* tops of the producer.
                del layer.loss_weight[:]
                next_part[top] += 1
    return result


def split_name(layer: str, blob: str, index: int) -> str:
    """Return the name that Caffe gives to the split of top `index` of a layer."""
    return f"{blob}_{layer}_{index}_split"


def _readers(
    network: Any, path: str, lines: Mapping[str, int] | None
) -> tuple[dict[Top, Top], Counter[Top], dict[Top, float]]:
    """Which top each bottom reads, how often each top is read, and the loss weight of each top."""
    latest: dict[str, Top] = {}
    source_of: dict[Top, Top] = {}
    n_readers: Counter[Top] = Counter()
    loss_weight: dict[Top, float] = {}
    for i, layer in enumerate(network.layer):
        for j, blob in enumerate(layer.bottom):
            if blob not in latest:
                raise LayerError(
                    layer.name,
                    f"{place_of(layer, path, lines)}: reads blob {blob!r} (bottom {j}), "
                    "which no earlier layer makes; check the name and the order of the layers",
                )
            source_of[i, j] = latest[blob]
            n_readers[latest[blob]] += 1
        for j, blob in enumerate(layer.top):
            latest[blob] = i, j
        for j, weight in enumerate(layer.loss_weight[: len(layer.top)]):
            top = latest[layer.top[j]]
            loss_weight[top] = weight
            n_readers[top] += bool(weight)
    return source_of, n_readers, loss_weight
