"""Names as files have them, without signs that would do something where they are shown.

A layer, class or file may be called anything: escape sequences that move the cursor, signs that turn the direction of
writing, bytes that no XML may hold, or a formula. Files keep their names; what leaves for a terminal, a picture, a page
or a table goes through here.
"""

from __future__ import annotations

import re

# Controls (C0, C1, DEL), signs that nobody sees or that turn the direction of writing, separators of lines, halves of
# surrogate pairs and what is no character at all. Not the joiners U+200C and U+200D, which Persian and emoji need.
_ACTING = (
    "\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufdd0-\ufdef\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f"
    + "".join(chr(plane << 16 | last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
)
_IN_A_LINE = re.compile(f"[{_ACTING}]")
_IN_LINES = re.compile(f"(?![\n\t])[{_ACTING}]")
# What a spreadsheet takes for the beginning of a formula, in wide letters too.
_FORMULA = re.compile("[=+\\-@\uff1d\uff0b\uff0d\uff20]")


def visible(text: str, *, has_lines: bool = False) -> str:
    r"""Return text in which everything that acts instead of being seen is written out, such as ``\x1b``.

    Parameters
    ----------
    text : str
    has_lines : bool, default=False
        Whether line feeds and tabs are the text's own layout and stay.

    Returns
    -------
    str
    """
    return (_IN_LINES if has_lines else _IN_A_LINE).sub(_written_out, text)


def csv_cell(text: str) -> str:
    """Return a cell of a table that no spreadsheet takes for a formula.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        With an apostrophe in front where it begins like a formula and is not a number.
    """
    shown = visible(text)
    return f"'{shown}" if _FORMULA.match(shown) and not _is_number(text) else shown


def _written_out(found: re.Match[str]) -> str:
    """A sign as Python writes it."""
    return found.group().encode("unicode_escape").decode("ascii")


def _is_number(text: str) -> bool:
    """Whether a text is a number and nothing else."""
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", text, re.I | re.A) is not None
