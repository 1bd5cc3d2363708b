"""The numbers of explanations, as JSON and as rows of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from cnnvis_caffe.files.json_values import finite
from cnnvis_caffe.records.experiments import ColourShape
from cnnvis_caffe.records.explanation import Explained, Invariance, OccludedImage, SeenImage
from cnnvis_caffe.records.variant import Ablation

#: A row of a table; its first is the names of the columns.
Row = tuple[Any, ...]


def explained_json(explained: Sequence[Explained]) -> list[dict[str, Any]]:
    """Return explanations as JSON holds them, without the value of every pixel.

    Parameters
    ----------
    explained : sequence of Explained

    Returns
    -------
    list of dict
    """
    return [
        {
            **_image_json(one.image),
            "target": one.target,
            "methods": [
                {
                    "method": each.method,
                    "layer": each.node,
                    "neuron": each.neuron,
                    "position": list(each.position),
                    "activation": each.activation,
                    "sum": float(each.values.sum(dtype=np.float64)),
                    "smallest": float(each.values.min()),
                    "largest": float(each.values.max()),
                    "note": each.note,
                }
                for each in one.explanations
            ],
        }
        for one in explained
    ]


def explained_rows(explained: Sequence[Explained]) -> Iterator[Row]:
    """Yield a row for every pixel value of every explanation.

    Parameters
    ----------
    explained : sequence of Explained
    """
    yield "image", "method", "channel", "y", "x", "value"
    for one in explained:
        for each in one.explanations:
            for place, value in np.ndenumerate(each.values):
                yield one.image.name, each.method, *place, f"{value:.7g}"


def occlusion_json(images: Sequence[OccludedImage]) -> list[dict[str, Any]]:
    """Return what hiding parts does, as JSON holds it.

    Parameters
    ----------
    images : sequence of OccludedImage

    Returns
    -------
    list of dict
    """
    return [
        {
            **_image_json(one.image),
            "class": one.occlusion.label,
            "whole": float(one.occlusion.whole[one.occlusion.label]),
            "layer": one.occlusion.layer,
            "map": one.occlusion.strongest_map,
            "whole_activation": one.occlusion.whole_activation,
            "boxes": one.occlusion.boxes.tolist(),
            "probability": _listed(one.occlusion.probability),
            "most_probable": one.occlusion.most_probable.tolist(),
            "activation": _listed(one.occlusion.activation),
        }
        for one in images
    ]


def occlusion_rows(images: Sequence[OccludedImage]) -> Iterator[Row]:
    """Yield a row for every place of the square.

    Parameters
    ----------
    images : sequence of OccludedImage
    """
    yield "image", "y0", "x0", "y1", "x1", "class", "probability", "most_probable", "activation"
    for one in images:
        found = one.occlusion
        for row, column in np.ndindex(*found.probability.shape):
            yield (
                one.image.name, *found.boxes[row, column].tolist(), found.label,
                f"{found.probability[row, column]:.7g}", int(found.most_probable[row, column]),
                f"{found.activation[row, column]:.7g}" if found.layer else "",
            )  # fmt: skip


def invariance_json(found: Sequence[Invariance]) -> list[dict[str, Any]]:
    """Return how far features move, as JSON holds it.

    Parameters
    ----------
    found : sequence of Invariance

    Returns
    -------
    list of dict
    """
    return [
        {
            "transformation": one.kind,
            "amounts": one.amounts.tolist(),
            "classes": one.labels.tolist(),
            "distance": {layer: _listed(one.distance[number]) for number, layer in enumerate(one.layers)},
            "probability": _listed(one.probability),
        }
        for one in found
    ]


def invariance_rows(found: Sequence[Invariance], names: Sequence[str]) -> Iterator[Row]:
    """Yield a row for every image and amount.

    Parameters
    ----------
    found : sequence of Invariance
    names : sequence of str
        Of the images.
    """
    yield ("transformation", "amount", "image", "class", "probability", *(f"distance {one}" for one in found[0].layers))
    for one in found:
        for number, amount in enumerate(one.amounts.tolist()):
            for image, name in enumerate(names):
                distances = (f"{value:.7g}" for value in one.distance[:, number, image])
                probability = f"{one.probability[number, image]:.7g}"
                yield (one.kind, f"{amount:g}", name, int(one.labels[image]), probability, *distances)


def ablation_json(found: Ablation) -> list[dict[str, Any]]:
    """Return what came of training variants, as JSON holds it.

    Parameters
    ----------
    found : Ablation

    Returns
    -------
    list of dict
    """
    return [
        {
            "variant": row.words,
            "folder": row.folder,
            "parameters": row.n_parameters,
            "iterations": row.iterations,
            "seconds": row.seconds,
            "train": finite(dict(row.train)),
            "test": finite(dict(row.test)),
            "diverged": row.diverged,
            "kept": list(row.kept),
        }
        for row in found.rows
    ]


def ablation_rows(found: Ablation) -> Iterator[Row]:
    """Yield a row for every output of every variant.

    Parameters
    ----------
    found : Ablation
    """
    yield "variant", "parameters", "iterations", "seconds", "images", "output", "value"
    for row in found.rows:
        for part in ("train", "test"):
            for name, value in getattr(row, part).items():
                yield row.words, row.n_parameters, row.iterations, f"{row.seconds:.1f}", part, name, f"{value:.7g}"


def colour_shape_json(found: ColourShape) -> list[dict[str, Any]]:
    """Return what neurons keep of their responses, as JSON holds it.

    Parameters
    ----------
    found : ColourShape

    Returns
    -------
    list of dict
        One for each neuron; None where it does not respond.
    """
    return [
        {"layer": found.node, "neuron": neuron, **finite(dict(zip(found.changes, shares)))}
        for neuron, shares in enumerate(found.kept.T.tolist())
    ]


def colour_shape_rows(found: ColourShape) -> Iterator[Row]:
    """Yield a row for every neuron.

    Parameters
    ----------
    found : ColourShape
    """
    yield ("layer", "neuron", *found.changes)
    for neuron, shares in enumerate(found.kept.T):
        yield (found.node, neuron, *("" if np.isnan(share) else f"{share:.7g}" for share in shares))


def csv_bytes(rows: Iterator[Row]) -> bytes:
    """Return rows as CSV.

    Parameters
    ----------
    rows : iterator of tuple

    Returns
    -------
    bytes
        UTF-8, with the line ends that RFC 4180 asks for.
    """
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8")


def _image_json(image: SeenImage) -> dict[str, Any]:
    """An image with its most probable classes."""
    return {
        "image": image.name,
        "label": image.label if image.label >= 0 else None,
        "best": [
            {"class": number, "name": image.class_names[number], "probability": share}
            for number, share in image.best(5)
        ],
    }


def _listed(values: np.ndarray) -> list[Any]:
    """Numbers with the digits that float32 has."""
    return [[float(f"{value:.7g}") for value in row] for row in values]
