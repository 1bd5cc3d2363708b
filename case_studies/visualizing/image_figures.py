"""Figures 5, 7 and 8 and Table 1: images that are moved, whose parts are hidden, and whose same parts are hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from case_studies.visualizing.networks import StudyNet
from case_studies.visualizing.verdict import verdict
from cnnvis_caffe import api
from cnnvis_caffe.datasets.opening import open_source

#: The digit whose parts are hidden, and the side of the boxes.
DIGIT, BOX = 3, 7
#: What counts as ink.
INK = 128
#: Images that are drawn.
N_DRAWN = 3


def figure_5(net: StudyNet, figures: Path, n_images: int) -> dict[str, Any]:
    """Measure how far features move with the images.

    Parameters
    ----------
    net : StudyNet
    figures : Path
    n_images : int

    Returns
    -------
    dict
        "layers"; by transformation "smallest" and "largest": the amount, the mean distance in each layer, and the mean
        probability of the true class.
    """
    picture = api.invariance(net.model, net.snapshots[-1], net.data, at=_spread(net, n_images), **net.prepared)
    picture.save(figures / f"figure_5_{net.name}.svg")
    found: dict[str, Any] = {"layers": list(picture.found[0].layers), "n_images": n_images}
    for one in picture.found:
        identity = 1.0 if one.kind == "scale" else 0.0
        away = np.abs(one.amounts - identity)
        moved = np.flatnonzero(away > 0)
        smallest = moved[away[moved].argmin()]
        worst = one.probability.mean(1).argmin()
        found[one.kind] = {
            name: {
                "amount": float(one.amounts[place]),
                "distance": one.distance[:, place].mean(1).round(4).tolist(),
                "probability": round(float(one.probability[place].mean()), 4),
            }
            for name, place in (("smallest", smallest), ("worst", worst))
        }
    small = [found[kind]["smallest"]["distance"] for kind in ("translation", "scale", "rotation")]
    is_worst = found["rotation"]["worst"]["probability"] <= found["scale"]["worst"]["probability"]
    found["verdict"] = verdict(*(row[0] > row[-1] for row in small), is_worst)
    return found


def figure_7(net: StudyNet, figures: Path, n_images: int) -> dict[str, Any]:
    """Slide a square over images, and compare what hiding the middle and the border does.

    Parameters
    ----------
    net : StudyNet
    figures : Path
    n_images : int

    Returns
    -------
    dict
        "middle" and "border": mean fall of the true class's probability where the square's middle lies in the middle
        third of the image both ways, and where it lies in the outer sixths; "map_middle" and "map_border": the same of
        the strongest feature map's activation, by that of the whole image.
    """
    at = _spread(net, n_images)
    # On the black ground of digits a grey square would be a stroke of its own.
    options = {"fill": "black" if net.has_digits else "grey", **net.prepared}
    picture = api.occlude(net.model, net.snapshots[-1], net.data, at=at, **options)
    drawn = api.occlude(net.model, net.snapshots[-1], net.data, at=at[:N_DRAWN], stride=2, **options)
    drawn.save(figures / f"figure_7_{net.name}.png")
    rows = []
    for one in (image.occlusion for image in picture.found):
        side = one.boxes[..., 2].max()
        middles = (one.boxes[..., :2] + one.boxes[..., 2:]) / 2
        is_middle = ((middles >= side / 3) & (middles <= side * 2 / 3)).all(-1)
        is_border = ((middles <= side / 6) | (middles >= side * 5 / 6)).any(-1)
        fall = one.whole[one.label] - one.probability
        map_fall = 1 - one.activation / one.whole_activation if one.whole_activation else np.zeros_like(fall)
        rows.append([values[place].mean() for values in (fall, map_fall) for place in (is_middle, is_border)])
    middle, border, map_middle, map_border = np.mean(rows, 0).round(4).tolist()
    return {
        "n_images": n_images,
        "middle": middle,
        "border": border,
        "map_middle": map_middle,
        "map_border": map_border,
        "verdict": verdict(middle > border, map_middle > map_border),
    }


def table_1(net: StudyNet, work: Path, figures: Path, n_images: int) -> dict[str, Any] | None:
    """Hide the same part of digits, and compare how the features change.

    Parameters
    ----------
    net : StudyNet
    work, figures : Path
    n_images : int

    Returns
    -------
    dict or None
        "rows": layer, part, mean and standard error; None for a network without digits.
    """
    if not net.has_digits:
        return None
    source = open_source(net.data)
    at = np.flatnonzero(source.labels == DIGIT)[:n_images]
    lines = ["image,part,y0,x0,y1,x1"]
    for index, image in zip(at, source.pixels(at)[:, 0]):
        lines += [f"{index},{part},{','.join(map(str, box))}" for part, box in parts_of(image).items()]
    work.mkdir(parents=True, exist_ok=True)
    path = work / "parts.csv"
    path.write_text("\n".join(lines) + "\n")
    picture = api.correspondence(net.model, net.snapshots[-1], net.data, path, **net.prepared)
    picture.save(figures / f"figure_8_{net.name}.svg")
    (found,) = picture.found
    means = {(layer, part): mean for layer, part, mean, _ in found.rows}
    alike = [
        np.mean([means[layer, part] for part in found.parts]) < means[layer, "random"] for layer in found.layers
    ]
    return {
        "digit": DIGIT,
        "n_images": len(at),
        "rows": [[layer, part, round(mean, 4), round(error, 4)] for layer, part, mean, error in found.rows],
        "verdict": verdict(*alike),
    }


def parts_of(image: np.ndarray) -> dict[str, tuple[int, int, int, int]]:
    """Return the boxes of a 3's parts: the tips of its upper and lower bow, and where the bows meet.

    Parameters
    ----------
    image : ndarray of shape (H, W), uint8
        White on black.

    Returns
    -------
    dict of str to (int, int, int, int)
        y0, x0, y1, x1, within the image, about the leftmost ink of each third of the digit's height.
    """
    rows = np.flatnonzero((image >= INK).any(1))
    thirds = np.array_split(rows, 3)
    result = {}
    for part, third in zip(("upper tip", "waist", "lower tip"), thirds):
        y, x = np.nonzero(image[third[0] : third[-1] + 1] >= INK)
        place = x.argmin()
        corner = np.clip([third[0] + y[place] - BOX // 2, x[place] - BOX // 2], 0, np.array(image.shape) - BOX)
        result[part] = (int(corner[0]), int(corner[1]), int(corner[0]) + BOX, int(corner[1]) + BOX)
    return result


def _spread(net: StudyNet, n: int) -> list[int]:
    """Images from all over the data, which may be sorted by class."""
    n_images = open_source(net.data).n_images
    return np.unique(np.linspace(0, n_images - 1, n).astype(int)).tolist()
