/** A check of `webinfra doctor`, and how what it found is told. */
import { createColors } from "picocolors";
import type { Colors } from "picocolors/types";
import { counted } from "../../core/words";

/** What a check found. */
export type Outcome =
  | { readonly state: "ok"; readonly detail: string }
  /** `remedy` is what to do. */
  | { readonly state: "problem"; readonly detail: string; readonly remedy: string }
  /** Cannot be told, or is not there to be checked. */
  | { readonly state: "skipped"; readonly detail: string };

export interface Check {
  readonly name: string;
  readonly run: () => Outcome | Promise<Outcome>;
}

/** A check's name and what it found. */
export type Finding = Outcome & { readonly name: string };

export function ok(detail: string): Outcome {
  return { state: "ok", detail };
}

export function problem(detail: string, remedy: string): Outcome {
  return { state: "problem", detail, remedy };
}

export function skipped(detail: string): Outcome {
  return { state: "skipped", detail };
}

/** Runs checks one after the other; one that throws has found a problem in words of its own. */
export async function runChecks(checks: readonly Check[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, run } of checks) {
    try {
      findings.push({ name, ...(await run()) });
    } catch (error) {
      findings.push({ name, ...problem(error instanceof Error ? error.message : String(error), "see the text above") });
    }
  }
  return findings;
}

const signs: Readonly<Record<Outcome["state"], string>> = { ok: "ok", problem: "PROBLEM", skipped: "-" };

function indented(text: string, by: number): string {
  return text.replaceAll("\n", `\n${" ".repeat(by)}`);
}

/** The findings for people: one a line, a problem with what to do, and a closing line. @param colours default: none */
export function findingLines(
  findings: readonly Finding[],
  colours: Pick<Colors, "green" | "red" | "dim"> = createColors(false),
): string[] {
  const paint = { ok: colours.green, problem: colours.red, skipped: colours.dim };
  const problems = findings.filter(({ state }) => state === "problem").length;
  return [
    ...findings.flatMap((finding) => [
      `  ${paint[finding.state](signs[finding.state].padEnd(7))}  ${finding.name}: ${indented(finding.detail, 11)}`,
      ...(finding.state === "problem" ? [`           do: ${indented(finding.remedy, 15)}`] : []),
    ]),
    problems === 0 ? "all is well" : counted(problems, "problem"),
  ];
}
