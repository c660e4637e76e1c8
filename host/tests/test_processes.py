import pytest

from tests.fakes import MemoryFiles
from webinfra.processes import stopped

CGROUP = "/sys/fs/cgroup/system.slice/mysql.service"
REST = "1 1096 1096 0 -1 4194560 4351 0 0 0"


def unit(*states: str, frozen: int = 0) -> MemoryFiles:
    files = MemoryFiles()
    files.texts[f"{CGROUP}/cgroup.events"] = f"populated 1\nfrozen {frozen}\n"
    files.texts[f"{CGROUP}/cgroup.procs"] = "".join(f"{number}\n" for number, _ in enumerate(states, 100))
    for number, state in enumerate(states, 100):
        files.texts[f"/proc/{number}/stat"] = f"{number} (a T) (b) {state} {REST}\n"
    return files


@pytest.mark.parametrize("state", ["R", "S", "D"])
def test_one_of_which_something_runs_or_waits_is_not_stopped(state: str) -> None:
    assert not stopped(unit("T", state), "mysql.service")


@pytest.mark.parametrize("state", ["T", "t"])
def test_one_that_got_a_signal_or_has_a_debugger_is_stopped(state: str) -> None:
    assert stopped(unit(state, "Z"), "mysql.service")


def test_a_unit_that_is_frozen_is_stopped() -> None:
    assert stopped(unit("S", frozen=1), "mysql.service")


def test_what_cannot_be_told_is_not_called_stopped() -> None:
    assert not stopped(MemoryFiles(), "mysql.service")
    gone = unit("T")
    del gone.texts["/proc/100/stat"]
    assert not stopped(gone, "mysql.service")
