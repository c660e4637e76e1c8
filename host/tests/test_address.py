import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.fakes import FakeClock, FakeCommands, FakeWeb, MemoryFiles, Said
from webinfra import address, places
from webinfra.address import API, METADATA, TAKEN, TOKEN, Aws, DigitalOcean, Takeover, World, platform_of, wanted
from webinfra.outside import Answer, Failed, Request
from webinfra.settings import Fields

PUBLIC = "203.0.113.7"
HERE, THERE = "http://127.0.0.1/-/balancer", f"http://{PUBLIC}/-/balancer"


@dataclass
class FakePlatform:
    host: str = "api.example.com"
    held: bool | None = False
    busy: bool = False
    takeovers: list[str] = field(default_factory=list)

    def holds(self) -> bool:
        if self.held is None:
            raise Failed("no metadata")
        return self.held

    def take_over(self, machine: str) -> None:
        self.takeovers.append(machine)
        if self.busy:
            raise Failed("422")
        self.held = True


class FakeNetwork:
    def __init__(self) -> None:
        self.ways: Iterator[bool] | None = None

    def reaches(self, host: str, port: int, *, seconds: float) -> bool:  # noqa: ARG002
        return True if self.ways is None else next(self.ways)


class Balancer:
    """A balancer that answers itself, before an address that nobody answers at."""

    def __init__(self, servers: int = 0) -> None:
        self.files = MemoryFiles()
        self.files.texts[places.MACHINE] = "MACHINE_ID=42\nPRIVATE_ADDRESS=10.0.0.1\n"
        self.web = FakeWeb()
        self.web.answers[HERE] = Answer(200, {"x-page-servers": str(servers)}, "")
        self.network = FakeNetwork()
        self.log = Said()
        self.platform = FakePlatform()
        self.takeover = Takeover(PUBLIC, self.platform, World(self.files, self.web, self.network, self.log))


def test_is_wanted_once_by_a_balancer_that_can_serve_pages() -> None:
    assert wanted(2, 0, taken=False)
    assert not wanted(2, 0, taken=True)
    assert not wanted(0, 0, taken=False)


def test_is_wanted_when_the_address_answers_nobody() -> None:
    assert not wanted(0, address.LOOKS - 1, taken=True)
    assert wanted(0, address.LOOKS, taken=True)


@pytest.mark.parametrize("taken", [False, True])
def test_is_never_wanted_by_a_balancer_that_does_not_answer_itself(*, taken: bool) -> None:
    assert not wanted(None, 99, taken=taken)


def test_a_new_balancer_takes_over_as_soon_as_it_can_serve_pages_and_then_no_more() -> None:
    balancer = Balancer(servers=0)
    balancer.web.answers[THERE] = Answer(200, {}, "")
    assert balancer.takeover.turn() == address.PAUSE
    assert balancer.platform.takeovers == []
    balancer.web.answers[HERE] = Answer(200, {"x-page-servers": "2"}, "")
    assert balancer.takeover.turn() == address.AGAIN
    assert (balancer.platform.takeovers, balancer.files.texts[TAKEN]) == (["42"], "42")
    assert balancer.log.words == [f"took over {PUBLIC}"]
    # Moved away by hand.
    balancer.platform.held = False
    for _ in range(5):
        balancer.takeover.turn()
    assert balancer.platform.takeovers == ["42"]


def test_one_that_was_given_the_address_has_took_over_it() -> None:
    balancer = Balancer(servers=2)
    balancer.platform.held = True
    balancer.takeover.turn()
    assert (balancer.platform.takeovers, balancer.files.texts[TAKEN]) == ([], "42")


def test_an_image_of_a_machine_that_took_over_is_another_machine() -> None:
    balancer = Balancer(servers=2)
    balancer.files.texts[TAKEN] = "41"
    balancer.web.answers[THERE] = Answer(200, {}, "")
    balancer.takeover.turn()
    assert balancer.platform.takeovers == ["42"]


def test_counts_no_silence_while_this_host_has_no_way_out() -> None:
    balancer = Balancer()
    balancer.files.texts[TAKEN] = "42"
    balancer.network.ways = iter([True, True, False, True, True, True])
    for _ in range(5):
        balancer.takeover.turn()
    assert balancer.platform.takeovers == []
    balancer.takeover.turn()
    assert balancer.platform.takeovers == ["42"]


def test_a_takeover_that_fails_is_said_once_and_tried_again() -> None:
    balancer = Balancer(servers=2)
    balancer.platform.busy = True
    assert [balancer.takeover.turn() for _ in range(3)] == [address.AGAIN] * 3
    assert balancer.log.complaints == [f"{PUBLIC} cannot be taken over: 422"]
    balancer.platform.busy = False
    balancer.takeover.turn()
    assert balancer.log.words == [f"took over {PUBLIC}"]


def test_waits_until_the_machine_knows_its_id() -> None:
    balancer = Balancer(servers=2)
    balancer.files.texts[places.MACHINE] = ""
    with pytest.raises(Failed, match="this machine does not know its id yet"):
        balancer.takeover.turn()


