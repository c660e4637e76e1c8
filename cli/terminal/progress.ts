/** What goes on in a Pulumi operation, and what it plans, for people: in lines, or on a board of hosts. */
import type { PlannedStep, ProgressEvent, ProgressListener, RunningStep } from "../engine/progress";
import type { Board } from "./board";
import { duration } from "./format";
import type { Output } from "./output";

const signs: Readonly<Record<string, string>> = {
  create: "+ create",
  replace: "± replace",
  update: "~ update",
  delete: "- delete",
  discard: "- let go of",
  import: "= import",
};

/** After this time, a step that still runs is named. */
const SLOW_MS = 2_000;

const label = ({ name, type }: RunningStep): string => `${name} [${type}]`;

const about = (resource: string | undefined): string => (resource === undefined ? "" : `${resource}: `);

function warn(output: Output, { resource, message }: Extract<ProgressEvent, { readonly kind: "warning" }>): void {
  output.problem(`  warning: ${about(resource)}${message}`);
}

/** Tells what goes on in lines: each step when it is done, and when it takes long. */
export function progressLines(output: Output, now: () => number = Date.now): ProgressListener {
  const running = new Map<string, { readonly since: number; readonly timer: NodeJS.Timeout }>();
  const begin = (step: RunningStep): void => {
    const say = (): void => output.progress(`  ${step.doing} ${label(step)} …`);
    running.set(step.key, { since: now(), timer: setTimeout(say, SLOW_MS) });
  };
  const finish = (step: RunningStep, succeeded: boolean): void => {
    const started = running.get(step.key);
    if (started === undefined) {
      return;
    }
    clearTimeout(started.timer);
    running.delete(step.key);
    const seconds = duration((now() - started.since) / 1000);
    output.progress(`  ${succeeded ? step.done : `failed ${step.doing}`} ${label(step)} (${seconds})`);
  };
  return (event) => {
    switch (event.kind) {
      case "begun":
        begin(event.step);
        break;
      case "finished":
        finish(event.step, event.succeeded);
        break;
      case "warning":
        warn(output, event);
        break;
      case "status":
        output.progress(`  ${about(event.resource)}${event.news}`);
        break;
      case "ended":
        for (const { timer } of running.values()) {
          clearTimeout(timer);
        }
    }
  };
}

/** Shows what goes on on a board, which tells by itself what takes long. Warnings are lines all the same. */
function progressOnBoard(board: Board, output: Output): ProgressListener {
  const begin = (step: RunningStep): void => {
    if (step.host === undefined) {
      board.other(`${step.doing} ${label(step)}`);
    } else {
      board.begin(step.host, step.doing);
    }
  };
  const finish = (step: RunningStep, succeeded: boolean): void => {
    if (step.host === undefined) {
      board.other(`${succeeded ? step.done : `failed ${step.doing}`} ${label(step)}`);
    } else {
      board.finish(step.host, step.done, succeeded);
    }
  };
  return (event) => {
    switch (event.kind) {
      case "begun":
        begin(event.step);
        break;
      case "finished":
        finish(event.step, event.succeeded);
        break;
      case "warning":
        warn(output, event);
        break;
      case "status":
        board.other(event.message);
        break;
      case "ended":
        break;
    }
  };
}

/** Tells what goes on on the board where there is one, else in lines. */
export function progressOn(board: Board | undefined, output: Output): ProgressListener {
  return board === undefined ? progressLines(output) : progressOnBoard(board, output);
}

/** The lines of a plan: one change each, with the properties that differ. */
export function planLines(steps: readonly PlannedStep[]): string[] {
  return steps.map(({ op, type, name, diff }) => {
    const what = diff.length === 0 ? "" : ` (${diff.join(", ")})`;
    return `  ${signs[op] ?? op} ${name} [${type}]${what}`;
  });
}
