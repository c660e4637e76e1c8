/** Tables, paragraphs and durations as a terminal shows them. */
import { stripVTControlCharacters } from "node:util";

/** How many columns a text takes; colours take none. */
const widthOf = (text: string): number => stripVTControlCharacters(text).length;

const padded = (text: string, width: number): string => text + " ".repeat(Math.max(0, width - widthOf(text)));

/** A last column narrower than this is not read any more: the row becomes a paragraph. */
const LEAST_LAST = 20;

/** Text in lines of at most `width` columns, each begun with `indent`. A longer word stays whole. */
export function wrapped(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(last) + 1 + widthOf(word) <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(`${indent}${word}`);
    }
  }
  return lines;
}

/** A row that has no room side by side: its first cell, and below it the others. */
function stacked([first = "", ...rest]: readonly string[], width: number): string[] {
  return [first.trimEnd(), ...rest.filter((cell) => cell !== "").flatMap((cell) => wrapped(cell, width, "    "))];
}

/**
 * Rows as aligned columns, two spaces between them.
 * @param width columns that there are. What the last column has no room for goes on below it; where there is hardly any room, each row
 *   becomes a paragraph, and a heading is left out. Default: without end.
 * @param heading whether the first row names the columns
 */
export function table(
  rows: readonly (readonly string[])[],
  { width = Infinity, heading = false }: { readonly width?: number; readonly heading?: boolean } = {},
): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  const before = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0);
  if (before + Math.min(widths.at(-1) ?? 0, LEAST_LAST) > width) {
    return rows.slice(heading ? 1 : 0).flatMap((row) => stacked(row, width));
  }
  return rows.flatMap((row) => {
    const cells = row.slice(0, widths.length - 1).map((cell, column) => padded(cell, widths[column] ?? 0));
    const [last = "", ...more] = wrapped(row[widths.length - 1] ?? "", width - before);
    return [[...cells, last].join("  "), ...more.map((line) => " ".repeat(before) + line)].map((line) =>
      line.trimEnd(),
    );
  });
}

/** A duration in seconds, as people read it: `0.4 s`, `12 s`, `3 min 20 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  return whole < 60 ? `${String(whole)} s` : `${String(Math.floor(whole / 60))} min ${String(whole % 60)} s`;
}
