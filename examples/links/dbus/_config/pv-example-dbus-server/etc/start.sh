# The first process of the server: a bus, and a service on it.
trap 'exit 0' TERM
mkdir -p /run/dbus
# What a run before this one has left.
rm -f /run/dbus/system_bus_socket
dbus-daemon --config-file=/etc/dbus-1/bus.conf --nofork --nopidfile &
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
# It says that the container is ready once it has its name.
python3 /etc/example-service.py &
wait
