"""Log lines with the prefix that Caffe's have, so that the tools that read its logs read ours."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cnnvis_caffe.cli.plain_formatter import plain_message
from cnnvis_caffe.cli.say import say

_PACKAGE = "cnnvis_caffe"
# Whoever tells how a net is built; elsewhere these are details.
_SETUP = "cnnvis_caffe.runtime.setup_log"


class GlogFormatter(logging.Formatter):
    """Formats records as ``I1121 00:24:06.707391 28284 solver.py:239] message``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        severity = {"D": "I", "C": "F"}.get(record.levelname[0], record.levelname[0])
        time = datetime.datetime.fromtimestamp(record.created)
        line = f"{severity}{time:%m%d %H:%M:%S.%f} {record.process:5d} {record.filename}:{record.lineno}] "
        line += plain_message(record)
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class _ScreenHandler(logging.Handler):
    """Hands lines to whoever writes to the screen at that moment."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.write: Callable[[str], object] = lambda line: say(line, err=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        self.write(self.format(record))


@contextmanager
def caffe_log() -> Iterator[_ScreenHandler]:
    """Log as Caffe does inside the block: INFO and above on stderr, unless the user wants quiet.

    Yields
    ------
    _ScreenHandler
        Set its `write` to write above something that stands on the screen, such as a progress bar.
    """
    logger, setup_logger = logging.getLogger(_PACKAGE), logging.getLogger(_SETUP)
    handlers, level = [*logger.handlers], logger.level
    screen = _ScreenHandler(logging.NOTSET if level < logging.ERROR else level)
    formatter = GlogFormatter()
    for handler in handlers:
        if isinstance(handler, logging.FileHandler):
            handler.setFormatter(formatter)
        elif not isinstance(handler, logging.NullHandler):
            logger.removeHandler(handler)
    screen.setFormatter(formatter)
    logger.addHandler(screen)
    if level < logging.ERROR:
        logger.setLevel(min(level, logging.INFO))
        setup_logger.setLevel(logging.DEBUG)
    try:
        yield screen
    finally:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        setup_logger.setLevel(logging.NOTSET)
