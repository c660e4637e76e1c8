/** `webinfra preview`: what `up` would change. */
import { exitCode } from "../errors";
import { plainText, planLines, type PlannedStep, Progress } from "../progress";
import { operate } from "../run";
import { openStack, type Surroundings } from "../stack";
import type { Override } from "../stackfile";

export interface PreviewOptions {
  /** Shows Pulumi's own property-by-property text. */
  readonly diff?: boolean;
  /** Ends with exit code 3 when there are changes. */
  readonly expectNoChanges?: boolean;
  readonly refresh?: boolean;
  readonly config: readonly Override[];
  readonly configFile?: string;
}

/** What `preview --json` prints. */
export interface PreviewResult {
  readonly stack: string;
  readonly hasChanges: boolean;
  readonly changes: Readonly<Record<string, number>>;
  readonly steps: readonly PlannedStep[];
}

/** Runs `preview`. Returns the exit code: 0, or 3 with `expectNoChanges` when there are changes. */
export async function preview(surroundings: Surroundings, name: string, options: PreviewOptions): Promise<number> {
  const { output } = surroundings;
  const open = await openStack(surroundings, name, {
    configFile: options.configFile,
    overrides: options.config,
    create: true,
  });
  try {
    const progress = new Progress(output);
    const { stdout } = await operate(open, progress, "preview", () =>
      open.stack.preview({
        onEvent: progress.onEvent,
        diff: options.diff === true,
        ...(options.refresh === true ? { refresh: true } : {}),
      }),
    );
    const hasChanges = progress.changed > 0;
    const result: PreviewResult = { stack: name, hasChanges, changes: progress.changes, steps: progress.planned };
    if (options.diff === true) {
      output.result(plainText(stdout));
    } else {
      for (const line of planLines(progress.planned)) {
        output.result(line);
      }
    }
    output.result(hasChanges ? `${progress.changed} resources would change` : "no changes");
    output.data(result);
    return hasChanges && options.expectNoChanges === true ? exitCode.notAsExpected : exitCode.ok;
  } finally {
    open.close();
  }
}
