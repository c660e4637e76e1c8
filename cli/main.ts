/** The `webinfra` command. */
import { resolve } from "node:path";
import { Command, CommanderError } from "commander";
import { type Actions, addCommand, type CommandDescription, defaultStack } from "./command";
import { completeCommand } from "./commands/complete";
import { completionCommand } from "./commands/completion";
import { configCommand } from "./commands/config";
import { databaseCommand } from "./commands/database";
import { devCommand } from "./commands/dev";
import { doctorCommand } from "./commands/doctor";
import { downCommand } from "./commands/down";
import { envCommand } from "./commands/env";
import { execCommand } from "./commands/exec";
import { initCommand } from "./commands/init";
import { logsCommand } from "./commands/logs";
import { mysqlCommand } from "./commands/mysql";
import { openCommand } from "./commands/open";
import { previewCommand } from "./commands/preview";
import { replaceCommand } from "./commands/replace";
import { restartCommand } from "./commands/restart";
import { reviewCommand } from "./commands/review";
import { rollbackCommand } from "./commands/rollback";
import { scaleCommand } from "./commands/scale";
import { secretsCommand } from "./commands/secrets";
import { setupCommand } from "./commands/setup";
import { statusCommand } from "./commands/status";
import { upCommand } from "./commands/up";
import { validateCommand } from "./commands/validate";
import type { CommandContext } from "./context";
import { describeFailure } from "./errors";
import { projectOf } from "./project";
import { version } from "../package.json";
import { surroundingsOf, withRunnableHints } from "./terminal/hints";
import { Output } from "./terminal/output";

/** For what is still being written when a command is done. */
const EXIT_GRACE_MS = 3000;

/** The commands, in the order of the help. */
const commands: readonly CommandDescription[] = [
  upCommand,
  devCommand,
  previewCommand,
  statusCommand,
  reviewCommand,
  downCommand,
  doctorCommand,
  openCommand,
  execCommand,
  logsCommand,
  databaseCommand,
  mysqlCommand,
  rollbackCommand,
  restartCommand,
  replaceCommand,
  scaleCommand,
  configCommand,
  secretsCommand,
  validateCommand,
  initCommand,
  setupCommand,
  envCommand,
  completionCommand,
  completeCommand,
];

/** The command line: what there is, and what each option means. @param launcher how the command is called here */
export function commandLine(actions: Actions, launcher = "webinfra"): Command {
  const program = new Command(launcher)
    .description(
      "Builds and runs a distributed web infrastructure: balancers, web and app servers, a replicated database.",
    )
    .version(`webinfra ${version}`, "-V, --version", "print the version")
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
    .exitOverride()
    .showHelpAfterError(`(\`${launcher} --help\` shows what there is)`);
  for (const command of commands) {
    addCommand(program, command, actions, launcher);
  }
  return program;
}

/** The commands that work on a stack, or have some that do. */
const onStacks: ReadonlySet<string> = new Set(
  commands
    .filter(({ stack, commands: own = [] }) => stack === true || own.some((one) => one.stack === true))
    .map(({ name }) => name),
);

/** The package that this file is in, also as a bundle. */
const packageFolder = resolve(__dirname, "..");

/** Whoever reads may stop to, as `head` does. What is being done goes on, and its exit code says how it ended. */
function endureClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") {
        throw error;
      }
    });
  }
}

const builtInProgram: CommandContext["program"] = async (environment) => {
  const { default: site } = await import("../index.js");
  return site(environment);
};

const ownProgram =
  (folder: string): CommandContext["program"] =>
  async (environment) => {
    const { runOwnProgram } = await import("./engine/program.js");
    return runOwnProgram(folder, environment);
  };

async function carryOut(): Promise<void> {
  const project = projectOf(packageFolder, process.cwd());
  const surroundings = surroundingsOf({
    packageFolder,
    project,
    environment: process.env,
    directory: process.cwd(),
  });
  const outputFor = (json: boolean, stack: string): Output =>
    new Output(json, { hints: (text) => withRunnableHints(text, { ...surroundings, stack, onStacks }) });
  let output = outputFor(false, defaultStack);
  const program = commandLine(
    {
      context: (json, stack) => {
        output = outputFor(json, stack);
        return Promise.resolve({
          environment: process.env,
          root: project.folder,
          packageFolder,
          output,
          program: project.own ? ownProgram(project.folder) : builtInProgram,
        });
      },
      exit: (code) => {
        process.exitCode = code;
      },
    },
    surroundings.launcher,
  );
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    const { text, code } = describeFailure(error);
    output.problem(`webinfra: ${text}`);
    process.exitCode = code;
  }
}

/** Carries out the process's command line. */
export async function main(): Promise<void> {
  endureClosedPipes();
  try {
    await carryOut();
  } finally {
    // The Automation API leaves its servers open when it throws on a program's unfinished promises.
    setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
  }
}
