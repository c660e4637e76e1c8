/** A topology's review for people at a terminal. */
import type { Cost } from "../../review/cost";
import { costNotes, costRows } from "../../review/cost/text";
import { type Review, summary, tellingLosses } from "../../review";
import { table } from "./format";

/** Text in lines of at most 100 characters, each begun with `indent`. */
function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < 100) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(`${indent}${word}`);
    }
  }
  return lines;
}

/** The review for people at a terminal. */
export function reviewLines(stack: string, review: Review, cost?: Cost): string[] {
  return [
    `stack ${stack}, topology ${review.topology}: ${summary(review)}`,
    "",
    ...review.findings.flatMap(({ id, severity, subject, what, remedy }) => [
      `${severity.padEnd(8)}  ${id} (${subject})`,
      ...wrapped(what, "          "),
      ...wrapped(`What removes it: ${remedy}.`, "          "),
    ]),
    "",
    ...table([
      ["WHEN IT IS LOST", "STOPS", ""],
      ...tellingLosses(review).map(({ host, role, inWords, then }) => [
        role === null ? host : `  ${role}`,
        inWords,
        then,
      ]),
    ]),
    "",
    review.balancing,
    ...review.elements.flatMap(({ element, hosts, purpose }) => [
      `${element} on ${hosts.join(", ")}`,
      ...wrapped(purpose, "  "),
    ]),
    "",
    ...(cost === undefined
      ? []
      : [...table([["COST OF", "USD A MONTH", ""], ...costRows(cost)]), ...wrapped(costNotes(cost).join(" "), ""), ""]),
    `next: \`webinfra review ${stack} --markdown\` draws the topology; --topology NAME shows another`,
  ];
}
