"""Colours as numbers, and maps from a share to a colour."""

from __future__ import annotations

import numpy as np

#: Colours of a map; odd, so that the middle of a diverging one is exactly its middle colour.
STEPS = 257


def rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, of "#RRGGBB"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def hexadecimal(red: float, green: float, blue: float) -> str:
    """Return "#RRGGBB" of red, green and blue, 0 to 255."""
    return f"#{round(red):02X}{round(green):02X}{round(blue):02X}"


class ColourMap:
    """A row of colours at equal steps, and everything between them.

    Parameters
    ----------
    colours : tuple of str
        "#RRGGBB", at least two.
    """

    def __init__(self, colours: tuple[str, ...]) -> None:
        self.colours = colours
        steps = np.linspace(0.0, 1.0, len(colours))
        shares = np.linspace(0.0, 1.0, STEPS)
        anchors = np.array([rgb(colour) for colour in colours], float)
        channels = [np.interp(shares, steps, anchors[:, channel]) for channel in range(3)]
        self._table = np.rint(np.stack(channels, 1)).astype(np.uint8)

    def pixels(self, shares: np.ndarray) -> np.ndarray:
        """Return the colours of shares.

        Parameters
        ----------
        shares : ndarray of any shape, float
            Cut to [0, 1]; NaN counts as 0.

        Returns
        -------
        ndarray of that shape and 3, uint8
        """
        known = np.where(np.isnan(shares), 0.0, shares)
        return self._table[np.rint(np.clip(known, 0.0, 1.0) * (STEPS - 1)).astype(np.intp)]

    def colour(self, share: float) -> str:
        """Return the colour of one share as "#RRGGBB"."""
        return hexadecimal(*self.pixels(np.array(share)).tolist())

    def strip(self, n: int) -> np.ndarray:
        """Return the whole map as a picture of shape (1, n, 3), uint8."""
        return self.pixels(np.linspace(0.0, 1.0, n))[None]
