/** `webinfra logs`: what a host logged. */
import { Option } from "commander";
import { logsCommand as logsCommandLine } from "../../operations/logs";
import type { CommandDescription, Invocation } from "../command";
import { hostArgument, positiveInteger } from "../options";
import { exec } from "./exec";

export const logsCommand: CommandDescription = {
  name: "logs",
  description: "show a host's journal and access log",
  arguments: [hostArgument("the host, such as web-1")],
  stack: true,
  options: [
    new Option("--lines <number>", "how many lines").default(100).argParser(positiveInteger),
    new Option("-f, --follow", "go on with new lines"),
  ],
  examples: [
    ["webinfra logs web-1", "the last 100 lines"],
    ["webinfra logs db-1 --lines 20 -f", "and what comes"],
  ],
  async action(
    { context, exit }: Invocation,
    host: string,
    options: { readonly stack: string; readonly lines: number; readonly follow?: boolean },
  ) {
    const command = logsCommandLine(options.lines, options.follow === true);
    exit(await exec(await context(false), options.stack, host, command));
  },
};
