/** `webinfra setup`: gets this machine ready for sites in Incus. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { UserError } from "../../core/errors";
import type { CommandDescription, Invocation } from "../command";
import type { CommandContext } from "../context";

/** Runs the set-up; each step says whether it was done already. */
async function setUp({ packageFolder }: CommandContext): Promise<void> {
  const child = spawn("bash", [join(packageFolder, "setup", "bootstrap.sh")], { stdio: "inherit" });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", resolve);
  });
  if (code !== 0) {
    throw new UserError("this machine is not ready: the step that failed is named above, with what to do about it");
  }
}

export const setupCommand: CommandDescription = {
  name: "setup",
  description: "get this machine ready for sites: the Pulumi CLI, Incus, and the image of its hosts",
  examples: [["webinfra setup", "what is there already stays as it is"]],
  async action({ context }: Invocation) {
    await setUp(await context(false));
  },
};
