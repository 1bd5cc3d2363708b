"""Make docs/gallery from analysis files, with the command and the measures of each picture.

    python tools/make_gallery.py ANALYSES [--out docs/gallery]

ANALYSES is a folder of files <name>.cnnvis.h5 (as `cnnvis-caffe analyze` writes them) named lenet, cifar10_quick,
cifar10_full, base_cnn, base_cnn_leaky, resnet and googlenet; pictures of files that are not there are left as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cnnvis_caffe.cli.render import command  # noqa: E402
from cnnvis_caffe.formats.images import decode_image  # noqa: E402
from cnnvis_caffe.render.png import encode_small_png  # noqa: E402
from cnnvis_caffe.scene.theme import THEMES  # noqa: E402
from cnnvis_caffe.store import read_analysis  # noqa: E402


@dataclass(frozen=True)
class Plate:
    """A picture of the gallery."""

    name: str
    analysis: str
    options: tuple[str, ...]
    caption: str
    figure: str = ""


PLATES = (
    Plate("lenet", "lenet", (), "LeNet on MNIST: learned features of every cluster, the connections between them "
          "positive (blue) and negative (orange), the outputs with their classes.", "1 (a), 3 (a), 4 (b)"),
    Plate("lenet_activations", "lenet", ("--facet", "activations"), "The same clusters as matrices of neurons by "
          "classes; similar neurons and similar classes stand side by side. Facets move nothing.", "3 (b)"),
    Plate("lenet_neuron", "lenet", ("--select", "conv2:17"), "One neuron of conv2 with its own connections to the "
          "neurons before and after it.", "1 (a)"),
    Plate("lenet_classes", "lenet", ("--classes", "3,5", "--theme", "dark"), "Two classes chosen: neurons that they "
          "activate strongly stay, the others are translucent. The dark theme."),
    Plate("cifar10_quick", "cifar10_quick", (), "cifar10_quick: three convolutions on colour images."),
    Plate("cifar10_quick_contributions", "cifar10_quick", ("--facet", "contributions"), "What neurons contribute to "
          "the scores of the classes: blue raises, orange lowers."),
    Plate("cifar10_full", "cifar10_full", ("--edges", "relative_change", "--chart", "relative_change",
          "--size", "1600x1080"), "A series of snapshots of cifar10_full: edges and the chart below show the relative "
          "change of weights. Most neurons of conv2 and conv3 never respond.", "1 (a, b), 6 (A)"),
    Plate("base_cnn", "base_cnn", ("--chart", "relative_change", "--size", "1600x1080"), "BaseCNN at a quarter of "
          "its width, trained on JPEG copies of CIFAR-10: each group of layers is one column, its button tells how "
          "many more layers it holds.", "6 (a)"),
    Plate("base_cnn_expanded", "base_cnn", ("--expand", "conv3-1"), "BaseCNN with its third group opened.", "6 (b)"),
    Plate("base_cnn_activations", "base_cnn", ("--expand", "conv3-1", "--facet", "activations"), "Activations of "
          "the third group; a row that is white from end to end would be a neuron that no class activates.", "7 (a)"),
    Plate("base_cnn_leaky_activations", "base_cnn_leaky", ("--expand", "conv3-1", "--facet", "activations"), "The same "
          "with a leaky ReLU of slope 0.1; what is below zero stays, scaled down, and is orange.", "7"),
    Plate("resnet", "resnet", (), "A residual network: each block is one column."),
    Plate("resnet_expanded", "resnet", ("--expand", "res3a"), "The same with one block opened: "
          "what passes by its convolutions runs around them."),
    Plate("googlenet", "googlenet", (), "GoogLeNet: 57 convolutions as thirteen columns."),
    Plate("googlenet_expanded", "googlenet", ("--expand", "inception_3a", "--size", "2400x1200"), "GoogLeNet with its "
          "first inception module opened: a lane for each branch."),
)  # fmt: skip


def main() -> None:
    """Read the command line and make what can be made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("analyses", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "gallery")
    parser.add_argument("--only", nargs="*", default=())
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    measures_file = arguments.out / "measures.json"
    measures = json.loads(measures_file.read_text()) if measures_file.exists() else {}
    for plate in PLATES:
        source = arguments.analyses / f"{plate.analysis}.cnnvis.h5"
        if not source.exists() or (arguments.only and plate.name not in arguments.only):
            continue
        measures[plate.name] = make(plate, source, arguments.out / f"{plate.name}.png")
        print(plate.name, json.dumps(measures[plate.name]))  # noqa: T201
    measures_file.write_text(json.dumps(measures, indent=1, sort_keys=True) + "\n")
    (arguments.out / "README.md").write_text(page(arguments.out, measures))


