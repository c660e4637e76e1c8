/** `webinfra database`: which host's database is the primary. */
import { Option } from "commander";
import type { CommandDescription, Invocation } from "../command";
import type { CommandContext } from "../context";
import { siteWithHosts } from "../engine/site";
import { hostArgument, jsonOption } from "../options";
import { isPromotionResult, promotionLine } from "../terminal/promotion";

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

export const databaseCommand: CommandDescription = {
  name: "database",
  description: "say which host's database is the primary",
  examples: [["webinfra database promote db-2", "db-2 takes the writes over; no acknowledged one is lost"]],
  commands: [promoteCommand],
};
