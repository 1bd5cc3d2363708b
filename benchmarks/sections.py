"""Pages of docs that several commands write, each its own section."""

from __future__ import annotations

import re
from pathlib import Path


def write_section(page: Path, title: str, text: str) -> None:
    """Put a section in the place of the one of this title, or at the end; the others stay.

    Parameters
    ----------
    page : pathlib.Path
        In Markdown; its headings begin a line with ``#``.
    title : str
        With its marks, such as ``## Killed at any moment``.
    text : str
        What stands below it.
    """
    before = page.read_text("utf-8") if page.exists() else ""
    sections = [part.strip() for part in re.split(r"^(?=#+ )", before, flags=re.MULTILINE) if part.strip()]
    titles = [section.split("\n", 1)[0] for section in sections]
    at = titles.index(title) if title in titles else len(sections)
    sections[at : at + 1] = [f"{title}\n\n{text.strip()}"]
    page.write_text("\n\n".join(sections) + "\n", "utf-8")
