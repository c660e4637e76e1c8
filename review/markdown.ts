import { counted } from "../core/words";
import { markdownTable as table } from "../core/markdown";
import type { Cost } from "./cost";
import { costMarkdown } from "./cost/text";
import { severities } from "./findings/finding";
import type { Review } from "./types";

/** How many findings there are of each severity: `8 weaknesses: 1 critical, 5 high, 2 medium`. */
export function summary({ findings }: Pick<Review, "findings">): string {
  if (findings.length === 0) {
    return "no weakness found";
  }
  const counts = severities
    .map((severity) => ({ severity, count: findings.filter((finding) => finding.severity === severity).length }))
    .filter(({ count }) => count > 0)
    .map(({ severity, count }) => `${String(count)} ${severity}`);
  return `${counted(findings.length, "weakness", "weaknesses")}: ${counts.join(", ")}`;
}

/** The rows that say something of their own: a host, and its roles when it has several. */
export const tellingLosses = ({ losses }: Pick<Review, "losses">): Review["losses"] =>
  losses.filter(({ host, role }) => role === null || losses.filter((other) => other.host === host).length > 2);

/** A review as a Markdown document, with its diagram, and with the cost where the platform has one. */
export function reviewMarkdown(review: Review, cost?: Cost): string {
  return [
    `# ${review.topology}`,
    "",
    "```mermaid",
    review.diagram.trimEnd(),
    "```",
    "",
    "## What each element is for",
    "",
    ...table(
      ["element", "on", "what for"],
      review.elements.map(({ element, hosts, purpose }) => [element, hosts.join(", "), purpose]),
    ),
    "",
    review.balancing,
    "",
    "## What stops when it is lost",
    "",
    ...table(
      ["lost", "stops", "then"],
      tellingLosses(review).map(({ host, role, inWords, then }) => [
        role === null ? `**${host}**` : `${role} on ${host}`,
        inWords,
        then,
      ]),
    ),
    "",
    `## Weaknesses`,
    "",
    `${summary(review)}.`,
    "",
    ...(review.findings.length === 0
      ? []
      : [
          ...table(
            ["severity", "finding", "where", "what", "what removes it"],
            review.findings.map(({ id, severity, subject, what, remedy }) => [
              severity,
              `\`${id}\``,
              subject,
              what,
              remedy,
            ]),
          ),
          "",
        ]),
    ...(cost === undefined ? [] : ["## Cost", "", ...costMarkdown(cost), ""]),
  ].join("\n");
}
