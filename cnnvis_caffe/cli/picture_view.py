"""What a command line asks to see: options into a view, names into numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnvis_caffe.records.analysis import Analysis
    from cnnvis_caffe.records.view import View


def chosen_classes(analysis: Analysis, text: str) -> tuple[int, ...]:
    """Return the classes of a list such as "3,5" or "cat,dog", sorted.

    Raises
    ------
    UnknownNameError
        If one is neither the name nor the number of a class.
    CnnvisError
        If there is no image of one, so that nothing is known of it.
    """
    from cnnvis_caffe.errors import CnnvisError, UnknownNameError

    names = list(analysis.data.class_names)
    short = [name.split(",")[0].strip() for name in names]
    found = set()
    for part in (piece.strip() for piece in text.split(",")):
        if not part:
            continue
        if part in names:
            index = names.index(part)
        elif part in short:
            index = short.index(part)
        elif part.isdigit() and int(part) < len(names):
            index = int(part)
        else:
            raise UnknownNameError("class", part, [*short, *(str(number) for number in range(len(names)))])
        if analysis.data.class_count[index] == 0:
            raise CnnvisError(f"class {part!r}: there is no image of it in {analysis.data.source}")
        found.add(index)
    return tuple(sorted(found))


def chosen_view(analysis: Analysis, start: View, options: dict[str, Any]) -> View:
    """Return a view with what the options say, the names in them checked; None keeps what is there."""
    from cnnvis_caffe.aggregation.groups import find_groups
    from cnnvis_caffe.errors import UnknownNameError

    changes = {name: value for name, value in options.items() if value is not None}
    labels = [snapshot.label for snapshot in analysis.snapshots]
    by_iteration = {str(one.iteration): one.label for one in analysis.snapshots if one.iteration is not None}
    for name in ("snapshot", "clusters_of"):
        if name in changes and changes[name] not in labels:
            if changes[name] not in by_iteration:
                raise UnknownNameError("snapshot", changes[name], labels)
            changes[name] = by_iteration[changes[name]]
    if "classes" in changes:
        changes["classes"] = chosen_classes(analysis, changes["classes"])
    expand: Sequence[str] = changes.pop("expand", ())
    if expand:
        shown = {node.name for node in analysis.shown_nodes}
        names = [group.name for group in find_groups(analysis.nodes, shown)]
        expanded = set(start.expanded)
        for name in expand:
            if name == "all":
                expanded.update(names)
            elif name in names:
                expanded.add(name)
            else:
                raise UnknownNameError("group of layers", name, names)
        changes["expanded"] = tuple(sorted(expanded))
    return replace(start, **changes)


def chosen_neuron(analysis: Analysis, text: str) -> tuple[str, int]:
    """Return node and index of a neuron such as "conv2:17".

    Raises
    ------
    UnknownNameError, CnnvisError
    """
    from cnnvis_caffe.errors import CnnvisError, UnknownNameError

    name, _, index = text.rpartition(":")
    nodes = {node.name: node.n_neurons for node in analysis.shown_nodes}
    if not name and text.isdigit():
        known = [node.name for node in analysis.shown_nodes if node.name != analysis.data.input_name]
        example = f"{known[0]}:{text}" if known else f"LAYER:{text}"
        raise CnnvisError(
            f"neuron {text}: of which layer? write LAYER:NUMBER, such as {example}; layers: {', '.join(known)}"
        )
    if text in nodes and name not in nodes:
        raise CnnvisError(f"{text} has {nodes[text]} neurons; say which, such as {text}:0")
    if name not in nodes:
        raise UnknownNameError("layer with neurons", name or text, nodes)
    if not index.isdigit() or int(index) >= nodes[name]:
        raise CnnvisError(f"{name} has the neurons 0 to {nodes[name] - 1}, not {index!r}")
    return name, int(index)
