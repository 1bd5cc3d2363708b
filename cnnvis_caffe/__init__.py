"""Open, run, explain and retrain Caffe models without Caffe."""

from __future__ import annotations

import logging

__version__ = "0.2.0.dev0"

logging.getLogger(__name__).addHandler(logging.NullHandler())
