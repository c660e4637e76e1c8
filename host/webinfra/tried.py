"""What became of the application's release that was started last, while it is not healthy: the release program writes it down, the agent tells it."""

from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Final

from webinfra import places
from webinfra.files import Files
from webinfra.settings import read_object

# The start command cannot be run; what was started ends; nothing listens; the health path is not answered well.
CAUSES: Final = ("start", "end", "silence", "health")


@dataclass(frozen=True)
class Tried:
    release: str
    # The unit that ran it, without ".service".
    unit: str
    # What it wrote stands in the journal after this: a time as journalctl takes it.
    since: str
    # SHA-256 of the variables that the stack gives it.
    environment: str
    # What is wrong, in words for users.
    reason: str
    # One of CAUSES.
    cause: str
    # The host tries again, but there is nothing to hope for.
    final: bool

    def written(self) -> dict[str, object]:
        return asdict(self)


def environment_digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def last_tried(files: Files) -> Tried | None:
    """None: the application is healthy, or was not started yet."""
    kept = read_object(files, places.RELEASE_STATUS).get("application")
    if not isinstance(kept, dict):
        return None
    texts = {name: kept.get(name) for name in ("release", "unit", "since", "environment", "reason", "cause")}
    found = {name: text for name, text in texts.items() if isinstance(text, str)}
    return Tried(**found, final=kept.get("final") is True) if len(found) == len(texts) else None
