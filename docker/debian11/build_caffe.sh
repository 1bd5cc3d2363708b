#!/bin/sh
# Build Caffe with CUDA from Debian 11's own source package, with Debian's own CUDA 11.2, into /usr/local: the command
# caffe, libcaffe and pycaffe. The image runs this; it runs as well in a plain Debian 11 root.
#
#   sh build_caffe.sh
#
# ARCHITECTURES are the GPUs that get machine code, by their compute capability without the dot; PTX is what the driver
# translates for newer ones when Caffe first runs there. JOBS is how many files are compiled side by side.
set -eu
architectures=${ARCHITECTURES-35 50 60 70 75 80 86}
ptx=${PTX-86}
jobs=${JOBS:-$(nproc)}
place=/usr/src/caffe-cuda
export DEBIAN_FRONTEND=noninteractive

sh "$(dirname "$0")/non_free.sh"
apt-get update -qq
apt-get install --yes -qq --no-install-recommends \
  build-essential cmake dpkg-dev nvidia-cuda-toolkit protobuf-compiler python3-dev python3-numpy \
  libboost-filesystem-dev libboost-python-dev libboost-system-dev libboost-thread-dev libgflags-dev libgoogle-glog-dev \
  libhdf5-dev libleveldb-dev liblmdb-dev libopenblas-dev libopencv-dev libprotobuf-dev libsnappy-dev

mkdir -p "$place" && cd "$place"
[ -d source ] || { apt-get source -qq caffe && mv caffe-*/ source; }

# Caffe's own list of architectures has some that CUDA 11 no longer knows, hence Manual. Without cuDNN: the versions
# that go with CUDA 11 are too new for Caffe 1.0. Libraries that nothing calls are left out, as Debian does it.
cmake -S source -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_SKIP_RPATH=TRUE \
  -DCMAKE_SHARED_LINKER_FLAGS=-Wl,--as-needed -DCMAKE_EXE_LINKER_FLAGS=-Wl,--as-needed \
  -DCPU_ONLY=OFF -DUSE_CUDNN=OFF -DUSE_NCCL=OFF -DBLAS=Open -Dpython_version=3 -DBUILD_docs=OFF -DBUILD_matlab=OFF \
  -DCUDA_ARCH_NAME=Manual -DCUDA_ARCH_BIN="$architectures" -DCUDA_ARCH_PTX="$ptx" -DCUDA_NVCC_FLAGS=-w
make -C build -j"$jobs" caffe pycaffe caffe.bin

packages=/usr/local/lib/python3.9/dist-packages
mkdir -p "$packages"
install -m 755 build/tools/caffe /usr/local/bin/caffe
cp -a build/lib/libcaffe.so* /usr/local/lib/
rm -rf "$packages/caffe" && cp -rL source/python/caffe "$packages/caffe"
ldconfig
