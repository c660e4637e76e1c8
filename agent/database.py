#!/usr/bin/python3
"""Keeps this MySQL server in the role that the primary pointer gives it.

It opens for writes only when the newest pointer names it and no peer is writable. It follows only when it has no transaction that the primary
lacks; else it fences itself, says so, and keeps its binary log for the operator.
"""

import http.client
import json
import os
import pathlib
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pymysql

SETTINGS = json.loads(pathlib.Path("/etc/webinfra/database.json").read_text())
CHANNEL = pathlib.Path("/var/lib/webinfra/channel")
RUN = pathlib.Path("/run/webinfra")
CA = "/etc/webinfra/tls/ca.pem"
PERIOD, WAITING, AGENT_PORT = 0.5, 0.2, 9000
FENCED = pathlib.Path("/var/lib/webinfra/fenced")
# Seconds: how old the last look at the channel may be, between two tries to replicate again, and before transactions that the primary lacks fence
# this server.
FRESH, AGAIN, PATIENCE = 10, 5, 5
# Of one statement; a clone that takes longer goes on without it.
CLONE_SECONDS = 600
# Replicas that acknowledge writes.
ACKNOWLEDGERS = "(select variable_value from performance_schema.global_status where variable_name='Rpl_semi_sync_source_clients')"
# What a client hears when the server that clones restarts itself, or would if something restarted it.
CLONE_ENDS = (2006, 2013, 3707)


class Wait(Exception):
    """Not yet: said once, tried again at the next turn."""


def secret(name):
    return pathlib.Path(f"/etc/webinfra/secrets/{name}").read_text().strip()


def local(seconds=30):
    """`seconds`: how long a statement may take. Not for ever: meanwhile nobody looks at the pointer."""
    return pymysql.connect(
        unix_socket="/run/mysqld/mysqld.sock", user="root", connect_timeout=3, read_timeout=seconds, autocommit=True, cursorclass=pymysql.cursors.DictCursor
    )


def remote(host):
    return pymysql.connect(
        host=f"{host}.{SETTINGS['zone']}", port=3306, user="repl", password=secret("replication-password"), connect_timeout=3, read_timeout=10,
        autocommit=True, ssl=ssl.create_default_context(cafile=CA), cursorclass=pymysql.cursors.DictCursor,
    )


