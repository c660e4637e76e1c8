/** `webinfra status --watch`: the status, again and again, until Ctrl-C. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandContext } from "../context";
import { reportLines } from "../terminal/status";
import { stackStatus } from "./site";

const LOOK_MS = 2_000;

/**
 * Shows a stack's status until the signal: in place on a terminal, else a report whenever something changed.
 * @param signal ends it
 */
export async function watchStatus(context: CommandContext, name: string, signal: AbortSignal): Promise<void> {
  const { output } = context;
  const { createLogUpdate } = await import("log-update");
  const update = output.live ? createLogUpdate(process.stdout) : undefined;
  let before = "";
  while (!signal.aborted) {
    const { report, machines } = await stackStatus(context, name);
    const text = reportLines(report, machines, output)
      .map((line) => output.shown(line))
      .join("\n");
    if (update !== undefined) {
      update(`${text}\n${new Date().toLocaleTimeString()}, every ${String(LOOK_MS / 1000)} s; Ctrl-C ends it`);
    } else if (text !== before) {
      output.result(text);
    }
    before = text;
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  update?.done();
}
