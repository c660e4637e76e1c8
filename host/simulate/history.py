"""What happens to a site: a random history from a seed, and its end, when all is mended and the site has to work by itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from webinfra.protocol import parse_state

from .kernel import Broken, Place
from .world import Host, Pointed, Programs, World

# Seconds of trouble, of mending before anybody looks, and between two looks at what must always hold.
TROUBLE, MENDING, LOOK = 90.0, 75.0, 0.2
# Seconds in which a forced promotion has to come to its end, whatever stays away.
FORCED = 45.0


@dataclass(frozen=True)
class Result:
    seed: int
    problem: str | None
    log: tuple[str, ...]
    steps: int
    acknowledged: int


class Operator:
    """Whoever moves the primary pointer: well-meaning, late, killed in between, or two at once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.kernel.random
        # Says no more what was meant to be said later.
        self.quiet = False

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        self.world.kernel.after(seconds, lambda: None if self.quiet else call())

    def nonce(self) -> str:
        return f"{self.random.getrandbits(64):016x}"

    def well(self, host: Host) -> bool:
        return host.responsive and host.server.up

    def number(self) -> int:
        """The number that `webinfra database promote` gives a pointer: above all that the channel says and hosts that answer know."""
        said = [self.world.programs.state(host) for host in self.world.hosts if self.well(host)]
        databases = [state.database for state in map(parse_state, filter(None, said)) if state.database is not None]
        known = [epoch for one in databases for epoch in (one.epoch, one.member and one.member.opened) if epoch]
        return max([self.world.pointed.epoch, *(epoch.number for epoch in known)]) + 1

    def write(self, seen: Pointed, primary: str, *, number: int | None = None, force: bool = False, compare: bool = True) -> None:
        """`number`: None for the next one, whatever hosts know.

        `compare`: the store refuses when the pointer is another than the one that was seen.
        """
        world = self.world
        if compare and (world.pointed.epoch, world.pointed.nonce) != (seen.epoch, seen.nonce):
            world.say("the store refuses a pointer that was meant to replace another one")
            return
        pointed = Pointed(number or seen.epoch + 1, self.nonce(), primary, force)
        world.point(pointed, seen)

    def move(self, *, compare: bool = True) -> None:
        world, random = self.world, self.random
        seen, number = world.pointed, self.number()
        writers = [host for host in world.hosts if self.well(host) and host.server.open]
        replicas = [host for host in world.hosts if self.well(host) and host.server.io == "ON" and not host.server.open and not host.fence]
        pause = random.uniform(0, 1.5)
        if writers and replicas:
            target = random.choice(replicas)
            self.after(pause, lambda: self.write(seen, target.name, number=number, compare=compare))
            if random.random() < 0.3:
                # The automatic way back of one that took too long.
                self.later(pause + random.uniform(5, 20), seen.primary, compare)
            return
        old = world.host(world.numbered(seen.primary) or 1)
        left = [host for host in world.hosts if self.well(host) and host.server.accounts and not host.fence and host is not old]
        if not writers and left and not self.well(old):
            # `promote` names the one that has most; whoever is named has to fetch from those who have more.
            named = fullest(left) if random.random() < 0.7 else random.choice(left)
            self.after(pause, lambda: self.write(seen, named.name, number=number, force=True, compare=compare))

    def later(self, seconds: float, primary: str, compare: bool) -> None:
        def back() -> None:
            self.write(self.world.pointed, primary, compare=compare)

        self.after(seconds, back)

    def anything(self) -> None:
        """A pointer that no command would write: whatever it names, nothing may be lost."""
        self.write(self.world.pointed, self.random.choice(self.world.hosts).name)

    def two(self) -> None:
        """Two at once where the store cannot compare: one number, two nonces."""
        seen, world = self.world.pointed, self.world
        targets = [host.name for host in world.hosts if host.server.accounts] or ["db-1"]
        for _ in range(2):
            name = self.random.choice(targets)
            self.after(self.random.uniform(0, 2), lambda name=name: self.write(seen, name, compare=False))  # type: ignore[misc]


def fullest(hosts: Sequence[Host]) -> Host:
    return max(hosts, key=lambda host: len(host.server.everything))


def mend(world: World) -> None:
    world.say("all is mended")
    world.cuts.clear()
    world.mysql_cuts.clear()
    world.channel_cuts.clear()
    for host in world.hosts:
        host.frozen_until = min(host.frozen_until, world.kernel.now)
        host.server.stalled_until = host.server.slow_until = 0.0
        host.apply_settings()
        host.boot()


Event = Callable[[World, Operator], None]


def _some(world: World) -> Host:
    return world.kernel.random.choice(world.hosts)


def _primary(world: World) -> Host:
    return world.latest if world.latest and world.kernel.random.random() < 0.6 else _some(world)


