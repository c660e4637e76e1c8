/** `webinfra replace`: makes one host anew, on purpose. */
import { Option } from "commander";
import type { CommandDescription, Invocation } from "../command";
import type { ReplaceOptions } from "../engine/replace";
import { type ConfigOptions, configOptions, hostArgument, jsonOption, waitOption, withTopology } from "../options";

export const replaceCommand: CommandDescription = {
  name: "replace",
  description: "make one host anew, also one that holds data, which `up` leaves as it is",
  arguments: [hostArgument("the host, such as db-2")],
  stack: true,
  options: [
    new Option("--discard-data", "throw its data away, too, and copy them from the primary"),
    new Option("--yes", "do not ask before a host that holds data is made anew"),
    waitOption,
    jsonOption("print the result as JSON; progress goes to stderr"),
    ...configOptions,
  ],
  examples: [
    ["webinfra replace db-2", "a new machine of today's definition and volume size, on the data that are there"],
    ["webinfra replace db-2 --discard-data", "its data are lost or too old: a copy of the primary's"],
    ["webinfra replace web-1", "the new machine serves before the old one goes"],
  ],
  async action(
    { context }: Invocation,
    host: string,
    { stack, ...options }: ConfigOptions & ReplaceOptions & { readonly json?: boolean },
  ) {
    const { replace } = await import("../engine/replace.js");
    await replace(await context(options.json === true), stack, host, withTopology(options));
  },
};
