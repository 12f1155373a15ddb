# The first process of app-1: answers HTTP on port 8080 until it is asked to stop, and says when it does.
trap 'exit 0' TERM PWR
httpd -p 8080 -h /www
curl --silent --unix-socket /run/holdfast/ready.sock --data '{"type":"ready","payload":""}' http://localhost/signal
while :; do
  sleep 3600 &
  wait $!
done
