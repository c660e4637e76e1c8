/** The command's exit codes and the errors that end it. */
import { UserError } from "../core/errors";

/** What the command's exit codes mean. */
export const exitCode = {
  ok: 0,
  /** The user can do something about it: the message says what. */
  failed: 1,
  /** `status`: something is not healthy. `preview --expect-no-changes`: there are changes. */
  notAsExpected: 3,
  /** A defect of webinfra itself. */
  defect: 70,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

/** The run was ended by the user (Ctrl-C, or a terminate signal). */
export class InterruptedError extends UserError {
  /** The process's exit code. */
  readonly code = exitCode.interrupted;

  constructor(message: string) {
    super(message);
    this.name = "InterruptedError";
  }
}

/** A run of the CLI that did not succeed. */
export class PulumiFailure extends Error {
  constructor(
    readonly args: readonly string[],
    readonly exitCode: number | null,
    readonly stdout: string,
    readonly stderr: string,
  ) {
    super(
      `pulumi ${args.slice(0, 2).join(" ")} failed: ${stderr.trim() || stdout.trim() || `exit code ${String(exitCode)}`}`,
    );
    this.name = "PulumiFailure";
  }
}

const builtIn = new Set(["TypeError", "ReferenceError", "RangeError", "SyntaxError", "AssertionError"]);

/** Whether an error is a defect of the program rather than a problem that its author foresaw and worded. */
export function isDefect(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return true;
  }
  return builtIn.has(error.name) || error.name === "Error";
}

/** What to print for an error and how to exit: foreseen errors in words alone, defects with their stack. */
export function describeFailure(error: unknown): { readonly text: string; readonly code: number } {
  if (error instanceof InterruptedError) {
    return { text: error.message, code: error.code };
  }
  if (error instanceof UserError || (error instanceof Error && !isDefect(error))) {
    return { text: error.message, code: exitCode.failed };
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `unexpected error, a defect of webinfra: ${detail}`, code: exitCode.defect };
}
