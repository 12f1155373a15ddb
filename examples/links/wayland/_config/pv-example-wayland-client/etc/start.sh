# The first process of the client: a window that is drawn again and again. It is ready when the first frames were shown.
trap 'exit 0' TERM
export WAYLAND_DISPLAY=/run/wayland/wayland-0
until [ -S "$WAYLAND_DISPLAY" ]; do sleep 0.05; done
# First with all messages of the protocol: one of them tells that a frame was shown.
WAYLAND_DEBUG=1 weston-simple-shm 2>&1 | {
  frames=0
  while [ "$frames" -lt 10 ] && read -r message; do
    case "$message" in *wl_callback*.done*) frames=$((frames + 1)) ;; esac
  done
  echo "the server has shown $frames frames"
  if [ "$frames" -eq 10 ]; then echo ready | socat - UNIX-CONNECT:/run/holdfast/ready.sock >/dev/null; fi
}
weston-simple-shm &
wait $!
