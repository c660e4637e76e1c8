#!/usr/bin/python3
"""Sends GET requests to the site and prints what came of each as JSON: [{"began", "seconds", "status"}, ...], times in seconds from the start.

argv[1] is {"url", "seconds", "rate"} or {"url", "seconds", "workers"}. With `rate` requests are sent at that pace (requests a second) however
slow the answers are, each on a connection of its own; with `workers` so many are under way all the time. A request without an answer has the status 0.
"""

import http.client
import json
import sys
import threading
import time
from urllib.parse import urlsplit

PLAN = json.loads(sys.argv[1])
URL = urlsplit(PLAN["url"])
# Above what the site may take to answer.
TIMEOUT = 40
lock = threading.Lock()
results = []
begun = time.monotonic()


def ask():
    started = time.monotonic()
    connection = http.client.HTTPConnection(URL.hostname, URL.port or 80, timeout=TIMEOUT)
    try:
        connection.request("GET", URL.path, headers={"Connection": "close"})
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    with lock:
        results.append({"began": round(started - begun, 3), "seconds": round(time.monotonic() - started, 3), "status": status})


def keep_asking():
    while time.monotonic() - begun < PLAN["seconds"]:
        ask()


threads = []


def run(target):
    thread = threading.Thread(target=target, daemon=True)
    threads.append(thread)
    thread.start()


print("started", flush=True)
if "workers" in PLAN:
    for _ in range(PLAN["workers"]):
        run(keep_asking)
else:
    for number in range(int(PLAN["rate"] * PLAN["seconds"])):
        time.sleep(max(0.0, begun + number / PLAN["rate"] - time.monotonic()))
        run(ask)
for thread in threads:
    thread.join(TIMEOUT + 5)
with lock:
    print(json.dumps(results))
