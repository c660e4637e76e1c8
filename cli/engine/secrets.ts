/** `webinfra secrets set`: a secret into the stack's file, encrypted. It is never an argument of a program, nor in a file as it is. */
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { holdsControlCharacter } from "../../config/secrets";
import { UserError } from "../../core/errors";
import type { CommandContext } from "../context";
import { InterruptedError } from "../errors";
import { keepSecret } from "./edit";
import { openStack } from "./stack";
import { readSettings, valueAt } from "./stackfile";
import { workFile } from "./workfolder";

/** Where a secret comes from. */
export interface SecretSource {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/** Asks at a terminal, and shows nothing of what is typed. */
function asked(name: string, { input, output }: SecretSource): Promise<string> {
  const nowhere = new Writable({
    write(_chunk, _encoding, done) {
      done();
    },
  });
  const terminal = createInterface({ input, output: nowhere, terminal: true });
  output.write(`${name} (not shown): `);
  return new Promise((resolve, reject) => {
    terminal.once("line", (line) => {
      resolve(line);
      terminal.close();
    });
    // Ctrl-C closes it, and so does the end of what is typed.
    terminal.once("close", () => {
      output.write("\n");
      reject(new InterruptedError("nothing was set"));
    });
  });
}

/** Asks for a secret at a terminal, without showing it; else takes all of the standard input but its last line break. */
export async function readSecret(name: string, source: SecretSource): Promise<string> {
  return source.input.isTTY === true ? asked(name, source) : (await textOf(source.input)).replace(/\r?\n$/, "");
}

/**
 * Sets a secret of a stack, and makes the stack where there is none yet: its secrets need its key. A stack's file that holds its own key holds its secrets, too;
 * else they are in the stack's folder under WEBINFRA_HOME.
 * @param configFile a stack file instead of the repository's
 * @throws UserError when the name cannot be one, or nothing is given
 */
export async function setSecret(
  context: CommandContext,
  stack: string,
  name: string,
  configFile?: string,
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
  if (holdsControlCharacter(value)) {
    throw new UserError(`nothing was set: ${name} holds a control character, which an environment variable cannot`);
  }
  const open = await openStack(context, stack, { create: true, configFile });
  try {
    await open.pulumi(["config", "set", "--secret", "--path", `webinfra:secrets.${name}`, "--stack", stack], value);
    const { encryptionsalt, encryptedkey } = readSettings(open.file);
    if (open.backend.kind === "own" && (encryptionsalt ?? encryptedkey) !== undefined) {
      const set = readSettings(workFile(open.home, stack)).config ?? {};
      keepSecret(open.file, name, valueAt(set, { key: "webinfra:secrets", path: [name], value: undefined }));
    }
  } finally {
    open.close();
  }
  context.output.result(
    `${name} is set; an application whose app.secrets lists it gets it at the next \`webinfra up\``,
  );
}
