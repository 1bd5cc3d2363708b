"""Finds a layer, a neuron or a class by what somebody types."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.words import class_name, counted

N_MOST = 60


@dataclass(frozen=True)
class Found:
    """A thing that was found.

    Attributes
    ----------
    title, detail : str
    target : Target
    """

    title: str
    detail: str
    target: Target


def search(analysis: Analysis, text: str, shown: tuple[str, ...] = (), most: int = N_MOST) -> list[Found]:
    """Find layers, neurons and classes.

    Parameters
    ----------
    analysis : Analysis
    text : str
        Parts of a layer's name, the number of a neuron, or both: "conv2", "17", "conv2 17", "conv2/17"; also the
        name or number of a class.
    shown : tuple of str
        Layers in the picture, which come first.
    most : int
        No more than these.

    Returns
    -------
    list of Found
        The best first.
    """
    words = text.lower().split()
    if not words:
        return []
    nodes = [node for node in analysis.shown_nodes if node.n_neurons]
    found: list[tuple[tuple, Found]] = []
    for words_of_layer, number in _readings(words):
        for place, node in enumerate(nodes):
            name = node.name.lower()
            if not all(word in name for word in words_of_layer):
                continue
            exact = words_of_layer != [name]
            order = (exact, node.name not in shown, not name.startswith(words_of_layer[0] if words_of_layer else ""))
            if number is None:
                detail = f"{node.type} · {counted(node.n_neurons, 'neuron')}"
                found.append(((0, *order, place), Found(node.name, detail, Target("column", node.name))))
            elif number < node.n_neurons:
                target = Target("neuron", node.name, (number,))
                title = f"{node.name} · neuron {number}"
                found.append(((0 if words_of_layer else 2, *order, place), Found(title, node.type, target)))
    column = analysis.data.column
    is_named = words[0] in ("class", column)
    query = " ".join(words[1:] if is_named and len(words) > 1 else words)
    for c in range(analysis.data.n_classes):
        name = class_name(analysis, c)
        if query == str(c) or (not query.isdigit() and query in analysis.data.class_names[c].lower()):
            detail = f"{column} {c} · {counted(int(analysis.data.class_count[c]), analysis.data.item)}"
            first = 0 if is_named else 1
            found.append(
                ((first, name.lower() != query, c), Found(f"{column} {name}", detail, Target("class", members=(c,))))
            )
    found.sort(key=lambda item: item[0])
    unique = {item.target: item for _, item in reversed(found)}
    kept = [item for _, item in found if unique.get(item.target) is item]
    return kept[:most]


def _readings(words: list[str]) -> list[tuple[list[str], int | None]]:
    """Return what the words may mean: a layer, or a layer and the number of a neuron."""
    readings: list[tuple[list[str], int | None]] = [(words, None)]
    match = re.fullmatch(r"(?:(.*?)[ /#:·]*(?:neuron|n|#)?[ ]*)?(?<![0-9])(\d+)", " ".join(words))
    if match is not None:
        before = (match.group(1) or "").replace("neuron", " ").split()
        if len(words) > 1 or not before:
            readings.append(([word for word in before if word != "·"], int(match.group(2))))
        elif words[0][-len(match.group(2)) - 1] in "/#:":
            readings.append((before, int(match.group(2))))
    return readings
