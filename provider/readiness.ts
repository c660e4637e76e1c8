/** Judging from what was observed whether a site is ready. Pure: the requests are made in ready.ts. */
import { parseState } from "../core/protocol";
import type { Answer } from "./probe";

/** A machine that must be seen. */
export interface ExpectedMachine {
  /** Machine id. */
  readonly machine: string;
  /** Host name, such as web-1. */
  readonly name: string;
  readonly roles: readonly string[];
  /** Private IPv4 address. */
  readonly address: string;
  /** A passive web server, which balancers show only when no other one is left. Default: false. */
  readonly standby?: boolean | undefined;
}

/** Whether users' requests reach a machine through the balancers now. */
const isShown = (machine: ExpectedMachine): boolean => machine.roles.includes("webServer") && machine.standby !== true;

/** What must be seen before an update may say that all is well. */
export interface Expectation {
  readonly machines: readonly ExpectedMachine[];
  /** What of it can be reached from here. Default: `private`, which is all. */
  readonly reach?: "private" | "public" | undefined;
  /** The Host header of requests to the site. Default: that of its URL. */
  readonly host?: string | undefined;
  /** The release that app servers must run: SHA-256, or "" for any. */
  readonly release: string;
}

/** What was seen so far. The latest answer of each machine counts; what came through a balancer is remembered. */
export interface Observations {
  /** The latest answer of each machine's agent, by machine id. */
  readonly agents: Map<string, Answer>;
  /** The latest answer of each balancer about itself, by machine id. */
  readonly balancers: Map<string, Answer>;
  /** The release (or "") that each web machine last answered with, by `balancer machine id`, then by machine id. */
  readonly sightings: Map<string, Map<string, string>>;
  /** The latest answer of the site's own address. */
  site: Answer | undefined;
}

/** No observation yet. */
export function nothingSeen(): Observations {
  return { agents: new Map(), balancers: new Map(), sightings: new Map(), site: undefined };
}

/** Why a machine, or the site itself, is not ready. */
export interface Missing {
  /** Absent for the site as a whole. */
  readonly machine?: ExpectedMachine;
  readonly reason: string;
}

/** Notes which machine served through balancers. An error's answer also says which machine sent it, and shows nothing. */
export function noteSighting(observations: Observations, balancers: readonly string[], answer: Answer): void {
  if (answer.status !== 200) {
    return;
  }
  const machine = answer.headers["x-machine"];
  if (machine === undefined) {
    return;
  }
  for (const balancer of balancers) {
    const seen = observations.sightings.get(balancer) ?? new Map<string, string>();
    seen.set(machine, answer.headers["x-release"] ?? "");
    observations.sightings.set(balancer, seen);
  }
}

function shortRelease(release: string): string {
  return release === "" ? "no release" : `release ${release.slice(0, 12)}`;
}

function judgeAgent(expected: ExpectedMachine, release: string, answer: Answer | undefined): string | undefined {
  if (answer === undefined) {
    return "not asked yet";
  }
  if (answer.status === undefined) {
    return `its agent does not answer (${answer.problem})`;
  }
  const parsed = parseState(answer.body);
  if (!parsed.ok) {
    return `its agent answers ${String(answer.status)} with something else than its state: ${parsed.problem}`;
  }
  const agent = parsed.value;
  if (agent.machine !== expected.machine) {
    return `its address is answered by another machine, ${agent.machine}`;
  }
  if (agent.converge === "failed") {
    return `failed${agent.step ? ` at "${agent.step}"` : ""}${agent.error ? `: ${agent.error}` : ""} (it tries again)`;
  }
  if (agent.converge !== "done") {
    return agent.step || "starting";
  }
  if (!agent.healthy) {
    return `not healthy${agent.error ? `: ${agent.error}` : ""}`;
  }
  // The answers through the balancer show the release of a machine that serves pages itself.
  const holdsRelease = expected.roles.includes("appServer") || expected.roles.includes("webServer");
  const showsRelease = isShown(expected) && expected.roles.includes("appServer");
  if (holdsRelease && !showsRelease && release !== "" && agent.release !== release) {
    return `runs ${shortRelease(agent.release ?? "")}, not ${shortRelease(release)}`;
  }
  return undefined;
}

/** @param holders machines of which any may answer: the balancer itself, or whichever holds the site's address */
function judgeBalancer(holders: readonly ExpectedMachine[], answer: Answer | undefined): string | undefined {
  if (answer === undefined) {
    return "its balancer was not asked yet";
  }
  if (answer.status === undefined) {
    return `its balancer does not answer (${answer.problem})`;
  }
  if (answer.status !== 200) {
    return `its balancer answers ${String(answer.status)}`;
  }
  const machine = answer.headers["x-machine"];
  return holders.some((one) => one.machine === machine)
    ? undefined
    : `its balancer answers as another machine, ${machine ?? "without a name"}`;
}

