/** `webinfra replace`: an update that makes one host anew, on purpose. */
import { replacementVariables } from "../../config/replacement";
import { UserError } from "../../core/errors";
import { unknownHost } from "../../operations/machines";
import { checkReplacement, replacementQuestion } from "../../operations/replace";
import { place } from "../../topology/place";
import type { CommandContext } from "../context";
import { confirm } from "../terminal/confirm";
import { duration } from "../terminal/format";
import { outdatedLines } from "../terminal/outdated";
import { configOf } from "./configuration";
import { checkRoles, dataHosts, type StateVolume, volumesOf } from "./hosts";
import { preflight } from "./operate";
import { recover } from "./recover";
import { siteWithHosts } from "./site";
import { currentState, type OpenStack, openStack } from "./stack";
import { type Override, readLastRun, writeLastRun } from "./workfolder";
import { type StackState, type StateResource, urnName, urnType } from "./state";
import { effectiveOverrides } from "./onerun";
import { outdatedOf, update } from "./up";

export interface ReplaceOptions {
  /** Makes its data volumes anew, too. */
  readonly discardData?: boolean;
  /** Waits for another run to end, however long that takes. */
  readonly wait?: boolean;
  /** Does not ask before a host that holds data is made anew. */
  readonly yes?: boolean;
}

/** What `replace --json` prints. */
export interface ReplaceResult {
  readonly stack: string;
  readonly host: string;
  /** The machine's id before and after. */
  readonly before: string | null;
  readonly machine: string | null;
  /** The host's data volumes; empty when it holds no data. */
  readonly volumes: readonly string[];
  readonly discardedData: boolean;
  readonly url: string | null;
  readonly changes: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** A host's machine in the state. */
function machineIn(state: StackState, host: string): StateResource | undefined {
  return state.resources.find(
    ({ urn, delete: replaced }) =>
      urnType(urn) === "webinfra:incus:Machine" && urnName(urn) === host && replaced !== true,
  );
}

/** Switches the protection of what the state has of these, which is against a replacement that nobody asked for. */
async function setProtection(open: OpenStack, verb: "protect" | "unprotect", urns: readonly string[]): Promise<void> {
  const known = new Set((await currentState(open)).resources.map(({ urn }) => urn));
  for (const urn of urns.filter((one) => known.has(one))) {
    await open.pulumi(["state", verb, urn, "--yes", "--stack", open.name]);
  }
}

/** Does work with the protection taken off. An update puts it on again; one that was refused or failed may not have come to it. */
async function unprotected<T>(open: OpenStack, urns: readonly string[], work: () => Promise<T>): Promise<T> {
  try {
    await setProtection(open, "unprotect", urns);
    return await work();
  } catch (error) {
    // Why the update failed counts, and the next one protects them in any case.
    await setProtection(open, "protect", urns).catch(() => undefined);
    throw error;
  }
}

/** @throws UserError when a volume that stays is to be smaller */
async function checkSizes(host: string, stack: string, volumes: readonly StateVolume[], wanted: number): Promise<void> {
  const { smallerVolume } = await import("../../provider/incus/index.js");
  const has = Math.max(0, ...volumes.map(({ sizeGiB }) => sizeGiB ?? 0));
  if (wanted < has) {
    throw new UserError(`${smallerVolume(host, stack, has, wanted)}. Nothing was changed.`);
  }
}

/** What `replace` says at its end. */
export function closingLines(
  { stack, host, before, machine, volumes, discardedData, seconds }: ReplaceResult,
  outdated: readonly string[],
): string[] {
  const data =
    volumes.length === 0
      ? ""
      : discardedData
        ? `; its data volume (${volumes.join(", ")}) is a new one, copied from the primary`
        : `; its data volume (${volumes.join(", ")}) stayed`;
  return [
    `done in ${duration(seconds)}: "${host}" is ${machine ?? "made anew"}${before === null ? "" : `, and was ${before}`}${data}`,
    ...outdatedLines(stack, outdated),
    `next: \`webinfra status --stack ${stack}\` shows each host`,
  ];
}

/** Makes a host anew; it ends well only when the site was seen to serve with the new one. */
export async function replace(
  context: CommandContext,
  name: string,
  host: string,
  options: ReplaceOptions & { readonly config: readonly Override[]; readonly configFile?: string },
): Promise<ReplaceResult> {
  const { output } = context;
  const started = Date.now();
  const discardData = options.discardData === true;
  const { access, known } = await siteWithHosts(context, name, "replace");
  // Says so first where hosts cannot be asked.
  const machines = await access.machines();
  const open = await openStack(context, name, {
    configFile: options.configFile,
    overrides: options.config,
    programVariables: replacementVariables({ host, discardData }),
    create: false,
  });
  if (open === undefined) {
    throw unknownHost(machines, name, host);
  }
  try {
    await preflight(open);
    await recover(open, output, options.wait);
    const state = await currentState(open);
    const config = configOf(open.settings);
    const { durability, volumeGiB } = config.mysql;
    const held = new Set(dataHosts(state).map((one) => one.host));
    const wanted = place(config).hosts.map((one) => one.name);
    const facts = await checkReplacement(access, known, { host, discardData, durability, dataHosts: held, wanted });
    if (!wanted.includes(host)) {
      throw new UserError(
        `the configuration has no host "${host}" any more (it has ${wanted.join(", ")}): ` +
          `\`webinfra up --stack ${name}\` takes it away. Nothing was changed.`,
      );
    }
    const volumes = volumesOf(state, host);
    if (!discardData) {
      await checkSizes(host, name, volumes, volumeGiB);
    }
    await checkRoles(open, host);
    const question = replacementQuestion(facts);
    if (question !== undefined && options.yes !== true && !(await confirm(question))) {
      throw new UserError("nothing was changed");
    }
    open.interruption.check();
    const before = machineIn(state, host);
    const machine = before === undefined ? [] : [{ urn: before.urn, protected: before.protect === true }];
    const anew = [...machine, ...(discardData ? volumes : [])];
    // The rest of the site may have changes of its own that wait.
    const ofHost = new Set([host, ...volumes.map(({ urn }) => urnName(urn))]);
    const guarded = anew.filter((one) => one.protected).map(({ urn }) => urn);
    const { changes, outputs } = await unprotected(open, guarded, () =>
      update(open, output, `making "${host}" of the stack "${name}" anew`, {
        replace: anew.map(({ urn }) => urn),
        onBegin: () => {
          const { configFile } = readLastRun(open.home, name);
          writeLastRun(open.home, name, { configFile, overrides: effectiveOverrides(options.config, open.stated) });
        },
        ...(options.yes === true ? {} : { agreed: (step) => ofHost.has(step.name) }),
      }),
    );
    const result: ReplaceResult = {
      stack: name,
      host,
      before: before?.id ?? null,
      machine: machineIn(await currentState(open), host)?.id ?? null,
      volumes: volumes.map((volume) => volume.name),
      discardedData: discardData,
      url: typeof outputs["url"] === "string" ? outputs["url"] : null,
      changes,
      seconds: (Date.now() - started) / 1000,
    };
    output.result(closingLines(result, outdatedOf(outputs)).join("\n"));
    output.data(result);
    return result;
  } finally {
    open.close();
  }
}
