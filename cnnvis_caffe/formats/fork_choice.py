"""Decides whose a layer is where two forks gave one name to two things: by its settings, or by the user."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import Any

from cnnvis_caffe.errors import ForkChoiceWarning, UnknownNameError

#: Names the fork that users mean; set by `prefer_fork`, and found by every process that this one starts.
VARIABLE = "CNNVIS_FORK"


@dataclass(frozen=True)
class Meaning:
    """What one fork means by the name of a layer type.

    Attributes
    ----------
    fork : str
        As users name it.
    message : str
        Field of LayerParameter with the fork's settings; empty if it has none, so that no file can say it.
    settings : tuple of str
        Settings in it that only this fork has; empty where the message itself is the fork's.
    """

    fork: str
    message: str
    settings: tuple[str, ...] = ()

    def is_said_by(self, layer: Any) -> bool:
        """Tell whether a layer has a setting that only this fork has."""
        if not self.message or not layer.HasField(self.message):
            return False
        given = {field.name for field, _ in getattr(layer, self.message).ListFields()}
        return not self.settings or bool(given & set(self.settings))

    def say(self, layer: Any) -> None:
        """Write the first setting that only this fork has into a layer, with the value that it has anyway."""
        if not self.message:
            return
        message = getattr(layer, self.message)
        message.SetInParent()
        if self.settings:
            setattr(message, self.settings[0], getattr(message, self.settings[0]))


#: Layer types with more than one meaning; the first is taken where neither the file nor the user says anything.
CLASHES = {
    "BN": (
        Meaning("pspnet", "bn_param", ("frozen", "slope_filler", "bias_filler", "momentum", "eps")),
        Meaning("segnet", "bn_param", ("bn_mode", "scale_filler", "shift_filler")),
    ),
    "Normalize": (
        Meaning("caffe-face", ""),
        Meaning("normface", "normalize_param"),
        Meaning("ssd", "norm_param"),
    ),
}
#: Names that users may give.
FORKS = tuple(sorted({meaning.fork for meanings in CLASHES.values() for meaning in meanings}))


def prefer_fork(name: str) -> str:
    """Say of which fork layers are whose settings do not tell it, in this process and in those that it starts.

    Parameters
    ----------
    name : str
        One of `FORKS`, or empty to take the usual one.

    Returns
    -------
    str
        What was preferred until now.

    Raises
    ------
    UnknownNameError
        If no layer type has a meaning of that fork's.
    """
    if name and name not in FORKS:
        raise UnknownNameError("fork", name, FORKS)
    before = preferred_fork()
    os.environ[VARIABLE] = name
    return before


def preferred_fork() -> str:
    """Return the fork that users mean; empty where they have said nothing.

    Raises
    ------
    UnknownNameError
        If the environment names one that there is not.
    """
    name = os.environ.get(VARIABLE, "")
    if name and name not in FORKS:
        raise UnknownNameError(f"fork, which the environment names as {VARIABLE},", name, FORKS)
    return name


def fork_of(layer: Any) -> str:
    """Return whose a layer is, by its settings; empty where they do not tell.

    Parameters
    ----------
    layer : LayerParameter
        Of a type in `CLASHES`.

    Returns
    -------
    str
    """
    return next((meaning.fork for meaning in CLASHES[layer.type] if meaning.is_said_by(layer)), "")


def warn_of_doubt(layer: Any, where: str, taken: str) -> None:
    """Say as whose a layer is taken, where neither its settings nor the user say whose it is.

    Parameters
    ----------
    layer : LayerParameter
    where : str
        What the message begins with.
    taken : str
        The fork.
    """
    if fork_of(layer) or preferred_fork() in {meaning.fork for meaning in CLASHES[layer.type]}:
        return
    others = " or ".join(meaning.fork for meaning in CLASHES[layer.type] if meaning.fork != taken)
    message = (
        f"{where}: its settings do not say which fork's {layer.type} it is; it is taken as {taken}'s "
        f"(otherwise: --fork {others}, or {VARIABLE} in the environment)"
    )
    warnings.warn(message, ForkChoiceWarning, stacklevel=2)


def apply_preference(network: Any, fork: str = "") -> list[str]:
    """Write what the user has said into those layers whose settings do not tell whose they are.

    Parameters
    ----------
    network : NetParameter
        Of the current generation.
    fork : str, default=""
        What the user has said of this network; empty for what is preferred.

    Returns
    -------
    list of str
        Names of the layers that say it now.
    """
    name = fork or preferred_fork()
    said = []
    for layer in network.layer if name else ():
        for meaning in CLASHES.get(layer.type, ()):
            if meaning.fork == name and not fork_of(layer):
                meaning.say(layer)
                if fork_of(layer):
                    said.append(layer.name)
    return said
