"""Copies another server's data over this one's; MySQL restarts itself at the end."""

from webinfra.clock import Clock
from webinfra.outside import Failed

from .mysql import Connect, Connection, MySQLFailed, Row

# Seconds: a clone that takes longer than the first goes on without the connection that began it; a server that does not come back is given up.
CLONE, RETURN = 600.0, 300.0
# What a client hears when the server that clones restarts itself, or would if something restarted it.
ENDS = (2006, 2013, 3707)


class CloneFailed(Failed):
    """What MySQL says of it."""


def status(connection: Connection) -> Row:
    found = connection.rows("select state, error_message from performance_schema.clone_status")
    return found[0] if found else {}


def clone(connect: Connect, clock: Clock, donor: str, password: str) -> None:
    connection = connect(CLONE)
    try:
        connection.rows("set global super_read_only=OFF")
        connection.rows("set global clone_valid_donor_list=%s", (f"{donor}:3306",))
        connection.rows("clone instance from 'repl'@%s:3306 identified by %s require ssl", (donor, password))
    except MySQLFailed as error:
        # "lost connection" is how a clone ends well; what really came of it stands in clone_status
        if error.number not in ENDS:
            raise CloneFailed(f"cloning {donor} failed ({error.number}): {reason(connect)}") from error
    finally:
        connection.close()
    deadline = clock.now() + RETURN
    while clock.now() < deadline:
        try:
            again = connect(10)
            state = status(again).get("state")
            if state == "Completed":
                return
            if state == "Failed":
                raise CloneFailed(f"cloning {donor} failed: {reason(connect)}")
            if state == "In Progress":
                # Much data takes its time.
                deadline = clock.now() + RETURN
        except MySQLFailed:
            # It restarts.
            pass
        clock.sleep(0.5)
    raise CloneFailed(f"cloning {donor} did not end within {RETURN:.0f} s")


def reason(connect: Connect) -> str:
    try:
        return str(status(connect(10)).get("error_message") or "see the log of MySQL")
    except MySQLFailed:
        return "see the log of MySQL"
