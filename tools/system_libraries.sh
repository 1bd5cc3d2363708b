#!/bin/sh
# See to the system libraries that wheels expect and do not bring: Qt's (PyQt5) and cairo (cairocffi). Where they cannot
# be installed from here, say in one line what to install, and go on: only the viewer and PNG and PDF pictures need them.
#
#   tools/system_libraries.sh .venv
set -eu
[ "$(uname)" = Linux ] && command -v ldd >/dev/null || exit 0
here=$(dirname "$0")
python=$1/bin/python
qt=$("$python" -c 'import os, PyQt5; print(os.path.dirname(PyQt5.__file__))' 2>/dev/null) || qt=

missing() {
  if [ -n "$qt" ]; then
    platforms=$qt/Qt5/plugins/platforms
    ldd "$qt"/QtGui.*so "$qt"/QtWidgets.*so "$platforms/libqxcb.so" "$platforms/libqoffscreen.so" 2>&1 |
      sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p' | sort -u
  fi
  "$python" -c 'import ctypes; ctypes.CDLL("libcairo.so.2")' 2>/dev/null || echo libcairo.so.2
}

[ -n "$(missing)" ] || exit 0
packages="libcairo2 libdbus-1-3 libegl1 libfontconfig1 libfreetype6 libgl1 libglib2.0-0 libx11-xcb1 libxcb-icccm4
  libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1
  libxkbcommon-x11-0"
# shellcheck disable=SC2086
"$here/apt_install.sh" $packages || true
left=$(missing | tr '\n' ' ')
[ -z "$left" ] || echo "system_libraries: the viewer, or PNG and PDF, will not work before these are installed: $left" \
  "(Debian, Ubuntu: apt-get install $(echo $packages))" >&2
