#!/bin/sh
# Make a virtual environment and install this project into it with everything it can use, in the tested versions.
#
#   tools/install.sh .venv        PYTHON=python3.12 tools/install.sh .venv
set -eu
venv=$1
python=${PYTHON:-python3}
constraints=${CONSTRAINTS:-constraints.txt}
here=$(dirname "$0")

fail() { echo "install: $*" >&2; exit 1; }

command -v "$python" >/dev/null || fail "there is no $python; install Python 3.9 or newer, or name one: make PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' ||
  fail "$("$python" --version) is too old; 3.9 or newer is needed: make PYTHON=..."

if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
  # Debian and Ubuntu pack venv apart from Python.
  "$python" -c 'import ensurepip, venv' 2>/dev/null || "$here/apt_install.sh" python3-venv ||
    fail "$python cannot make virtual environments; install its venv module (Debian, Ubuntu: python3-venv)"
  rm -rf "$venv"
  "$python" -m venv "$venv"
fi

echo "Installing into $venv with $constraints; the first time this takes some minutes ..."
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  --constraint "$constraints" --editable ".[all,dev]"
