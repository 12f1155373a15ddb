# The server's first process: answers HTTP on port 8080 until it is asked to stop.
trap 'exit 0' TERM PWR
httpd -p 8080 -h /www
while :; do
  sleep 3600 &
  wait $!
done
