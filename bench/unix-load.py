# A server at a unix socket, and a client that measures it, as lean as they get without a compiler.
#   python3 unix-load.py serve PATH
#   python3 unix-load.py load echo|bulk|each SECONDS PATH PATH
# prints round trips, bytes or connections in a second through each of the two paths, which have their turns every few milliseconds: whatever else
# this machine does, it does to both. Medians of turns.
import os
import socket
import statistics
import sys
import threading
import time

message = b'x' * 64
piece = b'x' * (1 << 18)
turn_seconds = 0.01


# Everything is said again, but for what begins with X: that is only taken.
def answer(connection):
    buffer = bytearray(1 << 20)
    with connection:
        first = connection.recv_into(buffer, 1)
        if first == 1 and buffer[0] == ord('X'):
            while connection.recv_into(buffer):
                pass
            return
        while first > 0:
            connection.sendall(memoryview(buffer)[:first])
            first = connection.recv_into(buffer)


def take(listener):
    while True:
        connection, _ = listener.accept()
        answer(connection)


# Four connections at a time: none has to wait for a thread to be made.
def serve(path):
    with socket.socket(socket.AF_UNIX) as listener:
        if os.path.exists(path):
            os.unlink(path)
        listener.bind(path)
        listener.listen(64)
        takers = [threading.Thread(target=take, args=(listener,), daemon=True) for _ in range(4)]
        for taker in takers:
            taker.start()
        for taker in takers:
            taker.join()


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
    return count


# How much is done in a second, by one turn. Each has a connection of its own: on which processor the server's end is decides how fast it is.
def turn(way, path):
    began = time.monotonic()
    count = way(path, began + turn_seconds)
    return count / (time.monotonic() - began)


def load(mode, seconds, paths):
    way = {'echo': echo, 'bulk': bulk, 'each': each}[mode]
    rates = [[] for _ in paths]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path, tally in zip(paths, rates):
            tally.append(turn(way, path))
    print(*map(statistics.median, rates))


if sys.argv[1] == 'serve':
    serve(sys.argv[2])
else:
    load(sys.argv[2], float(sys.argv[3]), sys.argv[4:])
