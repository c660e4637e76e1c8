"""What the kernel says of a unit's processes."""

import re
from typing import Final

from webinfra.files import Files

_SLICE: Final = "/sys/fs/cgroup/system.slice"
# In /proc/PID/stat, after the command's name, which may hold anything: stopped by a signal or a debugger, or dead.
_STOPPED: Final = re.compile(r"\) [TtZ] [^)]*\Z")


def stopped(files: Files, unit: str) -> bool:
    """Whether no process of a unit runs because somebody stopped them. False also when that cannot be told."""
    folder = f"{_SLICE}/{unit}"
    if "frozen 1" in (files.read(f"{folder}/cgroup.events") or "").splitlines():
        return True
    processes = (files.read(f"{folder}/cgroup.procs") or "").split()
    return bool(processes) and all(_STOPPED.search(files.read(f"/proc/{process}/stat") or "") for process in processes)
