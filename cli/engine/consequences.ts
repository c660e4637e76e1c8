/** What an update takes away: that is never done unasked. */
import { UserError } from "../../core/errors";
import { counted, listed } from "../../core/words";
import { confirm } from "../terminal/confirm";
import type { Output } from "../terminal/output";
import { planLines } from "../terminal/progress";
import type { PlannedStep } from "./progress";

const taking: readonly string[] = ["delete", "replace", "discard"];

/** What the stack keeps books with: it comes and goes with what is released, holds nothing, and is made again by every update that needs it. */
const bookkeeping =
  /^(webinfra:(channel|secrets|index):|webinfra:incus:Image$|random:|pulumi:|aws:iam\/|aws:vpc\/|aws:ec2\/(route|volumeAttachment)|aws:s3\/bucket[A-Z]|digitalocean:index\/(spacesBucketObject|spacesKey|project|tag|sshKey))/;

/** The steps of a plan that take away something which somebody might miss. */
export const losses = (steps: readonly PlannedStep[]): readonly PlannedStep[] =>
  steps.filter(({ op, type }) => taking.includes(op) && !bookkeeping.test(type));

/**
 * Shows what an update takes away and asks whether to go on.
 * @param lost at least one step
 * @param terminal whether there is one to ask at
 * @throws UserError when the answer is no, and when nobody can be asked
 */
export async function agreeTo(
  lost: readonly PlannedStep[],
  output: Output,
  terminal: boolean = process.stdin.isTTY,
): Promise<void> {
  output.progress("this update deletes or replaces:");
  for (const line of planLines(lost)) {
    output.progress(line);
  }
  if (!terminal) {
    throw new UserError(
      `nothing was changed: this update deletes or replaces ${counted(lost.length, "resource")} ` +
        `(${listed(lost.map(({ name }) => name))}), and there is no terminal to ask at: give --yes to go ahead`,
    );
  }
  if (!(await confirm("Go ahead?"))) {
    throw new UserError("nothing was changed");
  }
}
