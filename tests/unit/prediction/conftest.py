"""The cases that recordings of real Caffe were made from are imported from tests/recorders."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recorders"))
