"""Decides for one primary that an operator's pointer names, and replicas that follow it.

What keeps acknowledged writes:

- A *promise* is kept on the disk before anything is done by a pointer: this server never opens by an older one. What a peer says of itself is a look
  taken after its promise, so "closed, and promised this pointer" stays true whatever happens next.
- A server opens for the first time by a pointer only when the server that was open before (the pointer's predecessor) has promised the same pointer,
  is closed, and has nothing that is missing here. Where it is not known who was open before, every other host has to say so. With `force` only those
  that answer have to.
- Nothing that an unfenced peer holds may be missing, whatever replication is set up.
- A server with transactions that the primary lacks fences itself, once the primary's line is decided. Only having nothing extra takes that away.
"""

from dataclasses import replace

from webinfra.gtid import GtidSet
from webinfra.protocol import Epoch, Previous, PrimaryPointer

from .model import (
    Accounts,
    Acknowledge,
    Action,
    Answers,
    Apply,
    Clone,
    Close,
    Decision,
    Fence,
    Follow,
    Found,
    Isolate,
    Kill,
    Leave,
    Memory,
    Open,
    Peer,
    Picture,
    Promise,
    Pull,
    Release,
    Server,
    listed,
)

# Seconds. A superseded server that could not be closed in this time is killed: commits that wait for an acknowledgement hold `super_read_only` up.
CLOSING = 3.0
# Writes wait this long, with no replica there, before a new replica's wish for a clone ends them: a clone waits for them.
STUCK = 3.0
# Between two tries to replicate.
AGAIN = 5.0
# What the primary lacks for so long is not on its way.
PATIENCE = 5.0
# A forced promotion gives up what its predecessor would have to send when nothing arrives for so long.
DRY = 10.0
# How old the last look at the channel may be while a peer is silent, and a peer's answer that counts as one.
FRESH = 10.0
# Promises that are remembered.
PROMISES = 8


def decide(picture: Picture, memory: Memory) -> Decision:
    """What to do now. Nothing else decides."""
    pointer = picture.pointer
    if pointer is None:
        return closing(picture, memory, "no primary pointer in the channel yet")
    newest, conflict = newest_epoch(pointer, memory, picture.peers)
    if conflict:
        return closing(
            picture,
            memory,
            f"two promotions used the number {newest.number} at once: neither counts; promote again",
            conflict=True,
        )
    if newest.number > memory.promise.number or (newest.number == memory.promise.number and not memory.promise.nonce and newest.nonce):
        # What one pointer gave up is not given up by the next.
        promised = replace(memory, promise=newest, promises=(newest, *memory.promises)[:PROMISES], dry_since=None)
        # Looked at again before anything is said or done by it.
        return Decision((Promise(newest), *pulls(pointer, newest)), promised, hurry=True)
    if pointer.epoch.number < newest.number:
        return closing(picture, memory, f"a peer knows a newer primary pointer ({newest.number}) than this host ({pointer.epoch.number})", pull=True)
    if pointer.primary != picture.me:
        return follow(picture, memory, pointer)
    return lead(picture, memory, pointer)


def newest_epoch(pointer: PrimaryPointer, memory: Memory, peers: tuple[Peer, ...]) -> tuple[Epoch, bool]:
    """The newest pointer that anybody knows, and whether two have its number."""
    known = [pointer.epoch, memory.promise, *(peer.epoch for peer in peers if peer.epoch is not None)]
    number = max(epoch.number for epoch in known)
    nonces = {epoch.nonce for epoch in known if epoch.number == number and epoch.nonce}
    told = any(peer.conflict and peer.epoch is not None and peer.epoch.number == number for peer in peers)
    return Epoch(number, min(nonces, default="")), len(nonces) > 1 or told


def pulls(pointer: PrimaryPointer, newest: Epoch) -> tuple[Action, ...]:
    return (Pull(),) if newest.number > pointer.epoch.number else ()


