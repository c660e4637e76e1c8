/** `webinfra up`: brings the site to what the stack's configuration says. */
import { join } from "node:path";
import { z } from "zod";
import { isLocal, localPlatform } from "../../operations/platforms";
import { counted } from "../../core/words";
import type { CommandContext } from "../context";
import { duration } from "../terminal/format";
import { withBoard } from "../terminal/live";
import type { Output } from "../terminal/output";
import { progressOn } from "../terminal/progress";
import { outdatedLines } from "../terminal/outdated";
import { checkRoles } from "./hosts";
import { operate, preflight } from "./operate";
import { adviceLines, isHeldToPolicies, policyPacks } from "./policy";
import { agreeTo, losses } from "./consequences";
import { effectiveOverrides, fileOptions, forThisRunLines, takenBackLines } from "./onerun";
import { fingerprintOf, type Override, readLastRun, writeLastRun } from "./workfolder";
import { type PlannedStep, Progress } from "./progress";
import { recover } from "./recover";
import { accessOn } from "./site";
import { type OpenStack, openStack, platformOf, stateOnDisk } from "./stack";
import { knownMachines, type StateResource, stateText, urnName, urnType } from "./state";

/** Hosts that were made from an older definition, as the stack's outputs name them. */
export const outdatedOf = (outputs: Readonly<Record<string, unknown>>): readonly string[] =>
  z.array(z.string()).safeParse(outputs["outdated"]).data ?? [];

export interface UpOptions {
  /** Compares the state with what there is first, so that what was deleted by hand is made again. */
  readonly refresh?: boolean;
  /** Does not ask before something is deleted or replaced. */
  readonly yes?: boolean;
  /** Waits for another run to end, however long that takes. */
  readonly wait?: boolean;
  readonly config: readonly Override[];
  readonly configFile?: string;
  /** Writes the values of {@link config} where they stay, once nothing stands in the way any more. Default: they hold for this run alone. */
  readonly keep?: () => void;
}

