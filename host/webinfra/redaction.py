"""Takes secrets out of what the application says: `up` shows that to its user, and to whoever reads the log of a build."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from webinfra import places
from webinfra.files import Files
from webinfra.settings import live

# Shorter values stand in too many words.
_SHORTEST: Final = 6
_VARIABLE: Final = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="(.*)"')


def _variables(text: str) -> Mapping[str, str]:
    """The variables in a file for systemd, as this project writes it: a line each, in double quotes."""
    found = (_VARIABLE.fullmatch(line) for line in text.splitlines())
    return {match[1]: re.sub(r"\\(.)", r"\1", match[2]) for match in found if match}


def secrets(files: Files) -> tuple[str, ...]:
    """The database's passwords, and the values of `app.secrets`. Longest first: one may stand in another."""
    own = _variables(files.read(places.APPLICATION) or "")
    settings = live(files)
    plain = {} if settings is None else settings.environment or {}
    given = [_variables(files.read(f"{places.ENVIRONMENT}{suffix}") or "") for suffix in ("", ".blue", ".green")]
    found = {value for name, value in own.items() if name.endswith("_PASSWORD")}
    found |= {value for one in given for name, value in one.items() if name not in plain}
    return tuple(sorted((value for value in found if len(value) >= _SHORTEST), key=lambda value: (-len(value), value)))


def without(text: str, hidden: Iterable[str]) -> str:
    found = "|".join(map(re.escape, hidden))
    return re.sub(found, "[secret]", text) if found else text