def crash(world: World, _: Operator) -> None:
    host = _primary(world)
    world.say(f"{host.name} crashes")
    host.crash()
    world.kernel.after(world.kernel.random.uniform(2, 40), host.boot)


def kill_mysql(world: World, _: Operator) -> None:
    host = _primary(world)
    world.say(f"MySQL of {host.name} is killed")
    host.server.kill()


def kill_programs(world: World, _: Operator) -> None:
    host = _some(world)
    world.say(f"the programs of {host.name} are killed")
    host.kill_programs()


def freeze(world: World, _: Operator) -> None:
    host, seconds = _primary(world), world.kernel.random.uniform(0.5, 25)
    world.say(f"{host.name} freezes for {seconds:.1f} s")
    host.frozen_until = world.kernel.now + seconds


def stall(world: World, _: Operator) -> None:
    host, seconds = _primary(world), world.kernel.random.uniform(0.5, 15)
    world.say(f"MySQL of {host.name} hangs for {seconds:.1f} s")
    host.server.stalled_until = world.kernel.now + seconds


def slow(world: World, _: Operator) -> None:
    host = _some(world)
    world.say(f"{host.name} applies slowly")
    host.server.slow_until = world.kernel.now + world.kernel.random.uniform(5, 30)


Cut = TypeVar("Cut")


def _for_a_while(world: World, cuts: set[Cut], some: set[Cut]) -> None:
    cuts |= some
    world.kernel.after(world.kernel.random.uniform(1, 40), lambda: cuts.difference_update(some))


def partition(world: World, _: Operator) -> None:
    host = _primary(world)
    world.say(f"{host.name} is cut off from the others")
    _for_a_while(
        world, world.cuts, {pair for other in world.hosts if other is not host for pair in ((host.number, other.number), (other.number, host.number))}
    )


def cut_one_way(world: World, _: Operator) -> None:
    one, other = _primary(world), _some(world)
    if one is not other:
        world.say(f"nothing from {one.name} reaches {other.name}")
        _for_a_while(world, world.cuts, {(one.number, other.number)})


def cut_mysql(world: World, _: Operator) -> None:
    host = _primary(world)
    world.say(f"MySQL of {host.name} is cut off, and its agent is not")
    _for_a_while(world, world.mysql_cuts, {host.number})


def cut_channel(world: World, _: Operator) -> None:
    host = _primary(world)
    world.say(f"{host.name} cannot read the channel")
    _for_a_while(world, world.channel_cuts, {host.number})


def power(world: World, _: Operator) -> None:
    world.say("all hosts lose power")
    for host in world.hosts:
        host.crash()
        world.kernel.after(world.kernel.random.uniform(1, 20), host.boot)


def another_durability(world: World, _: Operator) -> None:
    """Somebody edits `mysql.durability`; each host applies its settings when it comes to it."""
    world.require = not world.require
    world.say(f'durability is "{"require" if world.require else "prefer"}" from now on')
    for host in world.hosts:
        world.kernel.after(world.kernel.random.uniform(0, 20), host.apply_settings)


