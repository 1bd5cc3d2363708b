"""Parts belong together if they are of the same analysis of the same data."""

from __future__ import annotations

from cnnvis_caffe.errors import StoreError
from cnnvis_caffe.store.state import AnalysisState

#: The setting that is a checksum of the images.
PIXELS = "images"


def check_same(state: AnalysisState, settings: dict[str, str], shard: tuple[int, int] | None = None) -> None:
    """Raise unless a state is of an analysis with the same settings.

    Parameters
    ----------
    state : AnalysisState
    settings : dict of str to str
    shard : (int, int) or None
        None where shards may differ.

    Raises
    ------
    StoreError
        Naming what differs.
    """
    names = [name for name in {**settings, **state.settings} if settings.get(name) != state.settings.get(name)]
    if shard is not None and state.shard != shard:
        names.insert(0, "shard")
    if names == [PIXELS]:
        raise StoreError(
            state.path, "", "was made with other images: the data are as many, but pixels, labels or the mean are not "
            "the same any more; put them back as they were, or remove the file and begin again"
        )  # fmt: skip
    if names:
        names = [name for name in names if name != PIXELS]  # they follow from the others
        theirs = {**state.settings, "shard": "/".join(map(str, state.shard))}
        ours = {**settings, "shard": "/".join(map(str, shard or ()))}
        name = names[0]
        more = f" (and {', '.join(names[1:])})" if len(names) > 1 else ""
        raise StoreError(
            state.path,
            "",
            f"was made with another {name}{more}: {_short(theirs.get(name))}, now {_short(ours.get(name))}; "
            "use the same options, or remove the file and begin again",
        )


def _short(value: str | None) -> str:
    """A value for a message: checksums are long."""
    if value is None:
        return "nothing"
    return repr(value if len(value) < 60 else value[:12] + "…")
