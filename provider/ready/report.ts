/** What is said of a site that is not ready. */
import { type ExpectedMachine, type Expectation, isShown } from "./checks/check";

/** A log of a machine: what the application wrote that does not become healthy, and what set the machine up. */
export type LogName = "application" | "converge" | "cloud-init";

/** Why a machine, or the site itself, is not ready. */
export interface Missing {
  /** Absent for the site as a whole. */
  readonly machine?: ExpectedMachine;
  readonly reason: string;
  /** The machine's logs that tell more, the first first. Absent: none. */
  readonly logs?: readonly LogName[];
  /** Waiting does not help. */
  readonly final?: boolean;
}

/** One line for people who wait, such as `waiting for web-2: still being set up: installing packages`. */
export function statusLine(missed: readonly Missing[]): string {
  const shown = missed
    .slice(0, 3)
    .map(({ machine, reason }) => (machine === undefined ? reason : `${machine.name}: ${reason}`))
    // The line's own mark; a host's words may hold some of what its application answers.
    .map((line) => line.replaceAll("; ", ", "));
  const more = missed.length > shown.length ? ` (and ${String(missed.length - shown.length)} more)` : "";
  return `waiting for ${shown.join("; ")}${more}`;
}

function indent(text: string, by: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `${by}${line}`)
    .join("\n");
}

/** The whole error after the deadline. `logs` holds what could be had of each missing machine's logs, by machine id. */
export function failureReport(
  site: string,
  seconds: number,
  missed: readonly Missing[],
  logs: ReadonlyMap<string, string>,
): string {
  const parts = missed.map((one) => {
    if (one.machine === undefined) {
      return `  ${one.reason}`;
    }
    const { machine } = one;
    const log = logs.get(machine.machine);
    return `  ${machine.name} (machine ${machine.machine} at ${machine.address}): ${one.reason}${log === undefined ? "" : `\n${indent(log, "    ")}`}`;
  });
  const host = missed.find(({ machine }) => machine !== undefined)?.machine?.name;
  const look = host === undefined ? "webinfra logs" : `webinfra logs ${host}`;
  return [
    `the site ${site} is not ready after ${String(seconds)} s:`,
    ...parts,
    `Nothing was deleted: machines that served before still do. Look further with \`${look}\`, mend the cause, ` +
      "and run the update again; `webinfra:readyTimeoutSeconds` is the time it waits.",
  ].join("\n");
}

/** What was not seen of a site whose machines cannot be asked from here; undefined when all was. */
export function unseenLine({ machines, reach }: Pick<Expectation, "machines" | "reach">): string | undefined {
  if (reach !== "public") {
    return undefined;
  }
  const unseen = machines.filter((machine) => !isShown(machine) && !machine.roles.includes("loadBalancer"));
  const hosts = unseen.map(({ name }) => name).join(", ");
  return (
    "The site was seen through its address alone. What cannot be seen from here: " +
    `${hosts === "" ? "" : `whether ${hosts} ${unseen.length === 1 ? "is" : "are"} healthy, `}which balancers stand by, which host package and definition each host runs, and whether its settings are in force.`
  );
}
