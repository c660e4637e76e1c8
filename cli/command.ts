/** How a command says what it is. Each file of `commands/` exports such a description, and the command line is made of them. */
import { Argument, type Command, Option } from "commander";
import { z } from "zod";
import { UserError } from "../core/errors";
import { didYouMean } from "../operations/suggest";
import type { CommandContext } from "./context";

/** The stack that commands work on when none is named. */
export const defaultStack = "dev";

/** How a command line was carried out; tests put their own in. */
export interface Actions {
  /**
   * What the process gives a command.
   * @param json its result is JSON on stdout alone
   * @param stack the stack that it is about
   */
  readonly context: (json: boolean, stack: string) => Promise<CommandContext>;
  /** Sets the process's exit code. */
  readonly exit: (code: number) => void;
}

/** What a command's action is given, beside its arguments. */
export interface Invocation {
  /** What the process gives the command. With `json`, its result is JSON on stdout alone. */
  readonly context: (json: boolean) => Promise<CommandContext>;
  /** Sets the process's exit code. */
  readonly exit: (code: number) => void;
  /** The whole command line. */
  readonly program: Command;
}

/** What every command on a stack is given among its options. */
export interface StackChoice {
  readonly stack: string;
}

/** A command: what its help says, what it takes, and what it does. It loads what it needs when it runs. */
export interface CommandDescription {
  readonly name: string;
  readonly description?: string;
  /** Not listed in the help. */
  readonly hidden?: boolean;
  /**
   * It works on a stack: `--stack NAME` names it, for every command alike. Where a command has no other argument that may be left out, a last argument is taken
   * for the stack, too.
   */
  readonly stack?: boolean;
  readonly arguments?: readonly Argument[];
  readonly options?: readonly Option[];
  /** How it is used, each with what for. */
  readonly examples?: readonly (readonly [string, string])[];
  /** Commands of its own. */
  readonly commands?: readonly CommandDescription[];
  /**
   * Carries it out. Gets the arguments in their order, each as its parser left it, and then the options by their names;
   * those of a command on a stack are a {@link StackChoice}, too. A command with commands of its own does it when none of them is named.
   */
  action?(invocation: Invocation, ...given: unknown[]): Promise<void>;
}

/** The end of a command's help. */
function examplesText(examples: Required<CommandDescription>["examples"], launcher: string): string {
  const called = examples.map(
    ([command, what]) =>
      [command.replaceAll(/\bwebinfra(?= )/g, launcher), what.replaceAll("`webinfra ", `\`${launcher} `)] as const,
  );
  const width = Math.max(...called.map(([command]) => command.length));
  return ["", "Examples:", ...called.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`)].join("\n");
}

const stackOption = new Option("-s, --stack <stack>", `the stack (default: "${defaultStack}")`);

/** Without a description it is in no help: `--stack` is the one way that is told. */
const stackArgument = new Argument("[stack]");

const optionsSchema = z.looseObject({ stack: z.string().optional() });

/** Whether the last argument may be the stack: nobody could tell it from another one that may be left out. */
const takesLast = ({ arguments: own = [], commands = [] }: CommandDescription): boolean =>
  commands.length === 0 && own.every(({ required, variadic }) => required && !variadic);

/** The stack that a command line names, with `--stack` or as its last argument. */
function chosenStack(option: string | undefined, last: unknown): string {
  if (option !== undefined && typeof last === "string" && last !== option) {
    throw new UserError(`the stack is named twice, and differently: --stack ${option}, and ${last}`);
  }
  return option ?? (typeof last === "string" ? last : defaultStack);
}

/**
 * Adds a described command to the command line, or to the command that it belongs to.
 * @param launcher how the command is called here
 * @param root the whole command line
 */
export function addCommand(
  parent: Command,
  description: CommandDescription,
  actions: Actions,
  launcher: string,
  root = parent,
): void {
  const command = parent.command(description.name, { hidden: description.hidden === true });
  if (description.description !== undefined) {
    command.description(description.description);
  }
  for (const argument of description.arguments ?? []) {
    command.addArgument(argument);
  }
  const onStack = description.stack === true;
  const last = onStack && takesLast(description);
  if (onStack) {
    command.addOption(stackOption);
    if (last) {
      const usage = ["[options]", ...(description.arguments ?? []).map((argument) => `<${argument.name()}>`)];
      command.addArgument(stackArgument).usage(usage.join(" "));
    }
  }
  for (const option of description.options ?? []) {
    command.addOption(option);
  }
  if (description.examples !== undefined) {
    command.addHelpText("after", examplesText(description.examples, launcher));
  }
  for (const inner of description.commands ?? []) {
    addCommand(command, inner, actions, launcher, root);
  }
  if (description.action === undefined) {
    return;
  }
  const inner = command.commands.map((one) => one.name());
  if (inner.length > 0) {
    command.allowExcessArguments();
  }
  command.action(async (...all: unknown[]) => {
    const [word] = command.args;
    if (inner.length > 0 && word !== undefined) {
      const called = `${command.name()} ${word}`;
      throw new UserError(
        `there is no command "${called}"${didYouMean(word, inner)}; after ${command.name()}: ${inner.join(", ")}`,
      );
    }
    // Commander gives the arguments, the options and the command itself.
    const given = all.slice(0, -2);
    // An option that `database` has too is taken for its own, wherever it stands: `database promote --json` and `database --json promote` are one.
    const options = optionsSchema.parse(command.optsWithGlobals());
    const stack = onStack ? chosenStack(options.stack, last ? given.pop() : undefined) : defaultStack;
    const invocation: Invocation = {
      program: root,
      exit: actions.exit,
      context: (json) => actions.context(json, stack),
    };
    await description.action?.(invocation, ...given, onStack ? { ...options, stack } : options);
  });
}