def closing(picture: Picture, memory: Memory, words: str, *, conflict: bool = False, pull: bool = False) -> Decision:
    """Nobody may write here, and that is all that is known."""
    actions, memory, why = close(picture, memory)
    more: tuple[Action, ...] = (Pull(),) if pull else ()
    return Decision((*actions, *more), memory, why or words, conflict=conflict, hurry=bool(actions))


def close(picture: Picture, memory: Memory) -> tuple[tuple[Action, ...], Memory, str | None]:
    """Closes a server that may be open. The words are None once it is closed."""
    server = picture.server
    memory = memory if server is None else replace(memory, closed=server.closed)
    if server is not None and server.closed:
        # Only now: switched off before, it would acknowledge what no replica has.
        actions: tuple[Action, ...] = (Acknowledge(wanted=False),) if server.acknowledged else ()
        return actions, replace(memory, superseded_at=None), None
    if picture.answers is Answers.REFUSES or (server is None and memory.closed):
        # It comes back closed; to kill it in its recovery would only make that longer.
        return (), replace(memory, superseded_at=None, closed=True), "MySQL does not answer"
    if picture.answers is Answers.FAILS:
        # To kill it would not make it answer.
        return (Close(),), memory, "MySQL answers with an error"
    since = picture.now if memory.superseded_at is None else memory.superseded_at
    memory = replace(memory, superseded_at=since)
    if picture.now - since >= CLOSING:
        return (Kill(f"it could not be closed for writes within {CLOSING:.0f} s"),), replace(memory, superseded_at=None), "is being closed"
    return ((Close(),) if server is not None else ()), memory, "is being closed"


# The primary


def lead(picture: Picture, memory: Memory, pointer: PrimaryPointer) -> Decision:
    server = picture.server
    if server is None:
        return Decision((), replace(memory, superseded_at=None), "MySQL does not answer")
    memory = replace(memory, closed=server.closed)
    if not server.read_only:
        if memory.opened != pointer.epoch:
            return closing(picture, memory, "was open by another pointer than the one of now")
        return stay_open(picture, memory, pointer, server)
    memory = replace(memory, superseded_at=None, stuck_at=None)
    words = in_the_way(picture, memory, pointer, server)
    if words is not None:
        return Decision((), memory, words, hurry=True)
    if server.new:
        return Decision((Found(pointer.epoch),), memory, "the site's accounts are being made", hurry=True)
    sender, words = missing_here(picture, memory, pointer, server)
    if words is not None:
        return fetch(picture, memory, server, sender, words)
    if server.unapplied:
        # Every start leaves replication stopped.
        actions: tuple[Action, ...] = () if server.applying else (Apply(),)
        return Decision(actions, memory, f"applying what {server.source or 'the primary before'} sent", hurry=True)
    return ready(picture, memory, pointer, server)


def stay_open(picture: Picture, memory: Memory, pointer: PrimaryPointer, server: Server) -> Decision:
    memory = replace(memory, superseded_at=None, dry_since=None)
    actions: list[Action] = [*acknowledgement(picture, server)]
    if server.waiting and not server.acknowledgers and picture.needs_replica:
        since = picture.now if memory.stuck_at is None else memory.stuck_at
        memory = replace(memory, stuck_at=since)
        askers = [peer.name for peer in picture.peers if peer.answers and peer.wants == "clone"]
        if askers and picture.now - since >= STUCK:
            return Decision(
                (Kill(f"{listed(askers)} has to be cloned, which would wait for the writes that wait for it"),), replace(memory, stuck_at=None)
            )
        return Decision(tuple(actions), memory, f"{server.waiting} writes wait for a replica (durability: require), and none is there")
    # They are writes too: with nobody to acknowledge them they would only hold up the next look.
    if memory.accounts != pointer.epoch and (server.acknowledgers or not picture.needs_replica):
        actions.append(Accounts(pointer.epoch))
    return Decision(tuple(actions), replace(memory, stuck_at=None))