def test_is_not_held_when_nobody_can_say() -> None:
    balancer = Balancer()
    balancer.platform.held = None
    balancer.takeover.turn()
    assert TAKEN not in balancer.files.texts


def digitalocean() -> tuple[DigitalOcean, FakeWeb, FakeClock]:
    files, clock, web = MemoryFiles(), FakeClock(), FakeWeb()
    files.texts[TOKEN] = "fake-token\n"
    return DigitalOcean(PUBLIC, files, clock, web), web, clock


@pytest.mark.parametrize(("said", "expected"), [("true", True), ("false", False)])
def test_is_held_when_digitalocean_says_so(said: str, *, expected: bool) -> None:
    platform, web, _ = digitalocean()
    web.put(f"{METADATA}/metadata/v1/reserved_ip/ipv4/active", said)
    assert platform.holds() == expected


def aws(web: FakeWeb, commands: FakeCommands) -> Aws:
    return Aws(PUBLIC, "eu-central-1", "eipalloc-1", web, commands)


@pytest.mark.parametrize(("said", "expected"), [(PUBLIC, True), ("203.0.113.8", False)])
def test_is_held_on_aws_by_the_machine_whose_public_address_it_is(said: str, *, expected: bool) -> None:
    web = FakeWeb()
    web.put(f"{METADATA}/latest/api/token", "t")
    web.put(f"{METADATA}/latest/meta-data/public-ipv4", said)
    assert aws(web, FakeCommands()).holds() == expected
    assert [(request.method, dict(request.headers)) for request in web.asked] == [
        ("PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}),
        ("GET", {"X-aws-ec2-metadata-token": "t"}),
    ]


def test_on_aws_names_the_address_and_this_machine() -> None:
    commands = FakeCommands()
    aws(FakeWeb(), commands).take_over("i-1")
    (line,) = commands.lines()
    assert line.startswith(
        "aws ec2 associate-address --cli-connect-timeout 5 --cli-read-timeout 10 --region eu-central-1 --allocation-id eipalloc-1 "
    )
    assert line.endswith(" --instance-id i-1 --allow-reassociation")
    assert commands.environments == [{"AWS_MAX_ATTEMPTS": "1"}]


class Actions(FakeWeb):
    """DigitalOcean's API, which takes its time."""

    def __init__(self, *statuses: str) -> None:
        super().__init__()
        self.statuses = list(statuses)

    def ask(self, request: Request, *, seconds: float) -> Answer:  # noqa: ARG002
        self.asked.append(request)
        return Answer(201, {}, json.dumps({"action": {"id": 7, "status": self.statuses.pop(0)}}))


def test_on_digitalocean_waits_until_the_platform_has_done_it() -> None:
    _, _, clock = digitalocean()
    files = MemoryFiles()
    files.texts[TOKEN] = "fake-token\n"
    web = Actions("in-progress", "in-progress", "completed")
    DigitalOcean(PUBLIC, files, clock, web).take_over("42")
    path = f"{API}/reserved_ips/{PUBLIC}/actions"
    assert [(one.method, one.url) for one in web.asked] == [("POST", path), ("GET", f"{path}/7"), ("GET", f"{path}/7")]
    assert json.loads(web.asked[0].body or "") == {"type": "assign", "droplet_id": 42}
    assert API.startswith("https://")
    assert {one.headers["Authorization"] for one in web.asked} == {"Bearer fake-token"}


def test_on_digitalocean_says_when_the_platform_did_not() -> None:
    web = Actions("errored")
    with pytest.raises(Failed, match="the platform answers errored"):
        DigitalOcean(PUBLIC, MemoryFiles(), FakeClock(), web).take_over("42")


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"action": {"id": "x"}}'])
def test_on_digitalocean_an_answer_that_cannot_be_used_is_a_failure(body: str) -> None:
    platform, web, _ = digitalocean()
    web.put(f"{API}/reserved_ips/{PUBLIC}/actions", body)
    with pytest.raises(Failed, match="the platform's answer cannot be used"):
        platform.take_over("42")


def test_on_digitalocean_a_refusal_is_a_failure() -> None:
    platform, web, _ = digitalocean()
    web.put(f"{API}/reserved_ips/{PUBLIC}/actions", "", 422)
    with pytest.raises(Failed, match="status 422"):
        platform.take_over("42")


def test_the_platform_is_the_one_of_the_settings() -> None:
    files, clock, web, commands = MemoryFiles(), FakeClock(), FakeWeb(), FakeCommands()
    settings = {"type": "aws", "address": PUBLIC, "region": "eu-central-1", "allocationId": "eipalloc-1"}
    assert platform_of(Fields(settings, "x"), files, clock, web, commands).host == "ec2.eu-central-1.amazonaws.com"
    assert platform_of(Fields({**settings, "type": "digitalocean"}, "x"), files, clock, web, commands).host == "api.digitalocean.com"
