/** `webinfra env`: the variables that let plain `pulumi` see the same stack. */
import type { CommandDescription, Invocation, StackChoice } from "../command";
import type { CommandContext } from "../context";
import { prepareHome } from "../engine/backend";
import { stackFacts } from "../engine/stack";
import { refreshWorkDirectory, sourceFile } from "../engine/stackfile";
import { workFile } from "../engine/workfolder";
import { jsonOption } from "../options";
import { shellWord } from "../terminal/shell-word";

/** The `export` lines, with a comment that says what they hold for. */
export function exportLines(stack: string, variables: Readonly<Record<string, string>>): string[] {
  return [
    `# plain pulumi for the stack "${stack}" alone: eval "$(webinfra env ${stack})"`,
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${shellWord(value)}`),
  ];
}

/**
 * Prints the variables. With the state folder of webinfra, the stack's file (with the salt that must not get into the
 * committed one) is named by PULUMI_OPTION_CONFIG_FILE, which every Pulumi command with `--config-file` reads.
 */
export function env(context: CommandContext, name: string): Readonly<Record<string, string>> {
  const facts = stackFacts(context, name);
  const { backend, home } = facts;
  const source = sourceFile({ root: context.root, home, stack: name, advice: "names" });
  prepareHome(home, backend);
  const variables: Record<string, string> = { ...backend.environment, PULUMI_STACK: name };
  if (backend.kind === "own") {
    refreshWorkDirectory(context.root, home, name, source, []);
    variables["PULUMI_OPTION_CONFIG_FILE"] = workFile(home, name);
  }
  if (context.output.json) {
    context.output.data(variables);
  } else {
    for (const line of exportLines(name, variables)) {
      context.output.result(line);
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
