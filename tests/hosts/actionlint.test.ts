import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

describe("workflows: actionlint", function () {
  // It is built at its first use.
  this.timeout(300_000);
  const lint = (text: string) => {
    const directory = mkdtempSync(join(tmpdir(), "webinfra-actionlint-"));
    try {
      writeFileSync(join(directory, "one.yml"), text);
      return spawnSync("bash", [join(__dirname, "../../setup/actionlint.sh"), directory], { encoding: "utf8" });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  };
  const sound = [
    "on: push",
    "jobs:",
    "  one:",
    "    runs-on: ubuntu-24.04",
    "    steps:",
    "      - run: echo",
    "        env:",
    "          A: ${{ vars.A }}",
    "",
  ].join("\n");

  it("finds a mistake, and does not take what GitHub has for one", () => {
    const { status, stdout, stderr } = lint(sound);
    assert.equal(status, 0, `${stdout}${stderr}`);
    assert.match(stdout, /^1 workflows\n$/m);
    const wrong = lint(sound.replace("vars.A", "gitub.ref"));
    assert.equal(wrong.status, 1);
    assert.match(wrong.stdout, /^one\.yml:8:18: undefined variable "gitub"/m);
  });
});
