"""Make the fonts that pictures are written in, and the widths of their letters, from two files of Inter.

    python tools/make_font.py Inter-Regular.otf Inter-SemiBold.otf OFL.txt

Inter is under the SIL Open Font License and reserves no name. Only the letters that Caffe's names, Western languages
and figures need are kept, without kerning so that widths simply add up, and the family is renamed so that another Inter
on the same machine is never taken for it.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FOLDER = Path(__file__).resolve().parents[1] / "cnnvis_caffe" / "scene" / "fonts"
FAMILY = "CNNVis Sans"
LETTERS = [*range(0x20, 0x7F), *range(0xA0, 0x180), *range(0x391, 0x3CA)] + [
    ord(c) for c in "–—‘’“”•…‹›⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻₀₁₂₃₄₅₆₇₈₉←↑→↓↔−×÷±≈≠≤≥∂∑√∞Δ●○■□▲▼◆✓✗"
]
STYLES = {"regular": ("Regular", 400), "bold": ("Bold", 700)}


def make_style(source: Path, style: str) -> dict[str, object]:
    """Write one subset and return its metrics, in thousandths of the size."""
    font = TTFont(source)
    options = subset.Options()
    options.layout_features = []
    options.name_IDs = [0, 1, 2, 4, 6, 13, 14]
    options.hinting = False
    options.desubroutinize = True
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=LETTERS)
    subsetter.subset(font)
    name, weight = STYLES[style]
    for record in list(font["name"].names):
        text = {1: FAMILY, 2: name, 4: f"{FAMILY} {name}", 6: f"CNNVisSans-{name}"}.get(record.nameID)
        if text:
            record.string = text
        elif record.nameID in (16, 17, 21, 22, 25):
            font["name"].removeNames(nameID=record.nameID)
    font["OS/2"].usWeightClass = weight
    font["OS/2"].fsSelection = 1 << 5 if style == "bold" else 1 << 6
    font["head"].macStyle = 1 if style == "bold" else 0
    if "CFF " in font:
        cff = font["CFF "].cff
        cff.fontNames = [f"CNNVisSans-{name}"]
        cff.topDictIndex[0].FamilyName, cff.topDictIndex[0].FullName = FAMILY, f"{FAMILY} {name}"
        cff.topDictIndex[0].Weight = name
    font.save(FOLDER / f"CNNVisSans-{name}.otf")
    scale = 1000 / font["head"].unitsPerEm
    widths = {chr(code): round(font["hmtx"][glyph][0] * scale, 1) for code, glyph in sorted(font.getBestCmap().items())}
    return {
        "ascent": round(font["hhea"].ascent * scale),
        "descent": round(-font["hhea"].descent * scale),
        "cap_height": round(font["OS/2"].sCapHeight * scale),
        "widths": widths,
    }


def main() -> None:
    """Read the command line and write everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("regular", type=Path)
    parser.add_argument("bold", type=Path)
    parser.add_argument("licence", type=Path)
    arguments = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    metrics = {"regular": make_style(arguments.regular, "regular"), "bold": make_style(arguments.bold, "bold")}
    text = json.dumps({"family": FAMILY, **metrics}, ensure_ascii=False, indent=0, sort_keys=True)
    (FOLDER / "metrics.json").write_text(text + "\n", "utf-8")
    shutil.copyfile(arguments.licence, FOLDER / "OFL.txt")


if __name__ == "__main__":
    main()
