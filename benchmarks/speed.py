"""Forward and backward of whole nets, beside the peers, in turns.

    python -m benchmarks.speed [--net lenet] [--rounds 10] [--json FILE]

Other work on the machine slows everybody down for a while. So the peers take turns, wait a little for a quiet moment
before each, a round's figure is the median of its iterations, and a peer's figure is that of its fastest round.
CNNVIS_REAL_CAFFE (a command that runs another where `import caffe` is the real one) and CNNVIS_OPENCV4_PYTHON (a
Python with OpenCV 4) bring those two in.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine, matrix_gflops
from benchmarks.nets import NETS, BenchmarkNet, write_net
from benchmarks.peers import ROOT, Peer, all_peers, assert_same_results
from benchmarks.quiet import wait_for_quiet

#: Variants of a hand-written net that are this much slower than the fastest at first sight are dropped.
CLEARLY_SLOWER = 1.25


def measure(net: BenchmarkNet, pass_name: str, rounds: int, seconds: float, patience: float) -> dict[str, Any]:
    """Time one pass of a net, and a matrix product for comparison."""
    wait_for_quiet(patience)
    gflops = matrix_gflops()
    with files(net) as (folder, params), all_peers(net.name, folder, pass_name, params) as peers:
        assert_same_results(peers)
        times = take_turns(_without_slow_variants(peers), rounds, seconds, patience)
    milliseconds = {peer: [s / net.batch * 1e3 for s in row] for peer, row in times.items()}
    return {
        "net": net.title,
        "batch": net.batch,
        "pass": pass_name,
        "gflop": net.gflop(pass_name),
        "matrix_gflops": gflops,
        "ms_per_image": milliseconds,
    }


@contextmanager
def files(net: BenchmarkNet) -> Iterator[tuple[Path, dict[str, list[np.ndarray]]]]:
    """A folder with a net, its weights, four batches of inputs and labels; and the parameters."""
    scratch = ROOT / "build"  # a real Caffe in a root directory of its own sees the repository only
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="benchmark-") as name:
        folder = Path(name)
        params = write_net(net, folder)
        random = np.random.default_rng(1)
        np.save(folder / "inputs.npy", random.standard_normal((4, *net.input_shape()), np.float32))
        np.save(folder / "labels.npy", random.integers(0, 10, (4, net.batch)).astype(np.float32))
        yield folder, params


def _without_slow_variants(peers: list[Peer]) -> list[Peer]:
    """Leave out variants of the hand-written net that nobody would choose."""
    tries = {peer.name: min(peer.run(3)) for peer in peers if peer.name.startswith("torch")}
    limit = min(tries.values()) * CLEARLY_SLOWER
    return [peer for peer in peers if tries.get(peer.name, 0) <= limit]


def take_turns(peers: list[Peer], rounds: int, seconds: float, patience: float) -> dict[str, list[float]]:
    """Let the peers run in turns, each for some seconds; return the median iteration of each round."""
    wait_for_quiet(patience)
    counts = {peer.name: max(3, min(300, round(seconds / min(peer.run(2))))) for peer in peers}
    times: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for _ in range(rounds):
        for peer in peers:
            wait_for_quiet(patience)
            times[peer.name].append(statistics.median(peer.run(counts[peer.name])))
    return times


def summary(row: dict[str, Any], of_rounds: Callable[[list[float]], float] = min) -> dict[str, Any]:
    """The figures of one row: milliseconds of each peer, of the fastest hand-written variant, the ratios, the rate."""
    best = {name: of_rounds(values) for name, values in row["ms_per_image"].items()}
    variant = min((name for name in best if name.startswith("torch")), key=best.__getitem__)
    own = best["ours"]
    figures = {key: row[key] for key in ("net", "batch", "pass")}
    figures.update(ours=own, torch=best[variant], variant=variant[len("torch, ") :], gflops=row["gflop"] / own * 1e3)
    for peer in ("caffe", "opencv"):
        figures[peer] = best.get(peer)
        figures[f"{peer}_ratio"] = best[peer] / own if peer in best else None
    figures["torch_ratio"] = best[variant] / own
    return figures


def table(summaries: list[dict[str, Any]], matrix_gflops: float | None) -> str:
    """The summaries of all rows as a Markdown table; with a machine's matrix rate, how near each net comes to it."""
    lines = [
        "| net | batch | pass | ours | of the matrix rate | PyTorch by hand | | real Caffe | | OpenCV 4 | |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for f in summaries:
        name = "forward" if f["pass"] == "forward" else "forward + backward"
        share = f"{f['gflops'] / matrix_gflops:.0%}" if matrix_gflops else ""
        cells = [f["net"], f["batch"], name, _ms(f["ours"]), share, f"{_ms(f['torch'])} ({f['variant']})"]
        cells.append(_ratio(f["torch_ratio"]))
        for peer in ("caffe", "opencv"):
            cells += [_ms(f[peer]), _ratio(f[f"{peer}_ratio"])]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n\nMilliseconds per image; beside each peer, how many times its time is ours.\n"


def ratios(rows: list[dict[str, Any]], peer: str, of_rounds: Callable[[list[float]], float] = min) -> list[float]:
    """How many times the time of a peer is ours, where it took part."""
    found = (summary(row, of_rounds)[f"{peer}_ratio"] for row in rows)
    return [ratio for ratio in found if ratio is not None]


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}×"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--net", action="append", choices=[*NETS], help="only this one; may be repeated")
    parser.add_argument("--pass", dest="passes", action="append", choices=["forward", "backward"], default=[])
    add_round_arguments(parser)


def add_round_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each peer in each round")
    parser.add_argument("--patience", type=float, default=10, help="seconds to wait for a quiet moment")


def measure_all(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    rows = []
    for name in arguments.net or NETS:
        passes = [p for p in NETS[name].passes if p in (arguments.passes or NETS[name].passes)]
        for pass_name in passes:
            rows.append(measure(NETS[name], pass_name, arguments.rounds, arguments.seconds, arguments.patience))
            print(json.dumps(summary(rows[-1])), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--json", type=Path, help="write all figures of all rounds")
    arguments = parser.parse_args()
    rows = measure_all(arguments)
    print(machine())
    print(table([summary(row) for row in rows], max(row["matrix_gflops"] for row in rows)))
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine(), "speed": rows}, indent=1))


if __name__ == "__main__":
    main()
