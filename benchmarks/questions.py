"""Times four questions of an expert, by steps and seconds, in the window and by the commands that answer them.

    python -m benchmarks.questions one.cnnvis.h5 two.cnnvis.h5

Mouse and key events go into a window without a screen. A step is a key, a click or a double click. Seconds are those
of the machine: from the first event until all that it asked for is painted. The other way is what there was before the
window had pages for these questions: a command, of which one step is typing it, and steps in what it wrote, at their
least; for a cluster, the pages of its neurons one by one. Prints a table for `docs/questions.md`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.viewer import Bench
from cnnvis_caffe.processes import python_words
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.neuron_list import NAMES
from cnnvis_caffe.viewer.qt import QPoint

#: Pages of neurons that are opened one by one.
MOST_PAGES = 20
HEAD = ("network", "question", "steps", "seconds", "before", "steps", "seconds")


@dataclass
class Answer:
    """What it took to answer a question."""

    question: str
    n_steps: int
    seconds: float
    before: str
    n_before: int
    seconds_before: float


class Expert:
    """Asks the questions in a window."""

    def __init__(self, path: str) -> None:
        self.bench = Bench(path)
        sys.excepthook = sys.__excepthook__
        self.path, self.window = path, self.bench.window
        self.bench.first_paint()
        self.bench.settle()
        self.n_steps = 0

    @property
    def analysis(self):
        """The analysis that is looked at."""
        return self.window.session.analysis

    def action(self, name: str) -> None:
        """Choose an action by its key."""
        self.n_steps += 1
        self.window.actions_by_name[name].trigger()
        self.bench.settle()

    def click(self, widget, place: QPoint, *, twice: bool = False) -> None:
        """Click, or click twice, and wait."""
        from qt import pointer

        self.n_steps += 1
        (pointer.double_click if twice else pointer.click)(widget, place)
        self.bench.settle()

    def click_on_page(self, target: Target, *, twice: bool = False) -> None:
        """Click on something of the page that is seen."""
        view = self.window.pages.current.page
        shape = next(shape for shape in view.display.shapes if shape.target == target)
        place = QPoint(round((shape.x + 3) * view.zoom + view.left), round((shape.y + 3) * view.zoom))
        view.ensureVisible(place.x(), place.y())
        self.click(view.widget(), place, twice=twice)

    def time(self, ask: Callable[[], None]) -> tuple[int, float]:
        """Steps and seconds of a question."""
        self.n_steps, started = 0, time.perf_counter()
        ask()
        seconds = time.perf_counter() - started
        return self.n_steps, seconds

    # -- the questions

    def what_changed(self) -> None:
        """The list beside two snapshots; its first row leads to the place in both."""
        self.action("what_changed")
        self.bench.until(lambda: self.window.changes.model.rowCount() > 0)
        table = self.window.changes.table
        self.click(table.viewport(), table.visualRect(table.model().index(0, 0)).center())

    def which_neurons(self) -> None:
        """One class alone, the table of neurons, sorted by contribution."""
        chooser = self.window.control_panel.classes
        if chooser._chips:
            chip = chooser._chips[3]
            self.click(chip, chip.rect().center(), twice=True)
        else:
            place = chooser.list.visualRect(chooser.list.model().index(3, 0)).center()
            self.click(chooser.list.viewport(), place, twice=True)
        self.action("neuron_table")
        panel = self.window.neurons
        self.bench.until(lambda: panel.is_settled and panel.neurons.numbers is not None)
        header = panel.table.horizontalHeader()
        at = QPoint(header.sectionViewportPosition(NAMES.index("contribution")) + 12, header.height() // 2)
        self.click(header.viewport(), at)

    def where_it_errs(self) -> None:
        """The confusion matrix with the images of its fullest square, another mistake, and a neuron behind that."""
        self.action("mistakes")
        pairs = [t for t in self.window.pages.current.page.display.targets() if t.kind == "cell"]
        wrong = [t for t in pairs if t.members != t.other_members]
        self.click_on_page(wrong[-1])
        shapes = self.window.pages.current.page.display.shapes
        bar = next((shape.target for shape in shapes if shape.name == "mistakes/driver0/0/bar"), None)
        if bar is not None:
            self.click_on_page(bar, twice=True)

    def whole_cluster(self) -> None:
        """A click on the largest cluster, and its page."""
        from qt import pointer

        cluster, canvas = self.largest_cluster(), self.window.pane.canvas
        self.click(canvas, pointer.place_of(canvas, cluster))
        self.window.session.select(cluster)  # a patch in it may be under the pointer
        self.action("open_page")

    def largest_cluster(self) -> Target:
        """The cluster with the most neurons."""
        known = self.window.session.snapshot.features
        clusters = [t for t in self.window.pane.canvas.display.targets() if t.kind == "cluster" and t.node in known]
        return max(clusters, key=lambda t: len(t.members))

    def pages_one_by_one(self) -> tuple[int, float]:
        """Steps and seconds of the pages of the cluster's neurons; the first few are opened, and stand for the rest."""
        cluster, started = self.largest_cluster(), time.perf_counter()
        few = cluster.members[:MOST_PAGES]
        for neuron in few:
            self.window.navigation.open_neuron(cluster.node, neuron)
            self.bench.settle()
        seconds = time.perf_counter() - started
        self.window.pages.close_pages()
        return len(cluster.members), seconds * len(cluster.members) / len(few)

    def command(self, *words: str) -> tuple[int, float]:
        """Steps and seconds of commands, of which each is typed."""
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            arguments = [word.replace("OUT", os.path.join(folder, "out")) for word in words]
            subprocess.run([*python_words("cnnvis_caffe"), *arguments], check=True, capture_output=True)
            return 1, time.perf_counter() - started

    def answers(self):
        """All questions, one after the other."""
        labels = [snapshot.label for snapshot in self.analysis.snapshots]
        if len(labels) > 1:
            sides = [f"{self.path}@{label}" for label in labels[-2:]]
            yield Answer("what changed", *self.time(self.what_changed), "`compare`, then its neuron in two pictures",
                         *_and(self.command("compare", *sides), 4))  # fmt: skip
            self.window.pictures.end_comparison()
            self.bench.settle()
        yield Answer("which neurons matter for a class", *self.time(self.which_neurons),
                     "`export FILE contribution`, then a spreadsheet",
                     *_and(self.command("export", self.path, "contribution", "--out", "OUT.csv"), 3))  # fmt: skip
        if self.window.session.snapshot.confusion is not None:
            yield Answer("where it errs, and why", *self.time(self.where_it_errs),
                         "`render --confusion`: no images, no neurons",
                         *self.command("render", self.path, "--confusion", "--out", "OUT.png"))  # fmt: skip
            self.window.pages.close_pages()
        yield Answer("what a cluster does", *self.time(self.whole_cluster), "a page for each of its neurons",
                     *self.pages_one_by_one())  # fmt: skip


def _and(taken: tuple[int, float], n_steps: int) -> tuple[int, float]:
    """What was taken, and further steps elsewhere, at their least; their seconds are somebody's own."""
    return taken[0] + n_steps, taken[1]


def main(paths: list[str]) -> None:
    """Print the table."""
    for row in (HEAD, ["---"] * len(HEAD)):
        print("|", " | ".join(row), "|")
    for path in paths:
        expert = Expert(path)
        for one in expert.answers():
            row = [expert.analysis.title, one.question, one.n_steps, f"{one.seconds:.1f}", one.before, one.n_before,
                   f"{one.seconds_before:.1f}"]  # fmt: skip
            print("|", " | ".join(map(str, row)), "|", flush=True)
        expert.window.discard_and_close()


if __name__ == "__main__":
    main(sys.argv[1:])
