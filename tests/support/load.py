#!/usr/bin/python3
"""Sends a bounded load to the site, and prints what came of each request as JSON.

It goes on until its standard input has ended, which says how many writes are to be acknowledged at least, and they are.

argv[1] is {"host", "port", "seconds", "keep", "new", "rate", "requests"}: `keep` workers hold their connection, `new` workers open one a
request; each sends `rate` requests a second at most, going through `requests` ([method, path], …), for `seconds` at most.
"""

import collections
import http.client
import json
import sys
import threading
import time
import uuid

PLAN = json.loads(sys.argv[1])
ENTRIES = "/api/entries"
stop = threading.Event()
lock = threading.Lock()
counts, served_by, machines, databases, releases = (collections.Counter() for _ in range(5))
failures, acknowledged = [], []
# How many writes are enough. Nobody has said so yet.
enough = None
slowest = last_failure = write_gap = 0.0
begun = last_write = time.monotonic()


def stop_when_enough():
    if enough is not None and len(acknowledged) >= enough:
        stop.set()


def wait_for_end():
    global enough
    # It says nothing when the test failed before.
    least = int(sys.stdin.read() or 0)
    with lock:
        enough = least
        stop_when_enough()


def body_of(method, path, key):
    if method != "POST":
        return None, {}
    if path == ENTRIES:
        return json.dumps({"id": key, "name": "load", "message": key}), {"Content-Type": "application/json"}
    return f"id={key}&name=load&message={key}", {"Content-Type": "application/x-www-form-urlencoded"}


def note(method, path, key, outcome, headers, seconds):
    global slowest, last_failure, write_gap, last_write
    with lock:
        counts[f"{method} {path} {outcome}"] += 1
        slowest = max(slowest, seconds)
        for counter, name in ((served_by, "X-Served-By"), (machines, "X-Machine"), (databases, "X-Database"), (releases, "X-Release")):
            if headers.get(name):
                counter[headers[name]] += 1
        if outcome in (200, 201, 303):
            if method == "POST":
                acknowledged.append(key)
                write_gap = max(write_gap, time.monotonic() - last_write)
                last_write = time.monotonic()
                stop_when_enough()
            return
        last_failure = time.monotonic() - begun
        if len(failures) < 30:
            failures.append({"at": round(last_failure, 2), "request": f"{method} {path}", "outcome": str(outcome), "by": headers.get("X-Served-By")})


def work(keep, number):
    connection, turn = None, number
    while not stop.is_set() and time.monotonic() - begun < PLAN["seconds"]:
        method, path = PLAN["requests"][turn % len(PLAN["requests"])]
        turn += 1
        key = str(uuid.uuid4())
        body, headers = body_of(method, path, key)
        started = time.monotonic()
        try:
            if connection is None:
                connection = http.client.HTTPConnection(PLAN["host"], PLAN["port"], timeout=15)
            connection.request(method, path, body, headers if keep else {**headers, "Connection": "close"})
            answer = connection.getresponse()
            answer.read()
            note(method, path, key, answer.status, answer.headers, time.monotonic() - started)
        except (OSError, http.client.HTTPException) as error:
            note(method, path, key, f"{type(error).__name__}: {error}", {}, time.monotonic() - started)
            connection.close()
            connection = None
        if not keep and connection is not None:
            connection.close()
            connection = None
        stop.wait(max(0.0, 1 / PLAN["rate"] - (time.monotonic() - started)))


workers = [threading.Thread(target=work, args=(index < PLAN["keep"], index), daemon=True) for index in range(PLAN["keep"] + PLAN["new"])]
for worker in workers:
    worker.start()
print("started", flush=True)
threading.Thread(target=wait_for_end, daemon=True).start()
for worker in workers:
    worker.join()
print(
    json.dumps(
        {
            "seconds": round(time.monotonic() - begun, 2), "counts": counts, "servedBy": served_by, "machines": machines, "databases": databases,
            "releases": releases, "failures": failures, "lastFailure": round(last_failure, 2), "slowest": round(slowest, 3), "writeGap": round(write_gap, 3), "acknowledged": acknowledged,
        }
    )
)
