"""Predictions as lines, as a table and as plain values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from cnnvis_caffe.records.prediction import BOXES, CLASSES, LABELS, NUMBERS, PIXELS, Predictions
from cnnvis_caffe.text.tables import listed, plural, table
from cnnvis_caffe.text.words import percent

#: Images that are listed one by one; of more, what they are together is said, and the most uncertain are named.
_LISTED = 20
_NAMED = 5
_SMALL_SHARE = 0.005


def prediction_table(found: Predictions) -> tuple[list[str], list[list[Any]]]:
    """Return predictions as columns and rows: one for each image, or for each box.

    Parameters
    ----------
    found : Predictions

    Returns
    -------
    (list of str, list of list)
        Numbers are Python's; a missing one is None.
    """
    if found.answer.kind == BOXES:
        columns = ["image", "class", "score", "x0", "y0", "x1", "y1"]
        boxes = zip(found.images, found.boxes)
        return columns, [
            [image, found.name_of(int(row[0])), *map(_plain, row[1:])] for image, rows in boxes for row in rows.tolist()
        ]
    own = _own_columns(found)
    columns = ["image", *own]
    if found.answer.kind == CLASSES:
        score = "probability" if found.answer.is_probability else "score"
        for place in range(found.classes.shape[1]):
            columns += [f"class {place + 1}"] + ([] if found.answer.is_index else [f"{score} {place + 1}"])
    else:
        columns += [found.name_of(number) for number in range(found.values.shape[1])]
    rows = []
    for place, image in enumerate(found.images):
        row = [image, *(values[place] for values in own.values())]
        values = list(map(_plain, found.values[place].tolist()))
        if found.answer.kind == CLASSES:
            for number, value in zip(found.classes[place].tolist(), values):
                row += [found.name_of(number)] + ([] if found.answer.is_index else [value])
        else:
            row += values
        rows.append(row)
    return columns, rows


def prediction_json(found: Predictions) -> dict[str, Any]:
    """Return predictions as JSON holds them.

    Parameters
    ----------
    found : Predictions

    Returns
    -------
    dict
        "network", "kind", "output", "preprocessing", "measures", "notes", "trial" and "predictions", a list with a
        dict for each row of `prediction_table`.
    """
    columns, rows = prediction_table(found)
    return {
        "network": found.title,
        "kind": found.answer.kind,
        "output": found.answer.blob,
        "preprocessing": found.preprocessing,
        "measures": {name: _plain(value) for name, value in found.measures.items()},
        "notes": list(found.notes),
        "trial": None if found.trial is None else found.trial.to_json(),
        "predictions": [dict(zip(columns, row)) for row in rows],
    }


def prediction_lines(found: Predictions) -> list[str]:
    """Return predictions for people.

    Parameters
    ----------
    found : Predictions
    """
    head = f"{found.title or 'network'}: {plural(len(found), 'image')}, {found.preprocessing}"
    lines = [head, *(f"note: {note}" for note in found.notes)]
    lines += [f"{name}: {_measure(name, value)}" for name, value in found.measures.items()]
    lines.append("")
    if found.answer.kind == CLASSES and len(found) == 1:
        lines += _one_image(found)
    else:
        shown = range(min(len(found), _LISTED))
        lines += _rows(found, shown)
        if len(found) > _LISTED:
            lines += [f"... and {len(found) - _LISTED} more: --csv, --json or --out FILE has all", *_together(found)]
    return [*lines, *_notable(found)]


def _own_columns(found: Predictions) -> dict[str, list[Any]]:
    """What the source says about the images: label or group."""
    result: dict[str, list[Any]] = {}
    if found.annotations.kind == "class":
        result["label"] = [found.name_of(label) for label in found.annotations.values.tolist()]
    if found.annotations.has_groups:
        result["group"] = [found.annotations.group_names[group] for group in found.annotations.groups.tolist()]
    return result


def _one_image(found: Predictions) -> list[str]:
    """The best classes of one image, as Caffe's classification example prints them."""
    rows = [(_score(found, value), found.name_of(number))
            for number, value in zip(found.classes[0].tolist(), found.values[0].tolist())]  # fmt: skip
    return [found.images[0], *table(rows, "><")]


