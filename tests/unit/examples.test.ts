/** docs/applications.md, "Examples": what it shows, held against the files that it says it shows. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { appSchema } from "../../services/app/schema";
import { examples } from "../support/examples";
import { repository } from "../support/site";

const docs = join(repository, "docs");

/** Every file of an example, by its path from docs/, without what a build makes. */
const filesOf = (folder: string): string[] =>
  readdirSync(join(docs, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(docs, join(entry.parentPath, entry.name)))
    .filter((path) => !path.includes("/dist/"));

describe("docs/applications.md: the examples", () => {
  it("are those that there are", () => {
    const folders = examples().map(({ app }) => app.directory.replace(/\/dist$/, ""));
    assert.deepEqual(
      folders.toSorted(),
      readdirSync(join(docs, "examples")).map((name) => `docs/examples/${name}`),
    );
  });

  for (const { name, app, files, build } of examples()) {
    it(`${name}: every file is shown as it is`, () => {
      const folder = relative("docs", app.directory.replace(/\/dist$/, ""));
      assert.deepEqual(Object.keys(files).toSorted(), filesOf(folder).toSorted());
      for (const [path, text] of Object.entries(files)) {
        assert.equal(text, readFileSync(join(docs, path), "utf8"), path);
      }
    });

    it(`${name}: its settings are allowed, and its start command is there`, () => {
      const { start } = appSchema.parse(app);
      const [, own] = /^\/usr\/bin\/env \.\/(\S+)$/.exec(start) ?? [];
      if (own !== undefined && build.length === 0) {
        assert.ok(statSync(join(repository, app.directory, own)).mode & 0o100, `${own} cannot be run`);
      }
    });
  }
});
