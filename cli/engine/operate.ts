/** What the commands share: preflight, and how a Pulumi operation's failure is told. */
import { RunError } from "@pulumi/pulumi/errors";
import { UserError } from "../../core/errors";
import { isLocal } from "../../operations/platforms";
import { describeFailure, InterruptedError, isDefect, PulumiFailure } from "../errors";
import { refusalOf } from "./policy";
import { type Progress, problemText } from "./progress";
import { type OpenStack, platformOf } from "./stack";

/** Says so, before anything is created, when the stack needs an Incus that does not answer. */
export async function preflight(open: OpenStack): Promise<void> {
  if (!isLocal(platformOf(open.settings))) {
    return;
  }
  const { listInstances } = await import("../../provider/incus/index.js");
  await listInstances(open.name);
}

/** What Pulumi says of a lock in a backend that is not on this machine's disk, or that another run took just now; undefined when it says nothing of one. */
export function lockedElsewhere(stack: string, stderr: string): string | undefined {
  if (!/is currently locked by|Another update is currently in progress/.test(stderr)) {
    return undefined;
  }
  const holder = /created by (\S+ \(pid \d+\) at \S+)/.exec(stderr)?.[1];
  return (
    `the stack "${stack}" is being changed by another run${holder === undefined ? "" : ` (${holder})`}: run this again when that has ended. ` +
    `If it cannot be running any more, \`eval "$(webinfra env --stack ${stack})" && pulumi cancel --yes\` removes its lock`
  );
}

/**
 * Runs a Pulumi operation of an open stack. Its failure becomes an error that says what went wrong in the words of the
 * configuration, of the resource that failed, or of Ctrl-C.
 * @param what the operation, such as `up`
 */
export async function operate<T>(
  open: OpenStack,
  progress: Progress,
  what: string,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (open.interruption.requested) {
      throw new InterruptedError(
        `${what} was stopped; \`webinfra ${what} --stack ${open.name}\` goes on where it ended`,
      );
    }
    const cause = open.programError();
    if (cause !== undefined) {
      if (RunError.isInstance(cause)) {
        throw new UserError(cause.message);
      }
      // A defect keeps its stack.
      throw cause instanceof Error && isDefect(cause) ? cause : new UserError(describeFailure(cause).text);
    }
    const refusal = refusalOf(what, progress.violations);
    if (progress.problems.length > 0) {
      const next =
        what === "up"
          ? [
              `next: \`webinfra status --stack ${open.name}\` shows each host; \`webinfra up --stack ${open.name}\` goes on`,
            ]
          : [];
      const refused = refusal === undefined ? [] : [refusal.message];
      throw new UserError([`${what} failed:`, ...progress.problems.map(problemText), ...refused, ...next].join("\n"));
    }
    if (refusal !== undefined) {
      throw refusal;
    }
    const locked = error instanceof PulumiFailure ? lockedElsewhere(open.name, error.stderr) : undefined;
    throw locked === undefined ? error : new UserError(locked);
  } finally {
    progress.end();
  }
}
