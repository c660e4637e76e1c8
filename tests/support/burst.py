#!/usr/bin/python3
"""Sends numbered GET requests as fast as they are answered and prints how many had each status, as JSON.

argv[1] is {"host", "path", "requests", "connections"}: request N asks for `path` with N at its end. One without an answer has the status 0.
"""

import collections
import itertools
import json
import socket
import sys
import threading

PLAN = json.loads(sys.argv[1])
# Above what the site may take to answer.
TIMEOUT = 40
# http.client costs more than the site takes to answer.
REQUEST = "GET {path}{number} HTTP/1.1\r\nHost: {host}\r\n\r\n"
numbers = itertools.count()
lock = threading.Lock()
counts = collections.Counter()


def answer(connection):
    """The status of the next answer, of which nothing is left in the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return 0
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    left = int(lengths[0]) - len(body)
    while left > 0:
        part = connection.recv(left)
        if not part:
            return 0
        left -= len(part)
    return int(head.split(b" ", 2)[1])


def work():
    connection = None
    while (number := next(numbers)) < PLAN["requests"]:
        try:
            connection = connection or socket.create_connection((PLAN["host"], 80), timeout=TIMEOUT)
            connection.sendall(REQUEST.format(**PLAN, number=number).encode())
            status = answer(connection)
        except OSError:
            status = 0
        if status == 0 and connection is not None:
            connection.close()
            connection = None
        with lock:
            counts[status] += 1


workers = [threading.Thread(target=work) for _ in range(PLAN["connections"])]
print("started", flush=True)
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(json.dumps(counts))
