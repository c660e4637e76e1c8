import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import FakeClock, FakeCommands, MemoryFiles, Said
from webinfra import places
from webinfra.channel import Bucket, Directory, Text
from webinfra.consumers import HOSTS
from webinfra.files import Disk
from webinfra.loop import Loop
from webinfra.outside import Failed
from webinfra.settings import BadSettings, Fields
from webinfra.sync import SLOTS, Outside, Settings, Sync, consumer

SETTINGS = Settings(
    directory="/channel",
    seconds=1,
    pull_seconds=30,
    groups={"web": "webServer", "standby": "webServer", "app": "appServer", "db": "database"},
    consumers=(),
)
NAMES = {"kind": "hosts", "zone": "z.internal"}
RELEASES = {"kind": "unit", "document": "pointers/release.json", "unit": "webinfra-release.service"}
RELEASE = "a" * 64


class Channel:
    """The channel as a test fills it. `marked`: whether it tells that it changed."""

    def __init__(self) -> None:
        self.documents: dict[str, Text] = {}
        self.away = False
        self.marked = True
        self.version = 0
        self.fetched = 0

    def put(self, key: str, value: object) -> None:
        self.documents[key] = value if isinstance(value, str) else json.dumps(value)
        self.changed()

    def changed(self) -> None:
        self.version += self.marked

    def mark(self) -> str:
        if self.away:
            raise Failed("no such folder")
        return str(self.version)

    def fetch(self) -> Mapping[str, Text]:
        self.fetched += 1
        return dict(self.documents)


class World:
    def __init__(self, *consumers: Mapping[str, object]) -> None:
        self.files = MemoryFiles()
        self.files.texts[HOSTS] = "127.0.0.1 localhost\n"
        self.clock = FakeClock()
        self.commands = FakeCommands()
        self.channel = Channel()
        self.log = Said()
        self.settings = replace(SETTINGS, consumers=tuple(Fields(one, "a test") for one in (NAMES, *consumers)))
        self.told: list[str] = []
        self.start()

    def start(self) -> None:
        """A program that knows nothing but what files say."""
        outside = Outside(self.files, self.clock, self.commands, self.log, lambda _: self)
        consumers = [found for one in self.settings.consumers if (found := consumer(one, outside)) is not None]
        self.sync = Sync(self.settings, self.files, self.clock, self.channel, self.log, consumers)

    def tell(self, command: str) -> str:
        """An HAProxy that has no servers and takes none."""
        self.told.append(command)
        return ""

    def turn(self, seconds: float = 1) -> None:
        self.clock.seconds += seconds
        self.sync.turn()

    def refused(self) -> dict[str, str]:
        return {one["document"]: one["reason"] for one in json.loads(self.files.texts[places.REFUSED])}

    def hosts(self) -> str:
        return self.files.texts[HOSTS]

    def primary(self) -> object:
        return json.loads(self.files.texts[places.PRIMARY_POINTER])


def entry(name: str, address: str = "10.0.0.1", **changes: object) -> dict[str, object]:
    return {"version": 2, "machine": f"m-{name}", "name": name, "roles": ["webServer"], "address": address, **changes}


def pointer(epoch: int, nonce: str = "n", primary: str = "db-1") -> dict[str, object]:
    return {"version": 2, "epoch": epoch, "nonce": nonce, "primary": primary, "previous": None}


@pytest.fixture
def world() -> World:
    return World()


