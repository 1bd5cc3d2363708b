"""Reproduce Zeiler and Fergus 2014 on small networks: Figures 2, 4 to 8, Tables 1 and 3, and the transfer table.

python -m case_studies.visualizing.run                       all parts; goes on where it stopped
python -m case_studies.visualizing.run table_3 figure_6      some of them
python -m case_studies.visualizing.run --quick               a few images and iterations, to see that all works
python -m case_studies.visualizing.run --check               exit 1 if results differ from expected.json
python -m case_studies.visualizing.run figure_2 figure_5 figure_7 --model deploy.prototxt --weights net.caffemodel \
    --images imagenet/val                                    the same on a network and images of your own
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from case_studies.common.queue import ROOT
from case_studies.common.training import write_result
from case_studies.leaky_relu import data as cifar10
from case_studies.network_architecture.run import prepare_data as prepare_mnist
from case_studies.visualizing import feature_figures, image_figures, other_data, report, retrained
from case_studies.visualizing.networks import StudyNet, networks
from cnnvis_caffe.errors import CnnvisError

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Sizes:
    """How much is done.

    Attributes
    ----------
    images : int
        Whose strongest patches are looked for.
    moved, hidden, parts : int
        Images of Figures 5, 7 and 8.
    iterations : int
        Of trainings of variants; 0 for what the solver says.
    own_iterations : int
        Of networks that have to be trained, as there are none; 0 for 4000.
    scored : int
        Training and test images that errors are measured on.
    per_class : tuple of int
        Images of a class for the classifiers.
    repeats, tests : int
        Choices of these, and test images.
    at_once : int
        Trainings of variants at a time; 0 for one in this process.
    """

    images: int = 2000
    moved: int = 40
    hidden: int = 60
    parts: int = 20
    iterations: int = 0
    own_iterations: int = 0
    scored: int = 10000
    per_class: tuple[int, ...] = (5, 20, 60)
    repeats: int = 3
    tests: int = 2000
    at_once: int = 2


FULL = Sizes()
QUICK = Sizes(200, 4, 4, 4, 10, 30, 500, (2, 5), 1, 100, at_once=0)


def main(words: Sequence[str] | None = None, sizes: Sizes | None = None) -> None:
    """Run what has no result yet, and write what came out.

    Parameters
    ----------
    words : sequence of str, optional
        The command line.
    sizes : Sizes, optional
        Instead of those of a quick or whole run.
    """
    arguments = _parser().parse_args(words)
    sizes = sizes or (QUICK if arguments.quick else FULL)
    work = arguments.work / ("quick" if arguments.quick else "full")
    target = arguments.out or (work if arguments.quick or arguments.model else HERE)
    results, figures = target / "results", target / "figures"
    for folder in (results, figures):
        folder.mkdir(parents=True, exist_ok=True)
    data = arguments.data or arguments.work / "data"
    try:
        if not arguments.model:
            prepare_mnist(data)
            cifar10.prepare(data)
        _measure(arguments, sizes, work, data, results, figures)
    except CnnvisError as error:
        sys.exit(f"{HERE.name}: {error}")
    found = report.collect(results)
    if arguments.check:
        lines = report.drift(found, json.loads((HERE / "expected.json").read_text()))
        print("\n".join(lines) or "no drift", file=sys.stderr)
        sys.exit(bool(lines))
    if not arguments.model:
        (target / "expected.json").write_text(json.dumps(report.expected(found), indent=2, ensure_ascii=False) + "\n")
    (target / "RESULTS.md").write_text(report.markdown(found, quick=arguments.quick))
    print(target / "RESULTS.md")


def _parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(report.TITLES)} [all]")
    parser.add_argument("--quick", action="store_true", help="a few images and iterations")
    parser.add_argument("--check", action="store_true", help="compare with expected.json instead of writing it")
    parser.add_argument("--again", action="store_true", help="measure anew what has a result")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds of Table 3 [1]")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "visualizing", help="trainings go here")
    parser.add_argument("--out", type=Path, default=None, help="results and report go here [beside this file]")
    parser.add_argument("--data", type=Path, default=None, help="folder with databases [below --work]")
    own = parser.add_argument_group("a network of your own")
    own.add_argument("--model", type=Path, help="its deploy prototxt")
    own.add_argument("--weights", type=Path, nargs="+", help="its snapshots, in their order")
    own.add_argument("--images", help="test images with classes, as the command analyze takes them: imagenet/val")
    own.add_argument("--mean", help="mean image or values")
    own.add_argument("--scale", type=float, help="factor of the pixels")
    own.add_argument("--other", nargs=2, default=("", ""), metavar=("TRAIN", "TEST"), help="another data set")
    return parser


def _nets(arguments: argparse.Namespace, sizes: Sizes, work: Path, data: Path) -> list[StudyNet]:
    """The networks that are looked at."""
    if not arguments.model:
        return networks(work / "networks", data, iterations=sizes.own_iterations)
    if not arguments.weights or not arguments.images:
        raise CnnvisError("--model needs --weights and --images")
    prepared = {name: getattr(arguments, name) for name in ("mean", "scale") if getattr(arguments, name) is not None}
    weights = tuple(map(str, arguments.weights))
    name = arguments.model.resolve().parent.name
    return [StudyNet(name, str(arguments.model), weights, arguments.images, prepared, tuple(arguments.other))]


def _measure(arguments: argparse.Namespace, sizes: Sizes, work: Path, data: Path, results: Path, figures: Path) -> None:
    """Run every part on every network, unless it has a result."""
    wanted = arguments.parts or list(report.TITLES)
    unknown = [part for part in wanted if part not in report.TITLES]
    if unknown:
        raise CnnvisError(f"there is no part {unknown[0]!r}; there are {', '.join(report.TITLES)}")
    analyses = work / "analyses"
    by_net: dict[str, Callable[[StudyNet], dict[str, Any] | None]] = {
        "figure_2": lambda net: feature_figures.figure_2(net, analyses, figures, sizes.images),
        "figure_4": lambda net: feature_figures.figure_4(net, analyses, figures, sizes.images),
        "figure_5": lambda net: image_figures.figure_5(net, figures, sizes.moved),
        "figure_7": lambda net: image_figures.figure_7(net, figures, sizes.hidden),
        "table_1": lambda net: image_figures.table_1(net, work, figures, sizes.parts),
        "transfer": lambda net: other_data.transfer(
            net, figures, per_class=sizes.per_class, n_repeats=sizes.repeats, n_test=sizes.tests
        ),
    }
    trained = {"iterations": sizes.iterations, "n_scored": sizes.scored, "n_at_once": sizes.at_once}
    by_training: dict[str, Callable[[], dict[str, Any]]] = {
        "figure_6": lambda: retrained.figure_6(work / "variants", data, figures, 1, n_images=sizes.images, **trained),
        "table_3": lambda: retrained.table_3(work / "variants", data, range(1, arguments.seeds + 1), **trained),
    }

    def run(part: str, name: str, measure: Callable[[], dict[str, Any] | None], source: str) -> None:
        path = results / f"{part}_{name}.json"
        if path.exists() and not arguments.again:
            return
        found = measure()
        if found is not None:
            write_result(path, {**found, **({"source": source} if source else {})})
            print(f"{part} {name}: {found['verdict']}", file=sys.stderr)

    for net in _nets(arguments, sizes, work, data) if set(wanted) & set(by_net) else []:
        for part in (part for part in by_net if part in wanted):
            run(part, net.name, lambda part=part, net=net: by_net[part](net), net.source)
    if not arguments.model:
        for part in (part for part in by_training if part in wanted):
            run(part, "small_alexnet", by_training[part], "")


if __name__ == "__main__":
    main()
