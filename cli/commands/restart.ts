/** `webinfra restart`: starts anew what runs on hosts, without a request that fails. */
import { Argument } from "commander";
import type { CommandDescription, Invocation, StackChoice } from "../command";
import type { CommandContext } from "../context";
import { siteWithHosts } from "../engine/site";
import { jsonOption } from "../options";
import { restartedLine, restartLine } from "../terminal/release";

/** Starts the application anew on all its hosts, or on one. Prints how it went. */
export async function restartApp(context: CommandContext, stack: string, host: string | undefined): Promise<void> {
  const { output } = context;
  const operations = await import("../../operations/restart.js");
  const { access } = await siteWithHosts(context, stack, "restart");
  const done = await operations.restartApplication(access, host, (event) => {
    output.progress(restartLine(event));
  });
  output.result(restartedLine(done));
  output.data(done);
}

const appCommand: CommandDescription = {
  name: "app",
  description: "start the application anew, one host after the other; no request fails",
  arguments: [new Argument("[host]", "that host alone, such as web-1; default: each that runs it")],
  stack: true,
  options: [jsonOption("print the result as JSON; progress goes to stderr")],
  examples: [
    ["webinfra restart app", "on each host that runs it"],
    ["webinfra restart app web-1", "on one"],
  ],
  async action(
    { context }: Invocation,
    host: string | undefined,
    { stack, json }: StackChoice & { readonly json?: boolean },
  ) {
    await restartApp(await context(json === true), stack, host);
  },
};

export const restartCommand: CommandDescription = {
  name: "restart",
  description: "start the application anew, though nothing changed",
  examples: [["webinfra restart app", "one host after the other; no request fails"]],
  commands: [appCommand],
};
