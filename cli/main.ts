/** The `webinfra` command. */
import { Command, CommanderError } from "commander";
import { type Actions, addCommand, type CommandDescription } from "./command";
import { completeCommand } from "./commands/complete";
import { completionCommand } from "./commands/completion";
import { databaseCommand } from "./commands/database";
import { doctorCommand } from "./commands/doctor";
import { downCommand } from "./commands/down";
import { envCommand } from "./commands/env";
import { execCommand } from "./commands/exec";
import { logsCommand } from "./commands/logs";
import { openCommand } from "./commands/open";
import { previewCommand } from "./commands/preview";
import { replaceCommand } from "./commands/replace";
import { reviewCommand } from "./commands/review";
import { statusCommand } from "./commands/status";
import { upCommand } from "./commands/up";
import type { CommandContext } from "./context";
import { describeFailure } from "./errors";
import { Output } from "./terminal/output";

/** For what is still being written when a command is done. */
const EXIT_GRACE_MS = 3000;

/** The commands, in the order of the help. */
const commands: readonly CommandDescription[] = [
  upCommand,
  previewCommand,
  statusCommand,
  reviewCommand,
  downCommand,
  doctorCommand,
  openCommand,
  execCommand,
  logsCommand,
  databaseCommand,
  replaceCommand,
  envCommand,
  completionCommand,
  completeCommand,
];

/** The command line: what there is, and what each option means. */
export function commandLine(actions: Actions): Command {
  const program = new Command("webinfra")
    .description(
      "Builds and runs a distributed web infrastructure: balancers, web and app servers, a replicated database.",
    )
    .exitOverride()
    .showHelpAfterError("(`webinfra --help` shows what there is)");
  for (const command of commands) {
    addCommand(program, command, { ...actions, program });
  }
  return program;
}

async function processContext(json: boolean): Promise<CommandContext> {
  const { repositoryRoot } = await import("./engine/stack.js");
  return {
    environment: process.env,
    root: repositoryRoot,
    output: new Output(json),
    program: async (environment) => {
      const { default: site } = await import("../index.js");
      return site(environment);
    },
  };
}

async function carryOut(): Promise<void> {
  const program = commandLine({
    context: processContext,
    exit: (code) => {
      process.exitCode = code;
    },
  });
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    const { text, code } = describeFailure(error);
    process.stderr.write(`webinfra: ${text}\n`);
    process.exitCode = code;
  }
}

/** Carries out the process's command line. */
export async function main(): Promise<void> {
  try {
    await carryOut();
  } finally {
    // The Automation API leaves its servers open when it throws on a program's unfinished promises.
    setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
  }
}
