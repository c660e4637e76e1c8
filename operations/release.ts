/**
 * The release that a site runs: going back to one before, and looking on while hosts take one over.
 *
 * Nothing is executed on hosts. The release pointer in the channel is moved, and each host starts what it names beside the one that runs, and
 * switches to it when it is healthy.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ReleasePointer, State } from "../core/protocol";
import { shortDigest } from "../core/digest";
import { listed } from "../core/words";
import type { Answer } from "./access/agent";
import type { SiteAccess } from "./access/types";
import { ReleaseFailedError, RollbackRefusedError } from "./errors";
import { type HostMachine, type KnownMachine, withGone } from "./machines";

/** A host that has the application's release, and what it says of it. */
export interface ReleaseHost {
  readonly name: string;
  readonly said: Pick<State, "release" | "application" | "error"> | null;
  /** Why it does not answer; null when it does. */
  readonly silent: string | null;
  /** Whether it may come to serve: a machine that does not run does not. */
  readonly runs: boolean;
}

/** The site as these operations see it; tests put their own in. */
export interface ReleaseSite {
  /** For the words of errors. */
  readonly stack: string;
  /** Asks every host that has the application's release. */
  look(): Promise<readonly ReleaseHost[]>;
  pointer(): Promise<ReleasePointer>;
  /** The releases whose packages the channel holds. */
  packages(): Promise<readonly string[]>;
  /** Has the pointer name a release. */
  move(release: string): Promise<void>;
  /** Milliseconds of a clock that only goes forward. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

/** How going back goes. */
export type RollbackEvent =
  /** The pointer names the release before. */
  | { readonly kind: "moved"; readonly from: string; readonly release: string }
  /** A host runs it. */
  | { readonly kind: "serves"; readonly host: string }
  /** A host does not run it yet, and is waited for. */
  | { readonly kind: "waiting"; readonly host: string; readonly why: string }
  /** A host does not run, and is not waited for. */
  | { readonly kind: "missing"; readonly host: string; readonly why: string };

/** What going back came to; what `rollback --json` prints. */
export interface Rollback {
  readonly stack: string;
  /** The release that the site runs now. */
  readonly release: string;
  /** The one that it ran before. */
  readonly from: string;
  /** Seconds until all hosts ran it. */
  readonly seconds: number;
  readonly hosts: readonly string[];
  /** Hosts that do not run, and why: they take it when they are back. */
  readonly missing: readonly { readonly name: string; readonly why: string }[];
}

/** A healthy application takes over six seconds after its start, which may take a minute. */
const SWITCH_SECONDS = 90;
const PERIOD_MS = 250;
/** Between two lines about those that do not serve yet. */
const SAY_MS = 5_000;
/** Why a host does not run a release yet; undefined when it does. */
export function lack({ said, silent }: ReleaseHost, release: string): string | undefined {
  if (said === null) {
    return silent ?? "does not answer";
  }
  if (said.release === release) {
    return undefined;
  }
  if (said.application?.release === release) {
    return said.application.reason;
  }
  // Such as a package that could not be fetched.
  return said.error?.includes(release) === true
    ? said.error
    : said.release
      ? `still runs release ${said.release}`
      : "runs no release yet";
}

/**
 * The release to go back to.
 * @param packages the releases that can be had
 * @param asked the beginning of the one that is wanted. Default: the last one that ran before
 * @throws RollbackRefusedError when there is none, or it is not clear which
 */
export function releaseToRun(
  stack: string,
  { release, previous }: Pick<ReleasePointer, "release" | "previous">,
  packages: readonly string[],
  asked?: string,
): string {
  const refuse = (why: string): never => {
    throw new RollbackRefusedError(`${why}. Nothing was changed.`);
  };
  const others = previous.filter((one) => one !== release);
  const had = others.filter((one) => packages.includes(one));
  const choice = `Releases to go back to: ${had.map(shortDigest).join(", ") || "none"}`;
  if (asked === undefined) {
    const [last] = others;
    if (last === undefined) {
      return refuse(`the stack "${stack}" has run no other release before ${shortDigest(release)}`);
    }
    return packages.includes(last)
      ? last
      : refuse(
          `the package of release ${shortDigest(last)}, which ran before, is not in the channel any more. ${choice}`,
        );
  }
  if (!/^[0-9a-f]{4,64}$/.test(asked)) {
    return refuse(
      `"${asked}" is no release: should be the beginning of one, of 4 hexadecimal digits or more. ${choice}`,
    );
  }
  const found = [...new Set([...had, ...packages])].filter((one) => one.startsWith(asked));
  const [only] = found;
  if (only === undefined) {
    return refuse(`there is no package of a release ${asked} in the channel of the stack "${stack}". ${choice}`);
  }
  if (found.length > 1) {
    return refuse(`${asked} may be ${found.map(shortDigest).join(", ")}: give more of it`);
  }
  return only === release ? refuse(`release ${shortDigest(release)} is the one that the site is to run already`) : only;
}

/**
 * Goes back to a release before, and waits until every host that runs serves it.
 * @param asked as for {@link releaseToRun}
 * @throws RollbackRefusedError, or ReleaseFailedError when it was not seen everywhere within its time
 */
export async function rollbackSite(
  site: ReleaseSite,
  asked: string | undefined,
  listener: (event: RollbackEvent) => void,
): Promise<Rollback> {
  const pointer = await site.pointer();
  const { release: from } = pointer;
  const release = releaseToRun(site.stack, pointer, await site.packages(), asked);
  const begun = site.now();
  await site.move(release);
  listener({ kind: "moved", from, release });
  const said = new Set<string>();
  let quietUntil = begun + SAY_MS;
  for (;;) {
    const hosts = (await site.look()).map((host) => ({ ...host, lack: lack(host, release) }));
    for (const { name } of hosts.filter((host) => host.lack === undefined && !said.has(host.name))) {
      said.add(name);
      listener({ kind: "serves", host: name });
    }
    const late = hosts.flatMap(({ name, runs, said: state, lack: why }) =>
      runs && why !== undefined ? [{ name, why, final: state?.application?.final === true }] : [],
    );
    const seconds = (site.now() - begun) / 1000;
    if (late.length === 0) {
      const missing = hosts.flatMap(({ name, runs, lack: why }) => (!runs && why !== undefined ? [{ name, why }] : []));
      for (const { name, why } of missing) {
        listener({ kind: "missing", host: name, why });
      }
      const serving = hosts.filter(({ lack: why }) => why === undefined).map(({ name }) => name);
      return { stack: site.stack, release, from, seconds, hosts: serving, missing };
    }
    if (seconds > SWITCH_SECONDS || late.every(({ final }) => final)) {
      throw new ReleaseFailedError(
        [
          `release ${shortDigest(release)} does not run on ${listed(late.map(({ name }) => name))}, after ${String(Math.round(seconds))} s:`,
          ...late.map(({ name, why }) => `  ${name}: ${why}`),
          "Hosts go on trying, and with what they ran before until then. " +
            `\`webinfra logs --app --stack ${site.stack}\` shows why; \`webinfra rollback ${shortDigest(from)} --stack ${site.stack}\` takes this back`,
        ].join("\n"),
      );
    }
    if (site.now() >= quietUntil) {
      quietUntil = site.now() + SAY_MS;
      for (const { name, why } of late) {
        listener({ kind: "waiting", host: name, why });
      }
    }
    await site.sleep(PERIOD_MS);
  }
}

function releaseHost({ host, running, gone }: HostMachine, answer: Answer): ReleaseHost {
  const runs = running && gone !== true;
  return "silent" in answer
    ? { name: host, said: null, silent: answer.silent, runs }
    : { name: host, said: answer, silent: null, runs };
}

/** Whether a host has the application's release: it runs it, or serves its static files. */
const hasRelease = ({ roles }: HostMachine): boolean => roles.includes("appServer") || roles.includes("webServer");

/**
 * Asks every host of a site that has the application's release.
 * @param known the machines that the stack's state knows
 */
export async function lookAtReleases(
  access: SiteAccess,
  known: readonly KnownMachine[],
): Promise<readonly ReleaseHost[]> {
  const machines = withGone(await access.machines(), known).filter(hasRelease);
  return Promise.all(machines.map(async (machine) => releaseHost(machine, await access.state(machine))));
}

/**
 * Has a site run a release before.
 * @param asked the beginning of a release. Default: the last one that ran before
 * @throws PointerError, RollbackRefusedError, ReleaseFailedError
 */
export async function rollback(
  access: SiteAccess,
  known: readonly KnownMachine[],
  asked: string | undefined,
  listener: (event: RollbackEvent) => void,
): Promise<Rollback> {
  const { stack, releases } = access;
  const site: ReleaseSite = {
    stack,
    look: () => lookAtReleases(access, known),
    pointer: () => releases.pointer(),
    packages: () => releases.packages(),
    move: (release) => releases.move({ release, quick: false }),
    now: () => performance.now(),
    sleep,
  };
  return rollbackSite(site, asked, listener);
}
