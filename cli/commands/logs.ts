/** `webinfra logs`: what hosts logged. */
import { Argument, InvalidArgumentError, Option } from "commander";
import { type LogSelection, parseSince } from "../../operations/logs";
import type { CommandDescription, Invocation, StackChoice } from "../command";
import { positiveInteger } from "../options";

/** Reads `--since`. */
export function sinceOption(text: string): number {
  const since = parseSince(text, Date.now());
  if (since === undefined) {
    throw new InvalidArgumentError(
      'It must be how long ago, such as 30s, 10m, 2h or 3d, or a time, such as 2026-11-28 or "2026-11-28 09:30".',
    );
  }
  return since;
}

export const logsCommand: CommandDescription = {
  name: "logs",
  description: "show what hosts logged, journals and access logs as one: of all hosts, or of those that are named",
  arguments: [new Argument("[hosts...]", "hosts, such as web-1; default: all")],
  stack: true,
  options: [
    new Option("--app", "the application's log: what it wrote, and systemd on its starts and ends"),
    new Option("--since <when>", "not older: 30s, 10m, 2h, 3d ago, or a time such as 2026-11-28").argParser(
      sinceOption,
    ),
    new Option("--grep <pattern>", "lines in which this regular expression is found"),
    new Option("--lines <number>", "how many lines; default: 100, or all since then").argParser(positiveInteger),
    new Option("-f, --follow", "go on with new lines"),
  ],
  examples: [
    ["webinfra logs", "the last 100 lines of all hosts"],
    ["webinfra logs --app -f", "what the application writes, as it comes"],
    ["webinfra logs --since 10m --grep ' 50[0-9] '", "requests that failed in the last ten minutes"],
    ["webinfra logs db-1 --lines 20", "one host"],
  ],
  async action({ context }: Invocation, hosts: readonly string[], { stack, ...options }: StackChoice & LogSelection) {
    const { showLogs } = await import("../engine/logs.js");
    await showLogs(await context(false), stack, hosts, options);
  },
};
