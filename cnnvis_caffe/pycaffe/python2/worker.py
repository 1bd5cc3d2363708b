"""Runs the translated script in a spawned worker of a Python 2 script."""

from __future__ import annotations

import os

from cnnvis_caffe.pycaffe.install import install_as_caffe
from cnnvis_caffe.pycaffe.python2.run import SCRIPT, run_in

if __name__ == "__mp_main__":
    install_as_caffe()
    run_in(globals(), os.environ[SCRIPT])
