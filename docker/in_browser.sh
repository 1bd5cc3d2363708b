#!/bin/sh
# Show the viewer in a browser: a virtual screen, a VNC server on it, and a page that shows it on port 6080.
#
#   in_browser FILE.cnnvis.h5
set -eu
export DISPLAY=:1
Xvfb "$DISPLAY" -screen 0 "${SCREEN:-1920x1080}x24" -nolisten tcp &
while [ ! -e /tmp/.X11-unix/X1 ]; do sleep 0.1; done
x11vnc -display "$DISPLAY" -forever -shared -nopw -quiet -localhost &
websockify --web /usr/share/novnc 6080 localhost:5900 &
echo "open http://localhost:6080/vnc.html?autoconnect=1&resize=scale" >&2
exec cnnvis-caffe view "$@"
