/** `Ready`: an update ends when every machine was seen serving, and fails within a deadline when one was not. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { agentPort as hostAgentPort } from "../core/ports";
import { exec } from "./incus/exec";
import { readyInputs } from "./inputs/ready";
import { type Answer, probe } from "./probe";
import {
  balancersOf,
  type Expectation,
  failureReport,
  isServed,
  missing,
  missingMachines,
  noteSighting,
  nothingSeen,
  type Observations,
  statusLine,
  unseenThrough,
} from "./readiness";
import { type Context, resource } from "./resource";
import { sleep } from "./time";
import { type Bag, holdsUnknown } from "./values";

const POLL_MS = 500;
/** What an answer of a busy application may take. */
const PAGE_MS = 10_000;
const STATUS_EVERY_MS = 3_000;
const DRIFT_PROBE_MS = 2_000;
const LOG_TIMEOUT_MS = 10_000;
const DEFAULT_TIMEOUT_SECONDS = 300;

type Inputs = z.infer<typeof readyInputs>;

const state = z.object({ ...readyInputs.shape, checkedAt: z.string() });
type State = z.infer<typeof state>;

/** Fetches the logs of a machine that is not ready. */
export type LogReader = (machine: string) => Promise<string>;

/** What can be told about a machine from inside: its converge journal and what cloud-init said. Never throws. */
export async function machineLogs(machine: string): Promise<string> {
  const section = async (title: string, argv: readonly string[]): Promise<string> => {
    try {
      const result = await exec(machine, argv, { timeoutMs: LOG_TIMEOUT_MS });
      return `${title}:\n${(result.stdout || result.stderr).trimEnd().replaceAll(/^/gm, "  ")}`;
    } catch (error) {
      return `${title}: cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  };
  return [
    await section("journal of webinfra-converge", ["journalctl", "-u", "webinfra-converge", "-n", "30", "--no-pager"]),
    await section("cloud-init-output.log", ["tail", "-n", "15", "/var/log/cloud-init-output.log"]),
  ].join("\n");
}

/** The site's URL with another host and path, and the Host header that goes with it. */
export function throughAddress(site: string, address: string, path: string): { url: string; host: string } {
  const url = new URL(path, site);
  const host = url.host;
  url.hostname = address;
  return { url: url.href, host };
}

/** Asks for machines through the balancer at `address` until each was seen, or enough was asked. Old machines take turns while they last. */
async function lookThrough(
  site: string,
  address: string,
  unseen: () => number,
  note: (answer: Answer) => void,
  signal: AbortSignal,
): Promise<void> {
  // Round robin shows every machine once a turn.
  const tries = 2 * unseen();
  for (let count = 0; count < tries; count++) {
    const served = throughAddress(site, address, "/-/host");
    const answer = await probe(served.url, signal, { timeoutMs: PAGE_MS, host: served.host });
    note(answer);
    if (answer.status === undefined || unseen() === 0) {
      break;
    }
  }
}

const hostHeader = ({ host }: Pick<Expectation, "host">): { host?: string } => (host === undefined ? {} : { host });

async function observeMachines(
  site: string,
  expectation: Expectation,
  observations: Observations,
  signal: AbortSignal,
  agentPort: number,
): Promise<void> {
  await Promise.all([
    ...expectation.machines.map(async ({ machine, address }) => {
      observations.agents.set(machine, await probe(`http://${address}:${String(agentPort)}/state`, signal));
    }),
    ...balancersOf(expectation).map(async (balancer) => {
      const itself = throughAddress(site, balancer.address, "/-/balancer");
      observations.balancers.set(balancer.machine, await probe(itself.url, signal, { host: itself.host }));
      await lookThrough(
        site,
        balancer.address,
        () => unseenThrough(expectation, [balancer], observations).length,
        (answer) => noteSighting(observations, [balancer.machine], answer),
        signal,
      );
    }),
  ]);
}

