# The first process of the server: nginx at a socket of its own, until it is asked to stop.
trap 'kill -QUIT "$server"' TERM
mkdir -p /run/example
# The socket of a run before this one: nginx does not listen where one lies.
rm -f /run/example/api.sock
nginx -g 'daemon off;' &
server=$!
until curl --silent --output /dev/null --unix-socket /run/example/api.sock http://localhost/; do sleep 0.05; done
curl --silent --output /dev/null --unix-socket /run/holdfast/ready.sock --data '{"type":"ready","payload":""}' http://localhost/signal
wait "$server"
# The first wait ends when it is asked to stop; the second when nginx has done so.
wait "$server"
