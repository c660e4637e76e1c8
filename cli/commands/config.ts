/** `webinfra config`: what the stack's file says. */
import { Argument } from "commander";
import { UserError } from "../../core/errors";
import type { CommandDescription, Invocation } from "../command";
import type { CommandContext } from "../context";
import { fileOptions } from "../engine/onerun";
import { parseOverride } from "../engine/stackfile";
import type { Override } from "../engine/workfolder";
import { configFileOption, type FileChoice, jsonOption } from "../options";
import { shellWord } from "../terminal/shell-word";

/** Changes a stack's file, and says so. @param said what the file says then, and what it says when it said so before */
async function changeFile(
  context: CommandContext,
  { stack, configFile }: FileChoice,
  changes: readonly Override[],
  said: readonly [changed: string, unchanged: string],
): Promise<void> {
  const { editStackFile, fileToEdit } = await import("../engine/edit.js");
  const file = fileToEdit(context, stack, configFile);
  const [changed, unchanged] = said;
  const up = ["webinfra up", ...fileOptions(stack, configFile).map(shellWord)].join(" ");
  context.output.result(
    editStackFile(file, changes) ? `${file} ${changed}; \`${up}\` makes it so` : `${file} ${unchanged}`,
  );
}

/** Writes `key=value` settings into a stack's file. */
export async function setConfig(
  context: CommandContext,
  settings: readonly string[],
  choice: FileChoice,
): Promise<void> {
  const changes = settings.map((setting) => parseOverride(setting, setting));
  await changeFile(context, choice, changes, [`says ${settings.join(", ")} now`, "says so already"]);
}

/** Takes keys out of a stack's file, so that their defaults hold. */
export async function unsetConfig(context: CommandContext, keys: readonly string[], choice: FileChoice): Promise<void> {
  const [wrong] = keys.filter((key) => key.includes("="));
  if (wrong !== undefined) {
    throw new UserError(`${wrong}: a key has no value here, such as in web or app.directory`);
  }
  const changes = keys.map((key) => ({ ...parseOverride(`${key}=`, key), value: undefined }));
  await changeFile(context, choice, changes, [`says nothing of ${keys.join(", ")} any more`, "says nothing of it"]);
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
  options: [configFileOption],
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
  options: [configFileOption],
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
  options: [configFileOption, jsonOption("print it as JSON")],
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
