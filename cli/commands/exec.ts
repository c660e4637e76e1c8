/** `webinfra exec`: into a host. */
import { Argument } from "commander";
import { commandOn } from "../../operations/exec";
import type { CommandDescription, Invocation } from "../command";
import type { CommandContext } from "../context";
import { siteWithHosts } from "../engine/site";
import { hostArgument } from "../options";
import { attach } from "../terminal/attach";

/** What a host is entered with. */
const shell: readonly string[] = ["bash", "--login"];

/** Runs a command on a host with the caller's terminal. Returns its exit code. */
export async function exec(
  context: CommandContext,
  stack: string,
  host: string,
  command: readonly string[],
): Promise<number> {
  const { access } = await siteWithHosts(context, stack, "this command");
  return attach(await commandOn(access, host, command));
}

export const execCommand: CommandDescription = {
  name: "exec",
  description: "open a shell on a host, or run a command there",
  arguments: [
    hostArgument("the host, such as web-1"),
    new Argument("[command...]", "the command and its arguments, after --; default: a shell"),
  ],
  stack: true,
  examples: [
    ["webinfra exec web-1", "a shell, as root"],
    ["webinfra exec web-1 -- systemctl status nginx", "one command; its exit code is ours"],
  ],
  async action(
    { context, exit }: Invocation,
    host: string,
    command: readonly string[],
    options: { readonly stack: string },
  ) {
    exit(await exec(await context(false), options.stack, host, command.length === 0 ? shell : command));
  },
};