def ask(connection, statement, arguments=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return cursor.fetchall()


def value(connection, expression, arguments=None):
    return ask(connection, f"select {expression} as answer", arguments)[0]["answer"]


def executed(connection):
    return value(connection, "replace(@@global.gtid_executed, char(10), '')")


def pointer():
    try:
        return json.loads((CHANNEL / "pointers/primary.json").read_text())
    except OSError as error:
        raise Wait("no primary pointer in the channel yet") from error


def peers():
    """Addresses of the other database machines that the inventory lists."""
    found = {}
    for path in (CHANNEL / "inventory").glob("*.json"):
        entry = json.loads(path.read_text())
        if "database" in entry["roles"] and entry["name"] != SETTINGS["name"]:
            found[entry["name"]] = entry["address"]
    return found


def state_of(address, seconds=2):
    """What another database machine says of itself; empty when it does not answer."""
    connection = http.client.HTTPConnection(address, AGENT_PORT, timeout=seconds)
    try:
        connection.request("GET", "/state")
        return json.loads(connection.getresponse().read())["database"]
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return {}
    finally:
        connection.close()


def peer_states(seconds=2):
    others = peers()
    if not others:
        return {}
    with ThreadPoolExecutor(len(others)) as pool:
        return dict(zip(others, pool.map(lambda address: state_of(address, seconds), others.values())))


def speak(mine, pointed):
    """Tells the host's agent, and with it the peers, what this server is; nothing before this is known."""
    said = {
        "at": time.clock_gettime(time.CLOCK_BOOTTIME), "epoch": pointed["epoch"], "nonce": pointed.get("nonce", ""),
        "holds": "no" if is_new(mine) else "yes", "closed": bool(value(mine, "@@global.super_read_only")), "opened": None, "openedNonce": None,
        "executed": executed(mine), "received": "", "wants": None, "waiting": None, "alone": None, "conflict": False,
        "fenced": FENCED.read_text() if FENCED.exists() else None,
    }
    (RUN / "database.json.new").write_text(json.dumps(said))
    (RUN / "database.json.new").rename(RUN / "database.json")


def acknowledged(mine, wanted):
    """Whether writes wait until a replica has them: on a primary with peers, and nowhere else. A replica would wait for replicas of its own."""
    if bool(value(mine, "@@global.rpl_semi_sync_source_enabled")) != wanted:
        ask(mine, f"set global rpl_semi_sync_source_enabled={'ON' if wanted else 'OFF'}")


def follows(mine):
    rows = ask(mine, "select host from performance_schema.replication_connection_configuration where channel_name=''")
    return rows[0]["host"].split(".", 1)[0] if rows and rows[0]["host"] else None


def close(mine):
    if not value(mine, "@@global.super_read_only"):
        # A commit that waits for a replica's acknowledgement would hold this up for ever.
        ask(mine, "set session lock_wait_timeout=3")
        ask(mine, "set global super_read_only=ON")
        print("closed for writes", flush=True)
    acknowledged(mine, False)


def accounts(mine):
    """The least that each account needs. Runs on the primary at every turn to this role, so that a new password reaches the servers."""
    app, replication = secret("app-password"), secret("replication-password")
    database = SETTINGS["database"]
    monitored = ("replication_connection_status", "replication_applier_status", "replication_applier_status_by_worker", "replication_applier_status_by_coordinator")
    ask(mine, f"create database if not exists `{database}` character set utf8mb4")

    def user(name, password):
        ask(mine, "create user if not exists %s@'%%' identified by %s require ssl", (name, password))
        ask(mine, "alter user %s@'%%' identified by %s require ssl", (name, password))

    user("app", app)
    ask(mine, f"grant select, insert, update, delete, create, alter, drop, index, references on `{database}`.* to 'app'@'%'")
    ask(mine, "create user if not exists 'webinfra'@'localhost' identified with auth_socket")
    for table in monitored:
        ask(mine, f"grant select on performance_schema.{table} to 'webinfra'@'localhost'")
        if table != "replication_applier_status":
            ask(mine, f"grant select on performance_schema.{table} to 'app'@'%'")
    # Last: a server without this may be overwritten, and one with it may be cloned.
    user("repl", replication)
    ask(mine, "grant replication slave, backup_admin on *.* to 'repl'@'%'")


def take_over(mine, source, force):
    """Leaves the old primary once it is closed and this server has all that it had.

    `force`: it need not be there, and need not give what it has when nothing arrives from it any more; open it may not be.
    """
    lacking = ""
    try:
        with remote(source) as theirs:
            # Closed first, then what it has: the other way round a write in between would be lost.
            if not value(theirs, "@@global.super_read_only"):
                raise Wait(f"{source} still takes writes")
            lacking = value(mine, "gtid_subtract(%s, @@global.gtid_executed)", (executed(theirs),))
    except pymysql.MySQLError as error:
        if not force:
            raise Wait(f"{source} cannot be asked what it has ({error.args[0]}): if it is gone for good, promote with force") from error
    if lacking and not (force and receiving(mine) != "ON"):
        raise Wait(f"{source} has what this server lacks: {lacking}")
    if not running(mine):
        # Every start leaves replication stopped: what was received before has to be applied first.
        ask(mine, "start replica sql_thread")
    received = "received_transaction_set from performance_schema.replication_connection_status where channel_name=''"
    if value(mine, f"gtid_subtract((select {received}), @@global.gtid_executed)"):
        raise Wait(f"applying what {source} sent")
    ask(mine, "stop replica")
    ask(mine, "reset replica all")


def fresh():
    """Whether the channel was read just now."""
    return time.time() - (RUN / "synced").stat().st_mtime < FRESH


def superseded(pointed):
    """Peers that take writes by a newer pointer than the one known here: the channel may be out of this host's reach alone."""
    # Not for long: meanwhile this host does not look at its own pointer.
    states = peer_states(seconds=0.5)
    return [name for name, state in states.items() if state.get("writable") and (state.get("epoch") or 0) > pointed["epoch"]]


def lead(mine, pointed):
    """Opens this server for writes."""
    if not (RUN / "synced").exists():
        raise Wait("the channel was not read since this host started: the pointer may be an old one")
    states = peer_states()
    silent = [name for name, state in states.items() if not state]
    if silent and not fresh():
        raise Wait(f"the channel cannot be read and {', '.join(silent)} does not answer: another server may be the primary by now")
    newer = [name for name, state in states.items() if (state.get("epoch") or 0) > pointed["epoch"]]
    if newer:
        raise Wait(f"{', '.join(newer)} knows a newer primary pointer")
    writable = [name for name, state in states.items() if state.get("writable")]
    if writable:
        raise Wait(f"{', '.join(writable)} still takes writes")
    holders = [name for name, state in states.items() if state.get("holds") == "yes"]
    unknown = [name for name, state in states.items() if state.get("holds") != "no"]
    new = is_new(mine)
    if new and holders:
        raise Wait(f"this server is empty while {', '.join(holders)} holds the site's data: one of those must be the primary")
    if new and unknown:
        raise Wait(f"this server is empty while {', '.join(unknown)} does not say what it has: it may hold the site's data")
    source = follows(mine)
    if source:
        take_over(mine, source, pointed.get("force", False))
    if pointer() != pointed:
        raise Wait("the primary pointer has changed meanwhile")
    if new:
        # What keeps clients out now is `read_only`, which does not hold for this one.
        ask(mine, "set global super_read_only=OFF")
        # Not logged: no replica could acknowledge the account that it will come with, and with durability `require` that would be waited for
        # for ever. Replicas get the accounts with the clone.
        ask(mine, "set session sql_log_bin=0")
        ask(mine, "alter user root@localhost identified with auth_socket")
        accounts(mine)
        ask(mine, "set session sql_log_bin=1")
    acknowledged(mine, bool(peers()))
    if SETTINGS["needsReplica"] and value(mine, ACKNOWLEDGERS) in (None, "0"):
        # The first write would hang, and a clone waits for the writes that hang: no replica could ever come.
        raise Wait("closed until a replica is there to acknowledge writes (durability: require)")
    if not new:
        ask(mine, "set global super_read_only=OFF")
    ask(mine, "set global read_only=OFF")
    if not new:
        accounts(mine)
    print("open for writes", flush=True)


def clone_state(mine):
    rows = ask(mine, "select state, error_message from performance_schema.clone_status")
    return rows[0] if rows else {}


def clone(mine, primary):
    """Copies the primary's data over this new server's; MySQL restarts itself at the end."""
    print(f"cloning {primary}", flush=True)
    donor = f"{primary}.{SETTINGS['zone']}"
    ask(mine, "set global super_read_only=OFF")
    ask(mine, "set global clone_valid_donor_list=%s", (f"{donor}:3306",))
    try:
        with local(CLONE_SECONDS) as patient:
            ask(patient, "clone instance from 'repl'@%s:3306 identified by %s require ssl", (donor, secret("replication-password")))
    except pymysql.MySQLError as error:
        # "lost connection" is how a clone ends well; what really came of it stands in clone_status
        if error.args[0] not in CLONE_ENDS:
            raise Wait(f"cloning {primary} failed ({error.args[0]}): {clone_state(mine).get('error_message') or 'see the log of MySQL'}") from error
        print(f"clone: {error.args[0]}", flush=True)
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            again = local()
            state = clone_state(again)
            if state.get("state") == "Completed":
                print("cloned", flush=True)
                return again
            if state.get("state") == "Failed":
                raise Wait(f"cloning {primary} failed: {state['error_message']}")
            if state.get("state") == "In Progress":
                # Much data takes its time; only a server that does not come back is given up.
                deadline = time.monotonic() + 300
            again.close()
        except pymysql.MySQLError:
            pass
        time.sleep(0.5)
    raise Wait(f"cloning {primary} did not end within 300 s")


def is_new(mine):
    """True for a server that never had all of the site's accounts, and so was never open: only such a one may be overwritten."""
    return not ask(mine, "select 1 from mysql.user where user='repl' and repl_slave_priv='Y'")


def lasting(message):
    """Whether the same was so for a while."""
    seen = RUN / "errant"
    if not seen.exists() or seen.read_text() != message:
        seen.write_text(message)
    return time.time() - seen.stat().st_mtime > PATIENCE


def follow(mine, primary):
    """Replicates from the primary, or fences this server."""
    if follows(mine) == primary and not running(mine) and not FENCED.exists():
        # What was received before a restart came from the primary: it may be read, even while the primary is away.
        ask(mine, "start replica sql_thread")
    with remote(primary) as theirs:
        # Mine first: the other way round, a transaction that arrives in between would look errant.
        if is_new(mine):
            mine = clone(mine, primary)
        have = executed(mine)
        errant = value(mine, "gtid_subtract(%s, %s)", (have, executed(theirs)))
    if errant:
        message = f"has transactions that {primary} lacks: {errant}"
        # Just promoted, it may still apply what it was sent.
        if not FENCED.exists() and not lasting(message):
            raise Wait(f"{message} (yet)")
        if not FENCED.exists() or FENCED.read_text() != message:
            FENCED.write_text(message)
            print(f"fenced: {message}", file=sys.stderr, flush=True)
        ask(mine, "stop replica")
        raise Wait(f"fenced: {message}")
    FENCED.unlink(missing_ok=True)
    (RUN / "errant").unlink(missing_ok=True)
    if follows(mine) == primary and receiving(mine) == "ON":
        # To change the source would throw away what was received, and acknowledged, and is not applied yet.
        return
    ask(mine, "stop replica")
    ask(
        mine,
        """change replication source to source_host=%s, source_port=3306, source_user='repl', source_password=%s, source_auto_position=1,
           source_ssl=1, source_ssl_ca=%s, source_ssl_verify_server_cert=1, source_connect_retry=2, source_retry_count=4294967295,
           source_heartbeat_period=1""",
        (f"{primary}.{SETTINGS['zone']}", secret("replication-password"), CA),
    )
    ask(mine, "start replica")
    print(f"following {primary}", flush=True)


def turn(done):
    """One look at the pointer and at this server; returns what was done, so that it is not done again."""
    with local() as mine:
        # After the connection, which takes as long as the server hangs: a pointer from before that may be an old one.
        pointed = pointer()
        primary = pointed["primary"]
        speak(mine, pointed)
        if primary == SETTINGS["name"]:
            if not value(mine, "@@global.read_only"):
                newer = superseded(pointed)
                if newer:
                    close(mine)
                    raise Wait(f"{', '.join(newer)} takes writes by a newer primary pointer")
                if done == ("lead", pointed["epoch"]):
                    acknowledged(mine, bool(peers()))
                    return done
            FENCED.unlink(missing_ok=True)
            lead(mine, pointed)
            return ("lead", pointed["epoch"])
        close(mine)
        if done and done[:2] == ("follow", primary):
            if running(mine) and receiving(mine) != "OFF":
                return done
            # An error stopped it, and nothing else starts it again; not at once, or the logs would fill with the same error.
            if time.monotonic() < done[2] + AGAIN:
                return done
            print(f"replication from {primary} stopped: {stopped_by(mine) or 'MySQL knows no error'}", file=sys.stderr, flush=True)
        follow(mine, primary)
        return ("follow", primary, time.monotonic())


def thread_state(mine, table):
    rows = ask(mine, f"select service_state from performance_schema.{table} where channel_name=''")
    return rows[0]["service_state"] if rows else "OFF"


def running(mine):
    """Whether what was received is applied."""
    return thread_state(mine, "replication_applier_status") == "ON"


def receiving(mine):
    """ON, CONNECTING (which ends by itself), or OFF."""
    return thread_state(mine, "replication_connection_status")


def stopped_by(mine):
    tables = ("replication_connection_status", "replication_applier_status_by_coordinator", "replication_applier_status_by_worker")
    rows = [row for table in tables for row in ask(mine, f"select last_error_message as words from performance_schema.{table} where channel_name=''")]
    return next((row["words"] for row in rows if row["words"]), "")


def main():
    done, complaint = None, None
    while True:
        try:
            done = turn(done)
            complaint = None
        except (Wait, pymysql.MySQLError, OSError, ValueError, KeyError) as error:
            # Only the server's number and words, never a statement: statements hold passwords.
            words = str(error)
            if words != complaint:
                complaint = words
                print(words, file=sys.stderr, flush=True)
            done = None
        time.sleep(PERIOD if done else WAITING)


if __name__ == "__main__":
    os.umask(0o022)
    main()
