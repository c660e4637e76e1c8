/** A topology's review for people at a terminal. */
import type { Cost } from "../../review/cost";
import { costNotes, costRows } from "../../review/cost/text";
import { type Review, summary, tellingLosses } from "../../review";
import { table, wrapped } from "./format";

/** Longer lines are hard to read, however wide the terminal is. */
const MOST_COLUMNS = 100;

/** The review for people at a terminal. @param columns how wide it is */
export function reviewLines(stack: string, review: Review, cost: Cost | undefined, columns: number): string[] {
  const width = Math.min(columns, MOST_COLUMNS);
  return [
    `stack ${stack}, topology ${review.topology}: ${summary(review)}`,
    "",
    ...review.findings.flatMap(({ id, severity, subject, what, remedy }) => [
      `${severity.padEnd(8)}  ${id} (${subject})`,
      ...wrapped(what, width, "          "),
      ...wrapped(`What removes it: ${remedy}.`, width, "          "),
    ]),
    "",
    ...table(
      [
        ["WHEN IT IS LOST", "STOPS", ""],
        ...tellingLosses(review).map(({ host, role, inWords, then }) => [
          role === null ? host : `  ${role}`,
          inWords,
          then,
        ]),
      ],
      { width: columns, heading: true },
    ),
    "",
    review.balancing,
    ...review.elements.flatMap(({ element, hosts, purpose }) => [
      `${element} on ${hosts.join(", ")}`,
      ...wrapped(purpose, width, "  "),
    ]),
    "",
    ...(cost === undefined
      ? []
      : [
          ...table([["COST OF", "USD A MONTH", ""], ...costRows(cost)], { width: columns, heading: true }),
          ...wrapped(costNotes(cost).join(" "), width),
          "",
        ]),
    `next: \`webinfra review --stack ${stack} --markdown\` draws the topology; --topology NAME shows another`,
  ];
}
