# The client's first process: there is nothing for it to do until somebody attaches.
trap 'exit 0' TERM PWR
while :; do
  sleep 3600 &
  wait $!
done
