/** A site's status for people. */
import { createColors } from "picocolors";
import type { Colors } from "picocolors/types";
import type { Answer } from "../../operations/access/agent";
import type { HostMachine } from "../../operations/machines";
import { type Answered, conflictWords, type StatusReport } from "../../operations/status";
import { duration, table } from "./format";
import { outdatedLines } from "./outdated";

/** What there is to say of a host beside its health; empty when nothing. */
export function note(machine: HostMachine, answer: Answer): string {
  if ("silent" in answer) {
    return answer.silent;
  }
  if (answer.converge === "running") {
    return `being set up${answer.step ? `: ${answer.step}` : ""}`;
  }
  if (answer.error) {
    return answer.error;
  }
  const { database } = answer;
  if (!database) {
    return "";
  }
  const lag = database.lagSeconds === null ? "" : `, ${duration(database.lagSeconds)} behind`;
  return `${machine.roles.includes("database") ? database.role : ""}${database.role === "replica" ? lag : ""}`;
}

/** What a host has to say that no column has room for, a line each. */
function remarks(stack: string, { name, refused, settings, database }: StatusReport["hosts"][number]): string[] {
  const refusal = settings?.refused?.reason;
  return [
    ...refused.map(({ document, reason }) => `${name} refuses ${document}: ${reason}; the last good one stays in use`),
    ...(refusal === undefined ? [] : [`${name} refuses its settings: ${refusal}; those before stay in force`]),
    ...(settings?.waiting == null ? [] : [`${name} has not applied its settings yet: ${settings.waiting}`]),
    ...(settings?.pending ?? []).map((words) => `${name}: ${words}`),
    ...(database?.conflict === true
      ? [
          `${name} is closed for writes: ${conflictWords(database.epoch)} for the host that shall take writes, such as \`webinfra database promote ${name} --stack ${stack}\``,
        ]
      : []),
    ...(database?.waiting == null ? [] : [`${name} says: ${database.waiting}`]),
  ];
}

/** How a report is shown. */
export interface ReportLayout {
  /** Columns of the terminal. Default: without end. */
  readonly columns?: number;
  /** Default: none. */
  readonly colours?: Pick<Colors, "green" | "red" | "yellow">;
}

const plain = createColors(false);

/** The report for people. */
export function reportLines(
  status: StatusReport,
  machines: Answered,
  { columns = Infinity, colours = plain }: ReportLayout = {},
): string[] {
  const { stack, platform, topology, url } = status;
  if (machines.length === 0) {
    return [`the stack "${stack}" has no hosts; \`webinfra up --stack ${stack}\` makes them`];
  }
  const lost = machines.filter(([{ running }]) => !running).map(([{ host }]) => host);
  return [
    `stack ${stack} (${[platform, topology].filter((part) => part !== null).join(", ")})${url === null ? "" : `: ${url}`}`,
    ...table(
      [
        ["HOST", "ROLES", "ADDRESS", "HEALTH", ""],
        ...machines.map(([machine, answer], index) => [
          machine.host,
          machine.roles.join(" "),
          machine.address ?? "-",
          status.hosts[index]?.healthy === true ? colours.green("healthy") : colours.red("NOT HEALTHY"),
          note(machine, answer),
        ]),
      ],
      { width: columns, heading: true },
    ),
    ...(lost.length === 0 ? [] : [`\`webinfra up --stack ${stack}\` brings ${lost.join(", ")} back`]),
    ...status.hosts.flatMap((host) => remarks(stack, host)),
    ...outdatedLines(
      stack,
      status.hosts.filter(({ outdated }) => outdated).map(({ name }) => name),
    ),
  ];
}

/** The databases for people. */
export function databaseLines(
  status: StatusReport,
  machines: Answered,
  { columns = Infinity, colours = plain }: ReportLayout = {},
): string[] {
  const { stack } = status;
  const held = machines.filter(([{ roles }]) => roles.includes("database"));
  if (held.length === 0) {
    return [`the stack "${stack}" has no databases; \`webinfra up --stack ${stack}\` makes its hosts`];
  }
  const { primary } = status.database;
  const replica = held.find(([machine, answer]) => machine.host !== primary && !("silent" in answer))?.[0].host;
  return [
    ...table([["HOST", "DATABASE"], ...held.map(([machine, answer]) => [machine.host, note(machine, answer)])], {
      width: columns,
      heading: true,
    }),
    primary === null ? colours.red("no database takes writes") : `${primary} takes writes`,
    ...(replica === undefined
      ? []
      : [`\`webinfra database promote ${replica} --stack ${stack}\` makes ${replica} the one that does`]),
  ];
}
