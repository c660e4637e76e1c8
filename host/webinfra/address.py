"""Takes over the site's public address for this balancer: once when it can first serve pages, and whenever the address answers nobody.

That the newest balancer takes it over lets a replacement go by without a gap; that nothing else moves it lets an operator move it by hand.
"""

import json
import os
from dataclasses import dataclass
from typing import Final, Protocol

from webinfra import places
from webinfra.clock import BootClock, Clock
from webinfra.files import Disk, Files
from webinfra.log import Complaints, Journal, Log
from webinfra.loop import Loop
from webinfra.outside import Commands, Failed, Internet, Network, Request, Shell, Web
from webinfra.settings import BadSettings, Fields, machine_id

# Says which machine took it over: an image made of one that did is another machine.
TAKEN: Final = "/var/lib/webinfra/address-taken"
TOKEN: Final = f"{places.SECRETS}/address-token"
METADATA: Final = "http://169.254.169.254"
API: Final = "https://api.digitalocean.com/v2"
# Looks in a row, a second apart, that find the address unanswered.
LOOKS: Final = 3
PAUSE: Final = 1.0
# Seconds between two takeovers, for the platform takes a while.
AGAIN: Final = 15.0


class Platform(Protocol):
    """Who gives the address to a machine."""

    def holds(self) -> bool:
        """Whether it says that this machine has the address; asking the address itself may not work from here. Failed when it cannot say."""
        ...

    def take_over(self, machine: str) -> None: ...

    @property
    def host(self) -> str:
        """The name of its API."""
        ...


class Aws:
    def __init__(self, address: str, region: str, allocation: str, web: Web, commands: Commands) -> None:
        self._address = address
        self._region = region
        self._allocation = allocation
        self._web = web
        self._commands = commands

    @property
    def host(self) -> str:
        return f"ec2.{self._region}.amazonaws.com"

    def holds(self) -> bool:
        ask_token = Request(f"{METADATA}/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        token = _good(self._web, ask_token, 2)
        ask_address = Request(f"{METADATA}/latest/meta-data/public-ipv4", headers={"X-aws-ec2-metadata-token": token})
        return _good(self._web, ask_address, 2) == self._address

    def take_over(self, machine: str) -> None:
        # The takeover itself changes this host's way to the API, and the answer may be lost: the next look finds it done, or takes over again.
        limits = ("--cli-connect-timeout", "5", "--cli-read-timeout", "10")
        what = ("--region", self._region, "--allocation-id", self._allocation, "--instance-id", machine, "--allow-reassociation")
        self._commands.run(("aws", "ec2", "associate-address", *limits, *what), seconds=60, environment={"AWS_MAX_ATTEMPTS": "1"})


class DigitalOcean:
    def __init__(self, address: str, files: Files, clock: Clock, web: Web) -> None:
        self._address = address
        self._files = files
        self._clock = clock
        self._web = web

    @property
    def host(self) -> str:
        return "api.digitalocean.com"

    def holds(self) -> bool:
        return _good(self._web, Request(f"{METADATA}/metadata/v1/reserved_ip/ipv4/active"), 2) == "true"

    def take_over(self, machine: str) -> None:
        if not machine.isdigit():
            raise Failed(f'the machine\'s id "{machine}" is no number')
        path = f"/reserved_ips/{self._address}/actions"
        number, status = self._ask("POST", path, {"type": "assign", "droplet_id": int(machine)})
        ends = self._clock.now() + 60
        while status == "in-progress" and self._clock.now() < ends:
            self._clock.sleep(2)
            number, status = self._ask("GET", f"{path}/{number}", None)
        if status != "completed":
            raise Failed(f"the platform answers {status}")

    def _ask(self, method: str, path: str, body: object) -> tuple[int, str]:
        """Number and status of an action."""
        token = (self._files.read(TOKEN) or "").strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        answer = _good(self._web, Request(f"{API}{path}", method, headers, text), 20)
        try:
            value: object = json.loads(answer)
            action = Fields(value if isinstance(value, dict) else {}, "the platform's answer").inner("action")
            return action.whole("id"), action.text("status")
        except (ValueError, RecursionError, BadSettings) as error:
            raise Failed(f"the platform's answer cannot be used: {error}") from error


def _good(web: Web, request: Request, seconds: float) -> str:
    answer = web.ask(request, seconds=seconds)
    if not 200 <= answer.status < 300:
        raise Failed(f"{request.url}: status {answer.status}")
    return answer.body


def wanted(here: int | None, unanswered: int, *, taken: bool) -> bool:
    """Whether to take it over now. `here`: what this balancer answers; `taken`: this machine took it over before; `unanswered`: looks in a row."""
    if here is None:
        return False
    return unanswered >= LOOKS or (not taken and here > 0)


@dataclass(frozen=True)
class World:
    """What a takeover needs to know of."""

    files: Files
    web: Web
    network: Network
    log: Log


class Takeover:
    def __init__(self, address: str, platform: Platform, world: World) -> None:
        self._address = address
        self._platform = platform
        self._world = world
        self._unanswered = 0
        self._complaints = Complaints(world.log)

    def turn(self) -> float:
        """One look at who answers at the address."""
        files, log = self._world.files, self._world.log
        machine = machine_id(files)
        if not machine:
            raise Failed("this machine does not know its id yet")
        mine = self._holds()
        if mine and files.read(TAKEN) is None:
            files.write(TAKEN, machine, durable=True)
        # Asked for the way out first: a look that fails is worth something only when others could have answered it.
        silent = not mine and self._way_out() and self._balancer(self._address) is None
        self._unanswered = self._unanswered + 1 if silent else 0
        if mine or not wanted(self._balancer("127.0.0.1"), self._unanswered, taken=files.read(TAKEN) == machine):
            return PAUSE
        try:
            self._platform.take_over(machine)
        except Failed as failure:
            # A platform that is busy with the address, or away: again at the next look.
            self._complaints.about(f"{self._address} cannot be taken over: {failure}")
            return AGAIN
        files.write(TAKEN, machine, durable=True)
        self._unanswered = 0
        self._complaints.about("")
        log.say(f"took over {self._address}")
        return AGAIN

    def _holds(self) -> bool:
        try:
            return self._platform.holds()
        except Failed:
            return False

    def _way_out(self) -> bool:
        """Whether this host reaches the platform at all. One that lost the address may have no other for a while: its silence is not the site's."""
        return self._world.network.reaches(self._platform.host, 443, seconds=2)

    def _balancer(self, address: str) -> int | None:
        """Web servers that a balancer at this address could send to; None when none answers there."""
        try:
            answer = self._world.web.ask(Request(f"http://{address}/-/balancer"), seconds=2)
            return int(answer.headers.get("x-page-servers", "0")) if answer.status == 200 else None
        except (Failed, ValueError):
            return None


def platform_of(fields: Fields, files: Files, clock: Clock, web: Web, commands: Commands) -> Platform:
    address = fields.text("address")
    if fields.text("type") == "digitalocean":
        return DigitalOcean(address, files, clock, web)
    return Aws(address, fields.text("region"), fields.text("allocationId"), web, commands)


def main() -> None:
    files, clock, log, internet = Disk(), BootClock(), Journal(), Internet()
    fields = Fields.load(files, "address")
    platform = platform_of(fields, files, clock, internet, Shell(os.environ))
    takeover = Takeover(fields.text("address"), platform, World(files, internet, internet, log))
    Loop(clock, log, takeover.turn, after_failure=PAUSE).forever()
