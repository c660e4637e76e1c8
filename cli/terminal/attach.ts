/** Carries a command out on a host with the caller's terminal. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import type { HostCommand } from "../../operations/access/types";
import { startFailure } from "../../operations/exec";

/**
 * Runs a command on a host until it ends.
 * @returns its exit code
 * @throws UserError when this machine has not what enters a host
 */
export async function attach(command: HostCommand): Promise<number> {
  const child = spawn(command.program, command.arguments, { stdio: "inherit" });
  // Ctrl-C is for the command on the host; its exit code says how it ended.
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) => {
        reject(startFailure(command, error));
      });
      child.on("exit", (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } finally {
    process.off("SIGINT", ignore);
  }
}
