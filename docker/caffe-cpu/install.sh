#!/bin/sh
# Install this project beside Debian 11's own Caffe: its packages from Debian, ours without what Debian has.
# The image runs this; it runs as well in a plain Debian 11 root.
#
#   sh install.sh FOLDER       the folder with setup.py
set -eu
source=$1
export DEBIAN_FRONTEND=noninteractive

apt-get update -qq
apt-get install --yes -qq --no-install-recommends \
  caffe python3-caffe libopenblas0-pthread \
  python3-click python3-h5py python3-lmdb python3-networkx python3-numpy python3-opencv python3-plyvel \
  python3-protobuf python3-scipy python3-sklearn python3-tqdm \
  python3-cairocffi python3-pyqt5 python3-pyqtgraph \
  python3-pip python3-setuptools python3-wheel

# Nothing from elsewhere: Debian's versions are those that Debian's Caffe was built with.
python3 -m pip install --quiet --no-deps --no-build-isolation "$source"
cnnvis-caffe --version
