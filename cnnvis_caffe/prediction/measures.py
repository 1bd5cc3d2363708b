"""Measures how well answers fit the labels of the images, batch by batch."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.datasets.preprocessing import resize_nearest
from cnnvis_caffe.prediction.inputs import Inputs
from cnnvis_caffe.records.annotations import Annotations
from cnnvis_caffe.records.prediction import CLASSES, LABELS, RIGHT, Answer

_VOID = 255


class Measures:
    """Sums over images, of the measures that belong to an answer.

    Parameters
    ----------
    answer : Answer
    annotations : Annotations
        Of all images; nothing is measured where they are of another kind.

    Notes
    -----
    "error" is the share of images whose best class is another one, of equal scores the lower class being taken;
    "top 5 error" that of images whose class is not among the five best. "labels right" is the share of known labels
    on the right side of 0.5. "mean error" is the mean distance of a number from the right one, in its unit. "pixels
    right" is the share of pixels, "mean IoU" the mean over classes of intersection by union (Long et al., 2015); void
    pixels (255) do not count.
    """

    def __init__(self, answer: Answer, annotations: Annotations) -> None:
        self._kind = answer.kind
        self._annotations = annotations
        self._fits = annotations.kind == RIGHT.get(answer.kind)
        self._sums = np.zeros(2)
        self._count = 0
        self._confusion = np.zeros((0, 0), np.int64)
        self._n_classes = 0

    def add_rows(self, indices: np.ndarray, output: np.ndarray) -> None:
        """Add classes, labels or numbers.

        Parameters
        ----------
        indices : ndarray of int64
        output : ndarray of shape (n, k)
        """
        if not self._fits:
            return
        labels = self._annotations.values[indices]
        if self._kind == CLASSES:
            if output.shape[1] == 1:  # numbers of classes
                self._sums += [(output[:, 0] != labels).sum(), 0]
            else:
                better = (output > output[np.arange(len(output)), labels][:, None]).sum(1)
                ties = output == output[np.arange(len(output)), labels][:, None]
                rank = better + (ties & (np.arange(output.shape[1]) < labels[:, None])).sum(1)
                self._sums += [(rank > 0).sum(), (rank > 4).sum()]
                self._n_classes = output.shape[1]
            self._count += len(labels)
        elif labels.shape == output.shape:
            known = ~np.isnan(labels)
            distance = (output > 0.5) == (labels > 0.5) if self._kind == LABELS else np.abs(output - labels)
            self._sums[0] += distance[known].sum()
            self._count += int(known.sum())

    def add_masks(self, indices: np.ndarray, masks: np.ndarray, inputs: Inputs) -> None:
        """Add masks.

        Parameters
        ----------
        indices : ndarray of int64
        masks : ndarray of shape (n, H, W), uint8
        inputs : Inputs
        """
        if not self._fits:
            return
        for mask, truth in zip(masks, inputs.sources[0].masks(indices)):
            truth = resize_nearest(truth, *mask.shape)
            known = truth != _VOID
            pairs = truth[known].astype(np.int64) * 256 + mask[known]
            counts = np.bincount(pairs, minlength=256 * 256).reshape(256, 256)
            self._confusion = counts if not self._confusion.size else self._confusion + counts

    def result(self) -> dict[str, float]:
        """Return the measures, by name."""
        if self._confusion.size:
            right, total = np.diag(self._confusion), self._confusion.sum()
            union = self._confusion.sum(0) + self._confusion.sum(1) - right
            shares = right[union > 0] / union[union > 0]
            return {"pixels right": float(right.sum() / max(total, 1)), "mean IoU": float(shares.mean())}
        if not self._count:
            return {}
        first = float(self._sums[0] / self._count)
        if self._kind == CLASSES:
            top5 = {"top 5 error": float(self._sums[1] / self._count)} if self._n_classes > 10 else {}
            return {"error": first, **top5}
        return {"labels right" if self._kind == LABELS else "mean error": first}
