/**
 * Another host becomes the primary.
 *
 * Nothing is executed on hosts. The operation moves the primary pointer in the channel, and each host acts on it: the old primary closes for writes,
 * the new one waits until it has everything and then opens, the others follow. The operation looks first, and watches.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { gtidSubtract } from "../core/gtid";
import type { DatabaseState, Epoch, NewPrimaryPointer, PrimaryPointer } from "../core/protocol";
import { PointerMovedError } from "../provider/channel/move";
import type { Answer } from "./access/agent";
import type { SiteAccess } from "./access/types";
import { HostError, PromotionFailedError, PromotionRefusedError } from "./errors";
import { type KnownMachine, withGone } from "./machines";
import { conflictWords } from "./status";
import { didYouMean } from "./suggest";

/** What a database host says of its database; null when it does not answer. */
export interface DatabaseHost {
  readonly name: string;
  readonly said: DatabaseState | null;
  /** Why it does not answer; null when it does. */
  readonly silent: string | null;
}

/** The site as a promotion sees it; tests put their own in. */
export interface PromotionSite {
  /** For the words of errors. */
  readonly stack: string;
  /** Every host's name and roles. */
  readonly hosts: readonly { readonly name: string; readonly roles: readonly string[] }[];
  /** Asks every host with the role database. */
  look(): Promise<readonly DatabaseHost[]>;
  pointer(): Promise<PrimaryPointer>;
  /** Replaces the pointer; throws PointerMovedError when it is not the expected one (any more). */
  point(expected: Epoch, next: NewPrimaryPointer): Promise<void>;
  /** Tells hosts that there may be a pointer which they have not seen. */
  hint(): Promise<void>;
  /** What no other promotion draws: 32 hexadecimal digits. */
  nonce(): string;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

/** How a promotion goes. */
export type PromotionEvent =
  /** The host was the primary already; nothing was changed. */
  | { readonly kind: "unchanged"; readonly primary: string }
  /** An earlier promotion of the same host was not seen to end: this one goes on with it. */
  | { readonly kind: "resumed"; readonly primary: string; readonly epoch: number }
  /** The old primary holds transactions that the new one lacks, and a forced promotion leaves them there. */
  | { readonly kind: "left-behind"; readonly from: string; readonly primary: string; readonly transactions: string }
  /** The pointer names the new primary. */
  | { readonly kind: "moved"; readonly from: string; readonly primary: string; readonly forced: boolean }
  /** For so long no host was seen taking writes. */
  | { readonly kind: "closed"; readonly seconds: number }
  /** The new primary takes writes, and no other host does. */
  | { readonly kind: "promoted"; readonly primary: string }
  /** A host replicates from the new primary. */
  | { readonly kind: "follows"; readonly host: string }
  /** A host does not replicate from the new primary, and is waited for. */
  | { readonly kind: "waiting"; readonly host: string; readonly why: string }
  /** A host does not replicate from the new primary, and is not waited for any more. */
  | { readonly kind: "missing"; readonly host: string; readonly why: string }
  /** The old primary was given up, and may come back. */
  | { readonly kind: "given-up"; readonly from: string; readonly primary: string };

/** Hears how a promotion goes. */
export type PromotionListener = (event: PromotionEvent) => void;

/** What a promotion came to; what `database promote --json` prints. */
export interface Promotion {
  readonly stack: string;
  /** The host that takes writes. */
  readonly primary: string;
  /** The primary before. */
  readonly from: string;
  /** Number and nonce of the primary pointer. */
  readonly epoch: number;
  readonly nonce: string;
  readonly forced: boolean;
  /** False when the host was the primary already. */
  readonly changed: boolean;
  /** Seconds until the host took writes; null when nothing changed. */
  readonly seconds: number | null;
  /** Seconds for which no host was seen taking writes, to half a second; null when nothing changed, or the old primary was gone before. */
  readonly closedSeconds: number | null;
  /** Seconds from then until all others followed; null when nothing changed, or one did not follow in time. */
  readonly followSeconds: number | null;
  /** Hosts that replicate from the new primary. */
  readonly following: readonly string[];
  /** Database hosts that do not (yet), and why. */
  readonly notFollowing: readonly { readonly name: string; readonly why: string }[];
}

const PLANNED_SECONDS = 30;
const FORCED_SECONDS = 60;
const FOLLOW_SECONDS = 30;
const PERIOD_MS = 100;
/** Between two lines about those that do not follow yet. */
const SAY_MS = 5_000;

/** What is in the way of a host's being a replica, in its own words where there are some. */
function trouble({ said, silent }: DatabaseHost): string {
  if (said === null) {
    return silent ?? "does not answer";
  }
  if (said.fenced) {
    return `is fenced: ${said.fenced}`;
  }
  if (said.member?.conflict === true) {
    return `sees a conflict: ${conflictWords(said.epoch)}`;
  }
  const words = said.error ?? said.member?.waiting ?? null;
  if (words !== null) {
    return `says: ${words}`;
  }
  return said.stale && said.lagSeconds !== null
    ? `is ${String(Number(said.lagSeconds.toFixed(1)))} s behind or has lost the primary`
    : said.role === "none"
      ? "is neither primary nor replica now"
      : `is a ${said.role}`;
}

/** The transactions that a server has or will have applied: a promotion waits for what was received. */
function holds({ said }: DatabaseHost): string {
  return [said?.executed, said?.received].filter(Boolean).join(",");
}

function found(hosts: readonly DatabaseHost[], name: string): DatabaseHost {
  return hosts.find((host) => host.name === name) ?? { name, said: null, silent: "is no host of the stack any more" };
}

/** What a promotion has to do: nothing, wait for a pointer that is there already, or move the pointer. */
export type Task =
  | { readonly kind: "nothing" }
  | { readonly kind: "resume"; readonly from: string | null }
  | { readonly kind: "move"; readonly from: string; readonly wayBack: boolean };

const isWritable = ({ said }: DatabaseHost): boolean => said?.writable === true;
const inConflict = ({ said }: DatabaseHost): boolean => said?.member?.conflict === true;

/** Whether a host may be asked to lead. Hosts themselves open only what has everything that is in reach. */
function isFit(said: DatabaseState, force: boolean, conflict: boolean): boolean {
  if (said.writable) {
    return true;
  }
  // When the pointer names a host that may not lead, and in a conflict, everybody is closed, and nobody need replicate.
  if (force) {
    return said.stale || (said.holds === "yes" && !conflict);
  }
  return conflict ? said.holds !== "no" : said.replica;
}

/** The highest number that the channel or any host knows. */
function highest(hosts: readonly DatabaseHost[], pointer: PrimaryPointer): number {
  return Math.max(pointer.epoch, ...hosts.map(({ said }) => Math.max(said?.epoch ?? 0, said?.member?.opened ?? 0)));
}

/** Whether a host honours this pointer. One of the version before knows no nonce. */
function honours({ said }: DatabaseHost, { epoch, nonce }: Epoch): boolean {
  return said?.epoch === epoch && (said.nonce === null || said.nonce === nonce);
}

/** Whether hosts can still act on the pointer of the channel: none has promised a newer one, nor another one of its number. */
function isCurrent(hosts: readonly DatabaseHost[], pointer: PrimaryPointer): boolean {
  return (
    highest(hosts, pointer) === pointer.epoch &&
    !hosts.some((host) => inConflict(host) || (host.said?.epoch === pointer.epoch && !honours(host, pointer)))
  );
}

/**
 * Refuses what would lose writes or cannot work.
 * @throws PromotionRefusedError that says what is in the way and what to do
 */
export function preflight(
  stack: string,
  hosts: readonly DatabaseHost[],
  pointer: PrimaryPointer,
  target: string,
  force: boolean,
): Task {
  const refuse = (why: string): never => {
    throw new PromotionRefusedError(`${why}. Nothing was changed.`);
  };
  const host = found(hosts, target);
  if (host.said === null) {
    return refuse(`"${target}" cannot be promoted: ${trouble(host)}`);
  }
  if (host.said.fenced) {
    return refuse(`"${target}" cannot be promoted, as it is no healthy replica: it ${trouble(host)}`);
  }
  const named = pointer.primary === target;
  const current = isCurrent(hosts, pointer);
  if (named && host.said.writable) {
    return { kind: "nothing" };
  }
  if (named && current && (!force || pointer.force)) {
    // An earlier run ended before it saw the end; what it began is still what hosts are to do.
    return { kind: "resume", from: pointer.previous?.primary ?? null };
  }
  const writable = hosts.find(isWritable);
  const conflict = hosts.some(inConflict);
  const old = found(hosts, pointer.primary);
  // The pointer may name a host that never opened, because a promotion was killed: then the one that still takes writes is the primary to leave.
  const from = isWritable(old) ? old : (hosts.find((other) => isWritable(other) && other.name !== target) ?? old);
  if (!force && writable === undefined && !conflict && current) {
    return refuse(
      old.said === null
        ? `the primary "${old.name}" is gone (it ${trouble(old)}): use --force, which may lose acknowledged writes that only it holds`
        : `the primary "${old.name}" takes no writes (it ${trouble(old)}): bring it back, or use --force, which may lose acknowledged writes that only it holds`,
    );
  }
  if (force && writable !== undefined) {
    return refuse(
      `"${writable.name}" still takes writes, and --force is for a primary that is gone: \`webinfra database promote ${target} --stack ${stack}\` ` +
        "moves them without a loss",
    );
  }
  if (!isFit(host.said, force, conflict) && !(named && !force)) {
    return refuse(`"${target}" cannot be promoted, as it is no healthy replica: it ${trouble(host)}`);
  }
  if (force) {
    for (const other of hosts) {
      const more = gtidSubtract(holds(other), holds(host));
      if (other.name !== pointer.primary && other.said?.stale === true && !other.said.fenced && more !== "") {
        return refuse(
          `"${other.name}" holds transactions that "${target}" lacks (${more}): promote "${other.name}", or wait until "${target}" has them`,
        );
      }
    }
  }
  return { kind: "move", from: from.name, wayBack: !force && isWritable(from) && from.name !== target };
}

/** Waits until the wanted is seen, or the deadline. */
async function watch(
  site: PromotionSite,
  seconds: number,
  seen: (hosts: readonly DatabaseHost[]) => boolean,
): Promise<readonly DatabaseHost[] | undefined> {
  const deadline = site.now() + seconds * 1000;
  for (;;) {
    const hosts = await site.look();
    if (seen(hosts)) {
      return hosts;
    }
    if (site.now() > deadline) {
      return undefined;
    }
    await site.sleep(PERIOD_MS);
  }
}

/** Whether a host takes writes by this pointer, and no other one does. */
const only =
  (name: string, epoch: Epoch) =>
  (hosts: readonly DatabaseHost[]): boolean =>
    hosts.every((host) => isWritable(host) === (host.name === name)) && honours(found(hosts, name), epoch);

/** The pointer that names a host after this one, with a number that no host has heard of. */
function after(
  site: PromotionSite,
  pointer: PrimaryPointer,
  hosts: readonly DatabaseHost[],
  primary: string,
  force: boolean,
): NewPrimaryPointer {
  return {
    epoch: highest(hosts, pointer) + 1,
    nonce: site.nonce(),
    primary,
    previous: { epoch: pointer.epoch, nonce: pointer.nonce, primary: pointer.primary },
    force,
  };
}

const asRead = (pointer: NewPrimaryPointer): PrimaryPointer => ({ version: 2, previousKnown: true, ...pointer });

/** Gives the old primary its role back after a planned promotion that did not end in time. */
async function putBack(site: PromotionSite, from: string, target: string, pointer: PrimaryPointer): Promise<never> {
  const hosts = await site.look();
  const late = `"${target}" did not take over within ${PLANNED_SECONDS} s (it ${trouble(found(hosts, target))})`;
  const next = after(site, pointer, hosts, from, false);
  try {
    await site.point(pointer, next);
  } catch (error) {
    if (error instanceof PointerMovedError) {
      throw new PromotionFailedError(
        `${late}, and meanwhile another promotion made "${error.found.primary}" the primary (number ${error.found.epoch}): ` +
          `\`webinfra status --stack ${site.stack}\` shows what becomes of it`,
      );
    }
    throw error;
  }
  const back = await watch(site, PLANNED_SECONDS, only(from, next));
  throw new PromotionFailedError(
    `${late}: "${from}" was made the primary again, and ` +
      (back === undefined
        ? `has not opened for writes yet; \`webinfra status --stack ${site.stack}\` shows it`
        : "takes writes; no write was lost"),
  );
}

/** Watches the others until all that can follow do, or the deadline, and says of each when it does. */
async function watchFollowers(
  site: PromotionSite,
  target: string,
  epoch: Epoch,
  listener: PromotionListener,
): Promise<Pick<Promotion, "following" | "notFollowing" | "followSeconds">> {
  const begun = site.now();
  const follows = (host: DatabaseHost): boolean => host.said?.replica === true && honours(host, epoch);
  const others = (hosts: readonly DatabaseHost[]) => hosts.filter(({ name }) => name !== target);
  const said = new Set<string>();
  let quietUntil = begun + SAY_MS;
  let last: readonly DatabaseHost[] = [];
  await watch(site, FOLLOW_SECONDS, (hosts) => {
    last = others(hosts);
    for (const { name } of last.filter((host) => follows(host) && !said.has(host.name))) {
      said.add(name);
      listener({ kind: "follows", host: name });
    }
    const missing = last.filter((host) => !follows(host));
    if (site.now() >= quietUntil) {
      quietUntil = site.now() + SAY_MS;
      missing.forEach((host) => {
        listener({ kind: "waiting", host: host.name, why: trouble(host) });
      });
    }
    // Nobody waits for one that cannot follow: it is off, or keeps to itself.
    return missing.every((host) => host.said === null || host.said.fenced !== null);
  });
  const notFollowing = last.filter((host) => !follows(host)).map((host) => ({ name: host.name, why: trouble(host) }));
  for (const { name, why } of notFollowing) {
    listener({ kind: "missing", host: name, why });
  }
  return {
    following: last.filter(follows).map(({ name }) => name),
    notFollowing,
    followSeconds: notFollowing.length === 0 ? (site.now() - begun) / 1000 : null,
  };
}

/** @throws HostError when there is no such host, or it has no database */
function checkTarget({ hosts, stack }: PromotionSite, target: string): void {
  const named = hosts.find(({ name }) => name === target);
  const databases = hosts.filter(({ roles }) => roles.includes("database")).map(({ name }) => name);
  if (named === undefined) {
    throw new HostError(
      `there is no host "${target}" in the stack "${stack}"${didYouMean(target, databases)}; ` +
        (hosts.length === 0
          ? `it has no hosts: \`webinfra up --stack ${stack}\` makes them`
          : `hosts with a database: ${databases.join(", ") || "none"}`),
    );
  }
  if (!databases.includes(target)) {
    throw new HostError(
      `"${target}" has no database (its roles: ${named.roles.join(", ")}); hosts with a database: ${databases.join(", ") || "none"}`,
    );
  }
}

/** Moves the pointer, or tells hosts of the one that is there. */
async function begin(
  site: PromotionSite,
  hosts: readonly DatabaseHost[],
  pointer: PrimaryPointer,
  task: Exclude<Task, { kind: "nothing" }>,
  target: string,
  force: boolean,
  listener: PromotionListener,
): Promise<PrimaryPointer> {
  if (task.kind === "resume") {
    listener({ kind: "resumed", primary: target, epoch: pointer.epoch });
    // Whoever moved the pointer may have been killed before hosts heard of it.
    await site.hint();
    return pointer;
  }
  const kept = gtidSubtract(holds(found(hosts, task.from)), holds(found(hosts, target)));
  if (force && kept !== "") {
    listener({ kind: "left-behind", from: task.from, primary: target, transactions: kept });
  }
  const next = after(site, pointer, hosts, target, force);
  try {
    await site.point(pointer, next);
  } catch (error) {
    if (error instanceof PointerMovedError) {
      throw new PromotionRefusedError(
        `another promotion has just made "${error.found.primary}" the primary (number ${error.found.epoch}): ` +
          `look at \`webinfra status --stack ${site.stack}\`. Nothing was changed.`,
      );
    }
    throw error;
  }
  listener({ kind: "moved", from: task.from, primary: target, forced: force });
  return asRead(next);
}

/**
 * Makes a host the primary.
 * @throws HostError, PromotionRefusedError, or PromotionFailedError when it was not seen within its time
 */
export async function promoteHost(
  site: PromotionSite,
  target: string,
  force: boolean,
  listener: PromotionListener,
): Promise<Promotion> {
  const { stack } = site;
  checkTarget(site, target);
  // The pointer first: what somebody else moves after this is found when it is replaced.
  const seen = await site.pointer();
  const hosts = await site.look();
  const task = preflight(stack, hosts, seen, target, force);
  if (task.kind === "nothing") {
    listener({ kind: "unchanged", primary: target });
    const following = hosts.filter(({ said }) => said?.replica === true).map(({ name }) => name);
    const { epoch, nonce } = seen;
    const never = { seconds: null, closedSeconds: null, followSeconds: null };
    const rest = { forced: force, changed: false, following, notFollowing: [] };
    return { stack, primary: target, from: seen.primary, epoch, nonce, ...never, ...rest };
  }
  const from = task.from ?? target;
  const begun = site.now();
  const pointer = await begin(site, hosts, seen, task, target, force, listener);
  let closed: number | undefined;
  const limit = force ? FORCED_SECONDS : PLANNED_SECONDS;
  const reached = await watch(site, limit, (now) => {
    if (!now.some(isWritable)) {
      closed ??= site.now();
    }
    return only(target, pointer)(now);
  });
  if (reached === undefined) {
    const now = await site.look();
    const wayBack = task.kind === "move" ? task.wayBack : !force && task.from !== null && task.from !== target;
    if (wayBack && !isWritable(found(now, target)) && !now.some(inConflict)) {
      return putBack(site, from, target, pointer);
    }
    throw new PromotionFailedError(
      `"${target}" was not seen as the only host that takes writes within ${limit} s: it ${trouble(found(now, target))}; ` +
        `the primary pointer names it, and \`webinfra status --stack ${stack}\` shows what becomes of it`,
    );
  }
  const seconds = (site.now() - begun) / 1000;
  const closedSeconds = force ? null : closed === undefined ? 0 : (site.now() - closed) / 1000;
  if (closedSeconds !== null) {
    listener({ kind: "closed", seconds: closedSeconds });
  }
  listener({ kind: "promoted", primary: target });
  const followers = await watchFollowers(site, target, pointer, listener);
  if (force && from !== target) {
    listener({ kind: "given-up", from, primary: target });
  }
  const { epoch, nonce } = pointer;
  return {
    stack,
    primary: target,
    from,
    epoch,
    nonce,
    forced: force,
    changed: true,
    seconds,
    closedSeconds,
    ...followers,
  };
}

function databaseHost(host: string, answer: Answer): DatabaseHost {
  return "silent" in answer
    ? { name: host, said: null, silent: answer.silent }
    : answer.database
      ? { name: host, said: answer.database, silent: null }
      : { name: host, said: null, silent: "says nothing of its database" };
}

/**
 * Makes a host of a site the primary.
 * @param known the machines that the stack's state knows
 * @param force does without a primary that is gone, and loses what only it holds
 * @throws HostError, PointerError, PromotionRefusedError, PromotionFailedError
 */
export async function promote(
  access: SiteAccess,
  known: readonly KnownMachine[],
  host: string,
  force: boolean,
  listener: PromotionListener,
): Promise<Promotion> {
  const { stack, channel } = access;
  const machines = withGone(await access.machines(), known);
  const databases = machines.filter(({ roles }) => roles.includes("database"));
  const site: PromotionSite = {
    stack,
    hosts: machines.map((machine) => ({ name: machine.host, roles: machine.roles })),
    look: () => Promise.all(databases.map(async (machine) => databaseHost(machine.host, await access.state(machine)))),
    pointer: () => channel.primary(),
    point: (expected, next) => channel.movePrimary(expected, next),
    hint: () => channel.hint(),
    nonce: () => randomBytes(16).toString("hex"),
    now: () => performance.now(),
    sleep,
  };
  return promoteHost(site, host, force, listener);
}
