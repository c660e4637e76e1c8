"""What the hosts' definition says to their programs, in JSON files that came with user-data."""

import json
from collections.abc import Iterator, Mapping

from webinfra import places
from webinfra.files import Files
from webinfra.protocol import HostSettings, Refused, parse_host_settings


class BadSettings(Exception):
    """A file of settings that cannot be used: the program that was built with this host is another one."""


def read_object(files: Files, path: str) -> Mapping[str, object]:
    """The JSON object in a file; an empty one when there is none, or while it is half written."""
    try:
        value: object = json.loads(files.read(path) or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def machine_id(files: Files) -> str:
    """The id that the platform gave this machine; empty until the host knows it."""
    lines = (files.read(places.MACHINE) or "").splitlines()
    return next((line.removeprefix("MACHINE_ID=") for line in lines if line.startswith("MACHINE_ID=")), "")


def live(files: Files) -> HostSettings | None:
    """The settings from the channel that are in force; None: none are yet, or the host was made before there were any."""
    text = files.read(places.APPLIED)
    try:
        return None if text is None else parse_host_settings(text)
    except Refused:
        # Half a file, after a loss of power.
        return None


def domain(files: Files, made_with: str) -> str:
    """The site's name. `made_with`: for a host that was made before settings came from the channel."""
    found = live(files)
    return made_with if found is None else found.domain


class Fields:
    """The keys of one JSON object, each of the type that it has to have."""

    def __init__(self, values: Mapping[str, object], where: str) -> None:
        self._values = values
        self._where = where

    @staticmethod
    def load(files: Files, name: str) -> "Fields":
        """The settings of a program, from the folder that they all stand in."""
        path = f"{places.SETTINGS}/{name}.json"
        values = read_object(files, path)
        if not values:
            raise BadSettings(f"{path} holds no settings")
        return Fields(values, path)

    def has(self, key: str) -> bool:
        return key in self._values

    def text(self, key: str) -> str:
        value = self._values.get(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def optional(self, key: str) -> str:
        """A text; empty when it is not there."""
        return self.text(key) if self.has(key) else ""

    def flag(self, key: str) -> bool:
        value = self._values.get(key)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def number(self, key: str) -> float:
        value = self._values.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._wrong(key, "a number")
        return value

    def whole(self, key: str) -> int:
        value = self._values.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(key, "a whole number")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._values.get(key)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._wrong(key, "a list of texts")
        return tuple(value)

    def inner(self, key: str) -> "Fields":
        return Fields(self._object(key), f"{self._where}: {key}")

    def each(self, key: str) -> "tuple[Fields, ...]":
        """The objects in a list."""
        value = self._values.get(key)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self._wrong(key, "a list of objects")
        return tuple(Fields(one, f"{self._where}: {key}") for one in value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def _object(self, key: str) -> Mapping[str, object]:
        value = self._values.get(key)
        if not isinstance(value, dict):
            raise self._wrong(key, "an object")
        return value

    def _wrong(self, key: str, right: str) -> BadSettings:
        return BadSettings(f"{self._where}: {key} must be {right}, and is {json.dumps(self._values.get(key))}")
