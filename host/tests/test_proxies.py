import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.fakes import FakeClock, FakeCommands, MemoryFiles, Said
from webinfra.outside import Failed
from webinfra.proxies import Member, expand, name, orders, running
from webinfra.proxy_keeper import ProxyKeeper, Settings

CONFIG = """\
global
  stats socket /run/h
# a comment
backend web
  timeout server 30s
  #! each web: server s{slot} {address}:80 check inter 800ms pool-conn-name var(txn.own)
  #! each standby: server standby-s{slot} {address}:80 backup check

backend any
  #! each web: server s{slot} {address}:80

backend readers
  server replica-own 10.0.0.1:3306 check
  #! each db once checked: server replica-s{slot} {address}:3306 check port 9000
  #! each db once checked: server primary-s{slot} {address}:3306 check port 9000 backup
  #! each db once checked: server stale-s{slot} {address}:3306 check port 9000 backup

backend app
  server blue 127.0.0.1:3000 check
"""
Members = Mapping[str, Sequence[Member]]


def lines_of(config: str) -> list[str]:
    return [line.strip() for line in config.splitlines() if line.startswith("  server ")]


class TestLines:
    def test_follow_what_a_role_says_of_them(self) -> None:
        text, _, servers = expand(CONFIG, {"web": [Member(2, "10.0.0.2"), Member(1, "10.0.0.1")], "db": [Member(1, "10.0.0.9")]})
        assert lines_of(text) == [
            "server s1 10.0.0.1:80 check inter 800ms pool-conn-name var(txn.own)",
            "server s2 10.0.0.2:80 check inter 800ms pool-conn-name var(txn.own)",
            "server s1 10.0.0.1:80",
            "server s2 10.0.0.2:80",
            "server replica-own 10.0.0.1:3306 check",
            "server replica-s1 10.0.0.9:3306 check port 9000",
            "server primary-s1 10.0.0.9:3306 check port 9000 backup",
            "server stale-s1 10.0.0.9:3306 check port 9000 backup",
            "server blue 127.0.0.1:3000 check",
        ]
        assert [server.key for server in servers] == [
            "web/s1",
            "web/s2",
            "any/s1",
            "any/s2",
            "readers/replica-s1",
            "readers/primary-s1",
            "readers/stale-s1",
        ]

    def test_replace_those_of_before_and_nothing_else(self) -> None:
        draw = random.Random(1)
        text = CONFIG
        for _ in range(50):
            members = {
                word: [Member(slot, f"10.0.0.{slot}") for slot in draw.sample(range(1, 40), draw.randint(0, 9))] for word in ("web", "standby", "db")
            }
            text, _, servers = expand(text, members)
            assert len(lines_of(text)) == len(servers) + 2
            assert expand(text, members)[0] == text
            assert expand(text, {})[0] == CONFIG


class Killed(BaseException):
    """The program ends here and now."""


@dataclass
class Fake:
    """A server of a running HAProxy. A check that passes makes `up` of it."""

    address: str
    port: int
    options: str
    maintenance: bool = False
    drain: bool = False
    up: bool = True
    checked: bool = False


def of_config(config: str) -> dict[str, Fake]:
    found: dict[str, Fake] = {}
    backend = ""
    for line in config.splitlines():
        words = line.split()
        if line.startswith("backend "):
            backend = words[1]
        elif words[:1] == ["server"]:
            address, port = words[2].split(":")
            found[f"{backend}/{words[1]}"] = Fake(address, int(port), " ".join(words[3:]), checked=True)
    return found


