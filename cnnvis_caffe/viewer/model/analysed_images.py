"""Chooses images that an analysis keeps, to look at one of them alone."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.explanation import GivenImage

#: So many are offered.
MOST_OFFERED = 24


def analysed_images(analysis: Analysis | None, most: int = MOST_OFFERED) -> list[GivenImage]:
    """Return images that an analysis keeps, one of each class after the other.

    Parameters
    ----------
    analysis : Analysis or None
    most : int, default=24

    Returns
    -------
    list of GivenImage
    """
    if analysis is None:
        return []
    by_class: dict[int, list[int]] = {}
    for index in analysis.images:
        by_class.setdefault(analysis.image_class.get(index, -1), []).append(index)
    turns = max(map(len, by_class.values()), default=0)
    order = [one[turn] for turn in range(turns) for _, one in sorted(by_class.items()) if turn < len(one)]
    names, found = analysis.data.class_names, []
    for index in order[:most]:
        label = analysis.image_class.get(index, -1)
        said = f" · {names[label].split(',')[0]}" if 0 <= label < len(names) else ""
        pixels = np.asarray(analysis.images[index])
        found.append(GivenImage(f"{analysis.data.source}[{index}]{said}", pixels=pixels, is_fitted=True, label=label))
    return found
