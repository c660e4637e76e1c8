/** Running a command on a host. */
import { spawn } from "node:child_process";
import { UserError } from "../core/errors";
import type { HostCommand, SiteAccess } from "./access/types";
import { machineOf } from "./machines";

/**
 * What carries a command out on a host as root.
 * @param host a host's name, such as `web-1`, or a machine's id
 * @throws HostError when there is no such host, or it does not run
 */
export async function commandOn(access: SiteAccess, host: string, argv: readonly string[]): Promise<HostCommand> {
  return access.command(machineOf(await access.machines(), access.stack, host), argv);
}

/** What a command on a host left behind. */
export interface CommandEnd {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Why what enters a host did not start. */
export const startFailure = ({ missing }: HostCommand, error: NodeJS.ErrnoException): Error =>
  error.code === "ENOENT" ? new UserError(missing) : error;

/**
 * Runs a command on a host to its end, without a terminal.
 * @throws UserError when this machine has not what enters a host
 */
export function endOf(command: HostCommand): Promise<CommandEnd> {
  const child = spawn(command.program, command.arguments, { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => (stdout += part));
  child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part));
  return new Promise((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      reject(startFailure(command, error));
    });
    child.on("close", (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}