class TestNames:
    def test_follow_the_inventory(self, world: World) -> None:
        world.channel.put("inventory/m-web-1.json", entry("web-1", "10.0.0.7"))
        world.turn()
        world.turn()
        assert world.log.words == ["1 machines are listed"]
        assert "10.0.0.7 web-1.z.internal\n" in world.hosts()
        assert json.loads(world.files.texts[SLOTS])["web"] == {"m-web-1": 1}

    def test_are_none_of_a_machine_that_left(self, world: World) -> None:
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.channel.put("inventory/m-web-2.json", entry("web-2"))
        world.turn()
        del world.channel.documents["inventory/m-web-1.json"]
        world.channel.changed()
        world.turn()
        assert "web-1" not in world.hosts()
        assert "web-2" in world.hosts()

    def test_an_entry_without_standby_is_active(self, world: World) -> None:
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.turn()
        assert json.loads(world.files.texts[SLOTS])["standby"] == {}

    @pytest.mark.parametrize("text", ['{"web": {"web-', "[]", '{"web": 5}', '{"web": {"m-web-1": null}}'])
    def test_half_a_file_of_slots_ends_nothing(self, world: World, text: str) -> None:
        world.files.texts[SLOTS] = text
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.turn()
        assert json.loads(world.files.texts[SLOTS])["web"] == {"m-web-1": 1}

    def test_hosts_that_cannot_be_read_are_not_written(self, world: World) -> None:
        del world.files.texts[HOSTS]
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        with pytest.raises(Failed, match="/etc/hosts cannot be read"):
            world.turn()
        assert HOSTS not in world.files.texts


class TestProxies:
    CONFIG = "backend web\n  #! each web: server s{slot} {address}:80\n"

    def world(self) -> World:
        world = World({"kind": "proxy", "config": "/etc/h.cfg", "socket": "/run/h"})
        world.files.texts["/etc/h.cfg"] = self.CONFIG
        world.start()
        return world

    def test_get_the_machines_of_the_inventory(self) -> None:
        world = self.world()
        world.channel.put("inventory/m-web-1.json", entry("web-1", "10.0.0.7"))
        world.turn()
        assert world.files.texts["/etc/h.cfg"] == f"{self.CONFIG}  server s1 10.0.0.7:80\n"
        assert "add server web/s1 10.0.0.7:80;set server web/s1 state ready" in world.told
        world.told.clear()
        del world.channel.documents["inventory/m-web-1.json"]
        world.channel.put("inventory/m-web-2.json", entry("web-2", "10.0.0.8"))
        world.turn()
        assert world.files.texts["/etc/h.cfg"] == f"{self.CONFIG}  server s2 10.0.0.8:80\n"

    def test_get_what_was_known_last_while_the_channel_is_away(self) -> None:
        world = self.world()
        world.channel.put("inventory/m-web-1.json", entry("web-1", "10.0.0.7"))
        world.turn()
        world.files.texts["/etc/h.cfg"] = self.CONFIG
        world.channel.away = True
        world.start()
        world.sync.begin()
        with pytest.raises(Failed):
            world.turn()
        assert world.files.texts["/etc/h.cfg"] == f"{self.CONFIG}  server s1 10.0.0.7:80\n"

    def test_of_a_host_that_knows_nothing_yet_stay_as_they_are(self) -> None:
        world = self.world()
        world.sync.begin()
        assert (world.told, world.hosts()) == ([], "127.0.0.1 localhost\n")

    def test_are_looked_at_while_the_channel_is_away(self) -> None:
        world = self.world()
        world.channel.put("inventory/m-web-1.json", entry("web-1", "10.0.0.7"))
        world.turn()
        world.channel.away = True
        world.told.clear()
        with pytest.raises(Failed):
            world.turn(5)
        assert world.told[0] == "show servers state"


