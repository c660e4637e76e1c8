/** docs/performance.md: the figures of one run as a page. */
import { format, resolveConfig } from "prettier";
import type { Figure } from "./measure";

/** Where and when the figures were taken. */
export interface Facts {
  /** ISO 8601. */
  readonly at: string;
  readonly commit: string;
  readonly processors: number;
  /** Their model. */
  readonly processor: string;
  readonly memoryGiB: number;
}

/** Three significant digits, as many as such figures are worth. */
export function shown(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : "not measured";
}

export async function performancePage(facts: Facts, figures: readonly Figure[]): Promise<string> {
  const text = `# Performance

Written by \`npm run bench -- --page\` on ${facts.at.slice(0, 10)}, commit ${facts.commit}, on ${String(facts.processors)} processors (${facts.processor}) with
${String(facts.memoryGiB)} GiB of memory, which the site, the load and Pulumi share. A figure means something only beside others of the same run.

| figure | value | unit |
| --- | ---: | --- |
${figures.map(({ name, value, unit }) => `| ${name.replaceAll("|", "\\|")} | ${shown(value)} | ${unit} |`).join("\n")}
`;
  return format(text, { ...(await resolveConfig(__filename)), parser: "markdown" });
}
