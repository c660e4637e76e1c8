/** Watching the application's folder, and what `webinfra dev` refuses. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Changes, changesOf, dev } from "../../cli/engine/dev";
import { sandbox } from "../support/cli";

describe("cli: changes of a folder", function () {
  this.timeout(30_000);
  let above: string;
  let folder: string;
  let stop: AbortController;
  let changes: Changes;
  beforeEach(async () => {
    above = mkdtempSync(join(tmpdir(), "webinfra-dev-"));
    folder = join(above, "shop");
    mkdirSync(join(folder, "static"), { recursive: true });
    writeFileSync(join(folder, "server.js"), "1");
    stop = new AbortController();
    changes = await changesOf(folder, stop.signal);
  });
  afterEach(async () => {
    stop.abort();
    await changes.close();
    rmSync(above, { recursive: true });
  });

  const ways: Readonly<Record<string, () => void>> = {
    "a file that is written": () => writeFileSync(join(folder, "server.js"), "22"),
    "a file that takes another one's place, as editors write": () => {
      writeFileSync(join(above, "server.js.new"), "333");
      renameSync(join(above, "server.js.new"), join(folder, "server.js"));
    },
    "a file that goes": () => rmSync(join(folder, "server.js")),
    "a new file in a folder of it": () => writeFileSync(join(folder, "static", "style.css"), "body {}"),
    "a new folder": () => mkdirSync(join(folder, "views")),
    "a new link": () => symlinkSync("server.js", join(folder, "main.js")),
    "a folder that is taken away and made anew": () => {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      writeFileSync(join(folder, "server.js"), "4");
    },
  };
  for (const [what, change] of Object.entries(ways)) {
    it(`are ${what}`, async () => {
      const before = performance.now();
      const again = changes.again();
      change();
      const changed = await changes.next();
      assert.ok(changed !== undefined && changed >= before && changed <= performance.now());
      assert.equal(again.aborted, true);
    });
  }

  it("are seen in what was made after it was looked at", async () => {
    rmSync(folder, { recursive: true });
    assert.ok((await changes.next()) !== undefined);
    mkdirSync(join(folder, "views"), { recursive: true });
    assert.ok((await changes.next()) !== undefined);
    writeFileSync(join(folder, "views", "page.html"), "page");
    assert.ok((await changes.next()) !== undefined);
  });

  it("are none of what stands beside it", async () => {
    const beside = join(above, "shop2");
    mkdirSync(beside);
    const other = await changesOf(beside, stop.signal);
    writeFileSync(join(above, "shop.txt"), "beside");
    writeFileSync(join(beside, "server.js"), "beside");
    assert.ok((await other.next()) !== undefined);
    await other.close();
    const before = performance.now();
    writeFileSync(join(folder, "last.txt"), "in it");
    const changed = await changes.next();
    assert.ok(changed !== undefined && changed >= before);
  });

  it("that come while one is being released cut that short", async () => {
    writeFileSync(join(folder, "server.js"), "first");
    await changes.next();
    const again = changes.again();
    const cut = new Promise<void>((done) => {
      again.addEventListener("abort", () => {
        done();
      });
    });
    writeFileSync(join(folder, "server.js"), "second");
    await cut;
    assert.ok((await changes.next()) !== undefined);
  });

  it("end when that is wanted, also while they are waited for", async () => {
    const next = changes.next();
    stop.abort();
    assert.equal(await next, undefined);
    assert.equal(changes.again().aborted, true);
    assert.equal(await changes.next(), undefined);
  });
});

describe("cli: dev", () => {
  it("is for sites on this machine", async () => {
    const box = sandbox();
    try {
      writeFileSync(box.stackFile, "config:\n  webinfra:platform: aws\n");
      await assert.rejects(dev(box.context(), "trial", { config: [] }, new AbortController().signal), {
        message:
          'dev knows the hosts of platform incus only; the stack "trial" is on aws: docs/platforms.md says what to do there',
      });
    } finally {
      box.remove();
    }
  });
});
