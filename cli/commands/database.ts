/**
 * `webinfra database promote`: another host becomes the primary.
 *
 * Nothing is executed on hosts. The command moves the primary pointer in the channel, and each host acts on it: the old primary closes for writes,
 * the new one waits until it has everything and then opens, the others follow. The command looks first, and watches.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { bumpVersion, isMissing, place } from "../../provider/channel/store";
import { UserError } from "../errors";
import { gtidSubtract } from "../../core/gtid";
import { duration } from "../output";
import { type HostMachine, stackMachines, withGone } from "../incus";
import { needIncus, stackFacts, stateOnDisk, type Surroundings } from "../stack";
import { sourceFile } from "../stackfile";
import { knownMachines } from "../state";
import { didYouMean } from "../suggest";
import { type AgentState, type Answer, askAgent } from "./status";

const pointerSchema = z.object({ epoch: z.number(), primary: z.string(), force: z.boolean().optional() });

/** Which host is the primary; the newest epoch counts. `force`: it need not wait for an old primary that cannot be asked. */
export type Pointer = z.infer<typeof pointerSchema>;

/** What a database host says of its database; null when it does not answer. */
export interface DatabaseHost {
  readonly name: string;
  readonly said: NonNullable<AgentState["database"]> | null;
  /** Why it does not answer; null when it does. */
  readonly silent: string | null;
}

