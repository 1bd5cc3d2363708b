#!/bin/sh
# Let apt see Debian's non-free packages, NVIDIA's CUDA among them, and source packages.
set -eu
for list in $(find /etc/apt -name '*.list'); do
  sed -i 's/^\(deb .* main\)$/\1 contrib non-free/' "$list"
  grep -q '^deb-src ' "$list" || sed -i 's/^deb \(.*\)$/&\ndeb-src \1/' "$list"
done
