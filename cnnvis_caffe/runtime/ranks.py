"""The place of this process among those that train one net together, in Caffe's words: solver count and solver rank."""

from __future__ import annotations


class _Ranks:
    """One for the whole process; Caffe keeps one per thread."""

    count = 1
    rank = 0


def solver_count() -> int:
    """Return the number of solvers that train together."""
    return _Ranks.count


def solver_rank() -> int:
    """Return this process's number among them."""
    return _Ranks.rank


def is_root() -> bool:
    """Say whether this process is the one that tests, logs and writes snapshots."""
    return _Ranks.rank == 0


def set_solver_count(count: int) -> None:
    """Say how many solvers train together.

    Parameters
    ----------
    count : int
        Nets that are built from now on deal out their data to so many.
    """
    _Ranks.count = count


def set_solver_rank(rank: int) -> None:
    """Say which of them this process is.

    Parameters
    ----------
    rank : int
        From 0; the one with 0 is the root.
    """
    _Ranks.rank = rank


def share(is_train: bool) -> slice:
    """Return which records of those that all solvers read together are this one's.

    Parameters
    ----------
    is_train : bool
        Only the root tests, and it sees every record then.

    Returns
    -------
    slice
        Every so manieth record from the one with the number of the rank on; its step is the number of solvers that
        share the data.

    Notes
    -----
    `DataLayer::Skip` in `src/caffe/layers/data_layer.cpp` keeps record `i`, counted over all passes, where
    `i % solver_count == solver_rank`.
    """
    return slice(_Ranks.rank, None, _Ranks.count) if is_train else slice(0, None, 1)
