"""The channel as a host sees it: a folder, or a bucket that rclone reads."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from webinfra import places
from webinfra.files import Files
from webinfra.outside import Commands, Failed

# What hosts read of it; a host may list these folders of a bucket, and no other.
FOLDERS = ("inventory", "pointers")

_STAGING = "/var/lib/webinfra/staging"
_VERSION = f"{places.RUN}/version"


# None: it cannot be read, or is no text.
Text = str | None


class Source(Protocol):
    def mark(self) -> str:
        """Another one whenever the channel may have changed. Costs little. Failed when the channel is away."""
        ...

    def fetch(self) -> Mapping[str, Text]:
        """The documents that the channel holds now, by keys such as `inventory/web-1.json`. Failed when they cannot all be listed."""
        ...


class Shelf(Protocol):
    def one(self, key: str) -> Text:
        """One document, for a host that has no other yet. None, or Failed, when it is not there."""
        ...


def _documents(files: Files, root: str, own: Sequence[str]) -> Mapping[str, Text]:
    keys = [f"{folder}/{name}" for folder in FOLDERS for name in files.names(f"{root}/{folder}") if name.endswith(".json")]
    found = {key: files.read(f"{root}/{key}") for key in keys}
    return found | {key: text for key in own if (text := files.read(f"{root}/{key}")) is not None}


class Directory:
    """A folder of the machine that the site's containers run on. Its files are looked at, so that nothing has to tell that they changed.

    `own`: documents beside inventory and pointers that are this host's own.
    """

    def __init__(self, files: Files, root: str, own: Sequence[str] = ()) -> None:
        self._files = files
        self._root = root
        self._own = own

    def mark(self) -> str:
        found: list[str] = []
        try:
            found += self._stamps("inventory")
        except OSError as error:
            raise Failed(str(error)) from error
        # A new site has none yet.
        with contextlib.suppress(FileNotFoundError):
            found += self._stamps("pointers")
        for key in self._own:
            with contextlib.suppress(FileNotFoundError):
                found.append(_stamp(key, Path(f"{self._root}/{key}").lstat()))
        return "\n".join(sorted(found))

    def fetch(self) -> Mapping[str, Text]:
        return _documents(self._files, self._root, self._own)

    def one(self, key: str) -> Text:
        return self._files.read(f"{self._root}/{key}")

    def _stamps(self, folder: str) -> Iterator[str]:
        with os.scandir(f"{self._root}/{folder}") as entries:
            for entry in entries:
                # One that has just gone is the next look's.
                with contextlib.suppress(FileNotFoundError):
                    yield _stamp(f"{folder}/{entry.name}", entry.stat(follow_symlinks=False))


def _stamp(key: str, stat: os.stat_result) -> str:
    return f"{key} {stat.st_mtime_ns} {stat.st_size} {stat.st_ino}"


class Bucket:
    """A bucket. A look at a small object is cheap; who writes to the channel changes it last. `own`: as for a folder."""

    def __init__(self, files: Files, commands: Commands, own: Sequence[str] = ()) -> None:
        self._files = files
        self._commands = commands
        self._own = own

    def mark(self) -> str:
        # Not `cat`, which lists the bucket each time: that may not be allowed, and costs twelve times a read.
        self._rclone("copyto", "--ignore-times", "channel:version", _VERSION)
        return self._files.read(_VERSION) or ""

    def fetch(self) -> Mapping[str, Text]:
        for folder in FOLDERS:
            self._rclone("sync", f"channel:{folder}", f"{_STAGING}/{folder}")
        for key in self._own:
            self.one(key)
        return _documents(self._files, _STAGING, self._own)

    def one(self, key: str) -> Text:
        self._rclone("copyto", f"channel:{key}", f"{_STAGING}/{key}")
        return self._files.read(f"{_STAGING}/{key}")

    def _rclone(self, *arguments: str) -> None:
        limits = ("--contimeout", "5s", "--timeout", "20s", "--retries", "1")
        self._commands.run(("rclone", "--config", f"{places.SETTINGS}/rclone.conf", *limits, *arguments), seconds=120)
