/** Golden files: what is rendered has to be what stands in tests/golden, and `UPDATE_GOLDEN=1` is the only way to change that. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** The folder of golden files. */
export const goldenRoot = join(__dirname, "..", "golden");

/** Files below `folder`, relative to it. */
function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) {
    return [];
  }
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/**
 * Compares a golden folder with what it should hold, file by file.
 * @param folder inside {@link goldenRoot}
 * @param expected contents by path inside the folder; a golden file that is not among them is an error, too
 * @param update rewrite the folder instead
 * @throws AssertionError with the difference, and how to take it over
 */
export function checkGolden(
  folder: string,
  expected: ReadonlyMap<string, string>,
  { root = goldenRoot, update = process.env.UPDATE_GOLDEN === "1" } = {},
): void {
  const at = join(root, folder);
  if (update) {
    rmSync(at, { recursive: true, force: true });
    for (const [path, content] of expected) {
      mkdirSync(dirname(join(at, path)), { recursive: true });
      writeFileSync(join(at, path), content);
    }
    return;
  }
  const how = "when that is meant, run UPDATE_GOLDEN=1 npm run test:unit and commit what changed";
  const there = filesBelow(at);
  const stale = there.filter((path) => !expected.has(path));
  const missing = [...expected.keys()].filter((path) => !there.includes(path)).sort();
  assert.deepEqual({ stale, missing }, { stale: [], missing: [] }, `golden files of ${folder}: ${how}`);
  for (const [path, content] of expected) {
    const golden = readFileSync(join(at, path), "utf8");
    // One file at a time, so that the difference can be read.
    if (golden !== content) {
      const message = difference(join(folder, path), golden, content, how);
      throw new assert.AssertionError({ message, actual: content, expected: golden, operator: "strictEqual" });
    }
  }
}

/** Which file, the first line that differs, and what to do. */
function difference(path: string, golden: string, content: string, how: string): string {
  const [was, is] = [golden.split("\n"), content.split("\n")];
  const line = is.findIndex((text, index) => text !== was[index]);
  const at = line === -1 ? is.length : line;
  return `${path} line ${String(at + 1)}: was ${JSON.stringify(was[at] ?? "")}, is ${JSON.stringify(is[at] ?? "")}: ${how}`;
}