/** The stack as a promotion sees it; tests put their own in. */
export interface PromotionSite {
  /** For the words of errors. */
  readonly stack: string;
  /** Every host's name and roles. */
  readonly hosts: readonly { readonly name: string; readonly roles: readonly string[] }[];
  /** Asks every host with the role database. */
  look(): Promise<readonly DatabaseHost[]>;
  pointer(): Promise<Pointer>;
  point(pointer: Pointer): Promise<void>;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

/** What `database promote --json` prints. */
export interface Promotion {
  readonly stack: string;
  /** The host that takes writes. */
  readonly primary: string;
  /** The primary before. */
  readonly from: string;
  /** Of the primary pointer. */
  readonly epoch: number;
  readonly forced: boolean;
  /** False when the host was the primary already. */
  readonly changed: boolean;
  /** Seconds for which no host was seen taking writes, to half a second; null when nothing changed, or the old primary was gone before. */
  readonly closedSeconds: number | null;
  /** Hosts that replicate from the new primary. */
  readonly following: readonly string[];
  /** Database hosts that do not (yet), and why. */
  readonly notFollowing: readonly { readonly name: string; readonly why: string }[];
}

const PLANNED_SECONDS = 30;
const FORCED_SECONDS = 60;
const FOLLOW_SECONDS = 30;
const PERIOD_MS = 100;

/** What is in the way of a host's being a replica, in its own words where there are some. */
function trouble({ said, silent }: DatabaseHost): string {
  if (said === null) {
    return silent ?? "does not answer";
  }
  return said.fenced
    ? `is fenced: ${said.fenced}`
    : said.error
      ? `says: ${said.error}`
      : said.stale && said.lagSeconds !== null
        ? `is ${said.lagSeconds} s behind or has lost the primary`
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

/**
 * Refuses what would lose writes or cannot work.
 * @returns true when there is nothing to do: the host is the primary
 * @throws UserError that says what is in the way and what to do
 */
export function preflight(
  stack: string,
  hosts: readonly DatabaseHost[],
  pointer: Pointer,
  target: string,
  force: boolean,
): boolean {
  const refuse = (why: string): never => {
    throw new UserError(`${why}. Nothing was changed.`);
  };
  const host = found(hosts, target);
  if (host.said?.writable === true && pointer.primary === target) {
    return true;
  }
  const writable = hosts.find(({ said }) => said?.writable === true);
  if (host.said === null) {
    return refuse(`"${target}" cannot be promoted: ${trouble(host)}`);
  }
  const old = found(hosts, pointer.primary);
  if (!force && old.said?.writable !== true) {
    return refuse(
      old.said === null
        ? `the primary "${old.name}" is gone (it ${trouble(old)}): use --force, which may lose acknowledged writes that only it holds`
        : `the primary "${old.name}" takes no writes (it ${trouble(old)}): bring it back, or use --force, which may lose acknowledged writes that only it holds`,
    );
  }
  // What an earlier forced promotion left unfinished may be finished: the pointer names the host, and it waits.
  if (force ? host.said.fenced || !host.said.stale : !host.said.replica) {
    return refuse(`"${target}" cannot be promoted, as it is no healthy replica: it ${trouble(host)}`);
  }
  if (!force) {
    return false;
  }
  if (writable !== undefined) {
    return refuse(
      `"${writable.name}" still takes writes, and --force is for a primary that is gone: \`webinfra database promote ${target} --stack ${stack}\` ` +
        "moves them without a loss",
    );
  }
  for (const other of hosts) {
    const more = gtidSubtract(holds(other), holds(host));
    if (other.name !== pointer.primary && other.said?.stale === true && !other.said.fenced && more !== "") {
      return refuse(
        `"${other.name}" holds transactions that "${target}" lacks (${more}): promote "${other.name}", or wait until "${target}" has them`,
      );
    }
  }
  return false;
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

const only =
  (name: string) =>
  (hosts: readonly DatabaseHost[]): boolean =>
    hosts.every(({ name: other, said }) => (said?.writable === true) === (other === name));

/** Gives the old primary its role back after a planned promotion that did not end in time. */
async function putBack(site: PromotionSite, from: string, target: string, epoch: number): Promise<never> {
  const why = trouble(found(await site.look(), target));
  await site.point({ epoch: epoch + 1, primary: from });
  const back = await watch(site, PLANNED_SECONDS, only(from));
  throw new UserError(
    `"${target}" did not take over within ${PLANNED_SECONDS} s (it ${why}): "${from}" was made the primary again, and ` +
      (back === undefined
        ? `has not opened for writes yet; \`webinfra status ${site.stack}\` shows it`
        : "takes writes; no write was lost"),
  );
}

/**
 * Makes a host the primary.
 * @param progress told what goes on, a line at a time
 * @throws UserError when it is refused, or was not seen within its time
 */
export async function promoteHost(
  site: PromotionSite,
  target: string,
  force: boolean,
  progress: (line: string) => void,
): Promise<Promotion> {
  const { stack } = site;
  const named = site.hosts.find(({ name }) => name === target);
  const databases = site.hosts.filter(({ roles }) => roles.includes("database")).map(({ name }) => name);
  if (named === undefined) {
    const names = site.hosts.map(({ name }) => name);
    throw new UserError(
      `there is no host "${target}" in the stack "${stack}"${didYouMean(target, databases)}; ` +
        (names.length === 0
          ? `it has no hosts: \`webinfra up ${stack}\` makes them`
          : `hosts with a database: ${databases.join(", ") || "none"}`),
    );
  }
  if (!databases.includes(target)) {
    throw new UserError(
      `"${target}" has no database (its roles: ${named.roles.join(", ")}); hosts with a database: ${databases.join(", ") || "none"}`,
    );
  }
  const [hosts, pointer] = [await site.look(), await site.pointer()];
  const from = pointer.primary;
  const nothing = { stack, primary: target, from, forced: force, closedSeconds: null };
  if (preflight(stack, hosts, pointer, target, force)) {
    const following = hosts.filter(({ said }) => said?.replica === true).map(({ name }) => name);
    return { ...nothing, epoch: pointer.epoch, changed: false, following, notFollowing: [] };
  }
  const kept = gtidSubtract(holds(found(hosts, from)), holds(found(hosts, target)));
  if (force && kept !== "") {
    progress(`"${from}" holds what "${target}" lacks: ${kept}; it stays there alone`);
  }
  // Somebody else's promotion since the look above would be undone unseen.
  if ((await site.pointer()).epoch !== pointer.epoch) {
    throw new UserError("another promotion has just begun: look at `webinfra status`. Nothing was changed.");
  }
  const epoch = pointer.epoch + 1;
  await site.point({ epoch, primary: target, ...(force ? { force } : {}) });
  progress(force ? `"${target}" takes over without "${from}"` : `"${from}" closes for writes, "${target}" takes over`);
  let closed: number | undefined;
  const seconds = force ? FORCED_SECONDS : PLANNED_SECONDS;
  const reached = await watch(site, seconds, (now) => {
    if (found(now, from).said?.writable !== true) {
      closed ??= site.now();
    }
    return only(target)(now);
  });
  if (reached === undefined) {
    const now = await site.look();
    if (!force && found(now, target).said?.writable !== true) {
      return putBack(site, from, target, epoch);
    }
    throw new UserError(
      `"${target}" was not seen as the only host that takes writes within ${seconds} s: it ${trouble(found(now, target))}; ` +
        `the primary pointer names it, and \`webinfra status ${stack}\` shows what becomes of it`,
    );
  }
  const closedSeconds = force || closed === undefined ? null : (site.now() - closed) / 1000;
  progress(
    `"${target}" takes writes` +
      (closedSeconds === null ? "" : `; none were taken for about ${duration(closedSeconds)}, as the hosts say`),
  );
  const others = (now: readonly DatabaseHost[]) => now.filter(({ name }) => name !== target);
  const follows = ({ said }: DatabaseHost): boolean => said?.replica === true && said.epoch === epoch;
  const answering = (now: readonly DatabaseHost[]) => others(now).filter(({ said }) => said !== null && !said.fenced);
  const last = (await watch(site, FOLLOW_SECONDS, (now) => answering(now).every(follows))) ?? (await site.look());
  return {
    ...nothing,
    epoch,
    changed: true,
    closedSeconds,
    following: others(last)
      .filter(follows)
      .map(({ name }) => name),
    notFollowing: others(last)
      .filter((host) => !follows(host))
      .map((host) => ({ name: host.name, why: trouble(host) })),
  };
}

/** What a promotion came to, for people. */
export function promotionLines({ primary, from, changed, forced, following, notFollowing }: Promotion): string[] {
  if (!changed) {
    return [`"${primary}" is the primary already`];
  }
  return [
    `"${primary}" is the primary${following.length === 0 ? "" : `; ${following.join(", ")} ${following.length === 1 ? "follows" : "follow"} it`}`,
    ...notFollowing.map(({ name, why }) => `"${name}" does not follow it yet: it ${why}`),
    ...(forced
      ? [`should "${from}" return, it follows, or fences itself and says what it holds that "${primary}" lacks`]
      : []),
  ];
}

function answered(host: string, answer: Answer): DatabaseHost {
  return "silent" in answer
    ? { name: host, said: null, silent: answer.silent }
    : answer.database
      ? { name: host, said: answer.database, silent: null }
      : { name: host, said: null, silent: "says nothing of its database" };
}

/** The primary pointer of a stack's channel. */
export async function readPointer(channel: string, stack: string): Promise<Pointer> {
  const path = join(channel, "pointers", "primary.json");
  try {
    return pointerSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (isMissing(error)) {
      throw new UserError(`the stack "${stack}" has no primary pointer (${path}); \`webinfra up ${stack}\` makes it`);
    }
    throw error;
  }
}

/** Puts the primary pointer in place, and tells the hosts. */
export async function writePointer(channel: string, pointer: Pointer): Promise<void> {
  await place(channel, "pointers/primary.json", (path) => writeFile(path, JSON.stringify(pointer)));
  await bumpVersion(channel);
}

/** Makes a host the primary. Prints how it went. */
export async function promote(
  surroundings: Surroundings,
  host: string,
  options: { readonly stack: string; readonly force?: boolean },
): Promise<void> {
  const { output } = surroundings;
  const { stack, force = false } = options;
  const facts = stackFacts(surroundings, stack);
  const state = stateOnDisk(facts);
  needIncus(surroundings, stack, "promote");
  const machines = withGone(await stackMachines(stack), knownMachines(state));
  if (machines.length === 0 && state === undefined) {
    // Says so when there is no such stack at all.
    sourceFile(surroundings.root, stack);
  }
  const databases = machines.filter(({ roles }) => roles.includes("database"));
  const channel = join(facts.home, "channels", stack);
  const ask = async (machine: HostMachine) => answered(machine.host, await askAgent(machine));
  const promotion = await promoteHost(
    {
      stack,
      hosts: machines.map((machine) => ({ name: machine.host, roles: machine.roles })),
      look: () => Promise.all(databases.map(ask)),
      pointer: () => readPointer(channel, stack),
      point: (pointer) => writePointer(channel, pointer),
      now: () => performance.now(),
      sleep,
    },
    host,
    force,
    (line) => output.progress(line),
  );
  for (const line of promotionLines(promotion)) {
    output.result(line);
  }
  output.data(promotion);
}
