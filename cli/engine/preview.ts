/** `webinfra preview`: what `up` would change. */
import { RunError } from "@pulumi/pulumi/errors";
import { counted } from "../../core/words";
import type { CommandContext } from "../context";
import { exitCode } from "../errors";
import { previewComment } from "../terminal/comment";
import { planLines, progressLines } from "../terminal/progress";
import { deployedOf, proposedOf } from "./compare";
import { operate } from "./operate";
import { adviceLines, isWaiting, policyPacks, PolicyRefusal } from "./policy";
import { plainText, type PlannedStep, Progress, type Violation } from "./progress";
import { currentState, type OpenStack, openStack } from "./stack";
import type { Override } from "./workfolder";
import type { StackState } from "./state";

export interface PreviewOptions {
  /** Shows Pulumi's own property-by-property text. */
  readonly diff?: boolean;
  /** Ends with exit code 3 when there are changes. */
  readonly expectNoChanges?: boolean;
  readonly refresh?: boolean;
  /** Prints a pull request's comment and nothing else; needs an output with `json`. */
  readonly markdown?: boolean;
  readonly config: readonly Override[];
  readonly configFile?: string;
}

/** What `preview --json` prints. */
export interface PreviewResult {
  readonly stack: string;
  readonly hasChanges: boolean;
  readonly changes: Readonly<Record<string, number>>;
  readonly steps: readonly PlannedStep[];
  /** What the policy pack says against it. */
  readonly violations: readonly Violation[];
}

/** Why a preview failed, where that may be shown to everybody: a mistake in the configuration. Else empty: a provider's words may hold anything. */
const publicReason = (open: OpenStack): string => {
  const cause = open.programError();
  return RunError.isInstance(cause) ? cause.message : "";
};

/** The comment on a preview that ended, well or not. */
function commentOn(open: OpenStack, before: StackState, progress: Progress, failed: boolean): string {
  return previewComment({
    stack: open.name,
    steps: progress.planned,
    unchanged: progress.changes["same"] ?? 0,
    policyPacks: progress.policyPacks,
    violations: progress.violations.filter((one) => !isWaiting(one)),
    waiting: progress.violations.filter(isWaiting).length,
    ...proposedOf(open.settings),
    deployed: deployedOf(before),
    failure: failed ? publicReason(open) : undefined,
  });
}

/**
 * Runs `preview`. Returns the exit code: 0, or 3 with `expectNoChanges` when there are changes.
 * @throws PolicyRefusal after the plan, when the policy pack refuses it
 */
export async function preview(context: CommandContext, name: string, options: PreviewOptions): Promise<number> {
  const { output } = context;
  const open = await openStack(context, name, {
    configFile: options.configFile,
    overrides: options.config,
    create: true,
  });
  try {
    const progress = new Progress(progressLines(output));
    const before = options.markdown === true ? await currentState(open) : undefined;
    const comment = (failed: boolean): void => {
      if (before !== undefined) {
        output.document(commentOn(open, before, progress, failed));
      }
    };
    let text = "";
    const refusal = await operate(open, progress, "preview", () =>
      open.stack.preview({
        onEvent: progress.onEvent,
        onOutput: (part) => (text += part),
        diff: options.diff === true,
        policyPacks,
        ...(options.refresh === true ? { refresh: true } : {}),
      }),
    ).then(
      () => undefined,
      (error: unknown) => {
        // The plan is whole: it is shown before what rules say against it.
        if (error instanceof PolicyRefusal) {
          return error;
        }
        comment(true);
        throw error;
      },
    );
    comment(false);
    const hasChanges = progress.changed > 0;
    const { changes, planned: steps, violations } = progress;
    const result: PreviewResult = { stack: name, hasChanges, changes, steps, violations };
    if (options.diff === true) {
      output.result(plainText(text));
    } else {
      for (const line of [...planLines(steps), ...adviceLines(violations)]) {
        output.result(line);
      }
    }
    output.result(hasChanges ? `${counted(progress.changed, "resource")} would change` : "no changes");
    if (options.markdown !== true) {
      output.data(result);
    }
    if (refusal !== undefined) {
      throw refusal;
    }
    return hasChanges && options.expectNoChanges === true ? exitCode.notAsExpected : exitCode.ok;
  } finally {
    open.close();
  }
}
