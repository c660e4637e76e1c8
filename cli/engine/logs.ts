/** `webinfra logs`: what hosts logged, as one. */
import { spawn } from "node:child_process";
import { UserError } from "../../core/errors";
import { counted, listed } from "../../core/words";
import type { HostCommand } from "../../operations/access/types";
import { startFailure } from "../../operations/exec";
import { inOrder, type LogLine, type LogSelection, logsCommand, readLogLines } from "../../operations/logs";
import { type HostMachine, machineOf } from "../../operations/machines";
import type { CommandContext } from "../context";
import { logLineText } from "../terminal/logs";
import { siteWithHosts } from "./site";

/** While logs are followed, lines of several hosts are put in order within this time. */
const ORDER_MS = 300;

/** What is there already is shown when every host has told some, or after this time: one that logged nothing tells nothing. */
const PATIENCE_MS = 3_000;

/** How a host's log ended. */
interface Ended {
  readonly host: string;
  readonly code: number | null;
  readonly stderr: string;
}

/** Why a host did not tell its log: what it said last. */
const reasonOf = ({ code, stderr }: Ended): string => stderr.split("\n").at(-1) || `exit code ${String(code)}`;

/** Runs a host's log to its end. @param heard gets the lines as they come */
function stream(
  host: string,
  command: HostCommand,
  signal: AbortSignal,
  heard: (lines: readonly LogLine[]) => void,
): Promise<Ended> {
  const child = spawn(command.program, command.arguments, {
    stdio: ["ignore", "pipe", "pipe"],
    signal,
    killSignal: "SIGINT",
  });
  let rest = "";
  let stderr = "";
  let last: LogLine | undefined;
  const hear = (texts: readonly string[]): void => {
    const lines = readLogLines(texts, last);
    last = lines.at(-1) ?? last;
    heard(lines);
  };
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    const whole = (rest + part).split("\n");
    rest = whole.pop() ?? "";
    hear(whole);
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part));
  return new Promise((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (!signal.aborted) {
        reject(startFailure(command, error));
      }
    });
    child.on("close", (code) => {
      if (rest !== "") {
        hear([rest]);
      }
      resolve({ host, code, stderr: stderr.trim() });
    });
  });
}

/** The machines whose logs are asked for. @param hosts none: all that run */
function chosenMachines(machines: readonly HostMachine[], stack: string, hosts: readonly string[]): HostMachine[] {
  if (hosts.length > 0) {
    return [...new Set(hosts.map((host) => machineOf(machines, stack, host)))];
  }
  const running = machines.filter((machine) => machine.running);
  if (running.length === 0) {
    throw new UserError(`the stack "${stack}" has no hosts that run: \`webinfra up --stack ${stack}\` makes them`);
  }
  return running;
}

/**
 * Shows what hosts logged until they have told all, or for ever with `follow`.
 * @param hosts their names; none: all of the stack's
 * @throws UserError when a host cannot tell its log
 */
export async function showLogs(
  context: CommandContext,
  stack: string,
  hosts: readonly string[],
  selection: LogSelection,
): Promise<void> {
  const { output } = context;
  const { access } = await siteWithHosts(context, stack, "this command");
  const machines = chosenMachines(await access.machines(), stack, hosts);
  const names = machines.map(({ host }) => host);
  const show = (lines: readonly LogLine[]): void => {
    for (const line of lines) {
      output.raw(logLineText(line, names, output.colours));
    }
  };
  const waiting: LogLine[][] = machines.map(() => []);
  const begun = new Set<number>();
  const patience = Date.now() + PATIENCE_MS;
  const flush = (): void => {
    if (begun.size < machines.length && Date.now() < patience) {
      return;
    }
    show(inOrder(waiting));
    waiting.forEach((lines) => lines.splice(0));
  };
  // Nobody reads any more, or the user has seen enough: that is how a log that is followed ends.
  const stop = new AbortController();
  const end = (): void => {
    stop.abort();
  };
  if (selection.follow === true) {
    process.once("SIGINT", end);
    process.stdout.once("error", end);
  }
  const timer = selection.follow === true ? setInterval(flush, ORDER_MS) : undefined;
  const ended = await Promise.all(
    machines.map((machine, index) =>
      stream(machine.host, access.command(machine, logsCommand(selection)), stop.signal, (lines) => {
        begun.add(index);
        waiting[index]?.push(...lines);
      }),
    ),
  ).finally(() => {
    clearInterval(timer);
    process.off("SIGINT", end);
    process.stdout.off("error", end);
  });
  if (selection.follow === true) {
    flush();
  } else {
    const all = inOrder(waiting);
    show(selection.since === undefined || selection.lines !== undefined ? all.slice(-(selection.lines ?? 100)) : all);
  }
  const failed = stop.signal.aborted ? [] : ended.filter(({ code }) => code !== 0);
  if (failed.length > 0) {
    const reasons = [...new Set(failed.map(reasonOf))];
    throw new UserError(
      [
        `${counted(failed.length, "host")} of ${String(machines.length)} did not tell all of ${failed.length === 1 ? "its log" : "their logs"}:`,
        ...reasons.map(
          (reason) =>
            `  ${listed(failed.filter((one) => reasonOf(one) === reason).map(({ host }) => host))}: ${reason}`,
        ),
      ].join("\n"),
    );
  }
}