/** Through the site's address alone: what one balancer shows counts for whichever holds the address. */
async function observePublic(
  site: string,
  expectation: Expectation,
  observations: Observations,
  signal: AbortSignal,
): Promise<void> {
  const balancers = balancersOf(expectation);
  const answer = await probe(new URL("/-/balancer", site).href, signal);
  for (const { machine } of balancers) {
    observations.balancers.set(machine, answer);
  }
  await lookThrough(
    site,
    new URL(site).hostname,
    () => unseenThrough(expectation, balancers, observations).length,
    (seen) =>
      noteSighting(
        observations,
        balancers.map(({ machine }) => machine),
        seen,
      ),
    signal,
  );
}

async function observe(
  site: string,
  expectation: Expectation,
  observations: Observations,
  signal: AbortSignal,
  agentPort: number,
): Promise<void> {
  await (expectation.reach === "public"
    ? observePublic(site, expectation, observations, signal)
    : observeMachines(site, expectation, observations, signal, agentPort));
  if (missingMachines(expectation, observations).length === 0) {
    observations.site = await probe(new URL("/", site).href, signal, {
      timeoutMs: PAGE_MS,
      ...hostHeader(expectation),
    });
  }
}

/** Polls until everything was seen, or throws the report when the time is over. */
export async function waitUntilReady(
  given: Inputs,
  context: Context,
  readLogs: LogReader = machineLogs,
  agentPort: number = hostAgentPort,
): Promise<void> {
  const seconds = given.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const deadline = Date.now() + seconds * 1000;
  const observations = nothingSeen();
  let saidAt = 0;
  for (;;) {
    await observe(given.site, given, observations, context.signal, agentPort);
    const missed = missing(given, observations);
    if (missed.length === 0) {
      return;
    }
    const now = Date.now();
    if (now >= deadline) {
      const logs = new Map<string, string>();
      await Promise.all(
        missed.map(async ({ machine }) => {
          if (machine !== undefined && given.reach !== "public") {
            logs.set(machine.machine, await readLogs(machine.machine));
          }
        }),
      );
      throw new Error(failureReport(given.site, seconds, missed, logs));
    }
    if (now - saidAt >= STATUS_EVERY_MS) {
      context.status(statusLine(missed));
      saidAt = now;
    }
    await sleep(Math.min(POLL_MS, deadline - now), context.signal);
  }
}

/** Whether the site's first page is served within two seconds. */
export async function isUp(given: Pick<Inputs, "site" | "host">, signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + DRIFT_PROBE_MS;
  for (;;) {
    const left = deadline - Date.now();
    if (left <= 0) {
      return false;
    }
    const answer = await probe(new URL("/", given.site).href, signal, { timeoutMs: left, ...hostHeader(given) });
    if (isServed(answer)) {
      return true;
    }
    await sleep(Math.min(POLL_MS / 2, left), signal);
  }
}

/** The machines as comparable texts. Parsed, because the order of a machine's keys differs between the state and the wire. */
function machineTexts(value: unknown): unknown {
  const machines = readyInputs.shape.machines.safeParse(value);
  return machines.success ? machines.data.map((one) => JSON.stringify(one)).sort((a, b) => a.localeCompare(b)) : value;
}

async function check(given: Inputs, context: Context): Promise<State> {
  await waitUntilReady(given, context);
  return { ...given, checkedAt: new Date().toISOString() };
}

/** `webinfra:index:Ready` */
export const ready = resource<Inputs, State>({
  inputs: readyInputs,
  state,
  replaceOn: [],
  updateOn: ["site", "release", "reach"],
  async drifted(current: State, news: Bag, context: Context) {
    if (
      holdsUnknown(news["machines"]) ||
      !isDeepStrictEqual(machineTexts(current.machines), machineTexts(news["machines"]))
    ) {
      return true;
    }
    return !(await isUp(current, context.signal));
  },
  async create(given, context) {
    return { id: "ready", state: await check(given, context) };
  },
  read: (_id, current) => Promise.resolve(current),
  update: (_id, _current, given, context) => check(given, context),
  delete: () => Promise.resolve(),
});
