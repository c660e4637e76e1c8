#!/usr/bin/python3
"""Sends requests at a steady rate until its standard input ends, and prints [[start, end, status, server], …] as JSON.

argv[1] is {"host", "port", "method", "path", "rate", "workers", "seconds"}: `workers` hold a connection each and send `rate` requests a second
together, for `seconds` at most. Times are seconds since 1970; status 0 is a request without an answer. A POST writes an entry of the guestbook.
"""

import http.client
import json
import sys
import threading
import time
import uuid

PLAN = json.loads(sys.argv[1])
PERIOD = PLAN["workers"] / PLAN["rate"]
stop = threading.Event()
seen = []


def work(number):
    connection, begun = None, time.monotonic()
    due = begun + PERIOD * number / PLAN["workers"]
    while not stop.wait(max(0.0, due - time.monotonic())) and time.monotonic() - begun < PLAN["seconds"]:
        # What is late is not made up for: the site is not to be flooded after a pause.
        due = max(due + PERIOD, time.monotonic())
        key = str(uuid.uuid4())
        post = PLAN["method"] == "POST"
        body = json.dumps({"id": key, "name": "bench", "message": key}) if post else None
        start = time.time()
        try:
            if connection is None:
                connection = http.client.HTTPConnection(PLAN["host"], PLAN["port"], timeout=15)
            connection.request(PLAN["method"], PLAN["path"], body, {"Content-Type": "application/json"} if post else {})
            answer = connection.getresponse()
            answer.read()
            seen.append((start, time.time(), answer.status, answer.headers.get("X-Served-By", "")))
        except (OSError, http.client.HTTPException):
            seen.append((start, time.time(), 0, ""))
            connection.close()
            connection = None


workers = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(PLAN["workers"])]
for worker in workers:
    worker.start()
print("started", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
for worker in workers:
    worker.join()
print(json.dumps(seen))
