#!/usr/bin/python3
"""An application that costs processor time: processes that each answer one request at a time, as those of PHP and Gunicorn do.

WORKERS: how many processes. COST_MS: processor time that an answer takes, in milliseconds; the health check's costs the same. All processes of a
host share one small processor, so that what a host can do does not depend on what else goes on around it.
"""

import fcntl
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SLICE = 0.005


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        # A file that every process of the host can read; who has the lock has the processor.
        with open("/etc/hostname") as processor:
            for _ in range(int(int(os.environ["COST_MS"]) / 1000 / SLICE)):
                fcntl.flock(processor, fcntl.LOCK_EX)
                # Half the speed of a real one: two hosts and all others have room beside each other.
                ends = time.monotonic() + SLICE / 2
                while time.monotonic() < ends:
                    pass
                time.sleep(SLICE / 2)
                fcntl.flock(processor, fcntl.LOCK_UN)
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
