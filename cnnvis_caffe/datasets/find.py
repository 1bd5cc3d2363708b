"""Finds data sets: in CNNVIS_DATA_DIR, in the user's cache, or on the network."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from cnnvis_caffe.errors import DataNotFoundError, MissingDependencyError
from cnnvis_caffe.progress import Progress

logger = logging.getLogger(__name__)


def roots() -> list[Path]:
    """Return the folders that are looked through, in this order.

    Returns
    -------
    list of Path
        CNNVIS_DATA_DIR where it is set, and the cache.

    Raises
    ------
    DataNotFoundError
        If CNNVIS_DATA_DIR names no folder.
    """
    named = os.environ.get("CNNVIS_DATA_DIR")
    if named and not os.path.isdir(named):
        raise DataNotFoundError(f"CNNVIS_DATA_DIR names {named}, which is not a folder")
    return [*([Path(named)] if named else []), cache()]


def cache() -> Path:
    """Return the folder that downloads go to.

    Returns
    -------
    Path
        Below XDG_CACHE_HOME or ~/.cache.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnnvis_caffe"


def find(candidates: Iterable[str]) -> Path | None:
    """Return the first of some files or folders that exists.

    Parameters
    ----------
    candidates : iterable of str
        Paths below a root, best first.

    Returns
    -------
    Path or None
    """
    candidates = list(candidates)
    for root in roots():
        for candidate in candidates:
            if (root / candidate).exists():
                return root / candidate
    return None


def download(urls: Sequence[str], sha256: str, path: str, progress: Progress, *, files: Sequence[str] = ()) -> Path:
    """Download a file into the cache.

    Parameters
    ----------
    urls : sequence of str
        Where it can be had; the next is tried when one fails.
    sha256 : str
        Checksum, in hexadecimal.
    path : str
        Where it goes, below the cache.
    progress : Progress
        Told of bytes.
    files : sequence of str, optional
        All files of the data set, to be named where this one cannot be had; this one if left out.

    Returns
    -------
    Path

    Raises
    ------
    DataNotFoundError
        If no address gives the file, with where to get it and where to put it.
    MissingDependencyError
        If `pooch` is not installed.
    """
    try:
        import pooch
    except ImportError as error:
        raise MissingDependencyError("pooch", "data", f"downloading {path}") from error
    pooch.get_logger().setLevel(logging.WARNING)  # we say ourselves what is downloaded
    target = cache() / path
    failures = []
    for url in urls:
        logger.info("downloading %s", url)
        try:
            downloader = pooch.HTTPDownloader(progressbar=_Bar(progress, url), timeout=30)
            found = pooch.retrieve(url, f"sha256:{sha256}", target.name, target.parent, downloader=downloader)
        except OSError as error:  # requests' errors are OSErrors; they tell the whole way that they went
            failures.append(type(error).__name__)
        except ValueError:
            failures.append("wrong checksum")
        else:
            return Path(found)
    named = os.environ.get("CNNVIS_DATA_DIR")
    folder, _, name = urls[0].rpartition("/")
    raise DataNotFoundError(
        f"{path} is not here and cannot be downloaded ({', '.join(dict.fromkeys(failures))}); get "
        f"{', '.join(files or [name])} from {folder}/ and put {'them' if len(files) > 1 else 'it'} into "
        f"{(Path(named) / path if named else target).parent}"
    )


class _Bar:
    """What pooch takes for a progress bar."""

    def __init__(self, progress: Progress, url: str) -> None:
        self._progress = progress
        self._what = f"downloading {url.rpartition('/')[2]}"
        self._total = 0
        self._ended = False

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, total: int) -> None:
        self._total = total
        self._progress.start(total, self._what)

    def update(self, n: int) -> None:
        if not self._ended:
            self._progress.step(n)

    def reset(self) -> None:
        """Pooch empties the bar at the end, and fills it again in one step."""
        self._ended = True

    def close(self) -> None:
        self._progress.done()
