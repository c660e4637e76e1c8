/** `webinfra status`: each host and its health, asked of the hosts themselves. */
import { request } from "undici";
import { agentPort } from "../../core/ports";
import { type DatabaseState, parseState, type State } from "../../core/protocol";
import { exitCode } from "../errors";
import { type HostMachine, stackMachines, withGone } from "../incus";
import { table } from "../terminal/output";
import type { CommandContext } from "../context";
import { needIncus, platformOf, stackFacts, stateOnDisk } from "../engine/stack";
import { readSettings, sourceFile, workFile } from "../engine/stackfile";
import { knownMachines, plainOutput } from "../engine/state";
import { existsSync } from "node:fs";

const AGENT_TIMEOUT_MS = 2_000;

/** What a host's agent answers to GET /state. */
export type AgentState = State;

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

/** What `status --json` prints. */
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
    /** Documents of the channel that the host refused; it goes on with the last good one of each. */
    readonly refused: State["refused"];
    /** What the host says of its database; null when it says nothing, or has none. */
    readonly database: HostDatabase | null;
  }[];
  readonly database: {
    /** The host that takes writes; null when none does. */
    readonly primary: string | null;
    readonly replicas: readonly { readonly name: string; readonly lagSeconds: number | null }[];
  };
}

/** What a host said, or why it said nothing. */
export type Answer = AgentState | { readonly silent: string };

/** Asks a machine's agent for its state; two seconds at most. */
export async function askAgent(machine: HostMachine): Promise<Answer> {
  if (machine.gone === true) {
    return { silent: "its machine is gone" };
  }
  if (!machine.running || machine.address === null) {
    return { silent: machine.running ? "has no address" : "does not run" };
  }
  try {
    const { statusCode, body } = await request(`http://${machine.address}:${agentPort}/state`, {
      signal: AbortSignal.timeout(AGENT_TIMEOUT_MS),
    });
    const state = parseState(await body.text());
    return state.ok
      ? state.value
      : { silent: `its agent answered ${statusCode} with something else than its state: ${state.problem}` };
  } catch {
    return { silent: "its agent does not answer" };
  }
}

function hostDatabase({ role, epoch, nonce, member }: DatabaseState): HostDatabase {
  return { role, epoch, nonce, waiting: member?.waiting ?? null, conflict: member?.conflict ?? false };
}

/** What two pointers of one number mean, and what ends it. */
export function conflictWords(epoch: number | null): string {
  return `two promotions used the number ${epoch ?? "(unknown)"} at once: run promote again`;
}

/** The site's address as it is now: a balancer that was made again may have another one than the last `up` saw. */
function currentUrl(known: string | null, machines: Answered): string | null {
  const addresses = machines.flatMap(([{ roles, address }]) =>
    roles.includes("loadBalancer") && address !== null ? [address] : [],
  );
  const url = new URL(known ?? "http://unknown");
  if (addresses[0] === undefined || addresses.includes(url.hostname)) return known;
  url.hostname = addresses[0];
  return url.origin;
}

/** Puts the report together from the machines and what they answered. */
export function report(
  facts: {
    readonly stack: string;
    readonly platform: string | null;
    readonly topology: string | null;
    readonly url: string | null;
  },
  machines: Answered,
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
      refused: "silent" in answer ? [] : answer.refused,
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

/** What there is to say of a host beside its health; empty when nothing. */
export function note(machine: HostMachine, answer: Answer): string {
  if ("silent" in answer) {
    return answer.silent;
  }
  if (answer.converge === "running") {
    return `being set up${answer.step ? `: ${answer.step}` : ""}`;
  }
  if (answer.error) {
    return answer.error;
  }
  const { database } = answer;
  if (!database) {
    return "";
  }
  const lag = database.lagSeconds === null ? "" : `, ${database.lagSeconds} s behind`;
  return `${machine.roles.includes("database") ? database.role : ""}${database.role === "replica" ? lag : ""}`;
}

/** What a host has to say that no column has room for, a line each. */
function remarks(stack: string, { name, refused, database }: StatusReport["hosts"][number]): string[] {
  return [
    ...refused.map(({ document, reason }) => `${name} refuses ${document}: ${reason}; the last good one stays in use`),
    ...(database?.conflict === true
      ? [
          `${name} is closed for writes: ${conflictWords(database.epoch)} (\`webinfra database promote HOST --stack ${stack}\`)`,
        ]
      : []),
    ...(database?.waiting == null ? [] : [`${name} says: ${database.waiting}`]),
  ];
}

/** The report for people. */
export function reportLines(status: StatusReport, machines: Answered): string[] {
  const { stack, platform, topology, url } = status;
  if (machines.length === 0) {
    return [`the stack "${stack}" has no hosts; \`webinfra up ${stack}\` makes them`];
  }
  const lost = machines.filter(([{ running }]) => !running).map(([{ host }]) => host);
  return [
    `stack ${stack} (${[platform, topology].filter((part) => part !== null).join(", ")})${url === null ? "" : `: ${url}`}`,
    ...table([
      ["HOST", "ROLES", "ADDRESS", "HEALTH", ""],
      ...machines.map(([machine, answer], index) => [
        machine.host,
        machine.roles.join(" "),
        machine.address ?? "-",
        status.hosts[index]?.healthy === true ? "healthy" : "NOT HEALTHY",
        note(machine, answer),
      ]),
    ]),
    ...(lost.length === 0 ? [] : [`\`webinfra up ${stack}\` brings ${lost.join(", ")} back`]),
    ...status.hosts.flatMap((host) => remarks(stack, host)),
  ];
}

function configured(
  context: CommandContext,
  name: string,
  home: string,
): { readonly platform: string; readonly topology: string | null } {
  const copy = workFile(home, name);
  const file = existsSync(copy) ? copy : sourceFile(context.root, name);
  const settings = readSettings(file);
  const topology = settings.config?.["webinfra:topology"];
  return { platform: platformOf(settings), topology: typeof topology === "string" ? topology : null };
}

/** A stack's machines, each with what its agent answered. */
export type Answered = readonly (readonly [HostMachine, Answer])[];

/** Asks the hosts. Starts no Pulumi process, and needs no stack outputs: a failed run can empty them. */
export async function lookAtStack(
  context: CommandContext,
  name: string,
): Promise<{ readonly result: StatusReport; readonly machines: Answered }> {
  const facts = stackFacts(context, name);
  const config = configured(context, name, facts.home);
  const state = stateOnDisk(facts);
  needIncus(context, name, "status");
  const platform = plainOutput(state, "platform") ?? config.platform;
  const machines = await Promise.all(
    withGone(await stackMachines(name), knownMachines(state)).map(
      async (machine) => [machine, await askAgent(machine)] as const,
    ),
  );
  const result = report(
    {
      stack: name,
      platform,
      topology: plainOutput(state, "topology") ?? config.topology,
      url: machines.length === 0 ? null : (plainOutput(state, "url") ?? null),
    },
    machines,
  );
  return { result, machines };
}

/** Prints the status. */
export async function status(context: CommandContext, name: string): Promise<number> {
  const { output } = context;
  const { result, machines } = await lookAtStack(context, name);
  for (const line of reportLines(result, machines)) {
    output.result(line);
  }
  output.data(result);
  return allWell(result) ? exitCode.ok : exitCode.notAsExpected;
}
