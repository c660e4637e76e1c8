/** `webinfra exec` and `webinfra logs`: into a host. */
import { commandOn } from "../../operations/exec";
import type { CommandContext } from "../context";
import { siteWithHosts } from "../engine/site";
import { attach } from "../terminal/attach";

/** Runs a command on a host with the caller's terminal. Returns its exit code. */
export async function exec(
  context: CommandContext,
  stack: string,
  host: string,
  command: readonly string[],
): Promise<number> {
  const { access } = siteWithHosts(context, stack, "this command");
  return attach(await commandOn(access, host, command));
}