/** What `up --json` prints. */
export interface UpResult {
  readonly stack: string;
  readonly url: string | null;
  /** Resources by what was done with them: `{"create": 12, "same": 30}`. */
  readonly changes: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** How an update runs. */
export interface UpdateOptions {
  readonly refresh?: boolean;
  /** URNs of the resources to make anew. Default: those that changed alone. */
  readonly replace?: readonly string[];
  /** Whether what a step takes away was agreed to: else it is asked about. Default: everything was, and there is no plan to look at. */
  readonly agreed?: (step: PlannedStep) => boolean;
  /** Called when nothing stands in the way any more, before the first change. */
  readonly onBegin?: () => void;
}

/** What an update left. */
export interface Updated {
  readonly changes: UpResult["changes"];
  /** How many resources changed. */
  readonly changed: number;
  readonly outputs: UpResult["outputs"];
}

/** Holds an open stack to its policies and updates it, with its progress shown. @param doing what it is told as, such as `bringing up the stack "dev"` */
export async function update(open: OpenStack, output: Output, doing: string, options: UpdateOptions): Promise<Updated> {
  const held = isHeldToPolicies(open.settings);
  const how = {
    ...(options.refresh === true ? { refresh: true } : {}),
    ...(options.replace === undefined || options.replace.length === 0 ? {} : { replace: [...options.replace] }),
  };
  if (held || options.agreed !== undefined) {
    await checkPlan(open, output, held, how, options.agreed ?? (() => true));
  }
  open.interruption.check();
  options.onBegin?.();
  output.progress(doing);
  const hosts = knownMachines(stateOnDisk(open)).map(({ host }) => host);
  const platform = platformOf(open.settings);
  const watch = isLocal(platform) ? await accessOn(platform, open, "up") : undefined;
  return withBoard(output, "up", { hosts, watch }, async (board) => {
    const progress = new Progress(progressOn(board, output));
    const { outputs } = await operate(open, progress, "up", () =>
      open.stack.up({
        onEvent: progress.onEvent,
        ...how,
        // Values that the preview could not know are checked now.
        ...(held ? { policyPacks } : {}),
      }),
    );
    const plain = Object.fromEntries(
      Object.entries(outputs).map(([key, { value, secret }]) => [key, secret ? "[secret]" : (value as unknown)]),
    );
    return { changes: progress.changes, changed: progress.changed, outputs: plain };
  });
}

/** Whether there is something that an update could take away. */
function hasSomething(open: OpenStack): boolean {
  const state = stateOnDisk(open);
  return state === undefined || losses(state.resources.map(asDeletion)).length > 0;
}

const asDeletion = ({ urn }: StateResource): PlannedStep => ({
  op: "delete",
  type: urnType(urn),
  name: urnName(urn),
  diff: [],
});

/** Runs `up`; it ends well only when the site was seen to serve. */
export async function up(context: CommandContext, name: string, options: UpOptions): Promise<UpResult> {
  const { output } = context;
  const started = Date.now();
  const open = await openStack(context, name, {
    configFile: options.configFile,
    overrides: options.config,
    create: true,
  });
  try {
    await preflight(open);
    await recover(open, output, options.wait);
    await checkRoles(open, undefined);
    const { refresh, configFile, config: overrides } = options;
    const keeping = fileOptions(name, configFile);
    const last = readLastRun(open.home, name);
    if (configFile === undefined && open.file === last.configFile) {
      output.progress(`with the configuration of ${open.file}, as the last run`);
    } else if (last.configFile !== undefined && open.file !== last.configFile) {
      output.progress(`with the configuration of ${open.file}; the last run had that of ${last.configFile}`);
    }
    for (const line of takenBackLines(open.stated, last.overrides, overrides, keeping)) {
      output.progress(line);
    }
    const fingerprint = (): string | undefined => {
      const { directory, url } = open.backend;
      const text = directory === undefined ? undefined : stateText(directory, open.project, name);
      return fingerprintOf({
        root: context.root,
        home: open.home,
        config: open.settings.config ?? {},
        state: text === undefined ? undefined : { url, text },
      });
    };
    // The same program with the same configuration wants what it left.
    const isSame = (): boolean => last.fingerprint !== undefined && last.fingerprint === fingerprint();
    const asks = options.yes !== true && (refresh === true || (hasSomething(open) && !isSame()));
    const file = open.file === join(context.root, `Pulumi.${name}.yaml`) ? undefined : open.file;
    const note = options.keep === undefined ? effectiveOverrides(overrides, open.stated) : [];
    const { changes, changed, outputs } = await update(open, output, `bringing up the stack "${name}"`, {
      ...(refresh === undefined ? {} : { refresh }),
      ...(asks ? { agreed: () => false } : {}),
      onBegin: () => {
        options.keep?.();
        writeLastRun(open.home, name, { configFile: file, overrides: note });
      },
    });
    writeLastRun(open.home, name, { configFile: file, overrides: note, fingerprint: fingerprint() });
    const seconds = (Date.now() - started) / 1000;
    const url = typeof outputs["url"] === "string" ? outputs["url"] : null;
    const result: UpResult = { stack: name, url, changes, seconds, outputs };
    const lines = [...closingLines(result, changed, hostsOf(outputs)), ...forThisRunLines(open.stated, note, keeping)];
    output.result(lines.join("\n"));
    output.data(result);
    return result;
  } finally {
    open.close();
  }
}

/**
 * Plans the update before anything is created: holds it to the policy pack, and asks about what it takes away.
 * @param how as the update itself
 * @throws UserError with each violation, and when what goes was not agreed to
 */
async function checkPlan(
  open: OpenStack,
  output: Output,
  held: boolean,
  how: { readonly refresh?: boolean; readonly replace?: string[] },
  agreed: (step: PlannedStep) => boolean,
): Promise<void> {
  output.progress(held ? "checking the policies" : "looking at what would change");
  // What the preview warns of, the update says again.
  const progress = new Progress(() => undefined);
  await operate(open, progress, "up", () =>
    open.stack.preview({ onEvent: progress.onEvent, ...how, ...(held ? { policyPacks } : {}) }),
  );
  for (const line of adviceLines(progress.violations)) {
    output.progress(line);
  }
  open.interruption.check();
  const lost = losses(progress.planned).filter((step) => !agreed(step));
  if (lost.length > 0) {
    await agreeTo(lost, output);
  }
}

/** What is read of the output `hosts`. */
const hostsOutput = z.array(z.object({ name: z.string(), roles: z.array(z.string()) }));

/** The hosts that the outputs tell of; those that run the application come first, for their log is what one looks at. */
function hostsOf(outputs: UpResult["outputs"]): readonly string[] {
  const hosts = hostsOutput.safeParse(outputs["hosts"]).data ?? [];
  const serving = hosts.filter(({ roles }) => roles.includes("appServer"));
  return [...serving, ...hosts.filter((host) => !serving.includes(host))].map(({ name }) => name);
}

/** What `up` says at its end. @param hosts the site's, the one whose log is shown first first */
export function closingLines(
  { stack, url, seconds, outputs }: UpResult,
  changed: number,
  hosts: readonly string[],
): string[] {
  const what =
    changed === 0 ? "everything is as it should be, nothing changed" : `${counted(changed, "resource")} changed`;
  const [host] = hosts;
  const next =
    (outputs["platform"] ?? localPlatform) === localPlatform
      ? ["`webinfra status` shows each host", ...(host === undefined ? [] : [`\`webinfra logs ${host}\` its log`])]
      : ["`webinfra open` opens it", "`webinfra review` says what is weak in it and what it costs"];
  return [
    `done in ${duration(seconds)}: ${what}`,
    ...(url === null ? [] : [`the site: ${url}`]),
    ...outdatedLines(stack, outdatedOf(outputs)),
    `next: ${[...next, "`webinfra down` takes it down"].join(", ")}`,
  ];
}
