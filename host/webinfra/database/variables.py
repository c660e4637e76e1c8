"""MySQL's variables as settings have them: the file that MySQL reads at its start, and the statements that bring a running server to them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from webinfra.clock import Clock
from webinfra.outside import Failed

from .mysql import Connection, MySQLFailed

# "Unknown system variable", "is a read only variable", "incorrect argument type", "another buffer pool resize is already in progress".
_UNKNOWN, _READ_ONLY, _TYPE, _RESIZES = 1193, 1238, 1232, 3166
# Seconds that MySQL may take to resize a buffer pool that is in use, and between two tries meanwhile.
RESIZED: Final = 300
AGAIN: Final = 0.5
# To set one of them sets the other one, too.
_TOGETHER: Final = frozenset({"character_set_server", "collation_server"})
_WHOLE: Final = re.compile(r"([+-]?\d+)([KMGTPE]?)", re.IGNORECASE)
_DECIMAL: Final = re.compile(r"[+-]?\d*\.\d+")
_QUOTED: Final = re.compile(r"""(["'])(.*)\1""")
_LOOSE: Final = "loose_"
# What MySQL lays down with its first data: it does not start with another value, though its configuration validates.
_WITH_THE_DATA: Final = frozenset(
    {
        "lower_case_table_names",
        "innodb_page_size",
        "innodb_data_file_path",
        "innodb_data_home_dir",
        "innodb_log_group_home_dir",
        "innodb_undo_directory",
    }
)

Value = int | float | str


class Unfit(Exception):
    """MySQL does not take a value, and why. What had been set before it is as it was."""


@dataclass(frozen=True)
class Change:
    """Of a variable, by its name in the configuration. None: what MySQL has by itself."""

    name: str
    before: str | None
    after: str | None

    @property
    def variable(self) -> str:
        return self.name.removeprefix(_LOOSE)

    @property
    def loose(self) -> bool:
        """MySQL goes on when it has no such variable."""
        return self.name.startswith(_LOOSE)


def configuration(variables: Mapping[str, str]) -> str:
    """The text of a file for MySQL's configuration."""
    return "".join(["[mysqld]\n", *(f"{name} = {value}\n" for name, value in variables.items())])


def changes(before: Mapping[str, str], after: Mapping[str, str], doubted: Collection[str] = ()) -> tuple[Change, ...]:
    """What differs: first what goes back, then what is set, by names. `doubted`: MySQL may have others than before."""
    names = [*sorted({*before, *doubted} - {*after}), *sorted(after)]
    every = [Change(name, before.get(name), after.get(name)) for name in names]
    differ = {change.variable for change in every if change.before != change.after or change.name in doubted}
    if differ & _TOGETHER:
        differ |= _TOGETHER
    return tuple(change for change in every if change.variable in differ)


def value(text: str) -> Value:
    """A value of a configuration file as a statement has it, which knows no suffix for a size."""
    whole = _WHOLE.fullmatch(text)
    if whole is not None:
        power = " KMGTPE".index(whole.group(2).upper() or " ")
        return int(whole.group(1)) * int(1024**power)
    if _DECIMAL.fullmatch(text):
        return float(text)
    quoted = _QUOTED.fullmatch(text)
    return quoted.group(2) if quoted else text


def bring(connection: Connection, clock: Clock, wanted: Sequence[Change]) -> tuple[str, ...]:
    """Sets what can be set while MySQL runs, and returns the variables that it reads at its start only."""
    late: list[str] = []
    done: list[Change] = []
    for change in wanted:
        try:
            _set(connection, clock, change.variable, change.after)
            done.append(change)
        except MySQLFailed as failure:
            if failure.number == _UNKNOWN and change.loose:
                continue
            if failure.number in (_UNKNOWN, _READ_ONLY):
                if _has(connection, change):
                    continue
                if change.variable in _WITH_THE_DATA and change.after is not None:
                    _back(connection, clock, wanted)
                    raise Unfit(f"MySQL does not start with another {change.variable} than its data have: {change.after}") from failure
                late.append(change.variable)
                continue
            if not failure.answered:
                raise
            _back(connection, clock, wanted)
            raise Unfit(f"MySQL does not take {change.variable} = {change.after}: {failure}") from failure
    # What was cut short by a bound that came after it, such as innodb_io_capacity by innodb_io_capacity_max.
    for change in done:
        if not _has(connection, change):
            _set(connection, clock, change.variable, change.after)
    return tuple(late)


def _back(connection: Connection, clock: Clock, wanted: Sequence[Change]) -> None:
    """All of them, since MySQL may have started with what is taken back. Twice, and in the order of `changes`, for the same reasons as there."""
    undone = sorted(wanted, key=lambda change: change.before is not None)
    for change in (*undone, *undone):
        try:
            _set(connection, clock, change.variable, change.before)
        except MySQLFailed as failure:
            # What it takes at its start alone, or not at all.
            if not failure.answered:
                raise


def _has(connection: Connection, change: Change) -> bool:
    """Whether MySQL has the value already: it started with it, and it was another in the meantime."""
    if change.after is None:
        return False
    rows = connection.rows("show global variables like %s", (change.variable.replace("_", r"\_"),))
    return any(str(row["Value"]) == str(value(change.after)) for row in rows)


def _set(connection: Connection, clock: Clock, variable: str, text: str | None) -> None:
    ends = clock.now() + RESIZED
    _assign(connection, variable, text)
    # A warning alone, and the value is dropped.
    while any(row["Code"] == _RESIZES for row in connection.rows("show warnings")):
        if clock.now() >= ends:
            raise Failed(f"MySQL is resizing its buffer pool, and does not take {variable} yet")
        clock.sleep(AGAIN)
        _assign(connection, variable, text)


def _assign(connection: Connection, variable: str, text: str | None) -> None:
    # The name was matched against what a variable's name can be.
    if text is None:
        connection.rows(f"set global {variable} = default")
        return
    wanted = value(text)
    try:
        connection.rows(f"set global {variable} = %s", (wanted,))
    except MySQLFailed as failure:
        if failure.number != _TYPE or isinstance(wanted, str):
            raise
        # A text that looks like a number.
        connection.rows(f"set global {variable} = %s", (text,))


def started(connection: Connection, now: float) -> float:
    """When MySQL started, by the clock that says `now`; a second early rather than late."""
    rows = connection.rows("select variable_value as seconds from performance_schema.global_status where variable_name='Uptime'")
    if not rows:
        raise Failed("MySQL does not say since when it runs")
    return now - float(str(rows[0]["seconds"])) - 1
