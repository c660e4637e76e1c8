/** `webinfra up`: brings the site to what the stack's configuration says. */
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
import { Progress } from "./progress";
import { recover } from "./recover";
import { accessOn } from "./site";
import { type OpenStack, openStack, platformOf, stateOnDisk } from "./stack";
import type { Override } from "./stackfile";
import { knownMachines } from "./state";

/** Hosts that were made from an older definition, as the stack's outputs name them. */
export const outdatedOf = (outputs: Readonly<Record<string, unknown>>): readonly string[] =>
  z.array(z.string()).safeParse(outputs["outdated"]).data ?? [];

export interface UpOptions {
  /** Compares the state with what there is first, so that what was deleted by hand is made again. */
  readonly refresh?: boolean;
  readonly config: readonly Override[];
  readonly configFile?: string;
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
}

/** What an update left. */
export interface Updated {
  readonly changes: UpResult["changes"];
  /** How many resources changed. */
  readonly changed: number;
  readonly outputs: UpResult["outputs"];
}

/** Holds an open stack to its policies and updates it, with its progress shown. @param doing what it is told as, such as `bringing up the stack "dev"` */
export async function update(
  open: OpenStack,
  output: Output,
  doing: string,
  { refresh = false, replace = [] }: UpdateOptions,
): Promise<Updated> {
  const held = isHeldToPolicies(open.settings);
  if (held) {
    await checkPolicies(open, output);
  }
  open.interruption.check();
  output.progress(doing);
  const hosts = knownMachines(stateOnDisk(open)).map(({ host }) => host);
  const platform = platformOf(open.settings);
  const watch = isLocal(platform) ? await accessOn(platform, open, "up") : undefined;
  return withBoard(output, "up", { hosts, watch }, async (board) => {
    const progress = new Progress(progressOn(board, output));
    const { outputs } = await operate(open, progress, "up", () =>
      open.stack.up({
        onEvent: progress.onEvent,
        ...(refresh ? { refresh } : {}),
        ...(replace.length > 0 ? { replace: [...replace] } : {}),
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
    await recover(open, output);
    await checkRoles(open, undefined);
    const { refresh } = options;
    const { changes, changed, outputs } = await update(open, output, `bringing up the stack "${name}"`, {
      ...(refresh === undefined ? {} : { refresh }),
    });
    const seconds = (Date.now() - started) / 1000;
    const url = typeof outputs["url"] === "string" ? outputs["url"] : null;
    const result: UpResult = { stack: name, url, changes, seconds, outputs };
    output.result(closingLines(result, changed).join("\n"));
    output.data(result);
    return result;
  } finally {
    open.close();
  }
}

/**
 * Holds the stack to the policy pack before anything is created.
 * @throws UserError with each violation
 */
async function checkPolicies(open: OpenStack, output: Output): Promise<void> {
  output.progress("checking the policies");
  // What the preview warns of, the update says again.
  const progress = new Progress(() => undefined);
  await operate(open, progress, "up", () => open.stack.preview({ onEvent: progress.onEvent, policyPacks }));
  for (const line of adviceLines(progress.violations)) {
    output.progress(line);
  }
}

/** What `up` says at its end. */
export function closingLines({ stack, url, seconds, outputs }: UpResult, changed: number): string[] {
  const what = changed === 0 ? "everything is as it should be, nothing changed" : `${counted(changed, "resource")} changed`;
  const suffix = stack === "dev" ? "" : ` ${stack}`;
  const next =
    (outputs["platform"] ?? localPlatform) === localPlatform
      ? `\`webinfra status${suffix}\` shows each host, \`webinfra logs HOST\` its journal`
      : `\`webinfra open${suffix}\` opens it, \`webinfra review${suffix}\` says what is weak in it and what it costs`;
  return [
    `done in ${duration(seconds)}: ${what}`,
    ...(url === null ? [] : [`the site: ${url}`]),
    ...outdatedLines(stack, outdatedOf(outputs)),
    `next: ${next}, \`webinfra down${suffix}\` takes it down`,
  ];
}