def acknowledgement(picture: Picture, server: Server) -> tuple[Action, ...]:
    """Has commits wait for a replica where there may be one."""
    # To switch it off answers the writes that wait, which durability `require` forbids whatever the inventory says.
    wanted = bool(picture.peers) or picture.needs_replica
    return () if server.acknowledged == wanted else (Acknowledge(wanted=wanted),)


def in_the_way(picture: Picture, memory: Memory, pointer: PrimaryPointer, server: Server) -> str | None:
    """Why this server may not lead, leaving aside what it has; None when nothing is in the way."""
    peers, force = picture.peers, pointer.force
    silent = [peer.name for peer in peers if not peer.answers]
    if picture.synced is None:
        return "the channel was not read since this host booted: the pointer may be an old one"
    if silent and picture.now - picture.synced > FRESH:
        return f"the channel cannot be read and {listed(silent)} does not answer: another server may be the primary by now"
    if memory.fence is not None:
        return f"fenced: {memory.fence.words}; promote a host that has all"
    writable = [peer.name for peer in peers if peer.answers and (peer.writable or not (peer.closed or peer.down or peer.holds != "yes"))]
    if writable:
        return f"{listed(writable)} still takes writes"
    if server.new:
        return new_in_the_way(picture)
    if memory.opened == pointer.epoch:
        return None
    for peer in must_confirm(picture, memory, pointer):
        words = unconfirmed(peer, pointer)
        if words is not None:
            return words if force else f"{words}: if it is gone for good, promote with force"
    return None


def new_in_the_way(picture: Picture) -> str | None:
    holders = [peer.name for peer in picture.peers if peer.holds == "yes"]
    unknown = [peer.name for peer in picture.peers if peer.holds != "no" or not peer.answers]
    if holders:
        return f"this server is empty while {listed(holders)} holds the site's data: one of those must be the primary"
    if unknown:
        return f"this server is empty while {listed(unknown)} does not say what it has: it may hold the site's data"
    if picture.unknown:
        return f"this server is empty, and {listed(picture.unknown)} of the inventory cannot be read: it may be a host that holds the site's data"
    return None


def must_confirm(picture: Picture, memory: Memory, pointer: PrimaryPointer) -> tuple[Peer, ...]:
    """The hosts that may have been open before, and have to say that they never will be again by an older pointer."""
    if pointer.force:
        return tuple(peer for peer in picture.peers if peer.answers)
    previous = pointer.previous
    if previous is not None:
        if previous.primary == picture.me:
            if memory.opened == previous.epoch:
                return ()
        else:
            before = next((peer for peer in picture.peers if peer.name == previous.primary), None)
            if before is None:
                # It is in the inventory no more: nobody can say what it had.
                return (Peer(previous.primary, answers=False), *picture.peers)
            if not (before.answers and before.speaks) or before.opened == previous.epoch or last_open_here(memory, pointer, previous):
                return (before,)
    return picture.peers


def last_open_here(memory: Memory, pointer: PrimaryPointer, previous: Previous) -> bool:
    """Whether this server was open by the pointer before the previous one: when that one's primary never opened, nobody did in between."""
    return (
        memory.opened is not None
        and previous.epoch in memory.promises
        and pointer.epoch.number - 1 == previous.epoch.number
        and previous.epoch.number - 1 == memory.opened.number
    )


def unconfirmed(peer: Peer, pointer: PrimaryPointer) -> str | None:
    if not peer.answers:
        return f"{peer.name} cannot be asked what it has"
    if peer.holds == "no":
        return None
    if peer.epoch is None:
        return f"{peer.name} has not said yet what it has"
    if peer.epoch.number != pointer.epoch.number or peer.epoch.clashes(pointer.epoch):
        return f"{peer.name} does not know this pointer yet"
    if peer.closed or (pointer.force and peer.down):
        return None
    return f"MySQL of {peer.name} is down, and what it has cannot be told" if peer.down else f"{peer.name} still takes writes"


