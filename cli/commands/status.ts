/** `webinfra status`: each host and its health, asked of the hosts themselves. */
import { request } from "undici";
import { z } from "zod";
import { agentPort } from "../../core/ports";
import { exitCode } from "../errors";
import { type HostMachine, stackMachines, withGone } from "../incus";
import { table } from "../output";
import { needIncus, platformOf, stackFacts, stateOnDisk, type Surroundings } from "../stack";
import { readSettings, sourceFile, workFile } from "../stackfile";
import { knownMachines, plainOutput } from "../state";
import { existsSync } from "node:fs";

const AGENT_TIMEOUT_MS = 2_000;

const agentSchema = z.object({
  machine: z.string(),
  name: z.string(),
  healthy: z.boolean(),
  converge: z.string().optional(),
  step: z.string().nullish(),
  error: z.string().nullish(),
  database: z
    .object({
      role: z.string(),
      lagSeconds: z.number().nullish(),
      writable: z.boolean().optional(),
      /** A replica within its lag bound. */
      replica: z.boolean().optional(),
      /** A replica that can be read, however far behind. */
      stale: z.boolean().optional(),
      /** Why it keeps to itself. */
      fenced: z.string().nullish(),
      error: z.string().nullish(),
      /** Of the primary pointer that the host holds. */
      epoch: z.number().nullish(),
      /** The transactions it has, as a GTID set. */
      executed: z.string().optional(),
      /** Those that its source sent it, applied or not. */
      received: z.string().optional(),
    })
    .nullish(),
});

/** What a host's agent answers to GET /state. */
export type AgentState = z.infer<typeof agentSchema>;

/** What `status --json` prints. */
export interface StatusReport {
  readonly stack: string;
  readonly platform: string | null;
  readonly topology: string | null;
  /** The site's address; null when there is no balancer. */
  readonly url: string | null;
  readonly hosts: readonly {
    readonly name: string;
    readonly roles: readonly string[];
    readonly address: string | null;
    readonly healthy: boolean;
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
    return { silent: "its machine is gone; `webinfra up --refresh` makes it again" };
  }
  if (!machine.running || machine.address === null) {
    return { silent: machine.running ? "has no address" : "does not run" };
  }
  try {
    const { statusCode, body } = await request(`http://${machine.address}:${agentPort}/state`, {
      signal: AbortSignal.timeout(AGENT_TIMEOUT_MS),
    });
    const state = agentSchema.safeParse(await body.json());
    return state.success
      ? state.data
      : { silent: `its agent answered ${statusCode} with something else than its state` };
  } catch {
    return { silent: "its agent does not answer" };
  }
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
  const balancer = machines.find(
    ([machine]) => machine.roles.includes("loadBalancer") && machine.address !== null,
  )?.[0];
  const databases = machines.flatMap(([machine, answer]) =>
    "silent" in answer || !answer.database ? [] : [{ name: machine.host, ...answer.database }],
  );
  return {
    ...facts,
    url: facts.url ?? (balancer ? `http://${balancer.address ?? ""}` : null),
    hosts: machines.map(([machine, answer]) => ({
      name: machine.host,
      roles: machine.roles,
      address: machine.address,
      healthy: !("silent" in answer) && answer.healthy && answer.machine === machine.machine,
    })),
    database: {
      primary: databases.find(({ role }) => role === "primary")?.name ?? null,
      replicas: databases
        .filter(({ role }) => role === "replica")
        .map(({ name, lagSeconds }) => ({ name, lagSeconds: lagSeconds ?? null })),
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
  const lag = typeof database.lagSeconds === "number" ? `, ${database.lagSeconds} s behind` : "";
  return `${machine.roles.includes("database") ? database.role : ""}${database.role === "replica" ? lag : ""}`;
}

/** The report for people. */
export function reportLines(status: StatusReport, machines: Answered): string[] {
  const { stack, platform, topology, url } = status;
  if (machines.length === 0) {
    return [`the stack "${stack}" has no hosts; \`webinfra up ${stack}\` makes them`];
  }
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
  ];
}

function configured(
  surroundings: Surroundings,
  name: string,
  home: string,
): { readonly platform: string; readonly topology: string | null } {
  const copy = workFile(home, name);
  const file = existsSync(copy) ? copy : sourceFile(surroundings.root, name);
  const settings = readSettings(file);
  const topology = settings.config?.["webinfra:topology"];
  return { platform: platformOf(settings), topology: typeof topology === "string" ? topology : null };
}

/** A stack's machines, each with what its agent answered. */
export type Answered = readonly (readonly [HostMachine, Answer])[];

/** Asks the hosts. Starts no Pulumi process, and needs no stack outputs: a failed run can empty them. */
export async function lookAtStack(
  surroundings: Surroundings,
  name: string,
): Promise<{ readonly result: StatusReport; readonly machines: Answered }> {
  const facts = stackFacts(surroundings, name);
  const config = configured(surroundings, name, facts.home);
  const state = stateOnDisk(facts);
  needIncus(surroundings, name, "status");
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
export async function status(surroundings: Surroundings, name: string): Promise<number> {
  const { output } = surroundings;
  const { result, machines } = await lookAtStack(surroundings, name);
  for (const line of reportLines(result, machines)) {
    output.result(line);
  }
  output.data(result);
  return allWell(result) ? exitCode.ok : exitCode.notAsExpected;
}