def _rows(found: Predictions, places: Sequence[int] | range) -> list[str]:
    """A line for each of some images."""
    kind = found.answer.kind
    own = _own_columns(found)
    if kind == CLASSES:
        rows = [[found.images[p], *(values[p] for values in own.values()), *_classes(found, p)] for p in places]
        return table(rows, "<" * max(map(len, rows), default=1))
    texts = {LABELS: _several, NUMBERS: _numbers, PIXELS: _pixels, BOXES: _boxes}[kind]
    rows = [[found.images[p], *(values[p] for values in own.values()), texts(found, p)] for p in places]
    return table(rows, "<" * (len(own) + 2))


def _classes(found: Predictions, place: int) -> list[str]:
    """The best classes of an image, and a mark where the first is wrong."""
    wrong = [("wrong" if found.rank[place] > 0 else "")] if len(found.rank) else []
    pairs = list(zip(found.classes[place].tolist(), found.values[place].tolist()))[:3]
    return [*wrong, *(f"{_score(found, value)} {found.name_of(number)}".strip() for number, value in pairs)]


def _score(found: Predictions, value: float) -> str:
    """A probability in percent, or a score."""
    if math.isnan(value):
        return ""
    return f"{100 * value:.1f}%" if found.answer.is_probability else f"{value:.4g}"


def _several(found: Predictions, place: int) -> str:
    """The labels that hold."""
    values = found.values[place].tolist()
    held = sorted((number for number, value in enumerate(values) if value > 0.5), key=lambda number: -values[number])
    return ", ".join(f"{found.name_of(number)} {_score(found, values[number])}" for number in held) or "none"


def _numbers(found: Predictions, place: int) -> str:
    """The numbers."""
    values = found.values[place].tolist()
    names = [f"{name} " for name in found.names] or [""] * len(values)
    texts = [f"{name}{value:.4g}" for name, value in zip(names, values[:12])]
    return ", ".join(texts) + (f", ... ({len(values)} in all)" if len(values) > 12 else "")


def _pixels(found: Predictions, place: int) -> str:
    """The classes that cover some of the image."""
    values = found.values[place].tolist()
    order = sorted((n for n, value in enumerate(values) if value >= _SMALL_SHARE), key=lambda n: -values[n])
    return ", ".join(f"{found.name_of(number)} {percent(values[number])}" for number in order[:6])


def _boxes(found: Predictions, place: int) -> str:
    """The boxes with the best scores."""
    boxes = sorted(found.boxes[place].tolist(), key=lambda row: -row[1])
    texts = [f"{found.name_of(int(row[0]))} {row[1]:.2f} at {row[2]:.0f},{row[3]:.0f}-{row[4]:.0f},{row[5]:.0f}"
             for row in boxes[:4]]  # fmt: skip
    return f"{len(boxes)} box{'es' * (len(boxes) != 1)}" + (f": {'; '.join(texts)}" if texts else "")


def _together(found: Predictions) -> list[str]:
    """How often each class is the best one."""
    if found.answer.kind != CLASSES:
        return []
    counts: dict[int, int] = {}
    for number in found.classes[:, 0].tolist():
        counts[number] = counts.get(number, 0) + 1
    order = sorted(counts, key=lambda number: (-counts[number], number))
    return [f"classes: {listed((f'{found.name_of(number)} {counts[number]}' for number in order), 10)}"]


def _notable(found: Predictions) -> list[str]:
    """The most uncertain images and the most wrong ones."""
    lines: list[str] = []
    if len(found) > 1:
        for title, places in (
            ("most uncertain", found.most_uncertain(_NAMED)), ("most wrong", found.most_wrong(_NAMED)),
        ):  # fmt: skip
            if len(places):
                lines += ["", f"{title}:", *_rows(found, places.tolist())]
    return lines


def trial_lines(found: Predictions, command: str) -> Iterator[str]:
    """Say what the usual ways to prepare images gave, and propose one as a command.

    Parameters
    ----------
    found : Predictions
    command : str
        Without options for preprocessing.

    Yields
    ------
    str
    """
    trial = found.trial
    if trial is None:
        return
    if trial.best is not None:
        sure = "probably" if trial.has_labels else "perhaps"
        yield f"the images are {sure} prepared in the wrong way ({listed(trial.suspects)}): {trial.reason}; try:"
        yield f"  {command} {' '.join(trial.best.options)}".rstrip()


def _measure(name: str, value: float) -> str:
    """A measure with its unit."""
    return f"{value:.4g}" if name == "mean error" else percent(value)


def _plain(value: float) -> float | None:
    """A number for JSON; None for NaN and infinities."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
