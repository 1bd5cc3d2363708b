"""A view with the edits that led to it, which can be taken back and done again."""

from __future__ import annotations

from collections.abc import Iterable

from cnnvis_caffe.edits.kinds import Edit, Together, as_edits
from cnnvis_caffe.records.view import View

#: Edits that can be taken back; a session also has those before, as far as they still matter.
MOST_EDITS = 1000


class History:
    """A view and the edits that led to it; the last `MOST_EDITS` can be taken back.

    Parameters
    ----------
    start : View
        What is shown before any edit.
    """

    def __init__(self, start: View | None = None) -> None:
        self._views = [start or View()]
        self._edits: list[Edit] = []
        self._position = 0

    @property
    def view(self) -> View:
        """The view now."""
        return self._views[self._position]

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits that led to it, without those that were taken back; each is one step of `undo`."""
        return tuple(self._edits[: self._position])

    @property
    def all_edits(self) -> tuple[Edit, ...]:
        """Edits that lead from the usual view to it, one by one, with those that can no longer be taken back."""
        return (*as_edits(self._views[0]), *(step for edit in self.edits for step in edit.steps))

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return self._position > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit that was taken back."""
        return self._position < len(self._edits)

    @property
    def undo_text(self) -> str:
        """What `undo` takes back; empty where it does nothing."""
        return self._edits[self._position - 1].text if self.can_undo else ""

    @property
    def redo_text(self) -> str:
        """What `redo` does again; empty where it does nothing."""
        return self._edits[self._position].text if self.can_redo else ""

    def apply(self, edit: Edit, *, together: bool = False) -> View:
        """Do an edit; what was taken back before is forgotten.

        Parameters
        ----------
        edit : Edit
            One that changes nothing leaves no trace. One that is no step, a theme, cannot be taken back.
        together : bool
            While a slider is dragged: an edit of the same kind right before it is replaced, so that one undo takes
            back the whole movement.

        Returns
        -------
        View
        """
        if not edit.IS_STEP:
            self._views = [edit.apply(view) for view in self._views]
            return self.view
        base = self._position
        if together and base and type(self._edits[base - 1]) is type(edit):
            base -= 1
        view = edit.apply(self._views[base])
        if view != self.view:
            keeps = view != self._views[base]
            self._edits[base:] = [edit] if keeps else []
            self._views[base + 1 :] = [view] if keeps else []
            if len(self._edits) > MOST_EDITS:
                del self._edits[0], self._views[0]
            self._position = len(self._edits)
        return self.view

    def apply_all(self, edits: Iterable[Edit], text: str) -> View:
        """Do several edits as one step, which one undo takes back.

        Parameters
        ----------
        edits : iterable of Edit
        text : str
            What they do, for the undo menu.

        Returns
        -------
        View
        """
        return self.apply(Together(tuple(edits), text))

    def undo(self) -> View:
        """Take the last edit back, where there is one.

        Returns
        -------
        View
        """
        self._position = max(0, self._position - 1)
        return self.view

    def redo(self) -> View:
        """Do again what was taken back last, where there is something.

        Returns
        -------
        View
        """
        self._position = min(len(self._edits), self._position + 1)
        return self.view
