/** `webinfra rollback`: the site runs the release before again. */
import { Argument } from "commander";
import type { CommandDescription, Invocation, StackChoice } from "../command";
import type { CommandContext } from "../context";
import { siteWithHosts } from "../engine/site";
import { jsonOption } from "../options";
import { rollbackLine, rollbackLines } from "../terminal/release";

/** Has the site run the release before, or one that is named by its beginning. Prints how it went. */
export async function rollback(context: CommandContext, stack: string, release: string | undefined): Promise<void> {
  const { output } = context;
  const operations = await import("../../operations/release.js");
  const { access, known } = await siteWithHosts(context, stack, "rollback");
  const done = await operations.rollback(access, known, release, (event) => {
    output.progress(rollbackLine(event));
  });
  for (const line of rollbackLines(done)) {
    output.result(line);
  }
  output.data(done);
}

export const rollbackCommand: CommandDescription = {
  name: "rollback",
  description: "run the application's release before again, on all hosts",
  arguments: [new Argument("[release]", "the beginning of a release; default: the one that ran before")],
  stack: true,
  options: [jsonOption("print the result as JSON; progress goes to stderr")],
  examples: [
    ["webinfra rollback", "the release before takes over; no request fails"],
    ["webinfra rollback 3f2ac41b", "an earlier one, by its beginning"],
  ],
  async action(
    { context }: Invocation,
    release: string | undefined,
    { stack, json }: StackChoice & { readonly json?: boolean },
  ) {
    await rollback(await context(json === true), stack, release);
  },
};
