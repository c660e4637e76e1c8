/** Draws a {@link Board} on a terminal while an operation runs. */
import { setTimeout as sleep } from "node:timers/promises";
import type { SiteAccess } from "../../operations/access/types";
import { askAll } from "../../operations/status";
import { Board } from "./board";
import type { Output } from "./output";

const REDRAW_MS = 120;
const LOOK_MS = 1_500;

async function look(access: SiteAccess, board: Board, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      board.observe(await askAll(access, await access.machines()));
    } catch {
      // It is only to watch: what is really wrong, Pulumi says.
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/**
 * Runs an operation under a live display when the output is a terminal, else without one.
 * @param hosts the hosts that are known beforehand
 * @param watch the way to the stack's machines; undefined where they cannot be asked, or are not to be
 * @param operation gets the board to report to; undefined when there is no terminal
 */
export async function withBoard<T>(
  output: Output,
  goal: "up" | "down",
  { hosts, watch }: { readonly hosts: readonly string[]; readonly watch?: SiteAccess | undefined },
  operation: (board: Board | undefined) => Promise<T>,
): Promise<T> {
  if (!output.live) {
    return operation(undefined);
  }
  const { createLogUpdate } = await import("log-update");
  const { colours } = output;
  const board = new Board(goal, hosts);
  board.other("working out what to do");
  const update = createLogUpdate(process.stdout);
  let turn = 0;
  const draw = (): void => {
    // A line that the terminal breaks in two would make the picture jump.
    const lines = board
      .lines(turn++, output.columns - 1)
      .map((line) => line.replace("✔", colours.green("✔")).replace("✖", colours.red("✖")));
    if (lines.length === 0) {
      update.clear();
    } else {
      update(lines.join("\n"));
    }
  };
  const timer = setInterval(draw, REDRAW_MS);
  const stop = new AbortController();
  if (watch !== undefined) {
    void look(watch, board, stop.signal);
  }
  const restore = output.divert((line) => {
    update.persist(line);
  });
  const end = (succeeded: boolean): void => {
    clearInterval(timer);
    stop.abort();
    restore();
    board.close(succeeded);
    draw();
    update.done();
  };
  try {
    const result = await operation(board);
    end(true);
    return result;
  } catch (error) {
    end(false);
    throw error;
  }
}
