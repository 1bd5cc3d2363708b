"""Decides which panels a window has room for, so that the picture keeps most of it. Needs no window."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

#: The window is at least so large, in pixels, for each place around the picture to be used beside those before it:
#: first the control panel, then the lists at the left, then the chart and the tables below.
LEAST_SIZE = {"right": (860, 480), "left": (1200, 480), "bottom": (860, 860)}
#: Below this height of picture and legend together the legend is one line.
LEAST_HEIGHT_OF_LEGEND = 640


@dataclass
class PanelRoom:
    """Collapses panels where a window is small, and brings them back where it is large again.

    What the user shows or hides by hand stays so.

    Parameters
    ----------
    places : dict of str to str
        By panel where it lies: "left", "right" or "bottom".

    Attributes
    ----------
    collapsed : set of str
        Panels that are hidden for want of room.
    by_hand : set of str
        Panels that the user has shown where there is no room for them.
    """

    places: dict[str, str]
    collapsed: set[str] = field(default_factory=set)
    by_hand: set[str] = field(default_factory=set)

    def fit(self, width: int, height: int, shown: Collection[str]) -> tuple[set[str], set[str]]:
        """Return which panels are hidden now and which come back.

        Parameters
        ----------
        width, height : int
            Of the window, in pixels.
        shown : collection of str
            Panels that are shown.

        Returns
        -------
        hide, show : set of str
        """
        small = {place for place, least in LEAST_SIZE.items() if width < least[0] or height < least[1]}
        hide = {name for name in shown if self.places[name] in small and name not in self.by_hand}
        show = {name for name in self.collapsed if self.places[name] not in small}
        self.collapsed = (self.collapsed | hide) - show
        self.by_hand -= {name for name, place in self.places.items() if place not in small}
        return hide, show

    def shown_by_hand(self, name: str) -> None:
        """Say that the user wants to see a panel, whatever the room."""
        self.collapsed.discard(name)
        self.by_hand.add(name)

    def hidden_by_hand(self, name: str) -> None:
        """Say that the user wants a panel to be hidden, whatever the room."""
        self.collapsed.discard(name)
        self.by_hand.discard(name)


def has_room_for_legend(height: int) -> bool:
    """Return whether a legend may have several lines under a picture, where both have this height in pixels."""
    return height >= LEAST_HEIGHT_OF_LEGEND
