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
    return 1


def echo(path):
    connection, buffer = connected(path), bytearray(1 << 12)
    return lambda: round_trip(connection, buffer)


def each(path):
    buffer = bytearray(1 << 12)

    def once():
        with connected(path) as connection:
            return round_trip(connection, buffer)

    return once


def bulk(path):
    connection = connected(path)
    connection.sendall(b'X')

    def once():
        connection.sendall(piece)
        return len(piece)

    return once


# How much is done in a second, by one turn.
def turn(once):
    count, began = 0, time.monotonic()
    now = began
    while now - began < turn_seconds:
        count += once()
        now = time.monotonic()
    return count / (now - began)


def load(mode, seconds, paths):
    ways = [({'echo': echo, 'bulk': bulk, 'each': each}[mode](path), []) for path in paths]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for once, rates in ways:
            rates.append(turn(once))
    print(*(statistics.median(rates) for _, rates in ways))


if sys.argv[1] == 'serve':
    serve(sys.argv[2])
else:
    load(sys.argv[2], float(sys.argv[3]), sys.argv[4:])
