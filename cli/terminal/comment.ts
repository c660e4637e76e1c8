/** A preview as a pull request's comment, in Markdown. It holds names and no values of resources, so no secret can be in it. */
import { type Cost, money } from "../../review/cost";
import { costMarkdown } from "../../review/cost/text";
import { markdownTable } from "../../core/markdown";
import { counted } from "../../core/words";
import type { Review } from "../../review";
import type { PlannedStep, Violation } from "../engine/progress";

/** A weakness, as the review has it. */
export type Weakness = Pick<Review["findings"][number], "id" | "severity" | "subject" | "what">;
/** A weakness, as the output `review` of a stack has it. */
type DeployedWeakness = Pick<Weakness, "id" | "severity">;

/** What the stack's last update left. */
export interface Deployed {
  /** Undefined when the outputs are not there: the last update failed. */
  readonly weaknesses: readonly DeployedWeakness[] | undefined;
  /** US dollars a month; null or undefined: not known. */
  readonly monthlyUsd: number | null | undefined;
}

/** What a preview found. */
export interface PreviewReport {
  readonly stack: string;
  readonly steps: readonly PlannedStep[];
  /** Resources that stay as they are. */
  readonly unchanged: number;
  /** Names of the policy packs that ran. */
  readonly policyPacks: readonly string[];
  readonly violations: readonly Violation[];
  /** How many checks of policies wait for values that only an update knows. */
  readonly waiting: number;
  /** Reasons of the configuration's waivers, by rule. */
  readonly waivers: Readonly<Record<string, string>>;
  /** Undefined when the configuration is not sound. */
  readonly weaknesses: readonly Weakness[] | undefined;
  /** Undefined on incus, and when the configuration is not sound. */
  readonly cost: Cost | undefined;
  /** Undefined: nothing is deployed. */
  readonly deployed: Deployed | undefined;
  /** Why the preview failed, where that may be shown to everybody; empty: see the log. Undefined: it did not. */
  readonly failure: string | undefined;
}

/** More rows than this are folded. */
const openRows = 15;
/** A comment on GitHub may have 65,536 characters, and it holds every stack's preview. */
const mostRows = 100;

/** What a step does, the gravest first. What is not here is a part of another step. */
const operations: Readonly<Record<string, string>> = {
  delete: "delete",
  discard: "let go of",
  replace: "replace",
  update: "update",
  import: "import",
  create: "create",
};

/** Text that neither Markdown nor GitHub reads as more than text: no mention, no HTML. */
function code(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  // A code span ends at as many backticks as it began with (CommonMark 6.1).
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return longest === 0 ? `\`${line}\`` : `${fence} ${line} ${fence}`;
}

const folded = (summary: string, lines: readonly string[]): string[] => [
  `<details><summary>${summary}</summary>`,
  "",
  ...lines,
  "",
  "</details>",
];

/** Adds the sign of a gain to an amount. */
const signed = (amount: number): string => `${amount > 0 ? "+" : ""}${money(amount)} USD`;

/** The hidden first line of a stack's part of the comment. */
export const commentMarker = (stack: string): string => `<!-- webinfra preview ${stack} -->`;

/** The changes to show: a replacement once, and the stack itself not at all. */
const changesOf = ({ steps }: PreviewReport): readonly PlannedStep[] =>
  steps.filter(({ op, type }) => op in operations && type !== "pulumi:pulumi:Stack");

function resources(report: PreviewReport): string[] {
  const { unchanged } = report;
  const words = Object.keys(operations);
  const shown = changesOf(report).toSorted(
    (a, b) => words.indexOf(a.op) - words.indexOf(b.op) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );
  if (shown.length === 0) {
    return [`No change to ${counted(unchanged, "resource")}.`];
  }
  const counts = words
    .map((op) => ({ op, count: shown.filter((step) => step.op === op).length }))
    .filter(({ count }) => count > 0)
    .map(({ op, count }) => `${String(count)} to ${operations[op] ?? op}`);
  const rows = shown
    .slice(0, mostRows)
    .map(({ op, type, name, diff }) => [operations[op] ?? op, code(type), code(name), diff.map(code).join(" ")]);
  const table = [
    ...markdownTable(["operation", "type", "name", "what differs"], rows),
    ...(shown.length > mostRows ? ["", `… and ${String(shown.length - mostRows)} more.`] : []),
  ];
  const summary = `${counts.join(", ")}${unchanged === 0 ? "" : `; ${String(unchanged)} unchanged`}`;
  return shown.length > openRows ? folded(summary, table) : [`${summary}.`, "", ...table];
}

