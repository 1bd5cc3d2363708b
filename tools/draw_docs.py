"""Draw the pictures of README and docs, from the demo's analysis: python tools/draw_docs.py

Pictures are reduced to 256 colours, so that the repository stays small.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from cnnvis_caffe.cli.main import group
from cnnvis_caffe.demo import make_demo

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "pictures"
WIDE = ["--size", "1600x900"]
SMALL = ["--size", "1200x720"]
DIGITS = ["--at", "13", "--at", "17"]
MODEL = ["--model", "FOLDER/train_val.prototxt", "--weights", "FOLDER/snapshots/lenet_iter_600.caffemodel"]
PICTURES = {
    "hybrid": ["render", "FILE", *WIDE],
    "activations": ["render", "FILE", "--facet", "activations", *SMALL],
    "selected": ["render", "FILE", "--select", "conv2:17", *SMALL],
    "neuron": ["render", "FILE", "--neuron", "conv2:17"],
    "chart": ["render", "FILE", "--chart", "relative_change", "--expand", "all", *WIDE],
    "compare": ["compare", "FILE@100", "FILE@600"],
    "explain": ["explain", "digits:test", *DIGITS, *MODEL],
    "occlude": ["occlude", "digits:test", *DIGITS, *MODEL, "--size", "10", "--stride", "1"],
    "invariance": ["invariance", "digits:test", *MODEL],
    "features": ["features", "FILE", "--layer", "conv2", "--neurons", "3,8,17,21"],
}
#: What tools/draw_elements.py draws.
ELEMENTS = ("elements_window", "elements_interactions")
N_GREYS = 48
MOST_BYTES = 400_000
WINDOW = """
import os, sys, time
from cnnvis_caffe.viewer.app import make_application
application = make_application()
from cnnvis_caffe.viewer.window.main_window import MainWindow
window = MainWindow()
window.resize(1900, 1080)
window.show()
window.open_path(sys.argv[1])
end = time.time() + 25
while time.time() < end:
    application.processEvents()
    time.sleep(0.02)
window.grab().save(sys.argv[2])
os._exit(0)
"""
#: The page of an image: a digit of the analysis, a part of it hidden, a neuron explained.
IMAGE_PAGE = """
import os, sys, time
from cnnvis_caffe.viewer.app import make_application
application = make_application()
from cnnvis_caffe.viewer.model.analysed_images import analysed_images
from cnnvis_caffe.viewer.window.main_window import MainWindow
window = MainWindow()
window.set_reduced_motion(True)
window.resize(1500, 844)
window.show()

def settle():
    end = time.time() + 120
    while time.time() < end:
        application.processEvents()
        time.sleep(0.01)
        if window.session.picture is not None and window.is_settled:
            return

window.open_path(sys.argv[1])
settle()
window.commands["dark_theme"](True)
page = window.open_image_page()
settle()
page.look_at(next(one for one in analysed_images(window.session.analysis) if one.label == 3))
settle()
page.questions.choose_neuron("conv2:17")
page.questions.hide_at(20, 17)
settle()
window.grab().save(sys.argv[2])
os._exit(0)
"""
#: Pictures of the viewer, each with the program that draws it.
WINDOWS = {"viewer": WINDOW, "image_page": IMAGE_PAGE}


def palette(pixels: np.ndarray) -> np.ndarray:
    """256 colours: greys in even steps, and of every kind of colour the most frequent one, (256, 3) uint8."""
    greys = np.repeat(np.linspace(0, 255, N_GREYS).round().astype(np.uint8)[:, None], 3, axis=1)
    colours, count = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    is_colour = np.ptp(colours.astype(int), axis=1) > 12
    colours, count = colours[is_colour], count[is_colour]
    order = np.argsort(-count, kind="stable")
    _, first = np.unique(colours[order] >> 4, axis=0, return_index=True)
    return np.vstack([greys, colours[order[np.sort(first)[: 256 - N_GREYS]]]])


def reduce(source: Path, target: Path) -> None:
    """Write a PNG with a palette; flat colours stay what they are."""
    from PIL import Image
    from scipy.spatial import cKDTree

    with Image.open(source) as image:
        pixels = np.asarray(image.convert("RGB"))
    colours = palette(pixels)
    index = cKDTree(colours.astype(float)).query(pixels.reshape(-1, 3).astype(float))[1]
    reduced = Image.fromarray(index.reshape(pixels.shape[:2]).astype(np.uint8), "P")
    reduced.putpalette(colours.tobytes())
    reduced.save(target, optimize=True)
    if target.stat().st_size > MOST_BYTES:
        sys.exit(f"{target} has {target.stat().st_size:,} bytes, more than {MOST_BYTES:,}")


def window(analysis: Path, target: Path, program: str) -> None:
    """A picture of the viewer, without a screen; findings take some seconds to come."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "viewer.png"
        run_offscreen(folder, "-c", program, str(analysis), str(drawn))
        reduce(drawn, target)


def elements(analysis: Path) -> None:
    """The viewer with all that the papers name."""
    with tempfile.TemporaryDirectory() as folder:
        run_offscreen(folder, str(ROOT / "tools" / "draw_elements.py"), str(analysis), folder)
        for name in ELEMENTS:
            reduce(Path(folder) / f"{name}.png", OUT / f"{name}.png")


def run_offscreen(folder: str, *words: str) -> None:
    """Run Python without a screen, with settings of its own."""
    places = {"QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": "1", "XDG_CONFIG_HOME": folder}
    subprocess.run([sys.executable, *words], env={**os.environ, **places}, check=True)


def main() -> None:
    analysis = make_demo(ROOT / "build" / "docs" / "demo")
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, words in PICTURES.items():
            drawn = Path(folder) / f"{name}.png"
            words = [word.replace("FILE", str(analysis)).replace("FOLDER", str(analysis.parent)) for word in words]
            group.main([*words, "--out", str(drawn)], standalone_mode=False)
            reduce(drawn, OUT / drawn.name)
    for name, program in WINDOWS.items():
        window(analysis, OUT / f"{name}.png", program)
    elements(analysis)


if __name__ == "__main__":
    main()
