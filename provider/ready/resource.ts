/** `Ready`: an update ends when every machine was seen serving, and fails within a deadline when one was not. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { agentPort } from "../../core/ports";
import { parseState } from "../../core/protocol";
import { readyInputs } from "../inputs/ready";
import { type Answer, probe } from "../probe";
import { type Context, type Resource, resource } from "../resource";
import { sleep } from "../time";
import { type Bag, holdsUnknown } from "../values";
import type { Scene } from "./checks/check";
import { askForPage, isServed } from "./checks/site";
import { observer } from "./observe";
import { failureReport, type LogName, statusLine, unseenLine } from "./report";
import { outdatedHosts, pendingLines } from "./told";

const POLL_MS = 500;
const STATUS_EVERY_MS = 3_000;
const DRIFT_PROBE_MS = 2_000;
const DEFAULT_TIMEOUT_SECONDS = 300;

type Inputs = z.infer<typeof readyInputs>;

const state = z.object({
  ...readyInputs.shape,
  checkedAt: z.string(),
  /** Hosts that were made from an older definition, when everything was last seen. Absent in states of before there was this. */
  outdated: z.array(z.string()).readonly().optional(),
});
type State = z.infer<typeof state>;

/** The way to the site's machines. */
export interface MachineAccess {
  /** Fetches logs of a machine that is not ready, as one text. Never throws. */
  readonly readLogs: (machine: string, logs: readonly LogName[]) => Promise<string>;
  /** Where agents answer. Default: 9000. */
  readonly agentPort?: number;
  /** Certificates of the authorities that the site's may come from, PEM. Default: as in `ProbeOptions`. */
  readonly ca?: string;
}

/** Polls until everything was seen, and returns what was seen last; throws the report when the time is over. */
export async function waitUntilReady(
  given: Inputs,
  { signal, status }: Pick<Context, "signal" | "status">,
  access: MachineAccess,
): Promise<Scene> {
  const seconds = given.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  const began = Date.now();
  const deadline = began + seconds * 1000;
  const agents = new Map<string, Answer>();
  const observe = observer(given, access.agentPort ?? agentPort, agents);
  let saidAt = 0;
  for (;;) {
    const missed = await observe((url, options) => probe(url, signal, { ...options, ca: access.ca }));
    if (missed.length === 0) {
      return { expectation: given, agents };
    }
    const now = Date.now();
    if (now >= deadline || missed.some(({ final }) => final === true)) {
      const logs = new Map<string, string>();
      await Promise.all(
        missed.map(async ({ machine, logs: names = [] }) => {
          if (machine !== undefined && names.length > 0 && given.reach !== "public") {
            logs.set(machine.machine, await access.readLogs(machine.machine, names));
          }
        }),
      );
      throw new Error(failureReport(given.site, Math.min(seconds, Math.round((now - began) / 1000)), missed, logs));
    }
    if (now - saidAt >= STATUS_EVERY_MS) {
      status(statusLine(missed));
      saidAt = now;
    }
    await sleep(Math.min(POLL_MS, deadline - now), signal);
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
    if (isServed(await askForPage(given, (url, options) => probe(url, signal, options), left))) {
      return true;
    }
    await sleep(Math.min(POLL_MS / 2, left), signal);
  }
}

/** Whether a machine that answers runs another release than the wanted one: operations may have moved it, and the release pointer has just moved on. */
async function runsAnother(
  given: Inputs,
  { agentPort: port = agentPort }: Pick<MachineAccess, "agentPort">,
  signal: AbortSignal,
): Promise<boolean> {
  if (given.reach === "public" || given.release === "") {
    return false;
  }
  const answers = await Promise.all(
    given.machines
      .filter(({ roles }) => roles.includes("appServer") || roles.includes("webServer"))
      .map(({ address }) => probe(`http://${address}:${String(port)}/state`, signal)),
  );
  return answers.some((answer) => {
    const state = answer.status === undefined ? undefined : parseState(answer.body);
    const running = state?.ok === true ? state.value.release : null;
    // One that has just booted runs none yet.
    return running !== null && running !== "" && running !== given.release;
  });
}

/** The machines as comparable texts. Parsed, because the order of a machine's keys differs between the state and the wire. */
function machineTexts(value: unknown): unknown {
  const machines = readyInputs.shape.machines.safeParse(value);
  return machines.success ? machines.data.map((one) => JSON.stringify(one)).sort((a, b) => a.localeCompare(b)) : value;
}

/** `webinfra:index:Ready` */
export function readyResource(access: MachineAccess): Resource {
  const check = async (given: Inputs, context: Context): Promise<State> => {
    const seen = await waitUntilReady(given, context, access);
    const unseen = unseenLine(given);
    if (unseen !== undefined) {
      context.warn(unseen);
    }
    for (const line of pendingLines(seen)) {
      context.warn(line);
    }
    return { ...given, checkedAt: new Date().toISOString(), outdated: outdatedHosts(seen) };
  };
  return resource<Inputs, State>({
    inputs: readyInputs,
    state,
    stateVersion: 1,
    migrations: [],
    replaceOn: [],
    updateOn: ["site", "release", "reach", "hostPackage"],
    async drifted(current: State, news: Bag, context: Context) {
      if (
        holdsUnknown(news["machines"]) ||
        !isDeepStrictEqual(machineTexts(current.machines), machineTexts(news["machines"]))
      ) {
        return true;
      }
      return !(await isUp(current, context.signal)) || (await runsAnother(current, access, context.signal));
    },
    async create(given, context) {
      return { id: "ready", state: await check(given, context) };
    },
    read: (_id, current) => Promise.resolve(current),
    update: (_id, _current, given, context) => check(given, context),
    delete: () => Promise.resolve(),
  });
}
