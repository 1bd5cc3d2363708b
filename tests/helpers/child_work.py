"""What the tests let child processes do."""

from __future__ import annotations

import os
import time

from cnnvis_caffe.errors import Cancelled, CnnvisError


def steps(n, pause, progress):
    progress.start(n, "working")
    for _ in range(n):
        time.sleep(pause)
        progress.step()
    progress.done()
    return "done"


def known_error(progress):
    raise CnnvisError("the file is damaged")


def unknown_error(progress):
    raise ZeroDivisionError("surprise")


def die(progress):
    os._exit(3)


def until_stopped(note, progress):
    progress.start(1_000_000, "for ever")
    try:
        while True:
            time.sleep(0.01)
            progress.step()
    except Cancelled:
        with open(note, "w", encoding="utf-8") as file:
            file.write("cleaned up")
        raise