class TestABadDocument:
    @pytest.mark.parametrize("bad", ['{"version": 2, "machine": "m-web-1", "na', "", "[]", "null", '{"machine": "x"}', None])
    def test_is_refused_by_name_and_the_last_good_one_stays(self, world: World, bad: str | None) -> None:
        world.channel.put("inventory/m-web-1.json", entry("web-1", "10.0.0.7"))
        world.turn()
        world.channel.documents["inventory/m-web-1.json"] = bad
        world.channel.put("inventory/m-web-2.json", entry("web-2", "10.0.0.8"))
        world.turn()
        assert list(world.refused()) == ["inventory/m-web-1.json"]
        assert "10.0.0.7 web-1.z.internal\n" in world.hosts()
        assert "10.0.0.8 web-2.z.internal\n" in world.hosts()
        # Also after the program was started again.
        world.start()
        world.turn()
        assert "10.0.0.7 web-1.z.internal\n" in world.hosts()

    def test_is_said_once(self, world: World) -> None:
        world.channel.put("inventory/x.json", "{")
        for _ in range(5):
            world.turn(31)
        assert len(world.log.complaints) == 1
        assert world.log.complaints[0].startswith("inventory/x.json is refused: is not JSON")

    def test_is_forgotten_when_it_is_put_right(self, world: World) -> None:
        world.channel.put("inventory/m-web-1.json", "{")
        world.turn()
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.turn()
        assert world.refused() == {}
        assert "web-1" in world.hosts()

    def test_of_a_pointer_stops_no_other(self, world: World) -> None:
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.channel.put("pointers/release.json", {"release": "A"})
        world.channel.put("pointers/primary.json", pointer(5))
        world.turn()
        assert list(world.refused()) == ["pointers/release.json"]
        assert world.primary() == pointer(5)
        assert places.RELEASE_POINTER not in world.files.texts

    def test_of_the_host_package_is_kept_like_the_others(self, world: World) -> None:
        path = f"{places.CHANNEL}/pointers/host.json"
        world.channel.put("pointers/host.json", {"version": 1, "package": RELEASE})
        world.turn()
        kept = world.files.read(path)
        assert kept is not None
        world.channel.put("pointers/host.json", {"version": 1, "package": "x"})
        world.turn()
        assert world.files.read(path) == kept
        assert list(world.refused()) == ["pointers/host.json"]

    def test_that_an_earlier_release_copied_is_no_last_good_one(self, world: World) -> None:
        world.files.texts[places.PRIMARY_POINTER] = '{"epoch": '
        world.channel.put("pointers/primary.json", "{")
        world.turn()
        assert places.PRIMARY_POINTER not in world.files.texts

    def test_of_a_version_to_come_is_refused(self, world: World) -> None:
        world.channel.put("inventory/m-web-1.json", entry("web-1", version=3))
        world.turn()
        assert world.refused() == {"inventory/m-web-1.json": "version 3 is none that this program knows (1, 2)"}

    def test_that_is_none_of_ours_is_left_alone(self, world: World) -> None:
        world.channel.put("pointers/maintenance.json", "{")
        world.turn()
        assert world.refused() == {}


class TestTheHostsOwnSettings:
    OWN = "settings/web-1.json"

    def test_are_taken_and_their_unit_is_told(self) -> None:
        world = World({"kind": "unit", "document": self.OWN, "unit": "webinfra-settings.service"})
        world.settings = replace(world.settings, own=(self.OWN,))
        world.start()
        good = {"version": 2, "host": "web-1", "domain": "www.example.com"}
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.channel.put("settings/web-2.json", {**good, "host": "web-2"})
        world.channel.put(self.OWN, good)
        world.turn()
        assert world.commands.lines() == ["systemctl restart --no-block webinfra-settings.service"]
        assert world.files.read(f"{places.CHANNEL}/settings/web-2.json") is None
        world.channel.put(self.OWN, {**good, "domain": "no domain"})
        world.turn()
        assert world.refused() == {self.OWN: 'domain must be a domain name, such as www.foobar.com, and is "no domain"'}
        assert json.loads(world.files.texts[f"{places.CHANNEL}/{self.OWN}"]) == good
        assert len(world.commands.run_) == 1


