/** `webinfra config`: what the stack's file says. */
import { Argument, Option } from "commander";
import { UserError } from "../../core/errors";
import type { CommandDescription, Invocation, StackChoice } from "../command";
import type { CommandContext } from "../context";
import { fileOptions } from "../engine/onerun";
import { jsonOption } from "../options";
import { shellWord } from "../terminal/shell-word";

interface FileChoice extends StackChoice {
  readonly configFile?: string;
}

const upCommand = (stack: string, configFile: string | undefined): string =>
  ["webinfra up", ...fileOptions(stack, configFile).map(shellWord)].join(" ");

const fileOption = new Option("--config-file <file>", "a stack file instead of the repository's Pulumi.<stack>.yaml");

/** Writes `key=value` settings into a stack's file. */
export async function setConfig(
  { output, ...context }: CommandContext,
  settings: readonly string[],
  { stack, configFile }: FileChoice,
): Promise<void> {
  const [{ editStackFile, fileToEdit }, { parseOverride }] = await Promise.all([
    import("../engine/edit.js"),
    import("../engine/stackfile.js"),
  ]);
  const changes = settings.map((setting) => parseOverride(setting, setting));
  const file = fileToEdit({ output, ...context }, stack, configFile);
  output.result(
    editStackFile(file, changes)
      ? `${file} says ${settings.join(", ")} now; \`${upCommand(stack, configFile)}\` makes it so`
      : `${file} says so already`,
  );
}

/** Takes keys out of a stack's file, so that their defaults hold. */
export async function unsetConfig(
  { output, ...context }: CommandContext,
  keys: readonly string[],
  { stack, configFile }: FileChoice,
): Promise<void> {
  const [{ editStackFile, fileToEdit }, { parseOverride }] = await Promise.all([
    import("../engine/edit.js"),
    import("../engine/stackfile.js"),
  ]);
  const [wrong] = keys.filter((key) => key.includes("="));
  if (wrong !== undefined) {
    throw new UserError(`${wrong}: a key has no value here, such as in web or app.directory`);
  }
  const changes = keys.map((key) => ({ ...parseOverride(`${key}=`, key), value: undefined }));
  const file = fileToEdit({ output, ...context }, stack, configFile);
  output.result(
    editStackFile(file, changes)
      ? `${file} says nothing of ${keys.join(", ")} any more; \`${upCommand(stack, configFile)}\` makes it so`
      : `${file} says nothing of it`,
  );
}

/** Prints what holds for a stack, defaults included: all of it, or what stands at a key. */
export async function getConfig(
  context: CommandContext,
  key: string | undefined,
  { stack, configFile }: FileChoice,
): Promise<void> {
  const { output } = context;
  const { effectiveConfig } = await import("../engine/edit.js");
  const value = effectiveConfig(context, stack, configFile, key);
  const { stringify } = await import("yaml");
  output.raw((typeof value === "string" ? value : stringify(value)).trimEnd());
  output.data(value);
}

const setCommand: CommandDescription = {
  name: "set",
  description: "write values into the stack's file; its comments stay",
  arguments: [new Argument("<key=value...>", "such as web=3 or app.directory=../shop")],
  stack: true,
  options: [fileOption],
  examples: [
    ["webinfra config set web=3", "three web servers, from the next `webinfra up` on"],
    ["webinfra config set app.directory=../shop app.healthPath=/health", "several at once"],
  ],
  async action({ context }: Invocation, settings: readonly string[], options: FileChoice) {
    await setConfig(await context(false), settings, options);
  },
};

const unsetCommand: CommandDescription = {
  name: "unset",
  description: "take keys out of the stack's file, so that their defaults hold",
  arguments: [new Argument("<key...>", "such as web or app.directory")],
  stack: true,
  options: [fileOption],
  examples: [["webinfra config unset web", "as many web servers as the default says"]],
  async action({ context }: Invocation, keys: readonly string[], options: FileChoice) {
    await unsetConfig(await context(false), keys, options);
  },
};

const getCommand: CommandDescription = {
  name: "get",
  description: "print what holds for the stack, defaults included",
  arguments: [new Argument("[key]", "such as web or app.directory; default: everything")],
  stack: true,
  options: [fileOption, jsonOption("print it as JSON")],
  examples: [
    ["webinfra config get", "everything, as YAML"],
    ["webinfra config get mysql.memoryMiB", "one value"],
  ],
  async action({ context }: Invocation, key: string | undefined, options: FileChoice & { readonly json?: boolean }) {
    await getConfig(await context(options.json === true), key, options);
  },
};

export const configCommand: CommandDescription = {
  name: "config",
  description: "read and change the stack's file",
  examples: [
    ["webinfra config set web=3", "three web servers, from the next `webinfra up` on"],
    ["webinfra config get", "what holds, defaults included"],
  ],
  commands: [setCommand, unsetCommand, getCommand],
};
