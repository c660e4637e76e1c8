/** The `webinfra` command. */
import { Argument, Command, CommanderError, Option } from "commander";
import type { ReviewOptions } from "./commands/review";
import { complete, completeCommand, completionScript, type Shell, shells } from "./completion";
import { describeFailure, exitCode } from "./errors";
import { Output } from "./terminal/output";
import { collectOverride, defaultStack, positiveInteger, topologyName, withTopology } from "./options";
import type { CommandContext } from "./context";
import type { Override } from "./engine/stackfile";

/** For what is still being written when a command is done. */
const EXIT_GRACE_MS = 3000;

/** How a command line was carried out; tests put their own in. */
export interface Actions {
  /** What the process gives a command. With `json`, its result is JSON on stdout alone. */
  context(json: boolean): Promise<CommandContext>;
  /** Sets the process's exit code. */
  exit(code: number): void;
}

interface CommonOptions {
  readonly json?: boolean;
  readonly topology?: string;
  readonly config: readonly Override[];
  readonly configFile?: string;
}

/** The end of a command's help: how it is used, each with what for. */
function examples(...lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  return ["", "Examples:", ...lines.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`)].join("\n");
}

/** The command line: what there is, and what each option means. Commands load what they need when they run. */
export function commandLine(actions: Actions): Command {
  const program = new Command("webinfra")
    .description(
      "Builds and runs a distributed web infrastructure: balancers, web and app servers, a replicated database.",
    )
    .exitOverride()
    .showHelpAfterError("(`webinfra --help` shows what there is)");

  const withConfig = (command: Command): Command =>
    command
      .option("--topology <name>", "another topology than the stack's, for this run only", topologyName)
      .option(
        "--config <key=value>",
        "a configuration value for this run only, such as web=4 or app.directory=../shop; repeatable",
        collectOverride,
        [],
      )
      .option("--config-file <file>", "a stack file instead of the repository's Pulumi.<stack>.yaml");

  withConfig(
    program
      .command("up")
      .description("bring the site to what the stack's configuration says, and see it serve")
      .argument("[stack]", "the stack", defaultStack)
      .option("--refresh", "look at what there is first, and make again what was deleted by hand")
      .option("--json", "print the result as JSON; progress goes to stderr")
      .addHelpText(
        "after",
        examples(
          ["webinfra up", `the stack "${defaultStack}", as Pulumi.${defaultStack}.yaml says`],
          ["webinfra up staging --refresh", "another stack; what was deleted by hand is made again"],
          ["webinfra up --topology split-tiers --config web=3", "with other values, for this run"],
          ["webinfra up --json | jq -r .url", "the site's address for a script"],
        ),
      ),
  ).action(async (stack: string, options: CommonOptions & { readonly refresh?: boolean }) => {
    const { up } = await import("./commands/up.js");
    await up(await actions.context(options.json === true), stack, withTopology(options));
  });

  withConfig(
    program
      .command("preview")
      .description("show what `up` would change")
      .argument("[stack]", "the stack", defaultStack)
      .option("--diff", "show the change of each property")
      .option("--refresh", "look at what there is first")
      .option("--expect-no-changes", `exit with ${exitCode.notAsExpected} when there are changes`)
      .addOption(new Option("--json", "print the result as JSON").conflicts("markdown"))
      .addOption(
        new Option(
          "--markdown",
          "print a pull request's comment: changes, policies, weaknesses and cost; progress goes to stderr",
        ).conflicts("diff"),
      )
      .addHelpText(
        "after",
        examples(
          ["webinfra preview --config web=4", "what more web servers would change"],
          ["webinfra preview --diff", "property by property"],
          ["webinfra preview --refresh --expect-no-changes", "in a script: is all as it should be?"],
          ["webinfra preview prod --markdown > preview.md", "for a pull request"],
        ),
      ),
  ).action(
    async (
      stack: string,
      options: CommonOptions & {
        readonly diff?: boolean;
        readonly refresh?: boolean;
        readonly expectNoChanges?: boolean;
        readonly markdown?: boolean;
      },
    ) => {
      const { preview } = await import("./commands/preview.js");
      const context = await actions.context(options.json === true || options.markdown === true);
      actions.exit(await preview(context, stack, withTopology(options)));
    },
  );

  program
    .command("status")
    .description(`show each host and its health; exits with ${exitCode.notAsExpected} when something is not healthy`)
    .argument("[stack]", "the stack", defaultStack)
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      examples(
        ["webinfra status", "each host, its address and health; the primary, and how far replicas are behind"],
        ["webinfra status --json | jq -r .database.primary", "the host that takes writes"],
      ),
    )
    .action(async (stack: string, options: { readonly json?: boolean }) => {
      const { status } = await import("./commands/status.js");
      actions.exit(await status(await actions.context(options.json === true), stack));
    });

  withConfig(
    program
      .command("review")
      .description("say what each element of the topology is for, what stops when it is lost, and what is weak")
      .argument("[stack]", "the stack", defaultStack)
      .addOption(new Option("--json", "print it as JSON").conflicts("markdown"))
      .option("--markdown", "print it as a Markdown document with a Mermaid diagram")
      .addHelpText(
        "after",
        examples(
          ["webinfra review", "the stack as it is configured"],
          ["webinfra review --topology replica-per-web", "what another topology would be like"],
          ["webinfra review --markdown > review.md", "with a diagram"],
        ),
      ),
  ).action(async (stack: string, options: CommonOptions & ReviewOptions) => {
    const { review } = await import("./commands/review.js");
    review(await actions.context(options.json === true), stack, withTopology(options));
  });

  program
    .command("down")
    .description("take the site down; the databases' data is kept unless --delete-data is given")
    .argument("[stack]", "the stack", defaultStack)
    .option("--delete-data", "delete the data as well, and everything else of the stack")
    .option("--yes", "do not ask before data is deleted")
    .option("--all", "every stack; with --delete-data also what set-up made in Incus")
    .option("--json", "print the result as JSON; progress goes to stderr")
    .addHelpText(
      "after",
      examples(
        ["webinfra down", "machines and network go, the databases' data stays"],
        ["webinfra down staging --delete-data", "the data too; asks first"],
        ["webinfra down --all --delete-data --yes", "everything, and asks nothing"],
      ),
    )
    .action(
      async (
        stack: string,
        options: {
          readonly deleteData?: boolean;
          readonly yes?: boolean;
          readonly all?: boolean;
          readonly json?: boolean;
        },
      ) => {
        const { down, downAll } = await import("./commands/down.js");
        const context = await actions.context(options.json === true);
        const result = options.all === true ? await downAll(context, options) : await down(context, stack, options);
        context.output.data(result);
      },
    );

  program
    .command("doctor")
    .description(
      `check this machine and the stack, and say what to do about what is wrong; exits with ${exitCode.notAsExpected} then`,
    )
    .argument("[stack]", "the stack", defaultStack)
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      examples(
        ["webinfra doctor", "before the first `webinfra up`, and whenever something does not work"],
        ["webinfra doctor --json | jq '.checks[] | select(.state == \"problem\")'", "what is wrong, for a script"],
      ),
    )
    .action(async (stack: string, options: { readonly json?: boolean }) => {
      const { doctor } = await import("./commands/doctor.js");
      actions.exit(await doctor(await actions.context(options.json === true), stack));
    });

  program
    .command("open")
    .description("print the site's address, and open it in a browser where there is a display")
    .argument("[stack]", "the stack", defaultStack)
    .option("--print", "only print the address")
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      examples(["webinfra open", "in the browser"], ['curl "$(webinfra open --print)"', "its address for a script"]),
    )
    .action(async (stack: string, options: { readonly print?: boolean; readonly json?: boolean }) => {
      const { open } = await import("./commands/open.js");
      await open(await actions.context(options.json === true), stack, options);
    });

  program
    .command("exec")
    .description("run a command on a host")
    .argument("<host>", "the host, such as web-1")
    .argument("<command...>", "the command and its arguments, after --")
    .option("--stack <stack>", "the stack", defaultStack)
    .addHelpText(
      "after",
      examples(
        ["webinfra exec web-1 -- systemctl status nginx", "one command; its exit code is ours"],
        ["webinfra exec db-1 --stack staging -- bash", "a shell"],
      ),
    )
    .action(async (host: string, command: string[], options: { readonly stack: string }) => {
      const { exec } = await import("./commands/exec.js");
      actions.exit(await exec(await actions.context(false), options.stack, host, command));
    });

  program
    .command("logs")
    .description("show a host's journal and access log")
    .argument("<host>", "the host, such as web-1")
    .option("--stack <stack>", "the stack", defaultStack)
    .option("--lines <number>", "how many lines", positiveInteger, 100)
    .option("-f, --follow", "go on with new lines")
    .addHelpText(
      "after",
      examples(["webinfra logs web-1", "the last 100 lines"], ["webinfra logs db-1 --lines 20 -f", "and what comes"]),
    )
    .action(
      async (host: string, options: { readonly stack: string; readonly lines: number; readonly follow?: boolean }) => {
        const { exec } = await import("./commands/exec.js");
        const { logsCommand } = await import("../operations/logs.js");
        const command = logsCommand(options.lines, options.follow === true);
        actions.exit(await exec(await actions.context(false), options.stack, host, command));
      },
    );

  const database = program
    .command("database")
    .description("say which host's database is the primary")
    .addHelpText(
      "after",
      examples(["webinfra database promote db-2", "db-2 takes the writes over; no acknowledged one is lost"]),
    );
  database
    .command("promote")
    .description("make another host the primary, the one that takes writes")
    .argument("<host>", "a host with a replica, such as db-2")
    .option("--stack <stack>", "the stack", defaultStack)
    .option("--force", "the primary is gone: do without it, and lose what only it holds")
    .option("--json", "print the result as JSON; progress goes to stderr")
    .addHelpText(
      "after",
      examples(
        ["webinfra database promote db-2", "db-2 takes the writes over; no acknowledged one is lost"],
        ["webinfra database promote db-2 --force", "db-1 is gone; should it return, it says what only it holds"],
        ["webinfra status", "who is the primary, and how far the replicas are behind"],
      ),
    )
    .action(
      async (host: string, options: { readonly stack: string; readonly force?: boolean; readonly json?: boolean }) => {
        const { promote } = await import("./commands/database.js");
        await promote(await actions.context(options.json === true), host, options);
      },
    );

  program
    .command("env")
    .description("print the variables that let plain pulumi see the stack")
    .argument("[stack]", "the stack", defaultStack)
    .option("--json", "print them as JSON")
    .addHelpText(
      "after",
      examples(['eval "$(webinfra env)"', "in this shell, plain pulumi works on the same stack from here on"]),
    )
    .action(async (stack: string, options: { readonly json?: boolean }) => {
      const { env } = await import("./commands/env.js");
      env(await actions.context(options.json === true), stack);
    });

  program
    .command("completion")
    .description("print the script that teaches a shell to complete this command")
    .addArgument(new Argument("<shell>", "the shell").choices(shells))
    .addHelpText(
      "after",
      examples(
        ["source <(webinfra completion bash)", "in ~/.bashrc"],
        ["source <(webinfra completion zsh)", "in ~/.zshrc, after compinit"],
        ["webinfra completion fish | source", "in ~/.config/fish/config.fish"],
      ),
    )
    .action(async (shell: Shell) => {
      (await actions.context(false)).output.result(completionScript(shell).trimEnd());
    });

  program
    .command(completeCommand, { hidden: true })
    .argument("[words...]")
    .action(async (words: string[]) => {
      const { namesOnDisk } = await import("./commands/completion.js");
      const context = await actions.context(false);
      for (const candidate of complete(program, words, namesOnDisk(context))) {
        context.output.result(candidate);
      }
    });

  return program;
}

async function processContext(json: boolean): Promise<CommandContext> {
  const { repositoryRoot } = await import("./engine/stack.js");
  return {
    environment: process.env,
    root: repositoryRoot,
    output: new Output(json),
    program: async () => {
      const { default: site } = await import("../index.js");
      return site();
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
