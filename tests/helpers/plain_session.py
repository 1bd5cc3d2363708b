"""A viewer's session without a window: its pictures are made at once."""

from __future__ import annotations

import functools

from cnnvis_caffe.viewer.model.listeners import Listeners
from cnnvis_caffe.viewer.model.pictures import PictureMaker
from cnnvis_caffe.viewer.model.session import Session


@functools.lru_cache(maxsize=8)
def _maker(analysis_id: int) -> PictureMaker:
    """One for each analysis: it goes on from what the tests before have left, as it does in a window."""
    return PictureMaker()


class PicturesAtOnce:
    """Answers each request before `request` returns."""

    is_busy = False

    def __init__(self) -> None:
        self.answered, self.sketched, self.failed, self.busy_changed = (Listeners() for _ in range(4))
        self.progressed = Listeners()

    def request(self, request) -> None:
        try:
            picture = _maker(id(request.analysis))(request)
        except Exception as error:  # noqa: BLE001 - as the thread does
            self.failed.emit(request, error)
        else:
            self.answered.emit(request, picture)

    def touch(self) -> None:
        """Nothing is prepared meanwhile."""

    def close(self, patience_ms: int = 0) -> bool:
        return True


def plain_session(analysis=None, theme: str = "light") -> Session:
    """A session that looks at an analysis."""
    session = Session(PicturesAtOnce(), theme)
    if analysis is not None:
        session.open(analysis)
    return session
