"""Packaging of cnnvis_caffe.

Everything is a plain literal here rather than in pyproject.toml: Debian 11, where real pycaffe still lives,
has setuptools 52, which would install metadata from pyproject.toml as "UNKNOWN 0.0.0" without a word.
"""

import os

from setuptools import find_packages, setup

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "README.md"), encoding="utf-8") as file:
    README = file.read()

# The floors are Debian 11's versions, which `make test-oldest` tests. No torch and no Qt: files are inspected and
# upgraded without them.
CORE = [
    "click>=7.1",
    "h5py>=2.10",
    "networkx>=2.5",
    "numpy>=1.19",
    "protobuf>=3.12",
    "scikit-learn>=0.23",
    "scipy>=1.6",
    "tqdm>=4.57",
]

TORCH = ["torch>=1.13"]
VIEWER = ["PyQt5>=5.15"]
LMDB = ["lmdb>=1.0"]
LEVELDB = ["plyvel>=1.3"]
# OpenCV is required by import, not by the core's list: pip cannot say "any of the four wheels that bring
# cv2", and a second one over a user's own opencv-python or -contrib would break both. Who has none gets the
# headless wheel with this extra; the plain wheel brings Qt plug-ins that break PyQt5.
DATA = ["opencv-python-headless>=4.5", "pooch>=1.3"]
# Painting of PNG and PDF; it calls the system's libcairo2. SVG and HTML need nothing.
RENDER = ["cairocffi>=1.2"]
FIGURES = ["matplotlib>=3.3", "pydot>=1.4"]
# Scripts of Python 2, and the pictures and settings that they read by functions which are gone.
PYTHON2 = ["fissix>=20.8", "pillow>=8.1", "pyyaml"]
# Several workers, here or on a cluster.
DASK = ["dask>=2023.3", "distributed>=2023.3"]
DEV = [
    "distributed",
    "filelock",
    "hypothesis",
    "mypy",
    "pytest>=6",
    "pytest-benchmark",
    "pytest-qt",
    "pytest-timeout",
    "pytest-xdist",
    "pyyaml",
    "ruff",
]

setup(
    name="cnnvis-caffe",
    version="0.2.0.dev0",
    description="Open, run, explain and retrain Caffe models without Caffe",
    long_description=README,
    long_description_content_type="text/markdown",
    author="cnnvis_caffe contributors",
    license="BSD-3-Clause",
    keywords="caffe cnn visualization interpretability",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Environment :: X11 Applications :: Qt",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Visualization",
    ],
    python_requires=">=3.9",
    packages=find_packages(include=["cnnvis_caffe", "cnnvis_caffe.*"]),
    package_data={
        "cnnvis_caffe": ["py.typed"],
        "cnnvis_caffe.demo": ["*.prototxt"],
        "cnnvis_caffe.formats": ["*.desc", "*.proto", "*.pyi"],
        "cnnvis_caffe.pycaffe": ["as_caffe/caffe/*.py"],
        "cnnvis_caffe.pycaffe.proto": ["*.pyi"],
        "cnnvis_caffe.scene": ["fonts/*"],
    },
    install_requires=CORE,
    extras_require={
        "torch": TORCH,
        "viewer": VIEWER,
        "lmdb": LMDB,
        "leveldb": LEVELDB,
        "data": DATA,
        "render": RENDER,
        "figures": FIGURES,
        "python2": PYTHON2,
        "dask": DASK,
        "dev": DEV,
        "all": TORCH + VIEWER + LMDB + DATA + RENDER + FIGURES,
    },
    entry_points={"console_scripts": ["cnnvis-caffe = cnnvis_caffe.cli.main:main"]},
    zip_safe=False,
)
