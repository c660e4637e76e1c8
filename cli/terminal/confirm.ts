/** Asks before what cannot be undone. */
import { createInterface } from "node:readline/promises";
import { UserError } from "../../core/errors";
import { InterruptedError } from "../errors";

/** Where the question is asked. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/**
 * Asks a yes/no question; anything but y or yes is no.
 * @throws UserError when there is no terminal to ask at
 */
export async function confirm(
  question: string,
  terminal: Terminal = { input: process.stdin, output: process.stderr },
): Promise<boolean> {
  if (terminal.input.isTTY !== true) {
    throw new UserError(`${question} There is no terminal to ask at: give --yes to go ahead`);
  }
  const prompt = createInterface(terminal);
  try {
    return /^\s*y(es)?\s*$/i.test(await prompt.question(`${question} [y/N] `));
  } catch (error) {
    throw error instanceof Error && error.name === "AbortError" ? new InterruptedError("nothing was changed") : error;
  } finally {
    prompt.close();
  }
}
