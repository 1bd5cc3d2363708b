"""Found by ``import caffe`` in a Python that a script starts; puts cnnvis_caffe.pycaffe in its own place."""

from __future__ import annotations

import sys
from pathlib import Path

try:
    from cnnvis_caffe.pycaffe.install import install_as_caffe
except ModuleNotFoundError:  # cnnvis_caffe is not installed, but runs from a checkout
    sys.path.append(str(Path(__file__).resolve().parents[4]))
    from cnnvis_caffe.pycaffe.install import install_as_caffe

del sys.modules["caffe"]
install_as_caffe()
