#!/bin/sh
# Install this project beside a Caffe in Debian 11: libraries from Debian, ours without what Debian has.
# The images run this; it runs as well in a plain Debian 11 root.
#
#   sh install.sh FOLDER cpu       the folder with setup.py; with Debian's own Caffe
#   sh install.sh FOLDER cuda      with the libraries of the Caffe that build_caffe.sh has built
set -eu
source=$1
case ${2:-} in
  cpu) caffe="caffe python3-caffe libopenblas0-pthread" ;;
  cuda)
    sh "$(dirname "$0")/non_free.sh"
    caffe="libboost-filesystem1.74.0 libboost-python1.74.0 libboost-thread1.74.0 libcublas11 libcudart11.0 libcurand10
      libgflags2.2 libgoogle-glog0v5 libhdf5-103-1 libhdf5-hl-100 libleveldb1d liblmdb0 libopenblas0-pthread
      libopencv-core4.5 libopencv-imgcodecs4.5 libopencv-imgproc4.5 libprotobuf23 libpython3.9 python3-pil
      python3-skimage python3-six python3-yaml" ;;
  *) echo "install.sh: say cpu or cuda" >&2; exit 2 ;;
esac
export DEBIAN_FRONTEND=noninteractive

apt-get update -qq
# shellcheck disable=SC2086
apt-get install --yes -qq --no-install-recommends $caffe \
  python3-click python3-h5py python3-lmdb python3-networkx python3-numpy python3-opencv python3-plyvel \
  python3-protobuf python3-scipy python3-sklearn python3-tqdm \
  python3-cairocffi python3-pyqt5 \
  python3-pip python3-setuptools python3-wheel
ldconfig

# Nothing from elsewhere: Debian's versions are those that Debian's Caffe was built with.
python3 -m pip install --quiet --no-deps --no-build-isolation "$source"
cnnvis-caffe --version
