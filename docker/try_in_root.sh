#!/bin/bash
# Run the steps of the caffe-cpu or caffe-cuda image in a plain Debian 11 root, without a container engine: install,
# then inspect, analyze with real Caffe, render, and the window with a picture in it. Needs Linux, root, debootstrap.
#
#   docker/try_in_root.sh cpu|cuda ROOT MODEL WEIGHTS DATA
#
# ROOT is a folder for the root, made if it is not there. DATA is what `analyze --data` takes; a path must be absolute.
# MODEL, WEIGHTS and a path in DATA are copied into the root; CNNVIS_DATA_DIR is seen in there. ARCHITECTURES, PTX and
# JOBS are those of debian11/build_caffe.sh. An analysis, its picture and the window, window.png, come to ROOT/work.
set -euo pipefail
kind=$1 root=$2 model=$3 weights=$4 data=$5
here=$(cd "$(dirname "$0")/.." && pwd)
case $kind in cpu | cuda) ;; *) echo "try_in_root: say cpu or cuda, not $kind" >&2; exit 2 ;; esac
for file in "$model" "$weights"; do
  [ -f "$file" ] || { echo "try_in_root: there is no file $file" >&2; exit 1; }
done

if [ ! -e "$root/.ready" ]; then
  debootstrap --variant=minbase --include=ca-certificates,python3 bullseye "$root"
  touch "$root/.ready"
fi
rm -rf "$root/src" && mkdir -p "$root/src" "$root/work" "$root/data"
cp "$here"/{setup.py,pyproject.toml,README.md,MANIFEST.in} "$root/src/"
cp -r "$here/cnnvis_caffe" "$here/docker/debian11" "$root/src/"
cp "$model" "$root/work/model.prototxt"
cp "$weights" "$root/work/weights.caffemodel"
case $data in
  /*) rm -rf "$root/work/data" && cp -r "$data" "$root/work/data" && data=/work/data ;;
esac

build=(ARCHITECTURES="${ARCHITECTURES-35 50 60 70 75 80 86}" PTX="${PTX-86}" JOBS="${JOBS:-$(nproc)}")
# Devices and processes are seen in there by these commands alone.
inside() {
  unshare --mount sh -c 'mount --rbind /dev "$1/dev" && mount -t proc proc "$1/proc" &&
    mount --bind "${CNNVIS_DATA_DIR:-$1/data}" "$1/data" && shift && exec chroot "$@"' \
    sh "$root" "$root" env HOME=/tmp GLOG_minloglevel=2 CNNVIS_DATA_DIR=/data "${build[@]}" sh -c "cd /work && $*"
}
step() { echo "== $* ($SECONDS s)" >&2; }
analyze() {
  inside cnnvis-caffe analyze --engine caffe --model model.prototxt --weights weights.caffemodel --data "$data" \
    --limit 500 --out picture.cnnvis.h5 "$@"
}

if [ "$kind" = cuda ]; then
  step build Caffe with CUDA
  inside sh /src/debian11/build_caffe.sh
fi
step install
inside sh /src/debian11/install.sh /src "$kind"
step import caffe
inside python3 -c '"import caffe; print(caffe.__file__)"'
step inspect
inside cnnvis-caffe inspect model.prototxt --weights weights.caffemodel
if [ "$kind" = cuda ]; then
  step analyze --engine caffe --device cuda
  library=$(ldconfig -p | sed -n 's/.*libcuda\.so\.1 (libc6,x86-64) => //p' | head -n 1)
  [ -z "$library" ] || cp -L "$library" "$root/usr/local/lib/libcuda.so.1"
  analyze --device cuda || echo "try_in_root: not on a GPU; the line above says why" >&2
fi
step analyze --engine caffe
analyze
step render
inside cnnvis-caffe render picture.cnnvis.h5 --out picture.png
step view
inside "apt-get install --yes -qq --no-install-recommends xvfb imagemagick >/dev/null
  Xvfb :9 -screen 0 1920x1200x24 -nolisten tcp 2>/dev/null & screen=\$!; sleep 2
  DISPLAY=:9 cnnvis-caffe view picture.cnnvis.h5 & window=\$!; sleep ${WAIT:-40}
  kill -0 \$window && import -display :9 -window root window.png; kill \$window \$screen; wait"
step done
ls -l "$root"/work/picture.* "$root/work/window.png"
