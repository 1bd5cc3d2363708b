"""Records of how images are to be prepared for a network: what was found, and what was tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FoundPreparation:
    """What files beside a network say about preprocessing.

    Attributes
    ----------
    layer : LayerParameter or None
        The data layer that says it; None where no file does.
    origin : str
        Where that layer is, in words; empty without one.
    options : tuple of str
        The same as options of a command, such as ``("--scale 0.00390625",)``; empty for "as they are".
    is_usable : bool
        Whether all is there that the layer needs, such as its mean image.
    means : tuple of str
        Mean files that lie beside the network, and that nothing asks for.
    """

    layer: Any = None
    origin: str = ""
    options: tuple[str, ...] = ()
    is_usable: bool = False
    means: tuple[str, ...] = ()


@dataclass(frozen=True)
class TriedPreparation:
    """One way to prepare images, and what the network makes of a sample that is prepared so.

    Attributes
    ----------
    options : tuple of str
        Of a command; empty for images as they are.
    error : float
        Share of the sample whose best class is wrong; NaN without labels.
    loss : float
        Mean of -log of the probability of the right class; NaN without labels.
    confidence : float
        Mean probability of the best class.
    saturated : float
        Share of images of which one class has more than 0.9999: far too large inputs give nothing else.
    n_answers : int
        How many classes are the best one of some image: far too small inputs give hardly more than one.
    """

    options: tuple[str, ...]
    error: float
    loss: float
    confidence: float
    saturated: float
    n_answers: int

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TriedPreparation:
        """Return what `PreparationTrial.to_json` wrote of it; TypeError or ValueError for anything else."""
        names = ("error", "loss", "confidence", "saturated")
        numbers = {name: float("nan") if values.get(name) is None else float(values[name]) for name in names}
        return cls(tuple(map(str, values["options"])), n_answers=int(values["n_answers"]), **numbers)


@dataclass(frozen=True)
class PreparationTrial:
    """The usual ways to prepare images, tried on a sample: evidence for what a network was trained with.

    Attributes
    ----------
    n_images : int
        In the sample.
    has_labels : bool
    current : TriedPreparation
        What is done to the images now.
    tried : tuple of TriedPreparation
        All, the current one included, the best first.
    best : TriedPreparation or None
        What is proposed; None where nothing is plainly better than the current one.
    suspects : tuple of str
        What the proposal says is wrong now: "scale", "mean", "channel order".
    reason : str
        Why, in words with numbers; empty without a proposal.
    """

    n_images: int
    has_labels: bool
    current: TriedPreparation
    tried: tuple[TriedPreparation, ...]
    best: TriedPreparation | None
    suspects: tuple[str, ...]
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the same as JSON holds it; NaN becomes None."""
        found = asdict(self)
        for one in [found["current"], *found["tried"], *([found["best"]] if found["best"] else [])]:
            one.update({key: None for key, value in one.items() if value != value})  # noqa: PLR0124 - NaN
        return found

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PreparationTrial:
        """Return the trial that `to_json` gave; KeyError, TypeError or ValueError for anything else."""
        return cls(
            n_images=int(values["n_images"]),
            has_labels=bool(values["has_labels"]),
            current=TriedPreparation.from_json(values["current"]),
            tried=tuple(map(TriedPreparation.from_json, values["tried"])),
            best=None if values["best"] is None else TriedPreparation.from_json(values["best"]),
            suspects=tuple(map(str, values["suspects"])),
            reason=str(values["reason"]),
        )
