"""How quickly the page Image answers: `python -m benchmarks.image_page [--net lenet] [--json FILE]`.

What the worker of the page does for each request, one after the other as the page asks: milliseconds of processor time,
the least of some rounds, on as many threads as PyTorch has. Weights are random, as speed does not depend on them. The
first row of a network, opening it, happens once.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from cnnvis_caffe.drawing.pictures import ViewDrawer
from cnnvis_caffe.pipeline import analyze
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.explanation import GivenImage
from cnnvis_caffe.records.view import View
from cnnvis_caffe.viewer.model.image_questions import METHODS_SHOWN, ImageQuestions
from cnnvis_caffe.viewer.model.image_worker import ImageWorker, NetworkChoice

ROOT = Path(__file__).resolve().parent.parent
#: Prototxt, shape of the images, and what the page may take for an answer, in ms.
NETS = {
    "lenet": ("lenet", (1, 28, 28), 100),
    "cifar10_quick": ("cifar10_quick", (3, 32, 32), 100),
    "cifar10_full": ("cifar10_full", (3, 32, 32), 100),
    "caffenet": ("bvlc_reference_caffenet", (3, 227, 227), 500),
    "googlenet": ("bvlc_googlenet", (3, 224, 224), 500),
}
N_IMAGES, ROUNDS = 12, 3
CANVAS = (1080.0, 440.0)


def analysed(name: str, folder: Path) -> Analysis:
    """A network without training, analysed on a few random images."""
    prototxt, shape, _ = NETS[name]
    images = np.random.RandomState(1).randint(0, 256, (N_IMAGES, *shape)).astype(np.uint8)
    np.savez(folder / "images.npz", images=images)
    model = ROOT / "prototxt" / prototxt / "deploy.prototxt"
    file = folder / "a.cnnvis.h5"
    return analyze(
        model, None, folder / "images.npz", file, gradients=False, contributions="none", scale=0.00390625, mean="0"
    )


def least(work: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, Any]:
    """Milliseconds of processor time, and what came out."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        found = work()
        times.append(1e3 * (time.process_time() - start))
    return min(times), found


def measure(name: str) -> list[dict[str, Any]]:
    """Every request of the page for one network."""
    rows = []
    with tempfile.TemporaryDirectory() as text:
        analysis = analysed(name, Path(text))
        questions, worker = ImageQuestions(), ImageWorker()
        questions.choose_network(NetworkChoice(analysis, analysis.snapshots[-1]))
        pixels = np.random.RandomState(2).randint(0, 256, (480, 640, 3)).astype(np.uint8)
        questions.look_at(GivenImage("random", pixels=pixels))

        def answer(what: str, rounds: int = ROUNDS) -> None:
            request = questions.next_request()
            assert request is not None
            spent, found = least(lambda: worker(request), rounds)
            questions.take(request, found)
            rows.append({"net": name, "what": what, "ms": spent, "allowed_ms": NETS[name][2]})
            print(json.dumps(rows[-1]), flush=True)

        request = questions.next_request()
        spent, _ = least(lambda: worker(request), 1)
        rows.append({"net": name, "what": "open, with the first image", "ms": spent, "allowed_ms": None})
        answer("another image, or the square moved")
        view = View()
        questions.show_in(view, ViewDrawer(analysis).aggregate(view), CANVAS)
        worker(questions.next_request())
        answer("light the picture")
        node = next(one.name for one in reversed(analysis.nodes) if len(one.positions) == 2 and one.positions[0] > 1)
        questions.choose_neuron(f"{node}:0")
        for method in METHODS_SHOWN:
            answer(method, 1 if method == "integrated" else ROUNDS)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table: a row for each request, a column for each network."""
    nets = list(dict.fromkeys(row["net"] for row in rows))
    found = {(row["what"], row["net"]): row["ms"] for row in rows}
    lines = [f"| ms of processor | {' | '.join(nets)} |", "|---|" + "--:|" * len(nets)]
    for what in dict.fromkeys(row["what"] for row in rows):
        lines.append(f"| {what} | " + " | ".join(f"{found[what, net]:.0f}" for net in nets) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", action="append", choices=[*NETS], help="only this one; may be repeated")
    parser.add_argument("--json", type=Path, help="also write the figures")
    arguments = parser.parse_args()
    rows = [row for name in arguments.net or NETS for row in measure(name)]
    print(f"\n{machine()}\n\n{table(rows)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
