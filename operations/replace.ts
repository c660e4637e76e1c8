/**
 * Whether a host may be made anew now.
 *
 * A host without data is made beside its old machine, which serves until the new one does: nothing stands in its way. The machine of a host that holds
 * data goes before its successor comes, because two must never mount one volume: for that time every role of it needs another host.
 */
import type { DatabaseState } from "../core/protocol";
import type { Answer } from "./access/agent";
import type { SiteAccess } from "./access/types";
import { ReplacementRefusedError } from "./errors";
import { type HostMachine, type KnownMachine, unknownHost, withGone } from "./machines";
import { type Answered, askAll } from "./status";

/** What is asked for. */
export interface ReplacementRequest {
  /** The host's name, such as db-2. */
  readonly host: string;
  /** Make its data volume anew, too, and copy the data from the primary. */
  readonly discardData: boolean;
  /** `webinfra:mysql.durability`: with `require`, writes wait until a replica has acknowledged them. */
  readonly durability: "prefer" | "require";
  /** Hosts that have data volumes, by name. */
  readonly dataHosts: ReadonlySet<string>;
  /** The hosts that the configuration wants. */
  readonly wanted: readonly string[];
}

/** A host as the site has it now. */
export interface SiteHost {
  readonly name: string;
  readonly roles: readonly string[];
  /** Why it is not healthy; null when it is. */
  readonly trouble: string | null;
  /** Null when it has none, or does not answer. */
  readonly database: DatabaseState | null;
}

/** A host to be made anew, and what is around it. */
export interface ReplacementFacts extends Omit<ReplacementRequest, "dataHosts" | "wanted"> {
  readonly stack: string;
  readonly holdsData: boolean;
  /** The host that the primary pointer names; null when the host has no database. */
  readonly primary: string | null;
  /** Every host once, this one among them. */
  readonly hosts: readonly SiteHost[];
}

const isHealthy = ({ trouble }: SiteHost): boolean => trouble === null;
const hasDatabase = ({ roles }: SiteHost): boolean => roles.includes("database");
const takesWrites = ({ database }: SiteHost): boolean => database?.writable === true;
const follows = (host: SiteHost): boolean => isHealthy(host) && host.database?.replica === true;
const told = (hosts: readonly SiteHost[]): string =>
  hosts.map(({ name, trouble }) => `${name} (${trouble ?? "healthy"})`).join(", ");

/** Why the primary is not made anew. */
function primaryStays({ host, stack }: ReplacementFacts, self: SiteHost, others: readonly SiteHost[]): string {
  const databases = others.filter(hasDatabase);
  const successor = databases.find(follows);
  if (successor === undefined) {
    return `"${host}" is the primary, and no replica is there to take over: ${told(databases)}. Bring one back first`;
  }
  return takesWrites(self)
    ? `"${host}" takes writes: run \`webinfra database promote ${successor.name} --stack ${stack}\` first`
    : `"${host}" is the primary, and takes no writes now: bring it back with \`webinfra up --stack ${stack} --refresh\`, or run ` +
        `\`webinfra database promote ${successor.name} --force --stack ${stack}\` first, which may lose acknowledged writes that only it holds`;
}

/** What stands in the way of a host with a database, in words; undefined when nothing does. */
function databaseProblem(facts: ReplacementFacts, self: SiteHost, others: readonly SiteHost[]): string | undefined {
  const { host, stack, durability, discardData } = facts;
  const databases = others.filter(hasDatabase);
  if (databases.length === 0) {
    return `"${host}" holds the only copy of the data: give the site a replica first (webinfra:replicas, and \`webinfra up --stack ${stack}\`)`;
  }
  if (takesWrites(self) || facts.primary === host) {
    return primaryStays(facts, self, others);
  }
  const primary = databases.find((other) => isHealthy(other) && takesWrites(other));
  if (primary === undefined) {
    return `no other database takes writes now, and "${host}" could not follow any: ${told(databases)}. Bring the primary back, or promote another host, first`;
  }
  if (durability === "require" && follows(self) && !databases.some(follows)) {
    return (
      `"${host}" is the only replica that acknowledges writes, and with durability "require" they would wait until it is back: ` +
      `bring another replica up first: ${told(databases.filter((other) => other !== primary)) || "there is none"}`
    );
  }
  if (self.database?.fenced && !discardData) {
    return (
      `"${host}" is fenced (${self.database.fenced}), and would be so again on the same data: ` +
      "--discard-data makes it anew without them, and loses what it alone has"
    );
  }
  return undefined;
}

