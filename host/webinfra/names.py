"""Which names a site's machines have on a host, and which numbers its proxies know them by."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from typing import Final

from webinfra.protocol import Entry
from webinfra.proxies import Member

BEGIN: Final = "# webinfra begin"
END: Final = "# webinfra end"

# Numbers that replacements get while there are some: the first ones are for machines that are called so.
USUAL: Final = 16

# By group, such as `web`, which machine has which slot.
Slots = Mapping[str, Mapping[str, int]]


def own_number(name: str) -> int:
    """3 for web-3; 0 for a name without a number."""
    digits = name.rsplit("-", 1)[-1]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def has_slot(entry: Entry, group: str, role: str) -> bool:
    """Whether a machine has a slot of this group: passive web servers have theirs apart."""
    return role in entry.roles and (role != "webServer" or entry.standby == (group == "standby"))


def assign(before: Slots, listed: Sequence[Entry], groups: Mapping[str, str]) -> Slots:
    """Gives each machine of a role a slot that it keeps while it lives: its own number when that is free, else the highest free usual one.

    `groups`: whose machines get the slots of a group.
    """
    slots: dict[str, Mapping[str, int]] = {}
    for group, role in groups.items():
        here = [entry for entry in listed if has_slot(entry, group, role)]
        held = before.get(group, {})
        kept: dict[str, int] = {}
        for entry in here:
            if entry.machine in held and held[entry.machine] not in kept.values():
                kept[entry.machine] = held[entry.machine]
        for entry in here:
            if entry.machine in kept:
                continue
            taken = set(kept.values())
            own = own_number(entry.name)
            kept[entry.machine] = (
                own if own and own not in taken else next(slot for slot in chain(range(USUAL, 0, -1), count(USUAL + 1)) if slot not in taken)
            )
        slots[group] = kept
    return slots


def members(listed: Iterable[Entry], slots: Slots) -> Mapping[str, Sequence[Member]]:
    """By group, the machines that proxies send to."""
    addresses = {entry.machine: entry.address for entry in listed}
    return {group: [Member(slot, addresses[machine]) for machine, slot in held.items()] for group, held in slots.items()}


def lines(listed: Iterable[Entry], zone: str) -> tuple[str, ...]:
    """Lines of /etc/hosts."""
    return tuple(f"{entry.address} {entry.name}.{zone}" for entry in listed)


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
