# The first process of the proxy: nginx, until it is asked to stop.
trap 'kill -QUIT "$server"' TERM
nginx -g 'daemon off;' &
server=$!
until curl --silent --output /dev/null http://localhost/; do sleep 0.05; done
curl --silent --unix-socket /run/holdfast/ready.sock --data '{"type":"ready","payload":""}' http://localhost/signal
wait "$server"
# The first wait ends when it is asked to stop; the second when nginx has done so.
wait "$server"
