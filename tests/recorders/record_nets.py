"""Record what real Caffe does with nets made at random.

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_nets.py
    ... record_nets.py FILE FIRST LAST

Writes tests/recorded/nets/random.npz for the seeds that the repository carries and rules.npz beside it for the
cases of rule_cases.py, or the nets of seeds FIRST to LAST - 1 to another file. Each net runs in a child process,
because Caffe aborts on what it does not like; how far the child came is what is recorded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "3")
TESTS = Path(__file__).resolve().parent.parent
CONFORMANCE = TESTS / "conformance"
sys.path[:0] = [str(folder) for folder in (TESTS, TESTS / "recorders", CONFORMANCE, CONFORMANCE / "nets")]

from generator import make_net  # noqa: E402
from helpers.recordings import NET_RULES, RANDOM_NETS  # noqa: E402
from in_child import states_from_child  # noqa: E402
from net_cases import NetCase, NetRecording, run_net  # noqa: E402
from rule_cases import rule_cases  # noqa: E402

#: The nets that the repository carries.
SEEDS = range(200)


def record(path: Path, cases: Iterable[NetCase]) -> int:
    """Record cases in a file; give how many could not be."""
    import caffe

    caffe.set_mode_cpu()
    recording = NetRecording()
    n_mistakes = 0
    for case in cases:
        states, death = states_from_child(lambda case=case: run_net(caffe, case))
        is_complete = len(states) == sum(step[0] != "fill" for step in case.steps)
        if death and (is_complete or not death.startswith("signal")):
            # An exception is no abort of Caffe's, and a death at the end comes from foreign memory that some step
            # wrote: the case itself is wrong.
            print(f"{case.name}: {death}: left out")
            n_mistakes += 1
            continue
        recording.add(case, states, death)
    recording.write(path)
    deaths = [net["death"] for net in recording.nets]
    print(f"{len(deaths)} nets, of which Caffe aborted {len(deaths) - deaths.count('')}: {path}")
    return n_mistakes


def main() -> int:
    """Record what the repository carries, or the seeds named on the command line."""
    if sys.argv[1:]:
        path, first, last = sys.argv[1:]
        return record(Path(path), random_nets(range(int(first), int(last)))) > 0
    return record(RANDOM_NETS, random_nets(SEEDS)) + record(NET_RULES, rule_cases()) > 0


def random_nets(seeds: Iterable[int]) -> list[NetCase]:
    """The nets of some seeds."""
    return [NetCase(f"net{seed}", make_net(seed)) for seed in seeds]


if __name__ == "__main__":
    sys.exit(main())
