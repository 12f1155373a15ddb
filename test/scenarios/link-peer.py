# Both ends of a unix socket over which everything goes that can: bytes, a half-close, descriptors, and who is there.
#   python3 link-peer.py serve PATH
#   python3 link-peer.py ask PATH UID      prints what it found as JSON
import hashlib
import json
import os
import socket
import struct
import sys

amount = 8 << 20


def user_of(connection):
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize('3i'))
    return struct.unpack('3i', credentials)[1]


# A descriptor of something that has no name, so that nobody could have opened it.
def described(text):
    descriptor = os.memfd_create('described')
    os.write(descriptor, text.encode())
    return descriptor


def contents(descriptors):
    return [os.pread(descriptor, 64, 0).decode() for descriptor in descriptors]


def everything(connection, digest):
    while piece := connection.recv(1 << 16):
        digest.update(piece)
    return digest.hexdigest()


def answer(connection):
    said, descriptors, _, _ = socket.recv_fds(connection, 64, 4)
    found = {'user': user_of(connection), 'said': said.decode(), 'read': contents(descriptors)}
    own = described('from the provider')
    socket.send_fds(connection, [json.dumps(found).encode()], [own])
    for descriptor in [*descriptors, own]:
        os.close(descriptor)
    # The other side has closed its half when this ends, and hears what is said afterwards.
    digest = everything(connection, hashlib.sha256())
    connection.sendall(digest.encode())


def serve(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            with connection:
                answer(connection)


def ask(path, user):
    os.setuid(user)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(path)
        socket.send_fds(connection, [b'hello'], [described('from the consumer'), described('twice')])
        told, descriptors, _, _ = socket.recv_fds(connection, 4096, 4)
        sent = os.urandom(amount)
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        heard = b''
        while piece := connection.recv(4096):
            heard += piece
    whole = heard.decode() == hashlib.sha256(sent).hexdigest()
    print(json.dumps({'told': json.loads(told), 'read': contents(descriptors), 'whole': whole}))


if sys.argv[1] == 'serve':
    serve(sys.argv[2])
else:
    ask(sys.argv[2], int(sys.argv[3]))