class TestThePrimaryPointer:
    def test_never_goes_back(self, world: World) -> None:
        world.channel.put("pointers/primary.json", pointer(6))
        world.turn()
        world.channel.put("pointers/primary.json", pointer(5))
        world.turn()
        assert world.refused() == {"pointers/primary.json": "epoch 5 is older than 6, which is in use"}
        assert world.primary() == pointer(6)

    def test_is_taken_over_with_the_same_number_and_another_nonce(self, world: World) -> None:
        world.channel.put("pointers/primary.json", pointer(6, "a", "db-1"))
        world.turn()
        world.channel.put("pointers/primary.json", pointer(6, "b", "db-2"))
        world.turn()
        assert world.primary() == pointer(6, "b", "db-2")
        assert world.refused() == {}

    def test_stays_when_it_is_gone_from_the_channel(self, world: World) -> None:
        world.channel.put("pointers/primary.json", pointer(6))
        world.channel.put("pointers/release.json", {"release": RELEASE})
        world.turn()
        world.channel.documents.clear()
        world.channel.changed()
        world.turn()
        assert world.primary() == pointer(6)
        assert places.RELEASE_POINTER in world.files.texts

    def test_of_the_version_before_is_taken_over(self, world: World) -> None:
        world.channel.put("pointers/primary.json", {"epoch": 1, "primary": "db-1"})
        world.turn()
        assert world.primary() == {"epoch": 1, "primary": "db-1"}


class TestTheChannel:
    def test_that_is_away_changes_nothing(self, world: World) -> None:
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.turn()
        before = dict(world.files.texts)
        world.channel.away = True
        with pytest.raises(Failed, match=r"^the channel cannot be read, keeping what is here: no such folder$"):
            world.turn()
        assert world.files.texts == before

    def test_that_has_lost_its_inventory_changes_nothing(self, world: World) -> None:
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.channel.put("pointers/primary.json", pointer(5))
        world.turn()
        before = dict(world.files.texts)
        del world.channel.documents["inventory/m-web-1.json"]
        world.channel.put("pointers/primary.json", pointer(6))
        for _ in range(2):
            with pytest.raises(Failed, match="its inventory is empty, and was not"):
                world.turn()
        assert world.files.texts == before
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.turn()
        assert world.primary() == pointer(6)

    def test_is_said_to_be_away_once(self, world: World) -> None:
        world.channel.away = True
        loop = Loop(world.clock, world.log, world.sync.turn, after_failure=1)
        for _ in range(3):
            loop.once()
        world.channel.away = False
        loop.once()
        world.channel.away = True
        loop.once()
        assert world.log.complaints == ["the channel cannot be read, keeping what is here: no such folder"] * 2

    def test_a_successful_look_is_dated_by_the_clock_that_nobody_sets(self, world: World) -> None:
        world.turn()
        assert float(world.files.texts[places.SYNCED]) == world.clock.seconds
        world.channel.away = True
        with pytest.raises(Failed):
            world.turn()
        assert float(world.files.texts[places.SYNCED]) == world.clock.seconds - 1

    def test_is_pulled_when_it_changed_and_now_and_then(self, world: World) -> None:
        for _ in range(5):
            world.turn()
        assert world.channel.fetched == 1
        world.channel.marked = False
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.turn()
        assert world.channel.fetched == 1
        world.turn(30)
        assert world.channel.fetched == 2
        assert "web-1" in world.hosts()

    def test_is_pulled_at_once_when_the_database_program_asks(self, world: World) -> None:
        world.turn()
        world.channel.marked = False
        world.channel.put("pointers/primary.json", pointer(7))
        world.files.texts[places.PULL] = ""
        world.turn()
        assert world.primary() == pointer(7)
        assert places.PULL not in world.files.texts

    def test_what_was_asked_for_while_it_was_away_is_done_later(self, world: World) -> None:
        world.turn()
        world.files.texts[places.PULL] = ""
        world.channel.away = True
        with pytest.raises(Failed):
            world.turn()
        world.channel.away = False
        world.turn()
        assert world.channel.fetched == 2


