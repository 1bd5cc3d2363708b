#!/bin/bash
# Run the tests on the oldest versions that setup.py allows: Debian 11's, which has them with Python 3.9 and a real
# Caffe, and what Debian does not have from the package index. All of it lies in a root of its own.
#
#   tools/test_oldest.sh [PYTEST_ARGS ...]      for example: tools/test_oldest.sh tests/unit/store -x
#
# OLDEST_ROOT says where that root is; it is made at the first call (5 GB). MARKERS are the tests that run. Needs Linux,
# root, debootstrap, and a python3 with pip (PYTHON names another).
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd -P)
root=${OLDEST_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/cnnvis_caffe/debian11}
markers=${MARKERS:-not slow and not network and not benchmark and not install}
python=${PYTHON:-python3}
# The oldest of each that setup.py names, and what these need. PyTorch 1.13 does not start without its CUDA's libraries.
wheels="torch==1.13.0 nvidia-cublas-cu11==11.10.3.66 nvidia-cuda-nvrtc-cu11==11.7.99 nvidia-cuda-runtime-cu11==11.7.99
  nvidia-cudnn-cu11==8.5.0.96 typing-extensions==4.4.0 pooch==1.3.0 fissix==20.8.0"

fail() { echo "test_oldest: $*" >&2; exit 1; }
[ "$(uname -s) $(id -u)" = "Linux 0" ] || fail "needs Linux and root, to run in a root folder of its own"
command -v debootstrap >/dev/null || fail "there is no debootstrap; install it (Debian, Ubuntu: apt-get install debootstrap)"

# The checkout and the folders of data are seen in there under their own paths, by this command alone.
inside() {
  # shellcheck disable=SC2016
  unshare --mount sh -c '
    root=$1 here=$2; shift 2
    mount --rbind /dev "$root/dev" && mount -t proc proc "$root/proc"
    for folder in "$here" "${CNNVIS_DATA_DIR:-}" "${CNNVIS_ZOO_DIR:-}"; do
      if [ -d "$folder" ]; then mkdir -p "$root$folder" && mount --bind "$folder" "$root$folder"; fi
    done
    exec chroot "$root" env HOME=/tmp LANG=C.UTF-8 PATH=/opt/oldest/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH="$here" \
      PYTHONDONTWRITEBYTECODE=1 GLOG_minloglevel=2 CNNVIS_REAL_CAFFE=env sh -c "cd \"\$1\"; shift; exec \"\$@\"" sh "$here" "$@"
  ' sh "$root" "$here" "$@"
}

make_root() {
  rm -rf --one-file-system "$root"
  mkdir -p "$(dirname "$root")"
  debootstrap --variant=minbase --include=ca-certificates,python3 bullseye "$root"
  mkdir -p "$root/src" "$root/wheels"
  cp -r "$here"/{setup.py,pyproject.toml,README.md,cnnvis_caffe} "$root/src/"
  inside sh docker/debian11/install.sh /src cpu
  inside python3 -m pip uninstall --quiet --yes cnnvis-caffe
  inside env DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq --no-install-recommends \
    fish git graphviz make procps python3-appdirs python3-filelock python3-hypothesis python3-matplotlib python3-pil python3-pydot \
    python3-pytest python3-pytest-benchmark python3-pytest-timeout python3-pytest-xdist python3-pytestqt \
    python3-requests python3-venv python3-yaml zsh
  # Loaded outside, where pip is set up for whatever lies between here and the package index.
  # shellcheck disable=SC2086
  "$python" -m pip download --no-deps --only-binary :all: --python-version 3.9 --platform manylinux1_x86_64 \
    --platform manylinux2014_x86_64 --dest "$root/wheels" $wheels
  inside python3 -m venv --system-site-packages /opt/oldest
  # shellcheck disable=SC2086
  inside pip install --quiet --no-index --no-deps --find-links /wheels $wheels
  rm -rf --one-file-system "$root/wheels" "$root/src"
  inside sh -c 'printf "#!/opt/oldest/bin/python\nfrom cnnvis_caffe.cli.main import main\n\nmain()\n" >/opt/oldest/bin/cnnvis-caffe
    chmod +x /opt/oldest/bin/cnnvis-caffe'
  touch "$root/.ready"
}

if [ ! -e "$root/.ready" ]; then
  echo "Making $root; the first time this takes some minutes ..."
  mkdir -p "$(dirname "$root")"
  make_root >"$root.log" 2>&1 || fail "could not make it, see $root.log"
fi
inside python tools/oldest_versions.py
inside python -m pytest -p no:cacheprovider -n "${WORKERS:-auto}" -m "$markers" "$@"
