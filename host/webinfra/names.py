"""Which names a site's machines have on a host: their own, and the slots that its proxies have `server` lines for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from webinfra.protocol import Entry

BEGIN: Final = "# webinfra begin"
END: Final = "# webinfra end"

# By word, such as `web`, which machine has which slot.
Slots = Mapping[str, Mapping[str, int]]


def own_number(name: str) -> int:
    """3 for web-3; 0 for a name without a number."""
    digits = name.rsplit("-", 1)[-1]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def has_slot(entry: Entry, word: str, role: str) -> bool:
    """Whether a machine has a slot of this word: passive web servers have theirs apart."""
    return role in entry.roles and (role != "webServer" or entry.standby == (word == "standby"))


def assign(before: Slots, listed: Sequence[Entry], words: Mapping[str, str], limits: Mapping[str, int]) -> tuple[Slots, tuple[str, ...]]:
    """Gives each machine of a role a slot that it keeps while it lives: its own number when that is free, else the highest free one.

    `words`: whose machines get the slots of a word; `limits`: how many there are. Also tells, in words, who got none.
    """
    slots: dict[str, Mapping[str, int]] = {}
    without: list[str] = []
    for word, role in words.items():
        here = [entry for entry in listed if has_slot(entry, word, role)]
        held = before.get(word, {})
        kept = {entry.machine: held[entry.machine] for entry in here if entry.machine in held}
        for entry in here:
            if entry.machine in kept:
                continue
            free = [slot for slot in range(1, limits[word] + 1) if slot not in kept.values()]
            if not free:
                without.append(f"no free slot for {entry.machine} among {limits[word]} of {word}")
                continue
            own = own_number(entry.name)
            kept[entry.machine] = own if own in free else free[-1]
        slots[word] = kept
    return slots, tuple(without)


def lines(listed: Iterable[Entry], slots: Slots, zone: str) -> tuple[str, ...]:
    """Lines of /etc/hosts: each machine's own name and its slots."""
    found: list[str] = []
    for entry in listed:
        held = [f"s{machines[entry.machine]}.{word}.{zone}" for word, machines in slots.items() if entry.machine in machines]
        found.extend(f"{entry.address} {name}" for name in (f"{entry.name}.{zone}", *held))
    return tuple(found)


def replace_block(hosts: str, block: Iterable[str]) -> str:
    """The text of /etc/hosts with this block in place of the last one. What others wrote stays."""
    kept: list[str] = []
    inside = False
    for line in hosts.splitlines():
        if line == BEGIN:
            inside = True
        elif line == END:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join([*kept, BEGIN, *block, END]) + "\n"
