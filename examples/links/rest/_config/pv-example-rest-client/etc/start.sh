# The first process of the client: asks the server who it is, twice over one connection, and is ready when it was told.
trap 'exit 0' TERM
# What it says of itself does not reach the server.
until curl --silent --fail --unix-socket /run/pv/services/api.sock --header 'X-PV-Client: somebody-else' \
  http://localhost/first http://localhost/second; do sleep 0.05; done
curl --silent --output /dev/null --unix-socket /run/holdfast/ready.sock --data '{"type":"ready","payload":""}' http://localhost/signal
sleep 2147483647 &
wait $!
