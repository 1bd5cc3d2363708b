"""A change of a network's layers, and what came of training the changed network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: The words of a description, with the field of `Variant` that they fill.
_WORDS = {"without": "without", "width": "widths", "kernel": "kernels", "stride": "strides"}


@dataclass(frozen=True)
class Variant:
    """What is changed of a network.

    Attributes
    ----------
    without : tuple of str
        Layers that are removed.
    widths, kernels, strides : tuple of (str, int)
        Layers with their new number of outputs, side of the kernel, and stride.
    """

    without: tuple[str, ...] = ()
    widths: tuple[tuple[str, int], ...] = ()
    kernels: tuple[tuple[str, int], ...] = ()
    strides: tuple[tuple[str, int], ...] = ()

    @property
    def words(self) -> str:
        """The description, such as ``"without conv3, conv4; width fc6=2048"``; "original" where nothing is changed."""
        parts = [f"without {', '.join(self.without)}"] if self.without else []
        for word, name in list(_WORDS.items())[1:]:
            sizes = getattr(self, name)
            if sizes:
                parts.append(f"{word} {', '.join(f'{layer}={size}' for layer, size in sizes)}")
        return "; ".join(parts) or "original"


def parse_variant(text: str) -> Variant:
    """Read a description of a variant.

    Parameters
    ----------
    text : str
        Parts between semicolons, each a word with layers between commas: ``"without conv3,conv4; width fc6=2048"``.
        The words are without, width, kernel and stride. "original" changes nothing.

    Returns
    -------
    Variant

    Raises
    ------
    ValueError
        If there is no such word, or a size is missing or below 1.
    """
    found: dict[str, tuple] = {}
    if text.strip() == "original":
        return Variant()
    for part in text.split(";"):
        word, _, rest = part.strip().partition(" ")
        entries = tuple(entry.strip() for entry in rest.split(",") if entry.strip())
        if word not in _WORDS or not entries:
            raise ValueError(
                f"{part.strip()!r} says no change; write one such as 'without conv3,conv4' or 'width fc6=2048' "
                f"(words: {', '.join(_WORDS)}), several with ';' between them"
            )
        sizes = entries if word == "without" else tuple(_size(entry, word) for entry in entries)
        found[_WORDS[word]] = (*found.get(_WORDS[word], ()), *sizes)
    return Variant(**found)


def _size(entry: str, word: str) -> tuple[str, int]:
    """A layer and its new size."""
    layer, _, size = entry.rpartition("=")
    if not layer or not size.isdecimal() or not 0 < int(size) < 2**31:
        raise ValueError(f"{word} {entry!r}: write LAYER=NUMBER with a number from 1, such as fc6=2048")
    return layer.strip(), int(size)


@dataclass(frozen=True)
class Retrained:
    """A variant of a network after its training.

    Attributes
    ----------
    words : str
        What was changed.
    folder : str
        Where its prototxts, snapshots and log lie.
    n_parameters : int
    iterations : int
    seconds : float
        Of the training.
    train, test : mapping of str to float
        Outputs of the test net, as means over ``test_iter`` batches of training and test images. `train` is empty where
        the network reads both in different ways; `test` where the solver has no test net. Empty also after divergence.
    accuracies : tuple of str
        Those outputs that are accuracies.
    diverged : int or None
        The iteration in which the loss ceased to be a number.
    kept : tuple of str
        Layers that began with weights of before.
    """

    words: str
    folder: str
    n_parameters: int
    iterations: int
    seconds: float
    train: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    accuracies: tuple[str, ...] = ()
    diverged: int | None = None
    kept: tuple[str, ...] = ()

    def error(self, part: str, name: str) -> float:
        """Return the share of wrong answers by one of the accuracies; NaN where it is not known.

        Parameters
        ----------
        part : {"train", "test"}
        name : str
        """
        return 1 - getattr(self, part).get(name, float("nan"))


@dataclass(frozen=True)
class Ablation:
    """Variants of one network beside each other.

    Attributes
    ----------
    title : str
        Of the network.
    rows : tuple of Retrained
    """

    title: str
    rows: tuple[Retrained, ...]

    @property
    def accuracies(self) -> tuple[str, ...]:
        """Outputs that are accuracies of any row."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.accuracies))
