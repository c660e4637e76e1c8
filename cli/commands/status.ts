/** `webinfra status`: each host and its health. */
import { Option } from "commander";
import { allWell } from "../../operations/status";
import type { CommandDescription, Invocation, StackChoice } from "../command";
import type { CommandContext } from "../context";
import { stackStatus } from "../engine/site";
import { exitCode } from "../errors";
import { jsonOption } from "../options";
import { reportLines } from "../terminal/status";

/** Prints the status. Returns the exit code: 0 when all is well, else 3. */
export async function status(context: CommandContext, name: string): Promise<number> {
  const { output } = context;
  const { report, machines } = await stackStatus(context, name);
  for (const line of reportLines(report, machines, output)) {
    output.result(line);
  }
  output.data(report);
  return allWell(report) ? exitCode.ok : exitCode.notAsExpected;
}

export const statusCommand: CommandDescription = {
  name: "status",
  description: `show each host and its health; exits with ${exitCode.notAsExpected} when something is not healthy`,
  stack: true,
  options: [new Option("-w, --watch", "go on looking, until Ctrl-C").conflicts("json"), jsonOption("print it as JSON")],
  examples: [
    ["webinfra status", "each host, its address and health; the primary, and how far replicas are behind"],
    ["webinfra status --watch", "what becomes of it"],
    ["webinfra status --json | jq -r .database.primary", "the host that takes writes"],
  ],
  async action(
    { context, exit }: Invocation,
    { stack, ...options }: StackChoice & { readonly json?: boolean; readonly watch?: boolean },
  ) {
    if (options.watch !== true) {
      exit(await status(await context(options.json === true), stack));
      return;
    }
    const { watchStatus } = await import("../engine/watch.js");
    const stop = new AbortController();
    const end = (): void => {
      stop.abort();
    };
    process.once("SIGINT", end);
    // Whoever read it is gone.
    process.stdout.once("error", end);
    await watchStatus(await context(false), stack, stop.signal);
  },
};
