/** `webinfra database`: which host's database is the primary. */
import { Option } from "commander";
import type { CommandDescription, Invocation, StackChoice } from "../command";
import type { CommandContext } from "../context";
import { siteWithHosts, stackStatus } from "../engine/site";
import { exitCode } from "../errors";
import { hostArgument, jsonOption } from "../options";
import { isPromotionResult, promotionLine } from "../terminal/promotion";
import { databaseLines } from "../terminal/status";

interface PromoteOptions {
  readonly stack: string;
  readonly force?: boolean;
}

/** Makes a host the primary. Prints how it went. */
export async function promote(context: CommandContext, host: string, options: PromoteOptions): Promise<void> {
  const { output } = context;
  const { stack, force = false } = options;
  const operations = await import("../../operations/promote.js");
  const { access, known } = await siteWithHosts(context, stack, "promote");
  const promotion = await operations.promote(access, known, host, force, (event) => {
    const line = promotionLine(event);
    if (isPromotionResult(event)) {
      output.result(line);
    } else {
      output.progress(line);
    }
  });
  output.data(promotion);
}

const promoteCommand: CommandDescription = {
  name: "promote",
  description: "make another host the primary, the one that takes writes",
  arguments: [hostArgument("a host with a replica, such as db-2")],
  stack: true,
  options: [
    new Option("--force", "the primary is gone: do without it, and lose what only it holds"),
    jsonOption("print the result as JSON; progress goes to stderr"),
  ],
  examples: [
    ["webinfra database promote db-2", "db-2 takes the writes over; no acknowledged one is lost"],
    ["webinfra database promote db-2 --force", "db-1 is gone; should it return, it says what only it holds"],
    ["webinfra status", "who is the primary, and how far the replicas are behind"],
  ],
  async action({ context }: Invocation, host: string, options: PromoteOptions & { readonly json?: boolean }) {
    await promote(await context(options.json === true), host, options);
  },
};

/** Prints the databases and what each is. Returns the exit code: 0 when one of them takes writes, else 3. */
export async function databases(context: CommandContext, stack: string): Promise<number> {
  const { output } = context;
  const { report, machines } = await stackStatus(context, stack);
  for (const line of databaseLines(report, machines, output)) {
    output.result(line);
  }
  output.data({ stack, ...report.database });
  return report.database.primary === null ? exitCode.notAsExpected : exitCode.ok;
}

export const databaseCommand: CommandDescription = {
  name: "database",
  description: "show the databases: which takes writes, and how far the others are behind",
  stack: true,
  options: [jsonOption("print it as JSON")],
  examples: [
    ["webinfra database", "who takes writes, and how far the replicas are behind"],
    ["webinfra database promote db-2", "db-2 takes the writes over; no acknowledged one is lost"],
  ],
  commands: [promoteCommand],
  async action({ context, exit }: Invocation, { stack, json }: StackChoice & { readonly json?: boolean }) {
    exit(await databases(await context(json === true), stack));
  },
};
