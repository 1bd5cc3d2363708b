"""The word for what came out, of what the paper describes."""

from __future__ import annotations


def verdict(*holds: bool) -> str:
    """Return "seen" where all holds, "not seen" where nothing does, and "partly seen" else.

    Parameters
    ----------
    *holds : bool
        For each thing that the paper describes, whether it is so here.
    """
    return "seen" if all(holds) else "partly seen" if any(holds) else "not seen"