def half_a_document(world: World, _: Operator) -> None:
    """Somebody's disk was full: half of a web host's entry."""
    key = "inventory/m-web-1.json"
    whole = world.channel[key]
    world.say("a web host's entry is cut in half")
    world.publish(key, whole[: len(whole) // 2])
    world.kernel.after(20, lambda: world.publish(key, whole))


EVENTS: tuple[tuple[float, Event], ...] = (
    (3, crash),
    (2, kill_mysql),
    (1, kill_programs),
    (2, freeze),
    (1, stall),
    (1, slow),
    (2, partition),
    (1, cut_one_way),
    (1, cut_mysql),
    (1.5, cut_channel),
    (0.5, power),
    (6, lambda _, operator: operator.move()),
    (1, half_a_document),
    (1, another_durability),
    (1, lambda _, operator: operator.anything()),
    (0.5, lambda _, operator: operator.two()),
)


def history(seed: int, programs: Callable[[World], Programs], events: tuple[tuple[float, Event], ...] = EVENTS) -> Result:
    world = World(seed, programs, 3, require=False)
    random = world.kernel.random
    size, require = random.choice((2, 3, 3, 3, 4, 5)), random.random() < 0.4
    world = World(seed, programs, size, require)
    random = world.kernel.random
    operator = Operator(world)
    nobody = Place()
    kernel = world.kernel
    first = world.pointed
    world.publish("pointers/primary.json", world.programs.pointer(first, None))
    world.inventory()
    for host in world.hosts:
        kernel.after(random.uniform(0, 5), host.boot)
    kernel.every(nobody, LOOK, world.look, lambda: True)
    begin = 25.0
    for _ in range(random.randint(4, 14)):
        event = random.choices([event for _, event in events], [weight for weight, _ in events])[0]
        kernel.after(begin + random.uniform(0, TROUBLE), lambda event=event: event(world, operator))  # type: ignore[misc]
    problem: str | None = None
    try:
        kernel.run(begin + TROUBLE)
        mend(world)
        operator.quiet = True
        problem = in_time(world, operator) or without_the_primary(world, operator)
    except Broken as error:
        problem = str(error)
    finally:
        for host in world.hosts:
            host.crash()
    return Result(seed, problem, tuple(world.log), kernel.steps, world.acks)


def in_time(world: World, operator: Operator) -> str | None:
    """Waits for a site at rest; what is wrong with it when it does not come to one."""
    kernel = world.kernel
    for seconds in (15.0, *[5.0] * 6, MENDING):
        kernel.run(kernel.now + seconds)
        if len([host for host in world.hosts if host.server.open]) == 1:
            problem = at_rest(world, operator)
            if problem is None:
                return None
    return at_rest(world, operator)


def without_the_primary(world: World, operator: Operator) -> str | None:
    """A site at rest loses its primary for good, and an operator names another one by force: what is wrong when that does not lead."""
    kernel, random = world.kernel, world.kernel.random
    lost = world.latest
    rest = [host for host in world.hosts if host is not lost and not host.fence and host.server.accounts]
    if lost is None or len(rest) < (2 if world.require else 1):
        return None
    if operator.number() > world.pointed.epoch + 1:
        # The store went back a number: the pointer does not name the primary before, and nobody gives up what that one has while its agent answers.
        return None
    if random.random() < 0.5:
        world.say(f"MySQL of {lost.name} is cut off for good, and its agent is not")
        world.mysql_cuts.add(lost.number)
    else:
        world.say(f"{lost.name} is gone for good")
        lost.crash()
    kernel.run(kernel.now + random.uniform(0, 8))
    target = fullest(rest)
    operator.write(world.pointed, target.name, number=operator.number(), force=True)
    kernel.run(kernel.now + FORCED)
    if not target.server.open:
        return f"{target.name} does not lead {FORCED:.0f} s after it was named by force, with {lost.name} away"
    return None if acknowledges(world) else f"{target.name} was named by force and acknowledges nothing"


def acknowledges(world: World) -> bool:
    """Whether somebody does, in the next seconds."""
    before = world.acks
    world.kernel.run(world.kernel.now + 3)
    return world.acks > before


def nobody_to_acknowledge(world: World, primary: Host) -> bool:
    """Whether each other host has something of its own: with durability "require" an operator has to make a replica anew before writes go on."""
    return world.require and not primary.fence and all(host is primary or host.fence for host in world.hosts)


def at_rest(world: World, operator: Operator) -> str | None:
    """What is wrong with a site where nothing happens any more; None when nothing is."""
    kernel = world.kernel
    writers = [host for host in world.hosts if host.server.open]
    same_number = {pointer.nonce for pointer in world.pointers if pointer.epoch == world.pointed.epoch}
    named = world.host(world.numbered(world.pointed.primary) or 1)
    if not writers and (len(same_number) > 1 or named.fence or not named.server.accounts):
        # Only an operator can say what is right; a promotion of the one who has all must do.
        holders = [host for host in world.hosts if not host.fence and world.ledger <= host.server.everything]
        if not holders:
            return "nobody has all that was acknowledged"
        target = next((host for host in holders if host is world.latest), holders[0])
        operator.write(world.pointed, target.name, number=operator.number())
        kernel.run(kernel.now + MENDING)
        writers = [host for host in world.hosts if host.server.open]
        named = target
    if len(writers) != 1:
        waits = not writers and nobody_to_acknowledge(world, named)
        return None if waits else f"{len(writers)} servers take writes, though everything answers (the pointer names {world.pointed.primary})"
    writer = writers[0]
    if operator.number() > world.pointed.epoch + 1:
        # The store went back a number, and whoever had not seen the newest waits for it: an operator has to promote again.
        operator.write(world.pointed, writer.name, number=operator.number())
        kernel.run(kernel.now + MENDING)
    if not acknowledges(world) and not nobody_to_acknowledge(world, writer):
        return f"{writer.name} is open and acknowledges nothing"
    for host in world.hosts:
        server, extra = host.server, host.server.executed - (writer.server.executed | writer.server.binlog)
        if host.fence and not extra:
            return f"{host.name} is fenced and has nothing that {writer.name} lacks"
        if host is not writer and not host.fence and not (server.source == writer.number and server.io == "ON" and server.sql):
            return f"{host.name} does not follow {writer.name}"
    lost = world.ledger - writer.server.executed
    return f"{writer.name} lacks {lost}, which was acknowledged" if lost else None
