# A server at a unix socket, and a client that measures it, as lean as they get without a compiler.
#   python3 unix-load.py serve PATH
#   python3 unix-load.py load PATH echo|bulk|each SECONDS     prints round trips, bytes or connections in a second
import os
import socket
import sys
import time

message = b'x' * 64
piece = b'x' * (1 << 18)


# Everything is said again, but for what begins with X: that is only taken.
def answer(connection):
    buffer = bytearray(1 << 20)
    first = connection.recv_into(buffer, 1)
    if first == 1 and buffer[0] == ord('X'):
        while connection.recv_into(buffer):
            pass
        connection.sendall(b'.')
        return
    while first > 0:
        connection.sendall(memoryview(buffer)[:first])
        first = connection.recv_into(buffer)


def serve(path):
    with socket.socket(socket.AF_UNIX) as listener:
        if os.path.exists(path):
            os.unlink(path)
        listener.bind(path)
        listener.listen(64)
        while True:
            connection, _ = listener.accept()
            with connection:
                answer(connection)


def connected(path):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


def round_trip(connection, buffer):
    connection.sendall(message)
    left = len(message)
    while left > 0:
        left -= connection.recv_into(buffer)


def echo(path, until):
    count, buffer = 0, bytearray(1 << 12)
    with connected(path) as connection:
        while time.monotonic() < until:
            round_trip(connection, buffer)
            count += 1
    return count


def each(path, until):
    count, buffer = 0, bytearray(1 << 12)
    while time.monotonic() < until:
        with connected(path) as connection:
            round_trip(connection, buffer)
        count += 1
    return count


def bulk(path, until):
    count = 0
    with connected(path) as connection:
        connection.sendall(b'X')
        while time.monotonic() < until:
            connection.sendall(piece)
            count += len(piece)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
    return count


def load(path, mode, seconds):
    began = time.monotonic()
    count = {'echo': echo, 'bulk': bulk, 'each': each}[mode](path, began + seconds)
    print(count / (time.monotonic() - began))


if sys.argv[1] == 'serve':
    serve(sys.argv[2])
else:
    load(sys.argv[2], sys.argv[3], float(sys.argv[4]))
