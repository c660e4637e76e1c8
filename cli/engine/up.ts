/** `webinfra up`: brings the site to what the stack's configuration says. */
import { isLocal, localPlatform } from "../../operations/platforms";
import type { CommandContext } from "../context";
import { duration } from "../terminal/format";
import { withBoard } from "../terminal/live";
import type { Output } from "../terminal/output";
import { progressOn } from "../terminal/progress";
import { operate, preflight } from "./operate";
import { adviceLines, isHeldToPolicies, policyPacks } from "./policy";
import { Progress } from "./progress";
import { recover } from "./recover";
import { accessOn } from "./site";
import { type OpenStack, openStack, platformOf, stateOnDisk } from "./stack";
import type { Override } from "./stackfile";
import { knownMachines } from "./state";

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
    const held = isHeldToPolicies(open.settings);
    if (held) {
      await checkPolicies(open, output);
    }
    open.interruption.check();
    output.progress(`bringing up the stack "${name}"`);
    const hosts = knownMachines(stateOnDisk(open)).map(({ host }) => host);
    const platform = platformOf(open.settings);
    const watch = isLocal(platform) ? await accessOn(platform, open, "up") : undefined;
    const { progress, outputs } = await withBoard(output, "up", { hosts, watch }, async (board) => {
      const progress = new Progress(progressOn(board, output));
      const result = await operate(open, progress, "up", () =>
        open.stack.up({
          onEvent: progress.onEvent,
          ...(options.refresh === true ? { refresh: true } : {}),
          // Values that the preview could not know are checked now.
          ...(held ? { policyPacks } : {}),
        }),
      );
      return { progress, outputs: result.outputs };
    });
    const seconds = (Date.now() - started) / 1000;
    const plain = Object.fromEntries(
      Object.entries(outputs).map(([key, { value, secret }]) => [key, secret ? "[secret]" : (value as unknown)]),
    );
    const url = typeof plain["url"] === "string" ? plain["url"] : null;
    const result: UpResult = { stack: name, url, changes: progress.changes, seconds, outputs: plain };
    output.result(closingLines(result, progress.changed).join("\n"));
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
  const what = changed === 0 ? "everything is as it should be, nothing changed" : `${changed} resources changed`;
  const suffix = stack === "dev" ? "" : ` ${stack}`;
  const next =
    (outputs["platform"] ?? localPlatform) === localPlatform
      ? `\`webinfra status${suffix}\` shows each host, \`webinfra logs HOST\` its journal`
      : `\`webinfra open${suffix}\` opens it, \`webinfra review${suffix}\` says what is weak in it and what it costs`;
  return [
    `done in ${duration(seconds)}: ${what}`,
    ...(url === null ? [] : [`the site: ${url}`]),
    `next: ${next}, \`webinfra down${suffix}\` takes it down`,
  ];
}
