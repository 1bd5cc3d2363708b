"""Completion in shells with click 7, which Debian 11 has: click 8 turned the words around that ask for it."""

from __future__ import annotations

import importlib.metadata
import os
import re

VARIABLE = "_CNNVIS_CAFFE_COMPLETE"


def accept_newer_words() -> None:
    """Let click 7 understand ``bash_source`` and its like, which it calls ``source_bash``."""
    asked = re.fullmatch(r"(bash|zsh|fish)_(source|complete)", os.environ.get(VARIABLE, ""))
    if asked and importlib.metadata.version("click").startswith("7."):
        os.environ[VARIABLE] = f"{asked.group(2)}_{asked.group(1)}"
