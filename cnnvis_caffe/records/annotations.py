"""The record of what a data source says about its images."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

#: Nothing; one class of many; several labels at once; numbers; a class for each pixel.
NO_LABELS, CLASS, SEVERAL, NUMBERS, MASK = KINDS = ("none", "class", "several", "numbers", "mask")


def _no_values() -> np.ndarray:
    """No value for any image."""
    return np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Annotations:
    """Labels and groups of the images of a source, in the order of the images.

    Labels are what a network should answer, and an error is counted against them. Groups are only what the user put
    together, such as folders that are not the classes of the network.

    Attributes
    ----------
    kind : {"none", "class", "several", "numbers", "mask"}
    n_images : int
    values : ndarray
        (n_images,) int64 for "class": the label, from 0; -1 where it is not known. (n_images, k) float32 for
        "several": 1 where a label holds, 0 where it does not, NaN where that is not known. (n_images, k) float32 for
        "numbers", in the unit of the file. Empty for "none" and "mask".
    names : tuple of str
        Of classes by label, of several labels, or of numbers; empty where the source does not know.
    masks : tuple of str
        For "mask": the file of each image.
    groups : ndarray of shape (n_images,), int64
        Number of the group of each image; empty where there are no groups.
    group_names : tuple of str
        By number.
    """

    kind: str
    n_images: int
    values: np.ndarray = field(default_factory=_no_values)
    names: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    groups: np.ndarray = field(default_factory=_no_values)
    group_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {self.kind!r}")
        lengths = {CLASS: 1, SEVERAL: 2, NUMBERS: 2}
        n_axes = lengths.get(self.kind, 0)
        if n_axes and (self.values.ndim != n_axes or len(self.values) != self.n_images):
            raise ValueError(f"values of {self.n_images} images cannot be {self.values.shape}")
        if not n_axes and self.values.size:
            raise ValueError(f"there are values, but the kind is {self.kind!r}")
        if len(self.masks) != (self.n_images if self.kind == MASK else 0):
            raise ValueError(f"{len(self.masks)} masks for {self.n_images} images of the kind {self.kind!r}")
        if self.groups.shape not in ((0,), (self.n_images,)):
            raise ValueError(f"groups of {self.n_images} images cannot be {self.groups.shape}")

    @property
    def has_groups(self) -> bool:
        """Whether images are in groups."""
        return bool(self.group_names)

    def as_groups(self) -> Annotations:
        """Return the same images with their classes as groups, without labels.

        Returns
        -------
        Annotations
            Of the kind "none". Others than those of the kind "class" are returned as they are.
        """
        if self.kind != CLASS:
            return self
        names = self.names or tuple(map(str, range(int(self.values.max(initial=-1)) + 1)))
        return Annotations(NO_LABELS, self.n_images, groups=self.values, group_names=names)

    def select(self, kept: np.ndarray) -> Annotations:
        """Return the annotations of some images.

        Parameters
        ----------
        kept : ndarray of int64
            Indices of images.
        """
        return replace(
            self,
            n_images=len(kept),
            values=self.values[kept] if len(self.values) else self.values,
            masks=tuple(self.masks[index] for index in kept.tolist()) if self.masks else (),
            groups=self.groups[kept] if len(self.groups) else self.groups,
        )

    def strata(self) -> np.ndarray:
        """Return a number for each image; images with the same number belong together.

        Returns
        -------
        ndarray of shape (n_images,), int64
            Its class, else its group, else 0.
        """
        if self.kind == CLASS:
            return self.values
        return self.groups if self.has_groups else np.zeros(self.n_images, np.int64)


def of_classes(labels: np.ndarray, names: tuple[str, ...] = ()) -> Annotations:
    """Return annotations of images with one class each.

    Parameters
    ----------
    labels : ndarray of shape (n,), int64
    names : tuple of str, optional
        By label.
    """
    return Annotations(CLASS, len(labels), labels, names)


def of_numbers(values: np.ndarray, names: tuple[str, ...] = ()) -> Annotations:
    """Return annotations of images with k numbers each: several labels where all are 0, 1, -1 or NaN.

    Parameters
    ----------
    values : ndarray of shape (n, k), float32
    names : tuple of str, optional
        Of the columns.

    Returns
    -------
    Annotations
        Of the kind "several" for k > 1 columns of yes (1) and no (0, or -1 everywhere where 1 is yes and none is 0);
        else of the kind "numbers".
    """
    values = np.asarray(values, np.float32)
    is_yes = values == 1
    is_no = values == (-1 if (values == -1).any() and not (values == 0).any() else 0)
    if values.shape[1] > 1 and (is_yes | is_no | np.isnan(values)).all() and (is_yes | is_no).any():
        known = np.where(is_yes, np.float32(1), np.float32(0))
        return Annotations(SEVERAL, len(values), np.where(np.isnan(values), np.float32(np.nan), known), names)
    return Annotations(NUMBERS, len(values), values, names)


def without_labels(n_images: int) -> Annotations:
    """Return annotations of images about which nothing is known.

    Parameters
    ----------
    n_images : int
    """
    return Annotations(NO_LABELS, n_images)
