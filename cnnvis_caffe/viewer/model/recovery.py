"""Keeps unsaved edits in a file of the settings folder, and finds those that a crash has left there."""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from dataclasses import dataclass

from cnnvis_caffe.edits.origin import SESSION_ENDING
from cnnvis_caffe.edits.sessions import SavedSession, read_session
from cnnvis_caffe.errors import SessionError
from cnnvis_caffe.files.temporary import has_ended, process_mark
from cnnvis_caffe.text.words import counted


class RecoveryFile:
    """The file of one window; its name says which process writes it.

    Parameters
    ----------
    folder : str
        Made when something is written.
    """

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, f"{process_mark()}.{uuid.uuid4().hex[:8]}{SESSION_ENDING}")
        self._text = ""

    def write(self, text: str) -> None:
        """Write the text of a session, whole or not at all, if it is another one than before.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if text != self._text:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            written = f"{self.path}.tmp"
            # Without waiting for the disk, as `atomic_write` does: the window would stand still meanwhile.
            with open(written, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(written, self.path)
            self._text = text

    def remove(self) -> None:
        """Remove it, where it is there."""
        self._text = ""
        with contextlib.suppress(OSError):
            os.remove(self.path)


@dataclass(frozen=True, eq=False)
class Leftover:
    """Edits that a process which ended without asking has left.

    Attributes
    ----------
    saved : SavedSession
    seconds : float
        When they were written, since 1970.
    """

    saved: SavedSession
    seconds: float

    @property
    def question(self) -> tuple[str, str]:
        """Return what is asked about them: a sentence, and where and when they were made."""
        origin = self.saved.origin
        title = origin.title if origin is not None else "a network"
        when = time.strftime("%d %B, %H:%M", time.localtime(self.seconds))
        edits = self.saved.history.edits
        lines = [f"{counted(len(edits), 'edit')} of {when}; the last one: {edits[-1].text}." if edits else when]
        if origin is not None and origin.absolute_path:
            lines.append(origin.absolute_path)
        return f"The program ended before edits of {title} were saved. Restore them?", "\n".join(lines)

    def remove(self) -> None:
        """Forget them."""
        with contextlib.suppress(OSError):
            os.remove(self.saved.path)


def leftovers(folder: str) -> list[Leftover]:
    """Return the edits that processes have left which are not running any more, the newest first.

    Parameters
    ----------
    folder : str
        Of the recovery files. Damaged ones are passed over, those of running windows too.

    Returns
    -------
    list of Leftover
    """
    found = []
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    for name in names:
        path = os.path.join(folder, name)
        if not name.endswith(SESSION_ENDING) or name.startswith("."):
            continue
        with contextlib.suppress(OSError, SessionError):
            if has_ended(name.split(".")[0], path):
                found.append(Leftover(read_session(path), os.stat(path).st_mtime))
    return sorted(found, key=lambda leftover: -leftover.seconds)