class TestUnits:
    def test_come_once_for_each_change(self) -> None:
        world = World(RELEASES)
        world.turn()
        assert world.commands.lines() == []
        world.channel.put("pointers/release.json", {"release": RELEASE})
        world.turn()
        world.turn()
        assert world.commands.lines() == ["systemctl restart --no-block webinfra-release.service"]

    def test_come_at_boot_for_what_was_known_last_while_the_channel_is_away(self) -> None:
        world = World(RELEASES)
        world.channel.put("pointers/release.json", {"release": RELEASE})
        world.sync.turn()
        world.commands.run_.clear()
        world.channel.away = True
        world.start()
        for _ in range(2):
            with pytest.raises(Failed, match="keeping what is here: no such folder"):
                world.sync.turn()
        told = ["systemctl restart --no-block webinfra-release.service"]
        assert world.commands.lines() == told
        world.channel.away = False
        world.sync.turn()
        assert world.commands.lines() == told

    def test_come_again_when_they_failed(self) -> None:
        world = World(RELEASES)
        world.channel.put("pointers/release.json", {"release": RELEASE})

        def fails(_: Sequence[str]) -> str:
            raise Failed("systemctl failed")

        world.commands.answer = fails
        with pytest.raises(Failed, match=r"^systemctl failed$"):
            world.turn()
        world.commands.answer = lambda _: ""
        world.turn()
        assert len(world.commands.run_) == 2

    def test_are_none_for_a_document_that_was_refused(self) -> None:
        world = World(RELEASES)
        world.channel.put("pointers/release.json", {"release": "x"})
        world.turn()
        assert world.commands.lines() == []


class TestConsumers:
    def test_of_a_kind_that_is_not_known_are_named_and_hurt_no_other(self) -> None:
        world = World({"kind": "telegraph", "key": "x"}, RELEASES)
        assert world.log.complaints == ['no consumer is of the kind "telegraph": it is told nothing']
        world.channel.put("inventory/m-web-1.json", entry("web-1"))
        world.channel.put("pointers/release.json", {"release": RELEASE})
        world.turn()
        assert "10.0.0.1 web-1.z.internal" in world.hosts()
        assert len(world.commands.run_) == 1

    def test_that_fail_do_not_keep_others_from_their_turn(self) -> None:
        other = {"kind": "unit", "document": "pointers/release.json", "unit": "webinfra-other.service"}
        world = World(RELEASES, other)
        world.channel.put("pointers/release.json", {"release": RELEASE})

        def fails(command: Sequence[str]) -> str:
            if command[-1] == "webinfra-release.service":
                raise Failed("systemctl failed")
            return ""

        world.commands.answer = fails
        with pytest.raises(Failed, match=r"^systemctl failed$"):
            world.turn()
        assert world.commands.lines()[-1] == "systemctl restart --no-block webinfra-other.service"


class TestADirectory:
    def directory(self, root: Path) -> Directory:
        (root / "inventory").mkdir()
        return Directory(Disk(), str(root))

    def test_is_read_as_it_is(self, tmp_path: Path) -> None:
        source = self.directory(tmp_path)
        (tmp_path / "inventory/a.json").write_text("{}")
        (tmp_path / "inventory/b.json").write_bytes(b"\xff")
        (tmp_path / "inventory/c.txt").write_text("")
        (tmp_path / "pointers").mkdir()
        (tmp_path / "pointers/primary.json").write_text("x")
        (tmp_path / "releases").mkdir()
        assert source.fetch() == {"inventory/a.json": "{}", "inventory/b.json": None, "pointers/primary.json": "x"}

    def test_needs_nobody_to_say_that_it_changed(self, tmp_path: Path) -> None:
        source = self.directory(tmp_path)
        path = tmp_path / "inventory/a.json"
        seen = [source.mark()]

        def changed() -> bool:
            seen.append(source.mark())
            return seen[-1] != seen[-2]

        path.write_text("1")
        assert changed()
        assert not changed()
        # Replaced by a file of the same size and time.
        stat = path.stat()
        fresh = tmp_path / "fresh"
        fresh.write_text("2")
        fresh.rename(path)
        assert stat.st_size == path.stat().st_size
        assert changed()
        (tmp_path / "pointers").mkdir()
        (tmp_path / "pointers/primary.json").write_text("")
        assert changed()
        path.unlink()
        assert changed()

    def test_is_looked_at_for_what_is_the_hosts_own(self, tmp_path: Path) -> None:
        own = "settings/web-1.json"
        (tmp_path / "inventory").mkdir()
        (tmp_path / "settings").mkdir()
        (tmp_path / "settings/web-2.json").write_text("other")
        source = Directory(Disk(), str(tmp_path), (own,))
        before = source.mark()
        assert source.fetch() == {}
        (tmp_path / own).write_text("mine")
        assert source.mark() != before
        assert source.fetch() == {own: "mine"}
        assert source.one(own) == "mine"

    def test_a_file_that_cannot_be_looked_at_hurts_no_other(self, tmp_path: Path) -> None:
        source = self.directory(tmp_path)
        (tmp_path / "inventory/broken.json").symlink_to("/nowhere")
        (tmp_path / "inventory/folder.json").mkdir()
        (tmp_path / "inventory/a.json").write_text("{}")
        assert source.mark()
        assert source.fetch() == {"inventory/a.json": "{}", "inventory/broken.json": None, "inventory/folder.json": None}

    def test_that_is_not_there_is_away(self, tmp_path: Path) -> None:
        with pytest.raises(Failed):
            Directory(Disk(), str(tmp_path / "nothing")).mark()