function judgeSightings(
  expected: ExpectedMachine,
  release: string,
  balancers: readonly ExpectedMachine[],
  observations: Observations,
): string | undefined {
  for (const balancer of balancers) {
    const found = observations.sightings.get(balancer.machine)?.get(expected.machine);
    if (found === undefined) {
      return `not seen serving through ${balancer.name}`;
    }
    if (expected.roles.includes("appServer") && release !== "" && found !== release) {
      return `serves ${shortRelease(found)} through ${balancer.name}, not ${shortRelease(release)}`;
    }
  }
  return undefined;
}

/** The balancers of an expectation. */
export function balancersOf(expectation: Expectation): ExpectedMachine[] {
  return expectation.machines.filter((one) => one.roles.includes("loadBalancer"));
}

/** The web machines that one of `balancers` still has to show. */
export function unseenThrough(
  expectation: Expectation,
  balancers: readonly ExpectedMachine[],
  observations: Observations,
): ExpectedMachine[] {
  return expectation.machines.filter(
    (one) => isShown(one) && judgeSightings(one, expectation.release, balancers, observations) !== undefined,
  );
}

/** Each machine that is not ready, with the first reason; empty when all machines are. */
export function missingMachines(expectation: Expectation, observations: Observations): Missing[] {
  const balancers = balancersOf(expectation);
  const isPublic = expectation.reach === "public";
  return expectation.machines.flatMap((machine) => {
    const reason =
      (isPublic ? undefined : judgeAgent(machine, expectation.release, observations.agents.get(machine.machine))) ??
      (machine.roles.includes("loadBalancer")
        ? judgeBalancer(isPublic ? balancers : [machine], observations.balancers.get(machine.machine))
        : undefined) ??
      (isShown(machine) ? judgeSightings(machine, expectation.release, balancers, observations) : undefined);
    return reason === undefined ? [] : [{ machine, reason }];
  });
}

/** Whether the site's first page is served. A redirection to a log-in, or an API with nothing at "/", is as good as a page. */
export function isServed(answer: Answer | undefined): boolean {
  return answer?.status !== undefined && answer.status < 500;
}

/** Whether a database among the machines takes writes, as far as can be seen from here. */
function someDatabaseWrites({ machines, reach }: Expectation, { agents }: Observations): boolean {
  const databases = machines.filter(({ roles }) => roles.includes("database"));
  return (
    reach === "public" ||
    databases.length === 0 ||
    databases.some(({ machine }) => {
      const answer = agents.get(machine);
      const said = answer?.status === undefined ? undefined : parseState(answer.body);
      return said?.ok === true && said.value.database?.writable === true;
    })
  );
}

/** Everything that is missing: machines first; the site itself once they are ready. */
export function missing(expectation: Expectation, observations: Observations): Missing[] {
  const machines = missingMachines(expectation, observations);
  if (machines.length > 0) {
    return machines;
  }
  if (!someDatabaseWrites(expectation, observations)) {
    // Old hosts are deleted when all is well, and the primary may be one of them.
    return [
      {
        reason:
          "no database of these hosts takes writes: when the primary is a host that this update takes away, promote another one first " +
          "with `webinfra database promote HOST`",
      },
    ];
  }
  const { site } = observations;
  if (isServed(site)) {
    return [];
  }
  if (site === undefined) {
    return [{ reason: "its first page was not asked for yet" }];
  }
  return [
    {
      reason:
        site.status === undefined
          ? `the site does not answer (${site.problem})`
          : `the site answers ${String(site.status)}`,
    },
  ];
}

/** One line for people who wait, such as `waiting for web-2: installing packages`. */
export function statusLine(missed: readonly Missing[]): string {
  const shown = missed
    .slice(0, 3)
    .map((one) => (one.machine === undefined ? one.reason : `${one.machine.name}: ${one.reason}`));
  const more = missed.length > shown.length ? ` (and ${String(missed.length - shown.length)} more)` : "";
  return `waiting for ${shown.join("; ")}${more}`;
}

function indent(text: string, by: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `${by}${line}`)
    .join("\n");
}

/** The whole error after the deadline. `logs` holds what could be had of each missing machine's logs, by machine id. */
export function failureReport(
  site: string,
  seconds: number,
  missed: readonly Missing[],
  logs: ReadonlyMap<string, string>,
): string {
  const parts = missed.map((one) => {
    if (one.machine === undefined) {
      return `  ${one.reason}`;
    }
    const { machine } = one;
    const log = logs.get(machine.machine);
    return `  ${machine.name} (machine ${machine.machine} at ${machine.address}): ${one.reason}${log === undefined ? "" : `\n${indent(log, "    ")}`}`;
  });
  return [
    `the site ${site} is not ready after ${String(seconds)} s:`,
    ...parts,
    "Nothing was deleted: machines that served before still do. Look further with `webinfra logs HOST`, mend the cause, " +
      "and run the update again; `webinfra:readyTimeoutSeconds` is the time it waits.",
  ].join("\n");
}
