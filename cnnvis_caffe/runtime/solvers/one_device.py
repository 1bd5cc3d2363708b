"""The device of a solver that trains alone; `several_devices.py` has its counterpart."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.runtime.solvers.action import Action


class OneDevice:
    """Decides alone.

    Attributes
    ----------
    is_root : bool
        Whether this process tests and writes snapshots.
    """

    is_root = True

    def agree(self, action: Action) -> Action:
        """Return the `Action` that all devices take, given the one that was asked of this one."""
        return action

    def agree_to_stop(self, stops: bool) -> bool:
        """Return whether all devices stop, given what the root decided while it tested."""
        return stops

    def can_act_in_test(self) -> bool:
        """Say whether a snapshot can be written between two batches of a test."""
        return True

    def gather(self, state: Any) -> tuple[Any, ...]:
        """Return the states of all other devices in order of their ranks; only the root gets them."""
        return ()