class TestABucket:
    def test_its_version_is_copied_and_never_listed(self) -> None:
        files = MemoryFiles()

        def rclone(command: Sequence[str]) -> str:
            files.texts[command[-1]] = "7"
            return ""

        commands = FakeCommands(rclone)
        assert Bucket(files, commands).mark() == "7"
        assert commands.run_[0][-4:-1] == ("copyto", "--ignore-times", "channel:version")

    def test_only_the_two_folders_that_a_host_may_list_are_asked_for(self) -> None:
        files = MemoryFiles()

        def rclone(command: Sequence[str]) -> str:
            files.texts[f"{command[-1]}/x.json"] = command[-2]
            return ""

        commands = FakeCommands(rclone)
        assert Bucket(files, commands).fetch() == {"inventory/x.json": "channel:inventory", "pointers/x.json": "channel:pointers"}
        assert [command[-3:-1] for command in commands.run_] == [("sync", "channel:inventory"), ("sync", "channel:pointers")]

    def test_what_is_the_hosts_own_is_fetched_by_its_name(self) -> None:
        files = MemoryFiles()
        own = "settings/web-1.json"

        def rclone(command: Sequence[str]) -> str:
            if command[-3] == "copyto":
                files.texts[command[-1]] = command[-2]
            return ""

        bucket = Bucket(files, FakeCommands(rclone), (own,))
        assert bucket.fetch() == {own: f"channel:{own}"}
        assert bucket.one(own) == f"channel:{own}"


class TestSettings:
    def test_are_those_of_the_role(self) -> None:
        files = MemoryFiles()
        files.put(
            "/etc/webinfra/sync.json",
            {
                "directory": "/channel",
                "seconds": 1,
                "pullSeconds": 30,
                "groups": SETTINGS.groups,
                "consumers": [NAMES, RELEASES],
            },
        )
        found = Settings.load(files)
        assert replace(found, consumers=()) == SETTINGS
        assert [one.text("kind") for one in found.consumers] == ["hosts", "unit"]

    def test_may_name_what_is_the_hosts_own(self) -> None:
        files = MemoryFiles()
        files.put("/etc/webinfra/sync.json", {"seconds": 1, "pullSeconds": 30, "groups": {}, "consumers": [], "own": ["settings/web-1.json"]})
        assert Settings.load(files).own == ("settings/web-1.json",)

    def test_that_lack_something_are_refused_by_its_name(self) -> None:
        files = MemoryFiles()
        with pytest.raises(BadSettings, match=r"^/etc/webinfra/sync\.json holds no settings$"):
            Settings.load(files)
        files.put("/etc/webinfra/sync.json", {"groups": {}, "consumers": []})
        with pytest.raises(BadSettings, match=r"^/etc/webinfra/sync\.json: seconds must be a number, and is null$"):
            Settings.load(files)