def missing_here(picture: Picture, memory: Memory, pointer: PrimaryPointer, server: Server) -> tuple[Peer | None, str | None]:
    """The peer with the most that is missing here, and what to say of it."""
    found = [(peer, extra) for peer, extra in lacking_from(picture, server) if not given_up(picture, memory, pointer, server, peer)]
    if pointer.force:
        found = [(peer, extra) for peer, extra in found if peer.answers]
    if not found:
        return None, None
    peer, extra = max(found, key=lambda one: (len(one[1]), one[0].name))
    return peer, f"{peer.name} has what this server lacks: {extra}"


def lacking_from(picture: Picture, server: Server) -> list[tuple[Peer, GtidSet]]:
    """The peers with something that is missing here, and what that is."""
    lacking = [(peer, peer.everything - server.executed - server.received) for peer in picture.peers if peer.holds == "yes" and not peer.fenced]
    return [(peer, extra) for peer, extra in lacking if extra]


def given_up(picture: Picture, memory: Memory, pointer: PrimaryPointer, server: Server, peer: Peer) -> bool:
    """Whether a forced promotion goes on without what only this peer, the primary before, would have to send."""
    if not pointer.force or pointer.previous is None or peer.name != pointer.previous.primary or arrives_from(peer, server):
        return False
    return memory.dry_since is not None and picture.now - memory.dry_since > DRY


def arrives_from(peer: Peer, server: Server) -> bool:
    return server.source == peer.name and server.receiving == "ON"


def fetch(picture: Picture, memory: Memory, server: Server, sender: Peer | None, words: str) -> Decision:
    """Gets what is missing from a closed peer, and opens nothing meanwhile."""
    arrives = sender is not None and arrives_from(sender, server)
    since = picture.now if memory.dry_since is None else memory.dry_since
    memory = replace(memory, dry_since=None if arrives else since)
    if sender is None or not sender.answers or not sender.closed:
        return Decision((), memory, words, hurry=True)
    return replicate(picture, memory, server, sender, words)


def ready(picture: Picture, memory: Memory, pointer: PrimaryPointer, server: Server) -> Decision:
    """This server has everything, or all that can be had: it leads when enough replicas are there."""
    actions = acknowledgement(picture, server)
    if picture.needs_replica and not server.acknowledgers:
        # The first write would hang, and a clone waits for the writes that hang: no replica could ever come.
        words = "closed until a replica is there to acknowledge writes (durability: require)"
        # While this server is closed nothing is given up for good: whoever has it may be the one replica that is left.
        holder = next((peer for peer, _ in lacking_from(picture, server) if peer.answers and peer.closed), None)
        waiting = replicate(picture, memory, server, holder, words) if holder else Decision(leave(server), memory, words)
        return replace(waiting, actions=(*actions, *waiting.actions), hurry=True)
    # Leaving takes seconds when the source is cut off, and then it opens at a later look: until it is open, what was given up stays given up.
    return Decision((*leave(server), *actions, Open(pointer)), memory, hurry=True)


def leave(server: Server) -> tuple[Action, ...]:
    return (Leave(),) if server.source is not None or server.applying or server.receiving != "OFF" else ()


# Replicas


