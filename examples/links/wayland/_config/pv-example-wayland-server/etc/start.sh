# The first process of the server: Weston, which draws into memory, so that this runs where there is no screen.
trap 'exit 0' TERM
until [ -c /dev/dri/card0 ]; do sleep 0.05; done
mkdir -p -m 0700 /run/wayland
XDG_RUNTIME_DIR=/run/wayland weston --backend=headless-backend.so --use-pixman --shell=fullscreen-shell.so --no-config \
  --idle-time=0 --socket=wayland-0 &
until [ -S /run/wayland/wayland-0 ]; do sleep 0.05; done
echo ready | socat - UNIX-CONNECT:/run/holdfast/ready.sock >/dev/null
wait
