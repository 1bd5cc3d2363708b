"""Whether a weights file fits a network, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass

#: Its parameters are loaded.
MATCHES = "matches"
#: Same name, other parameters: Caffe refuses the file.
DIFFERS = "differs"
#: The network has it with parameters, the file does not: it keeps what its fillers give.
MISSING = "missing"
#: Both have it, but the shape that the network needs is not known.
UNCOMPARED = "not compared"
#: The file has it, the network does not: Caffe passes over it.
IGNORED = "ignored"


@dataclass(frozen=True)
class LayerFit:
    """What happens to a layer when the weights are loaded.

    Attributes
    ----------
    name : str
    status : {"matches", "differs", "missing", "not compared", "ignored"}
    reason : str
        Empty for "matches".
    """

    name: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class WeightsFit:
    """Whether a weights file fits a network.

    Attributes
    ----------
    path : str
    layers : tuple of LayerFit
        Layers of the network with parameters in its order, then those of the file that the network does not have.
    """

    path: str
    layers: tuple[LayerFit, ...]

    def named(self, status: str) -> tuple[LayerFit, ...]:
        """Return the layers of one status."""
        return tuple(layer for layer in self.layers if layer.status == status)

    @property
    def fits(self) -> bool:
        """Whether Caffe would load the file, and with any effect."""
        return bool(self.named(MATCHES)) and not self.named(DIFFERS)