def follow(picture: Picture, memory: Memory, pointer: PrimaryPointer) -> Decision:
    actions, memory, words = close(picture, memory)
    server = picture.server
    if words is not None or server is None:
        return Decision(actions, memory, words, hurry=True)
    memory = replace(memory, dry_since=None, stuck_at=None)
    fenced = None if memory.fence is None else f"fenced: {memory.fence.words}"
    primary = next((peer for peer in picture.peers if peer.name == pointer.primary), None)
    if primary is None or not primary.answers:
        # What was received before a restart may be read, even while the primary is away.
        own: tuple[Action, ...] = (Apply(),) if server.source == pointer.primary and not server.applying and memory.fence is None else ()
        away = f"{pointer.primary} does not answer" if primary else f"{pointer.primary} is no database host of the inventory"
        return Decision((*actions, *own), memory, fenced or away)
    if server.new:
        wish = f"waits to copy {primary.name}" if primary.holds == "yes" else f"waits for {primary.name} to have the site's data"
        clones: tuple[Action, ...] = (Clone(primary.name),) if primary.holds == "yes" else ()
        return Decision((*actions, *clones), memory, wish, wants="clone")
    if server.executed <= primary.executed:
        extra, memory = GtidSet(), replace(memory, before=None)
    elif memory.before is not None and memory.before[0] <= primary.at:
        # What the primary began itself is on its way there: it waits for an acknowledgement.
        extra = (memory.before[1] - primary.executed).without(primary.uuid)
        memory = replace(memory, before=None)
    else:
        # What is known of the primary has to be newer than what is compared with it, or what has just arrived here would look errant.
        memory = replace(memory, before=memory.before or (picture.asked, server.executed))
        follows = server.source == primary.name and server.receiving != "OFF" and server.applying
        return Decision(actions, memory, fenced, hurry=not (follows or fenced))
    if extra:
        return errant(picture, memory, actions, primary, extra, final=decided(primary, pointer))
    memory = replace(memory, errant_since=None)
    if memory.fence is not None:
        if not decided(primary, pointer) or server.unapplied - primary.executed:
            return Decision(actions, memory, fenced)
        return Decision((*actions, Release()), replace(memory, fence=None), hurry=True)
    decision = replicate(picture, memory, server, primary, None)
    return replace(decision, actions=(*actions, *decision.actions))


def decided(primary: Peer, pointer: PrimaryPointer) -> bool:
    """Whether the primary has begun the line of this pointer: from then on it is the site's data, and what it lacks is not."""
    return primary.opened == pointer.epoch if primary.speaks else primary.writable


def errant(picture: Picture, memory: Memory, actions: tuple[Action, ...], primary: Peer, extra: GtidSet, *, final: bool) -> Decision:
    """This server has what the primary lacks."""
    words = f"has transactions that {primary.name} lacks: {extra}"
    if not final:
        # It may still fetch them.
        return Decision(actions, replace(memory, errant_since=None), f"{words} (yet)", hurry=True)
    since = picture.now if memory.errant_since is None else memory.errant_since
    memory = replace(memory, errant_since=since)
    if memory.fence is None and picture.now - since < PATIENCE:
        return Decision(actions, memory, f"{words} (yet)", hurry=True)
    fence = Fence(str(extra), primary.name)
    if memory.fence == fence:
        return Decision(actions, memory, f"fenced: {fence.words}")
    return Decision((*actions, Isolate(fence)), replace(memory, fence=fence), f"fenced: {fence.words}")


def replicate(picture: Picture, memory: Memory, server: Server, source: Peer, words: str | None) -> Decision:
    """Replicates from a host that has all that was received here, or when that is applied."""
    if server.source == source.name and server.receiving != "OFF" and server.applying:
        return Decision((), memory, words)
    if server.unapplied - source.executed:
        # To set the source, also the same one again, throws away what was received, and acknowledged, and is not applied yet.
        apply: tuple[Action, ...] = () if server.applying else (Apply(),)
        return Decision(apply, memory, words or f"applying what {server.source} sent", hurry=True)
    tried = memory.started_from == source.name and memory.started_at is not None and picture.now - memory.started_at < AGAIN
    if tried:
        return Decision((), memory, words or f"replication from {source.name} stopped: {server.trouble or 'MySQL knows no error'}")
    memory = replace(memory, started_from=source.name, started_at=picture.now)
    return Decision((Follow(source.name),), memory, words, hurry=True)
