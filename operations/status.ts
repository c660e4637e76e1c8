/** How a site is: each host and its health, asked of the hosts themselves. */
import { type DatabaseState, isOutdated, type State } from "../core/protocol";
import type { Answer } from "./access/agent";
import type { SiteAccess } from "./access/types";
import { type HostMachine, type KnownMachine, withGone } from "./machines";

/** A host's database in `status --json`. */
export interface HostDatabase {
  readonly role: DatabaseState["role"];
  /** Of the newest primary pointer that the host has promised to honour; null when it has seen none. */
  readonly epoch: number | null;
  readonly nonce: string | null;
  /** Why it is not yet what the pointer says. */
  readonly waiting: string | null;
  /** It sees two pointers of one number, and stays closed until one with a higher number comes. */
  readonly conflict: boolean;
}

/** How a site is; what `status --json` prints. */
export interface StatusReport {
  readonly stack: string;
  readonly platform: string | null;
  readonly topology: string | null;
  /** The site's address; null when none is known. */
  readonly url: string | null;
  readonly hosts: readonly {
    readonly name: string;
    readonly roles: readonly string[];
    readonly address: string | null;
    readonly healthy: boolean;
    /** Its machine was made from an older definition than the last update wanted: it holds data, and is made anew on purpose alone. */
    readonly outdated: boolean;
    /** Documents of the channel that the host refused; it goes on with the last good one of each. */
    readonly refused: State["refused"];
    /** What the host says of its settings; null when it says nothing, or was made before there were any. */
    readonly settings: State["settings"];
    /** What the host says of its database; null when it says nothing, or has none. */
    readonly database: HostDatabase | null;
  }[];
  readonly database: {
    /** The host that takes writes; null when none does. */
    readonly primary: string | null;
    readonly replicas: readonly { readonly name: string; readonly lagSeconds: number | null }[];
  };
}

function hostDatabase({ role, epoch, nonce, member }: DatabaseState): HostDatabase {
  return { role, epoch, nonce, waiting: member?.waiting ?? null, conflict: member?.conflict ?? false };
}

/** What two pointers of one number mean, and what ends it. */
export function conflictWords(epoch: number | null): string {
  return `two promotions used the number ${epoch ?? "(unknown)"} at once: run promote again`;
}

/** A stack's machines, each with what its agent answered. */
export type Answered = readonly (readonly [HostMachine, Answer])[];

/** The site's address as it is now: a balancer that was made again may have another one than the last `up` saw. */
function currentUrl(known: string | null, machines: Answered): string | null {
  const addresses = machines.flatMap(([{ roles, address }]) =>
    roles.includes("loadBalancer") && address !== null ? [address] : [],
  );
  const url = new URL(known ?? "http://unknown");
  if (addresses[0] === undefined || addresses.includes(url.hostname)) {
    return known;
  }
  url.hostname = addresses[0];
  return url.origin;
}

/**
 * Puts the report together from the machines and what they answered.
 * @param definitions the definition that the last update wanted of each host, by its name; of a host that is not there nobody says that it is outdated
 */
export function report(
  facts: Pick<StatusReport, "stack" | "platform" | "topology" | "url">,
  machines: Answered,
  definitions: ReadonlyMap<string, string> = new Map(),
): StatusReport {
  const databases = machines.flatMap(([machine, answer]) =>
    "silent" in answer || !answer.database ? [] : [{ name: machine.host, ...answer.database }],
  );
  return {
    ...facts,
    url: currentUrl(facts.url, machines),
    hosts: machines.map(([machine, answer]) => ({
      name: machine.host,
      roles: machine.roles,
      address: machine.address,
      healthy: !("silent" in answer) && answer.healthy && answer.machine === machine.machine,
      outdated: !("silent" in answer) && isOutdated(answer, definitions.get(machine.host)),
      refused: "silent" in answer ? [] : answer.refused,
      settings: "silent" in answer ? null : answer.settings,
      database: "silent" in answer || answer.database === null ? null : hostDatabase(answer.database),
    })),
    database: {
      primary: databases.find(({ role }) => role === "primary")?.name ?? null,
      replicas: databases
        .filter(({ role }) => role === "replica")
        .map(({ name, lagSeconds }) => ({ name, lagSeconds })),
    },
  };
}

/** Whether everything is as it should be: there are hosts, all healthy, and databases have a primary. */
export function allWell(status: StatusReport): boolean {
  const hasDatabases = status.hosts.some(({ roles }) => roles.includes("database"));
  return (
    status.hosts.length > 0 &&
    status.hosts.every(({ healthy }) => healthy) &&
    (!hasDatabases || status.database.primary !== null)
  );
}

/** Asks each of the machines, all at once. */
export function askAll(access: SiteAccess, machines: readonly HostMachine[]): Promise<Answered> {
  return Promise.all(machines.map(async (machine) => [machine, await access.state(machine)] as const));
}

/** A site's status, and what it was made from. */
export interface SiteStatus {
  readonly report: StatusReport;
  readonly machines: Answered;
}

/**
 * Asks the hosts.
 * @param known the machines that the stack's state knows: one that is gone is listed all the same
 * @param facts of the stack; `url` is the address that its last update left
 * @param definitions as for {@link report}
 */
export async function siteStatus(
  access: SiteAccess,
  known: readonly KnownMachine[],
  facts: Pick<StatusReport, "platform" | "topology" | "url">,
  definitions?: ReadonlyMap<string, string>,
): Promise<SiteStatus> {
  const present = withGone(await access.machines(), known);
  const machines = await askAll(access, present);
  const url = machines.length === 0 ? null : facts.url;
  return { report: report({ stack: access.stack, ...facts, url }, machines, definitions), machines };
}
