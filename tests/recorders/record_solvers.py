"""Record what real Caffe's solvers do; run in real Caffe's root: python3 tests/recorders/record_solvers.py"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS / "conformance"), str(TESTS / "recorders")]
OUT = TESTS / "recorded" / "cases" / "solvers"
os.environ["GLOG_minloglevel"] = "3"  # noqa: SIM112 - its name

import caffe  # noqa: E402
import numpy as np  # noqa: E402
import solver_cases as cases  # noqa: E402
from in_child import states_from_child  # noqa: E402

caffe.set_mode_cpu()


def record_runs(arrays):
    for name, text in cases.cases():
        with tempfile.TemporaryDirectory() as folder:
            states, end = states_from_child(lambda text=text, folder=folder: cases.run(caffe, text, folder))
        assert not end, (name, end)
        for key in states[0]:
            arrays[f"runs/{name}/{key}"] = np.array([state[key] for state in states], "f4")


def record_rates(arrays):
    for name, policy in cases.POLICIES.items():
        with tempfile.TemporaryDirectory() as folder:
            states, end = states_from_child(lambda policy=policy, folder=folder: cases.rates(caffe, policy, folder))
        assert not end, (name, end)
        arrays[f"rates/{name}"] = np.array(states, "f4")


def record_snapshots(arrays):
    """Files of a snapshot after 3 iterations, and the 3 iterations behind it."""
    for solver_type in ("SGD", "Adam"):
        for kind in ("BINARYPROTO", "HDF5"):
            text = dict(cases.cases())[f"{solver_type}/l2"] + f" snapshot_format: {kind} snapshot_diff: true"
            text += ' lr_policy: "multistep" gamma: 0.5 stepvalue: 1 stepvalue: 2 stepvalue: 5'
            text = text.replace(cases.FIXED, "", 1)
            with tempfile.TemporaryDirectory() as folder:

                def run(text=text, folder=folder):
                    solver = caffe.get_solver(cases.write_files(folder, cases.full_text(folder, text)))
                    for index in range(3):
                        cases.step(solver, index)
                    solver.snapshot()
                    for index in range(3, 6):
                        yield cases.step(solver, index)

                states, end = states_from_child(run)
                assert not end, end
                prefix = f"snapshots/{solver_type}/{kind}"
                arrays[f"{prefix}/text"] = np.frombuffer(text.encode(), np.uint8)
                for path in sorted(Path(folder).glob("snap_iter_3.*")):
                    arrays[f"{prefix}/files/{path.name}"] = np.frombuffer(path.read_bytes(), np.uint8)
            for key in states[0]:
                arrays[f"{prefix}/{key}"] = np.array([state[key] for state in states], "f4")


def record_refusals():
    refused = {}
    for name, (_, text) in cases.REFUSED.items():
        with tempfile.TemporaryDirectory() as folder:

            def run(text=text, folder=folder):
                os.chdir(folder)
                solver = caffe.get_solver(cases.write_files(folder, text + " max_iter: 1"))
                yield "made"
                solver.step(1)
                yield "stepped"

            states, end = states_from_child(run)
        refused[name] = ["make", "step", "never"][len(states)]
        assert end or len(states) == 2, name
    return refused


def record_logs():
    logs = {}
    for name, text in cases.LOGS.items():
        with tempfile.TemporaryDirectory() as folder:
            text = f'net: "NET" random_seed: 11 solver_mode: CPU {text}'
            path = cases.write_files(folder, text, cases.LOG_NET)
            environment = {**os.environ, "GLOG_minloglevel": "0"}
            result = subprocess.run(
                ["caffe", "train", "-solver", path],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
        lines = re.findall(r"^([IWE])\d{4} [\d:.]+ +\d+ \S+\] (.*)$", result.stderr, re.M)
        start = next(i for i, (_, line) in enumerate(lines) if line.startswith("Solving"))
        logs[name] = [f"{severity} {line}" for severity, line in lines[start:]]
    return logs


def main():
    arrays = {}
    record_runs(arrays)
    record_rates(arrays)
    record_snapshots(arrays)
    OUT.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(OUT / "runs.npz", **arrays)
    texts = {"refused": record_refusals(), "logs": record_logs()}
    (OUT / "texts.json").write_text(json.dumps(texts, indent=1) + "\n")
    print(len(arrays), "arrays;", texts["refused"])


if __name__ == "__main__":
    main()
