"""Record what real Caffe does with nets made at random.

    $CNNVIS_REAL_CAFFE python3 tests/recorders/record_nets.py
    ... record_nets.py FILE FIRST LAST

Writes tests/conformance/nets/recorded.npz for the seeds that the repository carries, or the nets of seeds
FIRST to LAST - 1 to another file. Each net runs in a child process, because Caffe aborts on what it does not
like; how far the child came is what is recorded.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("GLOG_minloglevel", "3")
CONFORMANCE = Path(__file__).resolve().parent.parent / "conformance"
sys.path[:0] = [str(Path(__file__).resolve().parent), str(CONFORMANCE), str(CONFORMANCE / "nets")]

from generator import make_net  # noqa: E402
from in_child import states_from_child  # noqa: E402
from net_cases import RECORDING, NetCase, NetRecording, run_net  # noqa: E402

#: The nets that the repository carries.
SEEDS = range(200)


def main() -> int:
    """Record the carried seeds, or those named on the command line."""
    import caffe

    caffe.set_mode_cpu()
    path, seeds = RECORDING, SEEDS
    if sys.argv[1:]:
        path, seeds = Path(sys.argv[1]), range(int(sys.argv[2]), int(sys.argv[3]))
    recording = NetRecording()
    n_mistakes = 0
    for seed in seeds:
        case = NetCase(f"net{seed}", make_net(seed))
        states, death = states_from_child(lambda case=case: run_net(caffe, case))
        if death and not death.startswith("signal"):
            # An exception is no abort of Caffe's: the case itself is wrong.
            print(f"{case.name}: {death}: left out")
            n_mistakes += 1
            continue
        if len(states) == sum(step[0] != "fill" for step in case.steps) and death:
            print(f"{case.name}: {death} after its last step; some step has written foreign memory: left out")
            n_mistakes += 1
            continue
        recording.add(case, states, death)
    recording.write(path)
    deaths = [net["death"] for net in recording.nets]
    print(f"{len(deaths)} nets, of which Caffe aborted {len(deaths) - deaths.count('')}: {path}")
    return n_mistakes > 0


if __name__ == "__main__":
    sys.exit(main())
