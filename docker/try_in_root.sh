#!/bin/bash
# Run the steps of the caffe-cpu image in a plain Debian 11 root, without a container engine: install, then inspect,
# analyze with real Caffe, and render. Needs Linux, root and debootstrap.
#
#   docker/try_in_root.sh ROOT MODEL WEIGHTS DATA
#
# ROOT is a folder for the root, made if it is not there. DATA is what `analyze --data` takes; a path must be absolute.
# MODEL, WEIGHTS and a path in DATA are copied into the root.
set -euo pipefail
root=$1 model=$2 weights=$3 data=$4
here=$(cd "$(dirname "$0")/.." && pwd)
for file in "$model" "$weights"; do
  [ -f "$file" ] || { echo "try_in_root: there is no file $file" >&2; exit 1; }
done

if [ ! -e "$root/.ready" ]; then
  debootstrap --variant=minbase --include=ca-certificates,python3 bullseye "$root"
  touch "$root/.ready"
fi
rm -rf "$root/src" && mkdir -p "$root/src" "$root/work"
cp "$here"/{setup.py,pyproject.toml,README.md,MANIFEST.in} "$root/src/"
cp -r "$here/cnnvis_caffe" "$root/src/"
cp "$here/docker/caffe-cpu/install.sh" "$root/tmp/install.sh"
cp "$model" "$root/work/model.prototxt"
cp "$weights" "$root/work/weights.caffemodel"
case $data in
  /*) rm -rf "$root/work/data" && cp -r "$data" "$root/work/data" && data=/work/data ;;
esac

inside() { chroot "$root" env HOME=/tmp GLOG_minloglevel=2 sh -c "cd /work && $*"; }
step() { echo "== $*" >&2; }

step install
inside sh /tmp/install.sh /src
step inspect
inside cnnvis-caffe inspect model.prototxt --weights weights.caffemodel
step analyze --engine caffe
inside cnnvis-caffe analyze --engine caffe --model model.prototxt --weights weights.caffemodel --data "$data" \
  --limit 500 --out picture.cnnvis.h5
step render
inside cnnvis-caffe render picture.cnnvis.h5 --out picture.png
ls -l "$root"/work/picture.*