/** A role that no other host could carry meanwhile, in words; undefined when there is none. */
function roleProblem({ host }: ReplacementFacts, self: SiteHost, others: readonly SiteHost[]): string | undefined {
  const because = `"${host}" holds data, so that its machine goes before the next one comes, and no other host`;
  for (const role of self.roles) {
    const members = others.filter(({ roles }) => roles.includes(role));
    if (members.length === 0) {
      return `${because} has the role ${role}: add one first`;
    }
    if (!members.some(isHealthy)) {
      return `${because} with the role ${role} is healthy: ${told(members)}. Bring one back first`;
    }
  }
  return undefined;
}

/** What stands in the way of making a host anew now, in words for users; undefined when nothing does. */
export function judgeReplacement(facts: ReplacementFacts): string | undefined {
  const { host, hosts, holdsData, discardData } = facts;
  const self = hosts.find(({ name }) => name === host);
  if (!holdsData || self === undefined) {
    return discardData && !holdsData
      ? `"${host}" holds no data: --discard-data is for a host with a data volume`
      : undefined;
  }
  const others = hosts.filter(({ name }) => name !== host);
  return (hasDatabase(self) ? databaseProblem(facts, self, others) : undefined) ?? roleProblem(facts, self, others);
}

/** What to ask before a host is made anew; undefined when nothing is lost and nothing stops meanwhile. */
export function replacementQuestion({ host, hosts, holdsData, discardData }: ReplacementFacts): string | undefined {
  if (!holdsData) {
    return undefined;
  }
  if (!discardData) {
    return `Make "${host}" anew? Its machine is deleted before the new one starts; its data volume stays.`;
  }
  const self = hosts.find(({ name }) => name === host);
  const alone = self?.database?.member?.alone;
  const lost =
    self?.database == null
      ? ` It does not say what it has: what it alone may have is lost.`
      : alone
        ? ` It alone has the transactions ${alone}, which are lost.`
        : "";
  const primary = hosts.find((other) => other.name !== host && takesWrites(other));
  return `Make "${host}" anew and throw its data away? They are copied again from "${primary?.name ?? "the primary"}".${lost}`;
}

/** A machine as it speaks for its host. */
function siteHost([{ host, roles, machine }, answer]: readonly [HostMachine, Answer]): SiteHost {
  if ("silent" in answer) {
    return { name: host, roles, trouble: answer.silent, database: null };
  }
  if (answer.machine !== machine) {
    return { name: host, roles, trouble: "another machine answers at its address", database: null };
  }
  const trouble = answer.healthy ? null : (answer.error ?? "not healthy");
  return { name: host, roles, trouble, database: answer.database };
}

/** Every host once: while a replacement runs, one has two machines, and the healthy one speaks for it. */
function siteHosts(answered: Answered): readonly SiteHost[] {
  const hosts = new Map<string, SiteHost>();
  for (const one of answered.map(siteHost)) {
    const other = hosts.get(one.name);
    if (other === undefined || (!isHealthy(other) && (isHealthy(one) || other.database === null))) {
      hosts.set(one.name, one);
    }
  }
  return [...hosts.values()];
}

/**
 * Looks at the site around a host that is to be made anew.
 * @param known the machines that the stack's state knows
 * @throws HostError when there is no such host; ReplacementRefusedError when it has no machine now; PointerError when it has a database, and nobody says who is primary
 */
export async function surveyReplacement(
  access: SiteAccess,
  known: readonly KnownMachine[],
  { dataHosts, wanted, ...request }: ReplacementRequest,
): Promise<ReplacementFacts> {
  const machines = withGone(await access.machines(), known);
  const own = machines.find(({ host }) => host === request.host);
  if (own === undefined && wanted.includes(request.host)) {
    throw new ReplacementRefusedError(
      `"${request.host}" has no machine now: \`webinfra up --stack ${access.stack}\` makes it, on its data where they are there. Nothing was changed.`,
    );
  }
  if (own === undefined) {
    throw unknownHost(machines, access.stack, request.host);
  }
  const hosts = siteHosts(await askAll(access, machines));
  const primary = own.roles.includes("database") ? (await access.channel.primary()).primary : null;
  return { ...request, stack: access.stack, holdsData: dataHosts.has(request.host), primary, hosts };
}

/**
 * {@link surveyReplacement}, and refuses what would stop a tier, lose data, or cannot work.
 * @throws ReplacementRefusedError that says what stands in the way
 */
export async function checkReplacement(
  access: SiteAccess,
  known: readonly KnownMachine[],
  request: ReplacementRequest,
): Promise<ReplacementFacts> {
  const facts = await surveyReplacement(access, known, request);
  const problem = judgeReplacement(facts);
  if (problem !== undefined) {
    throw new ReplacementRefusedError(`${problem}. Nothing was changed.`);
  }
  return facts;
}
