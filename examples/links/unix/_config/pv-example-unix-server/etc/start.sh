# The first process of the server: says again what it is told, at a socket of its own.
trap 'exit 0' TERM
mkdir -p /run/example
# The socket of a run before this one is in the way.
socat UNIX-LISTEN:/run/example/raw.sock,fork,mode=0666,unlink-early EXEC:cat &
until [ -S /run/example/raw.sock ]; do sleep 0.05; done
echo ready | socat - UNIX-CONNECT:/run/holdfast/ready.sock >/dev/null
wait
