#!/bin/sh
# Install Debian packages, where that is possible without asking anybody: apt-get is there, and we are root or
# sudo asks for no password. Fails quietly otherwise.
set -eu
command -v apt-get >/dev/null || exit 1
if [ "$(id -u)" = 0 ]; then
  sudo=
elif sudo -n true 2>/dev/null; then
  sudo="sudo -n"
else
  exit 1
fi
echo "Installing with apt-get: $*"
# The lists may never have been fetched, or be too old to be of use.
install() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; }
install "$@" >/dev/null 2>&1 || { $sudo apt-get update -qq >/dev/null && install "$@" >/dev/null; }
