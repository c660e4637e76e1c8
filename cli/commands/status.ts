/** `webinfra status`: each host and its health. */
import { allWell } from "../../operations/status";
import type { CommandContext } from "../context";
import { stackStatus } from "../engine/site";
import { exitCode } from "../errors";
import { reportLines } from "../terminal/status";

/** Prints the status. Returns the exit code: 0 when all is well, else 3. */
export async function status(context: CommandContext, name: string): Promise<number> {
  const { output } = context;
  const { report, machines } = await stackStatus(context, name);
  for (const line of reportLines(report, machines)) {
    output.result(line);
  }
  output.data(report);
  return allWell(report) ? exitCode.ok : exitCode.notAsExpected;
}
