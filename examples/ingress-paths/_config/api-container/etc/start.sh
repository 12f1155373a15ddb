# The first process of the api-container: nginx on a unix socket and with TLS on port 8443, until it is asked to stop.
trap 'kill -QUIT "$server"' TERM
# A key of its own for each start: clients of this example trust it without looking.
openssl req -config /etc/openssl.cnf -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
  -subj /CN=api-container -keyout /run/key.pem -out /run/certificate.pem 2>/dev/null
# The socket of a run before this one: nginx does not listen where one lies.
rm -f /run/api.sock
nginx -g 'daemon off;' &
server=$!
until curl --silent --output /dev/null --unix-socket /run/api.sock http://localhost/; do sleep 0.05; done
curl --silent --unix-socket /run/holdfast/ready.sock --data '{"type":"ready","payload":""}' http://localhost/signal
wait "$server"
# The first wait ends when it is asked to stop; the second when nginx has done so.
wait "$server"
