"""Write docs/notebook.ipynb from examples/notebook.py and run it on the demo: python tools/write_notebook.py

Needs nbformat, nbclient and ipykernel, which nothing else here needs: pip install nbformat nbclient ipykernel
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "notebook.ipynb"

SOURCE = ROOT / "examples" / "notebook.py"


def cells(text: str) -> list[tuple[str, str]]:
    """Cells of a script in which `# %%` begins each: "md" or "py", and what is in it."""
    found = []
    for cell in re.split(r"(?m)^# %%", text)[1:]:
        kind, _, body = cell.partition("\n")
        if kind.strip() == "[markdown]":
            found.append(("md", re.sub(r"(?m)^# ?", "", body).strip()))
        else:
            found.append(("py", body.replace("from __future__ import annotations\n\n", "").strip()))
    return found


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        import nbformat
        from nbclient import NotebookClient
    except ImportError as error:
        print(f"{error}; the notebook stays as it is. To write it: pip install nbformat nbclient ipykernel")
        return
    from run_docs import HOME, make_place

    from cnnvis_caffe.demo import make_demo

    demo = make_demo(ROOT / "build" / "docs" / "demo").parent
    book = nbformat.v4.new_notebook()
    make = {"md": nbformat.v4.new_markdown_cell, "py": nbformat.v4.new_code_cell}
    book.cells = [
        make[kind](text, id=f"cell-{number}") for number, (kind, text) in enumerate(cells(SOURCE.read_text("utf-8")))
    ]
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    with tempfile.TemporaryDirectory() as folder:
        place = make_place(Path(folder).resolve() / "you", demo)
        os.environ.update(place.environment)
        NotebookClient(
            book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(place.folder)}}
        ).execute()
        text = nbformat.writes(book, indent=1).replace(str(place.folder), HOME).replace(str(ROOT), HOME)
    fresh = nbformat.reads(text, as_version=4)
    for cell in fresh.cells:
        cell.metadata = {}
    fresh.metadata.pop("language_info", None)
    TARGET.write_text(nbformat.writes(fresh, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
