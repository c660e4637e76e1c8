import { markdownTable } from "../../core/markdown";
import { type Cost, money } from ".";

const list = (lines: Cost["shared"]): string =>
  lines.map(({ what, monthlyUsd }) => `${what} ${money(monthlyUsd)}`).join("; ");

/** Rows of a cost: whose it is, the sum, and what for. The last one is the total. */
export function costRows({ hosts, shared, monthlyUsd }: Cost): readonly (readonly [string, string, string])[] {
  return [
    ...hosts.map(({ host, monthlyUsd, lines }) => [host, money(monthlyUsd), list(lines)] as const),
    ...shared.map(({ what, monthlyUsd }) => ["shared", money(monthlyUsd), what] as const),
    ["total", money(monthlyUsd), ""],
  ];
}

/** What is to be known of a cost: missing prices, whose prices they are, and what is not in it. A sentence each. */
export function costNotes({ pricesOf, unpriced, notes }: Cost): readonly string[] {
  return [
    ...(unpriced.length === 0 ? [] : [`There is no price for ${unpriced.join(", ")}: the total is unknown.`]),
    `List prices of ${pricesOf}, a month of 730 h.`,
    ...notes,
  ];
}

/** Lines of a cost as a Markdown table with its notes. */
export function costMarkdown(cost: Cost): string[] {
  return [...markdownTable(["for", "USD a month", "what"], costRows(cost)), "", costNotes(cost).join(" ")];
}
