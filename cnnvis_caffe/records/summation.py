"""The sums that an extraction takes over the images of a data set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Summation:
    """The values that an extraction needs from each batch.

    Attributes
    ----------
    input_name : str
        The blob with the images.
    scored_names : tuple of str
        Blobs that the scores of the columns are made of: the score, or the two embeddings of a pair.
    start : {"own", "largest", "sign", "pixels", "distance"}
        How the gradient of a column's score begins: see `features.judges`. "largest" is that of the largest score.
    n_classes : int
        Columns: classes, labels, targets, groups.
    counts_classes : bool
        Whether answers are judged as one class of many; the caller judges other ones.
    names : tuple of str
        Blobs whose neurons are looked at; all of them in one row, in this order.
    names_on_path : tuple of str
        Those that the score depends on, likewise.
    layers : tuple of int
        Layers between score and images, the last one first.
    silent : tuple of str
        Blobs on that way that get no gradient from elsewhere.
    top : int
        Images to keep for each neuron.
    contributions : {"own", "all", "none"}
        To the score of each image's own class, of all classes as well, or not at all.
    gradients : bool
        Whether the loss runs backward.
    """

    input_name: str
    scored_names: tuple[str, ...]
    start: str
    n_classes: int
    counts_classes: bool
    names: tuple[str, ...]
    names_on_path: tuple[str, ...]
    layers: tuple[int, ...]
    silent: tuple[str, ...]
    top: int
    contributions: str
    gradients: bool
