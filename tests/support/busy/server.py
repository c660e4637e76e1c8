#!/usr/bin/python3
"""An application that costs processor time: processes that each answer one request at a time, as those of PHP and Gunicorn do.

WORKERS: how many processes. COST_MS: processor time that an answer takes, in milliseconds; the health check's costs the same. All processes of a
host share one small processor that nothing else uses: each turn of it is booked, in the order of asking, so that a machine that is busy with
other things wakes a process late but takes nothing from what the host can do.
"""

import fcntl
import os
import struct
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

# Seconds of one turn.
TURN = 0.01
# When the last booked turn ends. Both releases of a host see it; who has its lock keeps all of them waiting.
BOOKED = "/dev/shm/processor"


def sleep_until(when: float) -> None:
    time.sleep(max(0.0, when - time.monotonic()))


def take_turn(booked: int) -> None:
    fcntl.flock(booked, fcntl.LOCK_EX)
    (free,) = struct.unpack("d", os.pread(booked, 8, 0) or bytes(8))
    begins = max(free, time.monotonic())
    ends = begins + TURN
    os.pwrite(booked, struct.pack("d", ends), 0)
    fcntl.flock(booked, fcntl.LOCK_UN)
    sleep_until(begins)
    # Half the load of a real one: two hosts and all others have room beside each other.
    while time.monotonic() < begins + TURN / 2:
        pass
    sleep_until(ends)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        booked = os.open(BOOKED, os.O_RDWR | os.O_CREAT, 0o600)
        for _ in range(int(int(os.environ["COST_MS"]) / 1000 / TURN)):
            take_turn(booked)
        os.close(booked)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The balancer has a log."""


HTTPServer.request_queue_size = 128
server = HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler)
for _ in range(int(os.environ["WORKERS"]) - 1):
    if os.fork() == 0:
        break
server.serve_forever()
