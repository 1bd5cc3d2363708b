"""The actions that can be asked of a solver between two iterations."""

from __future__ import annotations

import enum


class Action(enum.Enum):
    """What can be asked of a solver; what outweighs another comes later."""

    NONE = "none"
    SNAPSHOT = "snapshot"
    STOP = "stop"