@dataclass
class World:
    """One HAProxy, its configuration, and a sync that may die at any effect it has."""

    clock: FakeClock = field(default_factory=FakeClock)
    log: Said = field(default_factory=Said)
    servers: dict[str, Fake] = field(default_factory=dict)
    # Servers with connections, which HAProxy does not delete.
    busy: set[str] = field(default_factory=set)
    away: bool = False
    # Effects until the program dies; None: it lives.
    left: int | None = None
    members: Members = field(default_factory=dict)
    wanted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.files = Mortal(self)
        self.files.texts["/etc/h.cfg"] = CONFIG
        self.commands = FakeCommands(self.check)
        self.reload()
        self.start()

    def start(self) -> None:
        self.left = None
        self.keeper = ProxyKeeper(Settings("/etc/h.cfg", "/run/h"), self.files, self.clock, self.commands, self, self.log)

    def reload(self) -> None:
        self.servers = of_config(self.files.texts["/etc/h.cfg"])

    def check(self, command: Sequence[str]) -> str:
        self.effect()
        assert command[:3] == ("haproxy", "-c", "-q")
        of_config(self.files.texts[command[-1]])
        return ""

    def effect(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed

    def tell(self, command: str) -> str:
        self.effect()
        if self.away:
            raise Failed("/run/h does not answer")
        if command == "show servers state":
            return self.state()
        for one in command.split(";"):
            self.obey(one.split())
            # Also in the midst of a line of commands.
            self.effect()
        return ""

    def state(self) -> str:
        rows = ["1", "# be_id be_name srv_id srv_name srv_addr"]
        for key, server in self.servers.items():
            backend, name = key.split("/")
            admin = server.maintenance | server.drain << 3
            rows.append(f"3 {backend} 1 {name} {server.address} {2 * server.up} {admin} 1 1 0 1 0 2 0 0 0 0 - {server.port} - 0 0 - - 0")
        return "\n".join(rows)

    def obey(self, words: list[str]) -> None:
        key = words[-1] if words[0] == "shutdown" else words[2]
        if words[0] == "shutdown":
            self.busy.discard(key)
        elif words[0] == "add":
            address, port = words[3].split(":")
            self.servers.setdefault(key, Fake(address, int(port), " ".join(words[4:]), maintenance=True, up=False))
        elif key in self.servers:
            self.change(key, words)

    def change(self, key: str, words: list[str]) -> None:
        server, wanted = self.servers[key], self.wanted
        match [words[0], *words[3:]]:
            case ["del"]:
                assert key not in wanted or "backup" in server.options
                if server.maintenance and key not in self.busy:
                    del self.servers[key]
            case ["set", "addr", address, "port", port]:
                server.address, server.port = address, int(port)
            case ["set", "state", "maint"]:
                assert key not in wanted or "backup" in server.options
                server.maintenance = True
            case ["set", "state", mode]:
                server.up = server.up or server.maintenance
                server.maintenance, server.drain = False, mode == "drain"
            case ["set", "health", "down"]:
                server.up = False
            case ["enable"]:
                assert "check" in server.options
        if "port 9000" in server.options and not server.checked:
            assert server.maintenance or server.drain or not server.up, f"{key} takes something and was not checked"

    def want(self, members: Members) -> None:
        self.members = members
        self.wanted = {one.key for one in expand(CONFIG, members)[2]}
        self.keeper.want(members)

    def look(self, seconds: float = 3) -> None:
        self.clock.seconds += seconds
        self.keeper.look()

    def converged(self) -> None:
        """All is as the members say, on the disk and in the process."""
        text, _, wanted = expand(CONFIG, self.members)
        assert self.files.texts["/etc/h.cfg"] == text
        assert {key: (one.address, one.port) for key, one in self.servers.items() if key not in self.busy} == {
            **{key: (one.address, one.port) for key, one in of_config(CONFIG).items()},
            **{server.key: (server.address, server.port) for server in wanted},
        }
        # HAProxy takes the first backup server that is up.
        for backend in ("web", "readers"):
            backups = [server.key for server in wanted if server.backend == backend and "backup" in server.options]
            serving = [key for key in backups if not self.servers[key].maintenance]
            assert [key for key in self.servers if key in serving] == serving


class Mortal(MemoryFiles):
    """Files of a program that may die before it writes one."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def write(self, path: str, text: str, *, durable: bool = False, private: bool = False) -> None:  # noqa: ARG002
        self._world.effect()
        super().write(path, text, durable=durable)


def web(*slots: int) -> Members:
    return {"web": [Member(slot, f"10.0.0.{slot}") for slot in slots]}


class TestTheProcess:
    def test_serves_with_a_new_machine_at_once_and_without_one_that_left(self) -> None:
        world = World()
        world.want(web(1, 2))
        world.converged()
        assert not any(one.maintenance for one in world.servers.values())
        world.want(web(2))
        world.converged()
        assert world.log.complaints == []

    def test_keeps_what_nobody_asked_for_until_it_finished(self) -> None:
        world = World()
        world.want(web(1, 2))
        world.busy.add("web/s1")
        world.want(web(2))
        assert world.servers["web/s1"].maintenance
        world.busy.clear()
        world.look()
        world.converged()

    def test_takes_one_back_that_was_on_its_way_out(self) -> None:
        world = World()
        world.want(web(1))
        world.busy.add("web/s1")
        world.want(web())
        world.want(web(1))
        assert not world.servers["web/s1"].maintenance

    def test_takes_a_new_address_of_a_server(self) -> None:
        world = World()
        world.want(web(1))
        world.want({"web": [Member(1, "10.0.0.77")]})
        world.converged()

    def test_reads_from_a_new_primary_before_any_that_may_be_behind(self) -> None:
        world = World()
        world.want({"db": [Member(2, "10.0.0.2")]})
        before = world.servers["readers/primary-s2"]
        # In a lower slot than those that are there, and in a higher one.
        world.want({"db": [Member(slot, f"10.0.0.{slot}") for slot in (1, 2, 3)]})
        world.converged()
        backups = [key for key, one in world.servers.items() if "backup" in one.options]
        assert backups == [f"readers/{tier}-s{slot}" for tier in ("primary", "stale") for slot in (1, 2, 3)]
        assert world.servers["readers/primary-s2"] is not before
        # Of those that are where they should be, none is touched.
        before = world.servers["readers/primary-s3"]
        world.want({"db": [Member(slot, f"10.0.0.{slot}") for slot in (1, 2, 3, 4)]})
        world.converged()
        assert world.servers["readers/primary-s3"] is before
        assert world.log.complaints == []

    def test_leaves_alone_what_an_operator_put_into_maintenance(self) -> None:
        world = World()
        world.want(web(1, 2))
        world.servers["web/s1"].maintenance = True
        world.want({"web": [Member(1, "10.0.0.77"), Member(2, "10.0.0.2")]})
        world.look()
        world.converged()
        assert world.servers["web/s1"].maintenance

    def test_is_put_right_after_a_hand_changed_it(self) -> None:
        world = World()
        world.want(web(1))
        del world.servers["web/s1"]
        world.servers["web/s7"] = Fake("10.9.9.9", 80, "")
        world.servers["any/s1"].port = 81
        world.look()
        world.converged()

    def test_that_is_away_is_told_later_and_the_disk_says_it_at_once(self) -> None:
        world = World()
        world.away = True
        world.want(web(1))
        world.look()
        assert "server s1 10.0.0.1:80" in world.files.texts["/etc/h.cfg"]
        assert world.log.complaints == ["/run/h does not answer"]
        world.away = False
        world.look(1)
        world.converged()

    def test_that_refuses_a_server_is_said_once(self) -> None:
        world = World()
        world.servers = {}
        answers = {"show servers state": ""}
        world.keeper = ProxyKeeper(Settings("/etc/h.cfg", "/run/h"), world.files, world.clock, world.commands, Deaf(answers), world.log)
        world.want(web(1))
        world.look()
        assert world.log.complaints == ["/run/h did not take: web/s1, any/s1"]

    def test_is_told_nothing_that_haproxy_would_not_start_with(self) -> None:
        world = World()

        def refuses(_: Sequence[str]) -> str:
            raise Failed("haproxy failed (1): no")

        world.commands.answer = refuses
        world.want(web(1))
        assert world.files.texts["/etc/h.cfg"] == CONFIG
        assert "web/s1" not in world.servers
        assert world.log.complaints == ["/etc/h.cfg stays as it is: haproxy failed (1): no"]
        assert list(world.files.texts) == ["/etc/h.cfg"]
        world.commands.answer = world.check
        world.look()
        world.converged()


class Deaf:
    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers

    def tell(self, command: str) -> str:
        return self._answers.get(command, "")


def test_an_answer_that_makes_no_sense_is_no_server() -> None:
    assert running("1\n# be_id be_name\nhelp\n3 web 1 s1 10.0.0.1 x\n\n") == ()


def test_nothing_is_to_be_done_when_all_is_well() -> None:
    text, patterns, wanted = expand(CONFIG, web(1, 2))
    world = World()
    world.servers = of_config(text)
    assert orders(patterns, wanted, running(world.state()), ()) == ()


@pytest.mark.parametrize("half", [{"held": 5}, {"held": [5, "web/s1"]}, []])
def test_half_a_memory_ends_nothing(half: object) -> None:
    world = World()
    world.files.texts["/run/webinfra/held-run-h.json"] = json.dumps(half)
    world.want(web(1))
    world.converged()


def random_members(draw: random.Random, before: Members) -> Members:
    """Some machines leave, some come, and now and then one has another address."""
    found: dict[str, list[Member]] = {}
    for word in ("web", "standby", "db"):
        kept = [member for member in before.get(word, ()) if draw.random() < 0.8]
        moved = [Member(member.slot, f"10.1.{draw.randint(0, 9)}.{member.slot}") if draw.random() < 0.1 else member for member in kept]
        free = sorted(set(range(1, 24)) - {member.slot for member in moved})
        come = draw.sample(free, min(draw.randint(0, 3), len(free)))
        found[word] = [*moved, *(Member(slot, f"10.0.0.{slot}") for slot in come)]
    return found


def disturb(world: World, draw: random.Random) -> None:
    """What may happen to an HAProxy at any time."""
    name = draw.choice([name for name in sorted(world.servers) if name not in of_config(CONFIG)] or ["web/s30"])

    def reload() -> None:
        world.reload()
        world.busy.clear()

    def move() -> None:
        if name in world.servers:
            world.servers[name].address = "10.9.9.8"

    events: list[Callable[[], object]] = [
        lambda: None,
        reload,
        lambda: setattr(world, "away", True),
        lambda: setattr(world, "away", False),
        lambda: world.busy.add(name),
        world.busy.clear,
        lambda: world.servers.pop(name, None),
        lambda: world.servers.setdefault("web/s31", Fake("10.9.9.9", 80, "")),
        move,
        lambda: world.files.texts.update({"/etc/h.cfg": CONFIG}),
    ]
    draw.choice(events)()


@pytest.mark.parametrize("seed", range(150))
def test_whatever_happens_it_comes_to_what_is_wanted(seed: int) -> None:
    draw = random.Random(seed)
    world = World()
    members: Members = {}
    for _ in range(25):
        disturb(world, draw)
        members = random_members(draw, members) if draw.random() < 0.5 else members
        world.left = draw.randint(0, 40) if draw.random() < 0.6 else None
        try:
            world.want(members)
            world.look(draw.choice([0.1, 1, 3]))
        except Killed:
            world.start()
            disturb(world, draw)
        for server in world.servers.values():
            server.checked = server.checked or draw.random() < 0.5
    world.away, world.left = False, None
    world.busy.clear()
    world.want(members)
    world.look()
    world.converged()
    assert [key for key, one in world.servers.items() if one.maintenance or one.drain] == []


@pytest.mark.parametrize("effects", range(60))
def test_whichever_step_it_dies_at_the_next_run_ends_what_it_began(effects: int) -> None:
    before: Members = {"web": [Member(1, "10.0.0.1"), Member(2, "10.0.0.2")], "db": [Member(1, "10.0.0.11")]}
    after: Members = {"web": [Member(2, "10.0.0.22"), Member(3, "10.0.0.3")], "db": [Member(1, "10.0.0.11"), Member(2, "10.0.0.12")]}
    world = World()
    world.want(before)
    world.servers["any/s2"].maintenance = True
    world.left = effects
    try:
        world.want(after)
    except Killed:
        world.start()
        world.want(after)
    world.left = None
    world.look()
    world.converged()
    assert [key for key, one in world.servers.items() if one.maintenance or one.drain] == ["any/s2"]


class TestTheSitesName:
    NAMED = "global\n  #! named: set-var proc.domain str({domain})\n"

    def named(self, domain: str) -> str:
        return f"{self.NAMED}  set-var proc.domain str({domain})\n"

    def test_stands_where_the_configuration_wants_it(self) -> None:
        assert name(self.NAMED, "a.example.com") == self.named("a.example.com")
        assert name(self.named("a.example.com"), "b.example.com") == self.named("b.example.com")
        other = "global\n  set-var proc.other str(a.example.com)\n"
        assert name(other, "b.example.com") == other

    def world(self, *answers: str, has: list[str]) -> tuple[World, list[str]]:
        """A proxy that answers so when it is told the name, and what it was told. `has`: the name that the process has."""
        world = World()
        world.files.texts["/etc/h.cfg"] = self.NAMED + CONFIG
        told: list[str] = []
        left = list(answers)

        class Named:
            def tell(self, command: str) -> str:
                if command == "get var proc.domain":
                    return f"proc.domain: type=str value=<{has[0]}>\n\n" if has else "Variable not found.\n\n"
                if "set var" not in command:
                    return world.tell(command)
                told.append(command)
                if left:
                    return left.pop(0)
                has[:] = [command.partition("str(")[2].removesuffix(")")]
                return ""

        world.keeper = ProxyKeeper(Settings("/etc/h.cfg", "/run/h"), world.files, world.clock, world.commands, Named(), world.log)
        return world, told

    def wants(self, world: World, domain: str) -> None:
        world.files.put("/var/lib/webinfra/settings.json", {"version": 2, "host": "web-1", "domain": domain})

    def test_is_told_once_when_it_changes(self) -> None:
        world, told = self.world(has=[])
        world.want(web(1))
        assert told == []
        self.wants(world, "a.example.com")
        world.look()
        world.look()
        self.wants(world, "b.example.com")
        world.look()
        assert told == [f"experimental-mode on; set var proc.domain str({name}.example.com)" for name in "ab"]
        assert self.named("b.example.com") in world.files.texts["/etc/h.cfg"]
        assert "web/s1" in world.servers

    def test_is_told_again_when_it_was_not_taken(self) -> None:
        world, told = self.world("Permission denied\n\n", has=[])
        self.wants(world, "a.example.com")
        world.want(web(1))
        assert world.log.complaints == ["/run/h does not take the site's name a.example.com: Permission denied"]
        world.look()
        assert len(told) == 2
        assert "web/s1" in world.servers

    def test_is_told_again_to_a_process_that_began_with_the_name_before(self) -> None:
        has: list[str] = []
        world, told = self.world(has=has)
        self.wants(world, "a.example.com")
        world.want(web(1))
        # A reload that had read the configuration before it was written.
        has[:] = ["before.example.com"]
        world.look()
        assert has == ["a.example.com"]
        assert len(told) == 2
