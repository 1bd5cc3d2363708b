"""Lines of a log in which names from files do nothing."""

from __future__ import annotations

import logging

from cnnvis_caffe.text.plain import visible


class PlainFormatter(logging.Formatter):
    """Formats records whose names stay in their line; texts of several lines begin a line of their own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging has
        """Return the line of a record."""
        record.message = plain_message(record)
        return super().formatMessage(record)


def plain_message(record: logging.LogRecord) -> str:
    """Return the message of a record, with what its names would do written out.

    Parameters
    ----------
    record : logging.LogRecord
    """
    if isinstance(record.args, tuple) and not str(record.msg).endswith("\n%s"):
        record.args = tuple(visible(value) if isinstance(value, str) else value for value in record.args)
    return visible(record.getMessage(), has_lines=True)
