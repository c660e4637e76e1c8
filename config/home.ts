import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Folder on this computer for what belongs to all stacks: `WEBINFRA_HOME`, default `~/.webinfra`. Absolute. */
export function webinfraHome(environment: Readonly<Record<string, string | undefined>>): string {
  const chosen = environment.WEBINFRA_HOME;
  return chosen ? resolve(chosen) : join(homedir(), ".webinfra");
}
