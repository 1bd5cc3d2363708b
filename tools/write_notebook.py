"""Write docs/notebook.ipynb from examples/notebook.py and run it on the demo: python tools/write_notebook.py

Needs nbformat, nbclient and ipykernel, which nothing else here needs, and fonttools, which comes with matplotlib:
pip install nbformat nbclient ipykernel fonttools
"""

from __future__ import annotations

import base64
import io
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "notebook.ipynb"

SOURCE = ROOT / "examples" / "notebook.py"
PIXELS = 1  # of a patch for one unit of the picture


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


def slimmer(svg: str) -> str:
    """A picture without what nobody sees in a notebook.

    Patches have hardly more pixels than they are shown with, the font has only the letters that are used, elements
    have no names, and quotes are those that JSON need not escape.
    """
    letters = set("".join(re.findall(r"(?s)<text[^>]*>(.*?)</text>", svg)))
    svg = re.sub(r"(?<=data:font/otf;base64,)[^)]+", lambda found: _font_of(found.group(), letters), svg)
    svg = re.sub(r"<image [^>]*>", _smaller_image, svg)
    svg = re.sub(r' (id|data-name)="[^"]*"', "", svg)
    return re.sub("=\"([^\"']*)\"", r"='\1'", svg)


def _smaller_image(found: re.Match[str]) -> str:
    """An <image> with PIXELS pixels for a unit of the picture at most, where it has more."""
    import cv2
    import numpy as np

    from cnnvis_caffe.render.png import encode_png

    element = found.group()
    across, shown = (float(re.search(rf' {side}="([^"]*)"', element).group(1)) for side in ("width", "height"))
    data = re.search(r'(?<=data:image/png;base64,)[^"]+', element).group()
    pixels = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    element = element.replace("xlink:href", "href")
    if across == shown and pixels.shape[0] == pixels.shape[1]:
        element = element.replace(' preserveAspectRatio="none"', "")
    side = max(1, round(shown * PIXELS))
    if "pixelated" in element or side >= len(pixels):
        return element
    width = max(1, round(side * pixels.shape[1] / len(pixels)))
    smaller = cv2.resize(np.ascontiguousarray(pixels), (width, side), interpolation=cv2.INTER_AREA)
    return element.replace(data, base64.b64encode(encode_png(smaller, 9)).decode())


def _font_of(font: str, letters: set[str]) -> str:
    """A font with some letters only, as base64."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.desubroutinize = True
    options.hinting = False
    options.layout_features = []
    options.name_IDs = []
    read = TTFont(io.BytesIO(base64.b64decode(font)))
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(letters))
    subsetter.subset(read)
    written = io.BytesIO()
    read.save(written)
    return base64.b64encode(written.getvalue()).decode()


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        import fontTools.subset  # noqa: F401
        import nbformat
        from nbclient import NotebookClient
    except ImportError as error:
        print(f"{error}; the notebook stays as it is. To write it: pip install nbformat nbclient ipykernel fonttools")
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
        for output in cell.get("outputs", []):
            if "image/svg+xml" in output.get("data", {}):
                output.data["image/svg+xml"] = slimmer(output.data["image/svg+xml"])
    fresh.metadata.pop("language_info", None)
    TARGET.write_text(nbformat.writes(fresh, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
