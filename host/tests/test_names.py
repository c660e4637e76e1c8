import random

import pytest

from webinfra import names
from webinfra.names import Slots
from webinfra.protocol import Entry
from webinfra.proxies import Member

WORDS = {"web": "webServer", "standby": "webServer", "app": "appServer", "db": "database"}


def machine(name: str, generation: object = 1, roles: tuple[str, ...] = ("webServer",), *, standby: bool = False, address: str = "10.0.0.1") -> Entry:
    return Entry(f"{name}-{generation}", name, roles, address, standby)


def assign(before: Slots, listed: list[Entry]) -> Slots:
    return names.assign(before, listed, WORDS)


def test_own_number_is_preferred() -> None:
    assert assign({}, [machine("web-3"), machine("web-1")])["web"] == {"web-3-1": 3, "web-1-1": 1}


def test_a_replacement_gets_the_highest_free_slot_and_keeps_it() -> None:
    old, new = machine("web-1"), machine("web-1", 2)
    before = assign({}, [old])
    during = assign(before, [new, old])
    assert during["web"] == {"web-1-1": 1, "web-1-2": 16}
    assert assign(during, [new])["web"] == {"web-1-2": 16}


def test_a_host_without_a_number_gets_a_slot() -> None:
    assert assign({}, [machine("nginx")])["web"] == {"nginx-1": 16}


def test_passive_web_servers_have_slots_apart() -> None:
    slots = assign({}, [machine("web-1"), machine("web-2", standby=True)])
    assert (slots["web"], slots["standby"]) == ({"web-1-1": 1}, {"web-2-1": 2})


def test_a_web_server_that_becomes_passive_moves() -> None:
    after = assign(assign({}, [machine("web-2")]), [machine("web-2", standby=True)])
    assert (after["web"], after["standby"]) == ({}, {"web-2-1": 2})


def test_each_role_has_its_own_slots() -> None:
    slots = assign({}, [machine("server-1", roles=("webServer", "appServer", "database"))])
    assert {word: slots[word] for word in ("web", "app", "db")} == {word: {"server-1-1": 1} for word in ("web", "app", "db")}


def test_a_balancer_has_none() -> None:
    assert assign({}, [machine("lb-1", roles=("loadBalancer",))]) == {word: {} for word in WORDS}


def test_there_is_no_end_of_slots() -> None:
    many = [machine(f"web-{number}") for number in range(1, 41)]
    held = assign({}, many)["web"]
    assert held == {f"web-{number}-1": number for number in range(1, 41)}
    again = assign({"web": held}, [*many, machine("web-1", 2), machine("nginx")])["web"]
    assert (again["web-1-2"], again["nginx-1"]) == (41, 42)


def test_of_two_that_remember_one_slot_the_second_gets_another() -> None:
    slots = assign({"web": {"web-1-1": 4, "web-2-1": 4}}, [machine("web-1"), machine("web-2")])
    assert slots["web"] == {"web-1-1": 4, "web-2-1": 2}


def test_members_are_machines_by_slot_and_address() -> None:
    listed = [machine("web-1", address="10.0.0.7"), machine("web-2", standby=True, address="10.0.0.8")]
    found = names.members(listed, assign({}, listed))
    assert found == {"web": [Member(1, "10.0.0.7")], "standby": [Member(2, "10.0.0.8")], "app": [], "db": []}


@pytest.mark.parametrize("seed", range(60))
def test_whatever_comes_and_goes_no_slot_is_shared_and_none_changes(seed: int) -> None:
    draw = random.Random(seed)
    remembered: Slots = {}
    alive: dict[str, Entry] = {}
    for generation in range(40):
        for gone in draw.sample(sorted(alive), draw.randint(0, len(alive) // 2)):
            del alive[gone]
        for _ in range(draw.randint(0, 3)):
            if len(alive) < 40:
                roles = draw.choice([("webServer",), ("webServer", "database")])
                made = machine(f"web-{draw.randint(1, 8)}", f"{generation}{draw.random()}", roles)
                alive[made.machine] = made
        slots = assign(remembered, draw.sample(list(alive.values()), len(alive)))
        for word, held in slots.items():
            assert len(set(held.values())) == len(held)
            assert all(slot >= 1 for slot in held.values())
            for one, slot in held.items():
                assert remembered.get(word, {}).get(one, slot) == slot
        assert set(slots["web"]) == set(alive)
        remembered = slots


def test_are_the_hosts_own() -> None:
    assert names.lines([machine("web-1", address="10.0.0.7")], "z.internal") == ("10.0.0.7 web-1.z.internal",)


def test_stand_in_a_block_of_their_own_and_leave_the_rest() -> None:
    found = names.replace_block("127.0.0.1 localhost\n# by hand\n10.9.9.9 mine", ["10.0.0.1 a"])
    assert found == "127.0.0.1 localhost\n# by hand\n10.9.9.9 mine\n# webinfra begin\n10.0.0.1 a\n# webinfra end\n"


def test_the_block_is_replaced_and_never_repeated() -> None:
    draw = random.Random(1)
    hosts = "127.0.0.1 localhost\n"
    for _ in range(50):
        block = [f"10.0.0.{draw.randint(1, 3)} a" for _ in range(draw.randint(0, 3))]
        hosts = names.replace_block(hosts, block)
        assert names.replace_block(hosts, block) == hosts
        assert hosts.count("# webinfra begin") == 1
        assert hosts.startswith("127.0.0.1 localhost\n")
