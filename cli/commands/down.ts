/** `webinfra down`: takes the site down; data goes only when that is asked for. */
import { Option } from "commander";
import type { CommandDescription, Invocation, StackChoice } from "../command";
import type { DownOptions } from "../engine/down";
import { jsonOption, waitOption } from "../options";

export const downCommand: CommandDescription = {
  name: "down",
  description: "take the site down; the databases' data is kept unless --delete-data is given",
  stack: true,
  options: [
    new Option("--delete-data", "delete the data as well, and everything else of the stack"),
    new Option("--yes", "do not ask before data is deleted"),
    waitOption,
    new Option("--all", "every stack; with --delete-data also what set-up made in Incus"),
    jsonOption("print the result as JSON; progress goes to stderr"),
  ],
  examples: [
    ["webinfra down", "machines and network go, the databases' data stays"],
    ["webinfra down --stack staging --delete-data", "the data too; asks first"],
    ["webinfra down --all --delete-data --yes", "everything, and asks nothing"],
  ],
  async action(
    invocation: Invocation,
    { stack, ...options }: StackChoice & DownOptions & { readonly all?: boolean; readonly json?: boolean },
  ) {
    const { down, downAll } = await import("../engine/down.js");
    const context = await invocation.context(options.json === true);
    context.output.data(options.all === true ? await downAll(context, options) : await down(context, stack, options));
  },
};
