#!/usr/bin/python3
"""Answers for this host: /state (is it healthy, and why not), and on a database host /primary, /replica and /stale.

Pollers keep what they saw last, so that questions cost nothing and an answer comes even while MySQL hangs. MySQL has one of its own: a slow
application beside it must not make its answer old.
"""

import http.client
import json
import os
import pathlib
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SETTINGS = json.loads(pathlib.Path("/etc/webinfra/agent.json").read_text())
PERIOD, STALE, HEARTBEAT = 0.5, 2.0, 1.0
RUN = pathlib.Path("/run/webinfra")
FENCED = pathlib.Path("/var/lib/webinfra/fenced")
POINTER = pathlib.Path("/var/lib/webinfra/channel/pointers/primary.json")

REPLICATION = """select @@global.read_only ro, @@global.super_read_only sro, replace(@@global.gtid_executed, char(10), '') executed,
 (select replace(received_transaction_set, char(10), '') from performance_schema.replication_connection_status where channel_name='') received,
 (select service_state from performance_schema.replication_connection_status where channel_name='') io,
 (select timestampdiff(microsecond, greatest(last_heartbeat_timestamp, last_queued_transaction_end_queue_timestamp), now(6))/1e6
    from performance_schema.replication_connection_status where channel_name='') contact,
 (select service_state from performance_schema.replication_applier_status where channel_name='') applier,
 (select max(case when applying_transaction<>'' then timestampdiff(microsecond, applying_transaction_original_commit_timestamp, now(6))/1e6
    else 0 end) from performance_schema.replication_applier_status_by_worker where channel_name='') applying,
 (select processing_transaction<>'' and timestampdiff(microsecond, processing_transaction_original_commit_timestamp, now(6))/1e6
    from performance_schema.replication_applier_status_by_coordinator where channel_name='') coordinating"""


def read(path):
    try:
        return path.read_text()
    except OSError:
        return ""


def known(path):
    """What a JSON file holds; nothing while it is being written."""
    try:
        return json.loads(read(path) or "{}")
    except ValueError:
        return {}


def machine():
    return next((line.split("=", 1)[1] for line in read(pathlib.Path("/etc/webinfra/machine.env")).splitlines() if line.startswith("MACHINE_ID=")), "")


def answers(port, path):
    """True when the local server on `port` answers 200 for `path`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path, headers={"Host": SETTINGS["domain"]})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Database:
    """What MySQL last said of itself."""

    def __init__(self):
        self.connection = None
        self.row, self.at, self.error = {}, 0.0, "not asked yet"

    def poll(self):
        try:
            import pymysql  # comes with the host's packages, which are not there when this starts
        except ImportError:
            return

        try:
            if self.connection is None:
                self.connection = pymysql.connect(
                    unix_socket="/run/mysqld/mysqld.sock", user="webinfra", connect_timeout=1, read_timeout=1, write_timeout=1,
                    autocommit=True, cursorclass=pymysql.cursors.DictCursor,
                )
            with self.connection.cursor() as cursor:
                cursor.execute(REPLICATION)
                self.row = cursor.fetchone()
            self.at, self.error = time.monotonic(), ""
        except (OSError, pymysql.MySQLError) as error:
            self.error = str(error)[:200]
            if self.connection is not None:
                self.connection._force_close()
            self.connection = None

    def verdict(self):
        row, fresh = self.row, time.monotonic() - self.at < STALE
        # The source speaks at least once a second, so silence counts only beyond that.
        silence = max(0.0, float(row.get("contact") or 0) - HEARTBEAT)
        lag = max(silence, float(row.get("applying") or 0), float(row.get("coordinating") or 0))
        primary = fresh and row.get("ro") == 0 and row.get("sro") == 0
        fenced = read(FENCED).strip()
        pointed = known(POINTER)
        # A primary that may not open yet has all that there is to read.
        closed = fresh and row.get("sro") == 1 and pointed.get("primary") == SETTINGS["name"] and read(RUN / "holds") == "yes" and not fenced
        standby = fresh and row.get("sro") == 1 and row.get("applier") == "ON" and not fenced
        replica = standby and row.get("io") == "ON" and lag <= SETTINGS["maxLagSeconds"]
        role = "primary" if primary else "fenced" if fenced else "replica" if standby else "none"
        return {
            "role": role, "writable": bool(primary), "replica": bool(replica), "stale": bool(standby or closed),
            "lagSeconds": round(lag, 3) if standby else None, "fenced": fenced or None, "error": self.error or None,
            "epoch": pointed.get("epoch"), "holds": read(RUN / "holds") or None, "executed": row.get("executed", ""),
            "received": row.get("received") or "",
        }


class Host:
    """The cached answer."""

    def __init__(self):
        self.database = Database() if "database" in SETTINGS["roles"] else None
        self.state = {}

    def poll(self):
        converge = [*read(RUN / "converge").splitlines(), "", ""]
        release = known(RUN / "release.json")
        problems = [] if converge[0] == "done" else [f"converge is {converge[0] or 'not started'} {converge[1]}".strip()]
        problems += [f"{check['name']} does not answer" for check in SETTINGS["checks"] if not answers(check["port"], check["path"])]
        state = {
            "machine": machine(), "name": SETTINGS["name"], "roles": SETTINGS["roles"],
            "converge": converge[0] or "running", "step": converge[1],
        }
        if {"appServer", "webServer"} & set(SETTINGS["roles"]):
            state["release"] = release.get("running", "")
            if release.get("error") or not release.get("running"):
                problems.append(f"release: {release.get('error') or 'none runs yet'}")
        if self.database:
            said = self.database.verdict()
            state["database"] = said
            if not (said["writable"] or said["replica"]):
                problems.append(f"MySQL is {said['role']}: {said['fenced'] or said['error'] or 'not serving yet'}")
        state["healthy"], state["error"] = not problems, "; ".join(problems) or None
        self.state = state


def poll_forever(poll):
    while True:
        started = time.monotonic()
        try:
            poll()
        except Exception:
            # An answer that is never renewed would be a lie: let systemd start this again.
            traceback.print_exc()
            os._exit(1)
        time.sleep(max(0.05, PERIOD - (time.monotonic() - started)))


def handler(host):
    class Handler(BaseHTTPRequestHandler):
        protocol_version, timeout = "HTTP/1.1", 5

        def do_GET(self):
            said = host.database.verdict() if host.database else {}
            good = {"/state": True, "/primary": said.get("writable"), "/replica": said.get("replica"), "/stale": said.get("stale")}
            body = (json.dumps({**host.state, **({"database": said} if said else {})}) + "\n").encode()
            self.send_response(404 if self.path not in good else 200 if good[self.path] else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Every proxy asks three questions a second, all at once after a restart; with Python's 5 a check waits and counts as failed.
    request_queue_size = 128

    def handle_error(self, request, client_address):
        # Proxies reset a check's connection as soon as they have the status: nothing to write down.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    this = Host()
    for poll in [*([this.database.poll] if this.database else []), this.poll]:
        poll()
        threading.Thread(target=poll_forever, args=(poll,), daemon=True).start()
    Server(("0.0.0.0", int(sys.argv[1])), handler(this)).serve_forever()