def make(plate: Plate, source: Path, out: Path) -> dict:
    """Make one picture and return what the page says of it."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        started = time.process_time()
        options = [*plate.options]
        if "--chart" in options and "relative_change" in options and len(read_analysis(source).snapshots) < 2:
            options = ["gradient" if option == "relative_change" else option for option in options]
        command.main([str(source), "--out", str(out), "--report", str(report), *options], standalone_mode=False)
        seconds = time.process_time() - started
        theme = THEMES["dark" if "dark" in plate.options else "light"]
        keep = (*theme.classes, *theme.channels.values(), theme.positive, theme.negative, theme.ink, theme.muted)
        out.write_bytes(encode_small_png(decode_image(out.read_bytes())[:, :, ::-1], keep))
        found = json.loads(report.read_text())
    return {
        "columns": len(found["columns"]),
        "neurons": found["neurons"],
        "patches": found["shown_patches"],
        "edges": found["connections"]["edges"],
        "strokes": found["connections"]["strokes"],
        "crossings": found["crossings"]["drawn"],
        "crossings_barycentre": found["crossings"]["barycentre_rule"],
        "waste": found["packing"].get("waste", {}).get("mean"),
        "neighbours": found["packing"].get("neighbour_ratio", {}).get("mean"),
        "processor_seconds": round(seconds, 2),
    }


def page(folder: Path, measures: dict[str, dict]) -> str:
    """Write the page."""
    lines = [
        "# Gallery",
        "",
        "Made by `python tools/make_gallery.py ANALYSES` from files that `cnnvis-caffe analyze` wrote.",
        "The figures named are those of the paper whose elements a picture shows.",
        "",
    ]
    for plate in PLATES:
        if not (folder / f"{plate.name}.png").exists():
            continue
        options = " ".join(("", *plate.options))
        lines += [
            f"## {plate.name.replace('_', ' ')}",
            "",
            f"![{plate.caption}]({plate.name}.png)",
            "",
            plate.caption + (f" Figure {plate.figure}." if plate.figure else ""),
            "",
            f"    cnnvis-caffe render {plate.analysis}.cnnvis.h5 --out {plate.name}.png{options}",
            "",
        ]
    lines += [
        "## Measures",
        "",
        "Strokes are what bundling draws in place of the edges; crossings stand beside those of the barycentre rule",
        "alone; waste is the mean share of a packing that no patch covers; neighbours is the mean distance of patches",
        "side by side in the hierarchy, by that of all pairs in a cluster.",
        "",
        "| picture | columns | neurons | patches | edges | strokes | crossings | by barycentres | waste | neighbours "
        "| processor s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for plate in PLATES:
        one = measures.get(plate.name)
        if one is None:
            continue
        cells = [one[key] for key in ("columns", "neurons", "patches", "edges", "strokes", "crossings")]
        cells += [one["crossings_barycentre"], one["waste"], one["neighbours"], one["processor_seconds"]]
        lines.append(f"| {plate.name} | " + " | ".join(str(cell) for cell in cells) + " |")
    edges, strokes = (sum(one[key] for one in measures.values()) for key in ("edges", "strokes"))
    if edges:
        lines += ["", f"Over all: {strokes} strokes for {edges} edges, {100 * strokes / edges:.0f}%."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
