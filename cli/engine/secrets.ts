/** `webinfra secrets set`: a secret into the stack's file, encrypted. It is never an argument of a program, nor in a file as it is. */
import { text as textOf } from "node:stream/consumers";
import { UserError } from "../../core/errors";
import type { CommandContext } from "../context";
import { openStack } from "./stack";

/** Where a secret comes from. */
export interface SecretSource {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** Asks for a secret at a terminal, without showing it; else takes all of the standard input but its last line break. */
export async function readSecret(name: string, { input, output }: SecretSource): Promise<string> {
  if (input.isTTY !== true) {
    return (await textOf(input)).replace(/\r?\n$/, "");
  }
  const { read } = await import("read");
  return read({ prompt: `${name} (not shown): `, silent: true, input, output });
}

/**
 * Sets a secret of a stack, and makes the stack where there is none yet: its secrets need its key.
 * @throws UserError when the name cannot be one, or nothing is given
 */
export async function setSecret(
  context: CommandContext,
  stack: string,
  name: string,
  source: SecretSource = { input: process.stdin, output: process.stderr },
): Promise<void> {
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) {
    throw new UserError(
      `the secret's name "${name}" cannot be used: it is letters, digits, dashes and underscores, such as API_TOKEN`,
    );
  }
  const value = await readSecret(name, source);
  if (value === "") {
    throw new UserError(`nothing was set: no value was given for ${name}`);
  }
  const open = await openStack(context, stack, { create: true });
  try {
    await open.pulumi(["config", "set", "--secret", "--path", `webinfra:secrets.${name}`, "--stack", stack], value);
  } finally {
    open.close();
  }
  context.output.result(
    `${name} is set; an application whose app.secrets lists it gets it at the next \`webinfra up\``,
  );
}
