# The first process of the client: calls the service, and is ready when it has answered.
trap 'exit 0' TERM
echo '--- Requesting info from D-Bus service org.pantavisor.Example ---'
# The link is made when both containers run.
until dbus-send --system --print-reply --dest=org.pantavisor.Example /org/pantavisor/Example \
  org.pantavisor.Example.GetInfo 2>/dev/null; do sleep 0.05; done
echo ready | socat - UNIX-CONNECT:/run/holdfast/ready.sock >/dev/null
sleep 2147483647 &
wait $!