function policies({ violations, waiting, waivers, policyPacks }: PreviewReport): string[] {
  const broken = violations.filter(({ mandatory }) => mandatory);
  const reasons = Object.entries(waivers);
  const verdict =
    broken.length > 0
      ? `**${counted(broken.length, "violation")}**: this cannot be deployed.`
      : policyPacks.length === 0 && violations.length === 0
        ? "The policy pack did not run."
        : "Every mandatory rule is kept.";
  return [
    verdict,
    ...(violations.length === 0
      ? []
      : [
          "",
          ...markdownTable(
            ["rule", "", "resource", "what"],
            violations
              .toSorted((a, b) => Number(b.mandatory) - Number(a.mandatory))
              .slice(0, mostRows)
              .map(({ policy, mandatory, resource, message }) => [
                code(policy),
                mandatory ? "**violated**" : "advice",
                resource === undefined ? "" : code(resource),
                code(message),
              ]),
          ),
        ]),
    ...(waiting === 0
      ? []
      : ["", `${counted(waiting, "check")} ${waiting === 1 ? "waits" : "wait"} for \`up\`: a value is not known yet.`]),
    ...(reasons.length === 0
      ? []
      : ["", "Waived by the configuration:", "", ...reasons.map(([rule, why]) => `- ${code(rule)}: ${code(why)}`)]),
  ];
}

/** What is new and what is gone; undefined when what is deployed is not known. */
function compared({ weaknesses, deployed }: PreviewReport): {
  readonly added: readonly Weakness[];
  readonly gone: readonly DeployedWeakness[];
} {
  const now = weaknesses ?? [];
  const before = deployed?.weaknesses ?? [];
  // A weakness that became worse is a new one.
  const key = ({ id, severity }: DeployedWeakness): string => `${id} ${severity}`;
  const without = <One extends DeployedWeakness>(all: readonly One[], others: readonly DeployedWeakness[]) =>
    all.filter((one) => !others.some((other) => key(other) === key(one)));
  return { added: without(now, before), gone: without(before, now) };
}

function weaknessLines(report: PreviewReport): string[] {
  const { weaknesses = [], deployed } = report;
  const { added, gone } = compared(report);
  const against =
    deployed === undefined
      ? "Nothing is deployed: all of them."
      : deployed.weaknesses === undefined
        ? "The last update left no review to compare with: all of them."
        : `${counted(added.length, "new weakness", "new weaknesses")}, ${String(gone.length)} gone, ${String(weaknesses.length - added.length)} as before.`;
  const table = markdownTable(
    ["severity", "weakness", "where", "what"],
    added.map(({ id, severity, subject, what }) => [severity, code(id), code(subject), code(what)]),
  );
  return [
    against,
    ...(added.length === 0 ? [] : ["", ...(added.length > openRows ? folded("the weaknesses", table) : table)]),
    ...(gone.length === 0 ? [] : ["", `Gone: ${gone.map(({ id }) => code(id)).join(", ")}.`]),
  ];
}

/** The difference to what is deployed in US dollars a month; undefined when one of them is not known. */
function difference({ cost, deployed }: PreviewReport): number | undefined {
  const before = deployed?.monthlyUsd;
  const now = cost?.monthlyUsd;
  if (typeof before !== "number" || typeof now !== "number") {
    return undefined;
  }
  return Math.round((now - before) * 100) / 100;
}

function costLines(report: PreviewReport, cost: Cost): string[] {
  const change = difference(report);
  const against =
    report.deployed === undefined
      ? "nothing is deployed"
      : change === undefined
        ? "the difference is not known"
        : change === 0
          ? "as what is deployed"
          : `${signed(change)} against what is deployed`;
  const total = cost.monthlyUsd === null ? "unknown" : `${money(cost.monthlyUsd)} USD`;
  return [`**${total}** a month, ${against}.`, "", ...folded("what for", costMarkdown(cost))];
}

/** What matters most, in one line. */
function headline(report: PreviewReport): string {
  const changes = changesOf(report).length;
  const broken = report.violations.filter(({ mandatory }) => mandatory).length;
  const { added } = compared(report);
  const change = difference(report);
  return [
    report.failure !== undefined && broken === 0 ? "failed" : counted(changes, "change"),
    ...(broken === 0 ? [] : [counted(broken, "violation")]),
    ...(added.length === 0 || report.deployed?.weaknesses === undefined
      ? []
      : [counted(added.length, "new weakness", "new weaknesses")]),
    ...(change === undefined || change === 0 ? [] : [`${signed(change)} a month`]),
  ].join(", ");
}

/** The comment on one stack's preview, or this stack's part of the comment on several. Pure: the same report gives the same text. */
export function previewComment(report: PreviewReport): string {
  const { stack, failure, cost, weaknesses } = report;
  const section = (title: string, lines: readonly string[]): string[] => ["", `#### ${title}`, "", ...lines];
  return [
    commentMarker(stack),
    `### ${code(stack)}: ${headline(report)}`,
    ...(failure === undefined
      ? []
      : [
          "",
          "**The preview failed.** The job's log says more.",
          ...(failure === "" ? [] : ["", "```text", failure.replaceAll("```", "'''").trim(), "```"]),
        ]),
    ...section("Resources", failure === undefined || changesOf(report).length > 0 ? resources(report) : ["Not known."]),
    ...section("Policies", policies(report)),
    ...(weaknesses === undefined ? [] : section("Weaknesses", weaknessLines(report))),
    ...(cost === undefined ? [] : section("Cost", costLines(report, cost))),
    "",
  ].join("\n");
}
