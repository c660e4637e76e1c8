import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromiumPath } from "../support/browser";

describe("the browser of the page test", () => {
  const directory = mkdtempSync(join(tmpdir(), "webinfra-browser-"));
  after(() => {
    rmSync(directory, { recursive: true });
  });

  it("is CHROMIUM_PATH, else the first that PATH has", () => {
    const program = join(directory, "google-chrome");
    writeFileSync(program, "", { mode: 0o755 });
    assert.equal(chromiumPath({ PATH: `/nowhere:${directory}` }), program);
    assert.equal(chromiumPath({ CHROMIUM_PATH: process.execPath, PATH: directory }), process.execPath);
  });

  it("is missed with words about what to do", () => {
    assert.throws(() => chromiumPath({ PATH: "/nowhere" }), {
      message: "the page test needs Chromium: run setup/chromium.sh, or let CHROMIUM_PATH name a browser's program",
    });
    assert.throws(() => chromiumPath({ CHROMIUM_PATH: "/nowhere/chrome", PATH: directory }), {
      message:
        'CHROMIUM_PATH is "/nowhere/chrome", which is no program; it is to be a browser\'s, such as /usr/bin/chromium',
    });
  });
});
