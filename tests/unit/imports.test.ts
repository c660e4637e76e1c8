/** No file imports itself through others, and none imports from a floor above its own. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { preProcessFile } from "typescript";

const root = join(__dirname, "..", "..");
const files = globSync("{core,config,topology,provider,operations,cli}/**/*.ts", { cwd: root });

/** The files that a file imports, of those above. */
function importsOf(file: string): string[] {
  return preProcessFile(readFileSync(join(root, file), "utf8"))
    .importedFiles.filter(({ fileName }) => fileName.startsWith("."))
    .flatMap(({ fileName }) => {
      const target = normalize(join(dirname(file), fileName.replace(/\.js$/, "")));
      return [`${target}.ts`, `${target}/index.ts`].filter((candidate) => files.includes(candidate));
    });
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));

/** A way from a file back to itself, if there is one. */
function circleFrom(start: string): readonly string[] | undefined {
  const ways = (graph.get(start) ?? []).map((file) => [start, file]);
  const seen = new Set<string>();
  for (let way = ways.pop(); way !== undefined; way = ways.pop()) {
    const last = way.at(-1) ?? "";
    if (last === start) return way;
    if (!seen.has(last)) {
      seen.add(last);
      for (const file of graph.get(last) ?? []) ways.push([...way, file]);
    }
  }
  return undefined;
}

/** Imports from one folder to another. */
function crossing(from: string, to: string): string[] {
  return [...graph]
    .filter(([file]) => file.startsWith(`${from}/`))
    .flatMap(([file, targets]) =>
      targets.filter((target) => target.startsWith(`${to}/`)).map((one) => `${file} → ${one}`),
    );
}

describe("imports", () => {
  it("make no circle", () => {
    assert.ok(files.length > 100, "the files are found");
    assert.deepEqual(
      files.map(circleFrom).filter((circle) => circle !== undefined),
      [],
    );
  });

  for (const below of ["core", "config", "topology", "provider"]) {
    it(`of ${below}/ are not from operations/ or cli/`, () => {
      assert.deepEqual([...crossing(below, "operations"), ...crossing(below, "cli")], []);
    });
  }

  it("of operations/ are not from cli/", () => {
    assert.deepEqual(crossing("operations", "cli"), []);
  });

  it("of cli/engine/ and cli/terminal/ are not from cli/commands/", () => {
    assert.deepEqual([...crossing("cli/engine", "cli/commands"), ...crossing("cli/terminal", "cli/commands")], []);
  });
});
