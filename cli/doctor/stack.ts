/** Checks of a stack. Each takes facts and judges them; nothing is looked up here. */
import { counted } from "../../core/words";
import type { Answered, StatusReport } from "../../operations/status";
import { conflictOf, pickSubnet, type TakenSubnet } from "../../provider/incus/subnet";
import { type Lock, lockIsDead, type StackState } from "../engine/state";
import { note } from "../terminal/status";
import { type Outcome, ok, problem, skipped } from "./check";

/** @param problems what is wrong with the configuration, one line a problem */
export function judgeConfig(file: string, problems: readonly string[]): Outcome {
  return problems.length === 0
    ? ok(file)
    : problem(
        [
          `${file} has ${problems.length === 1 ? "a problem" : `${String(problems.length)} problems`}:`,
          ...problems,
        ].join("\n"),
        "correct the file; docs/configuration.md describes every key",
      );
}

/** Judges what runs left behind: locks, and operations without an end. */
export function judgeRuns(
  stack: string,
  locks: readonly Lock[],
  state: StackState | undefined,
  isDead: (lock: Lock) => boolean = lockIsDead,
): Outcome {
  const held = locks.find((lock) => !isDead(lock));
  if (held !== undefined) {
    return ok(`process ${held.pid} of ${held.username} on ${held.hostname} is changing the stack now`);
  }
  const pending = state?.pending.length ?? 0;
  if (locks.length === 0 && pending === 0) {
    return ok("no run was killed");
  }
  const left = [
    ...(locks.length === 0 ? [] : ["its lock"]),
    ...(pending === 0 ? [] : [counted(pending, "unfinished step")]),
  ];
  return problem(
    `a run was killed and left ${left.join(" and ")}`,
    `\`webinfra up --stack ${stack}\` clears that and repairs`,
  );
}

/** What is known of a stack's network. */
export interface NetworkFacts {
  readonly stack: string;
  /** The subnet of the network that the stack has. */
  readonly present: string | undefined;
  /** The subnet that the configuration asks for. */
  readonly configured: string | undefined;
  /** Subnets of others. */
  readonly taken: readonly TakenSubnet[];
}

export function judgeNetwork({ stack, present, configured, taken }: NetworkFacts): Outcome {
  if (present !== undefined) {
    const conflict = conflictOf(present, taken);
    if (conflict !== undefined) {
      return problem(
        `the stack's network ${present} overlaps with ${conflict.by}, which has ${conflict.cidr}: answers may get lost`,
        `take the other away; or \`webinfra down --stack ${stack}\`, set webinfra:network.cidr to a free subnet, and \`webinfra up --stack ${stack}\``,
      );
    }
    return configured === undefined || configured === present
      ? ok(present)
      : problem(
          `webinfra:network.cidr is ${configured}, and the stack's network has ${present}, which it keeps while machines use it`,
          `set it back to ${present}, or \`webinfra down --stack ${stack}\` first`,
        );
  }
  const conflict = configured === undefined ? undefined : conflictOf(configured, taken);
  return conflict === undefined
    ? ok(configured ?? pickSubnet(taken))
    : problem(
        `webinfra:network.cidr is ${configured ?? ""}, and ${conflict.by} has ${conflict.cidr}`,
        `leave it out to have a free one chosen, or set it to one, such as ${pickSubnet(taken)}`,
      );
}

/** Judges the hosts by what `webinfra status` found. */
export function judgeHosts(status: StatusReport, machines: Answered): Outcome {
  if (machines.length === 0) {
    return skipped(`the stack is not up; \`webinfra up --stack ${status.stack}\` makes its hosts`);
  }
  const ill = machines.flatMap(([machine, answer], index) =>
    status.hosts[index]?.healthy === true
      ? []
      : [{ host: machine.host, gone: machine.gone, why: note(machine, answer) }],
  );
  const lines = ill.map(({ host, why }) => `${host} is not healthy${why === "" ? "" : `: ${why}`}`);
  const hasDatabases = status.hosts.some(({ roles }) => roles.includes("database"));
  if (hasDatabases && status.database.primary === null) {
    lines.push("no database takes writes");
  }
  const [first] = ill;
  return lines.length === 0
    ? ok(`${counted(machines.length, "host")}, ${machines.length === 1 ? "healthy" : "all healthy"}`)
    : problem(
        lines.join("\n"),
        first === undefined
          ? `\`webinfra status --stack ${status.stack}\` shows the databases`
          : first.gone === true
            ? `\`webinfra up --stack ${status.stack}\` makes it again`
            : `\`webinfra logs ${first.host} --stack ${status.stack}\` shows its journal; \`webinfra up --stack ${status.stack} --refresh\` repairs`,
      );
}

/** Judges whether hosts were made from what the last update wanted them to be: those with data are never made anew unasked. */
export function judgeDefinitions({ stack, hosts }: StatusReport): Outcome {
  if (hosts.length === 0) {
    return skipped(`the stack is not up; \`webinfra up --stack ${stack}\` makes its hosts`);
  }
  const older = hosts.filter(({ outdated }) => outdated).map(({ name }) => name);
  const [first] = older;
  return first === undefined
    ? ok("every host was made from the definition of the last `webinfra up`")
    : problem(
        `made from an older definition than the last \`webinfra up\` wanted: ${older.join(", ")}`,
        `nothing, if the change can wait; \`webinfra replace ${first} --stack ${stack}\` makes ${older.length === 1 ? "it" : "the first"} anew from it`,
      );
}
