import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Names the folder of the stack's channel, where another WEBINFRA_HOME than this one brought the stack up first. */
export const channelVariable = "WEBINFRA_CHANNEL";

/** Folder of the channel of a stack that is first brought up. */
export const ownChannel = (home: string, stack: string): string => join(home, "channels", stack);

/** Folder on this computer for what belongs to all stacks: `WEBINFRA_HOME`, default `~/.webinfra`. Absolute. */
export function webinfraHome(environment: Readonly<Record<string, string | undefined>>): string {
  const chosen = environment.WEBINFRA_HOME;
  return chosen ? resolve(chosen) : join(homedir(), ".webinfra");
}
