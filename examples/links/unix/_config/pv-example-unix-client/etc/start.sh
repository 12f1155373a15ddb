# The first process of the client: has the server say something, and is ready when it did.
trap 'exit 0' TERM
# The link is made when both containers run.
until answer=$(echo hello | socat -t 5 - UNIX-CONNECT:/run/pv/services/raw.sock 2>/dev/null); do sleep 0.05; done
echo "the server says: $answer"
echo ready | socat - UNIX-CONNECT:/run/holdfast/ready.sock >/dev/null
sleep 2147483647 &
wait $!
