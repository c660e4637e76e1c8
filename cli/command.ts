/** How a command says what it is. Each file of `commands/` exports such a description, and the command line is made of them. */
import type { Argument, Command, Option } from "commander";
import type { CommandContext } from "./context";

/** How a command line was carried out; tests put their own in. */
export interface Actions {
  /** What the process gives a command. With `json`, its result is JSON on stdout alone. */
  readonly context: (json: boolean) => Promise<CommandContext>;
  /** Sets the process's exit code. */
  readonly exit: (code: number) => void;
}

/** What a command's action is given, beside its arguments. */
export interface Invocation extends Actions {
  /** The whole command line. */
  readonly program: Command;
}

/** A command: what its help says, what it takes, and what it does. It loads what it needs when it runs. */
export interface CommandDescription {
  readonly name: string;
  readonly description?: string;
  /** Not listed in the help. */
  readonly hidden?: boolean;
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  /** How it is used, each with what for. */
  readonly examples?: readonly (readonly [string, string])[];
  /** Commands of its own; then it has no action. */
  readonly commands?: readonly CommandDescription[];
  /** Carries it out. Gets the arguments in their order, each as its parser left it, and then the options by their names. */
  action?(invocation: Invocation, ...given: unknown[]): Promise<void>;
}

/** The end of a command's help. */
function examplesText(examples: Required<CommandDescription>["examples"]): string {
  const width = Math.max(...examples.map(([command]) => command.length));
  return ["", "Examples:", ...examples.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`)].join("\n");
}

/** Adds a described command to the command line, or to the command that it belongs to. */
export function addCommand(parent: Command, description: CommandDescription, invocation: Invocation): void {
  const command = parent.command(description.name, { hidden: description.hidden === true });
  if (description.description !== undefined) {
    command.description(description.description);
  }
  for (const argument of description.arguments ?? []) {
    command.addArgument(argument);
  }
  for (const option of description.options ?? []) {
    command.addOption(option);
  }
  if (description.examples !== undefined) {
    command.addHelpText("after", examplesText(description.examples));
  }
  for (const inner of description.commands ?? []) {
    addCommand(command, inner, invocation);
  }
  if (description.action !== undefined) {
    command.action((...given: unknown[]) => description.action?.(invocation, ...given));
  }
}
