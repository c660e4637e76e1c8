/** The command's exit codes and the errors that end it. */

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

/** An error that the user can act on: printed as its message alone, with no stack trace. */
export class UserError extends Error {
  /**
   * @param message names the thing, its value, and what would be right or what to do next
   * @param code the process's exit code; default 1
   */
  constructor(
    message: string,
    readonly code: number = exitCode.failed,
  ) {
    super(message);
    this.name = "UserError";
  }
}

/** The run was ended by the user (Ctrl-C, or a terminate signal). */
export class InterruptedError extends UserError {
  constructor(message: string) {
    super(message, exitCode.interrupted);
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
  if (error instanceof UserError) {
    return { text: error.message, code: error.code };
  }
  if (error instanceof Error && !isDefect(error)) {
    return { text: error.message, code: exitCode.failed };
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { text: `unexpected error, a defect of webinfra: ${detail}`, code: exitCode.defect };
}
