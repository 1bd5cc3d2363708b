"""Where recordings of real Caffe lie; `tests/recorded/manifest.json` says who made each.

Recorders import this inside real Caffe: Python 3.9, and nothing of `cnnvis_caffe`.
"""

from __future__ import annotations

from pathlib import Path

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
RECORDERS = RECORDED.parent / "recorders"

DEVICES = RECORDED / "cases" / "devices.npz"
LAYERS = RECORDED / "cases" / "layers"
PYCAFFE = RECORDED / "cases" / "pycaffe"
SOLVERS = RECORDED / "cases" / "solvers"
WINDOW_SIZES = RECORDED / "cases" / "window_sizes.npz"

RANDOM_NETS = RECORDED / "nets" / "random.npz"
NET_RULES = RECORDED / "nets" / "rules.npz"
EXPLANATION = RECORDED / "nets" / "explanation"
FEATURES = RECORDED / "nets" / "features"
FORKS = RECORDED / "nets" / "forks.npz"
GENERATIONS = RECORDED / "nets" / "generations"
SETUP_LOG = RECORDED / "nets" / "setup_log"
TASKS = RECORDED / "nets" / "tasks"
ITEMS = RECORDED / "nets" / "items"
ZOO = RECORDED / "nets" / "zoo.npz"

ARCHIVES = RECORDED / "files" / "archives"
MESSAGES = RECORDED / "files" / "caffe_messages.txt"
PROTOTXTS = RECORDED / "files" / "prototxts"
TRAINING_LOGS = RECORDED / "files" / "training_logs"
WEIGHTS = RECORDED / "files" / "weights"

FILLERS = RECORDED / "streams" / "fillers.npz"
