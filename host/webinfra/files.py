"""Small text files that programs of a host leave for each other."""

import os
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """Files by absolute path."""

    def read(self, path: str) -> str | None:
        """The whole text; None when it cannot be read, or is no text."""
        ...

    def write(self, path: str, text: str, *, durable: bool = False, private: bool = False) -> None:
        """Replaces a file in one step; makes its folder. `durable`: it is on the disk, also after a loss of power, when this returns. `private`: only
        root may read it."""
        ...

    def remove(self, path: str) -> None:
        """Removes a file; nothing happens when there is none."""
        ...

    def names(self, folder: str) -> tuple[str, ...]:
        """The names of what is in a folder, sorted; none when there is no such folder."""
        ...


class Disk:
    """The host's own files."""

    def read(self, path: str) -> str | None:
        try:
            return Path(path).read_text()
        except (OSError, UnicodeDecodeError):
            return None

    def write(self, path: str, text: str, *, durable: bool = False, private: bool = False) -> None:
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f"{target.name}.webinfra-new")
        mode = 0o600 if private else 0o644
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.rename(target)
        if durable:
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def remove(self, path: str) -> None:
        Path(path).unlink(missing_ok=True)

    def names(self, folder: str) -> tuple[str, ...]:
        try:
            return tuple(sorted(path.name for path in Path(folder).iterdir()))
        except OSError:
            return ()
