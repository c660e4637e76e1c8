/** `webinfra exec` and `webinfra logs`: into a host. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { PROJECT } from "../../provider/incus";
import { UserError } from "../../core/errors";
import { machineOf, stackMachines } from "../incus";
import type { CommandContext } from "../context";
import { needIncus, stackFacts, stateOnDisk } from "../engine/stack";
import { sourceFile } from "../engine/stackfile";

/** Arguments of the incus client that run a command in a machine. */
export function execArguments(machine: string, command: readonly string[]): string[] {
  return ["exec", "--project", PROJECT, machine, "--", ...command];
}

/** A host that is being made has no such program yet, and one with an older kit never gets it: there the journal is all. */
const SHOW_LOGS = `kit=/usr/local/lib/webinfra/current
[ ! -e $kit/webinfra/logs.py ] || exec $kit/webinfra-host logs "$@"
exec journalctl --no-pager "$@"`;

/** The command that shows what a host logged: its journal, and a line a request of its visitors. */
export function logsCommand(lines: number, follow: boolean): string[] {
  return ["sh", "-c", SHOW_LOGS, "logs", `--lines=${String(lines)}`, ...(follow ? ["--follow"] : [])];
}

/** Runs a command on a host with the caller's terminal. Returns its exit code. */
export async function exec(
  context: CommandContext,
  stack: string,
  host: string,
  command: readonly string[],
): Promise<number> {
  needIncus(context, stack, "this command");
  const machines = await stackMachines(stack);
  if (machines.length === 0 && stateOnDisk(stackFacts(context, stack)) === undefined) {
    // Says so when there is no such stack at all.
    sourceFile(context.root, stack);
  }
  const { machine } = machineOf(machines, stack, host);
  const child = spawn("incus", execArguments(machine, command), { stdio: "inherit" });
  // Ctrl-C is for the command on the host; its exit code says how it ended.
  const ignore = (): void => undefined;
  process.on("SIGINT", ignore);
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", (error: NodeJS.ErrnoException) => {
        reject(
          error.code === "ENOENT" ? new UserError("the incus client is not installed; run `npm run setup`") : error,
        );
      });
      child.on("exit", (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } finally {
    process.off("SIGINT", ignore);
  }
}
