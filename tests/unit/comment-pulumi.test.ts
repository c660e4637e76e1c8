import assert from "node:assert/strict";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { CommandContext } from "../../cli/context";
import { preview } from "../../cli/engine/preview";
import { up } from "../../cli/engine/up";
import { exitCode } from "../../cli/errors";
import { commandLine } from "../../cli/main";
import { configSchema } from "../../config/schema";
import { place } from "../../topology/place";
import { review, reviewSettings } from "../../review";
import { forgetPromises, type Sandbox, sandbox } from "../support/cli";

const secret = "correct horse battery staple";
const site = (hosts: readonly string[], web: number) => () => {
  const config = configSchema.parse({ platform: "incus", web });
  for (const host of hosts) {
    new pulumi.ComponentResource("webinfra:index:Host", host, { password: pulumi.secret(secret) });
  }
  return Promise.resolve({
    review: review(place(config), reviewSettings(config, place(config))),
    cost: null,
    password: pulumi.secret(secret),
  });
};

// With the real Pulumi CLI and a program that makes nothing.
describe("comment: of a preview by the Pulumi CLI", function () {
  this.timeout(60_000);
  let box: Sandbox;
  const configure = (lines: string) => writeFileSync(box.stackFile, `config:\n  webinfra:platform: incus\n${lines}`);
  beforeEach(forgetPromises);
  before(() => {
    box = sandbox();
    configure("");
  });
  after(() => box.remove());
  let begun = 0;
  const printed = () => {
    const text = box.stdout().slice(begun);
    begun = box.stdout().length;
    assert.ok(!(box.stdout() + box.stderr()).includes(secret));
    return text;
  };
  const markdown = { config: [], markdown: true };
  const json = (program: CommandContext["program"]) => box.context({ json: true, program });

  it("is all that is printed, before anything is deployed", async () => {
    assert.equal(await preview(json(site(["web-1"], 2)), "trial", markdown), exitCode.ok);
    const text = printed();
    assert.ok(text.startsWith("<!-- webinfra preview trial -->\n### `trial`: 1 change\n"));
    assert.match(text, /^\| create \| `webinfra:index:Host` \| `web-1` \| {2}\|$/m);
    assert.match(text, /^Nothing is deployed: all of them\.$/m);
  });

  it("writes nothing into the state of a stack that is there: a role that only reads is enough", async () => {
    const state = join(box.home, "state");
    const files = () =>
      readdirSync(state, { recursive: true, encoding: "utf8" })
        .sort()
        .map((name) => [name, statSync(join(state, name)).mtimeMs]);
    const before = files();
    assert.ok(before.some(([name]) => String(name).endsWith("trial.json")));
    await preview(json(site(["web-1", "web-2"], 2)), "trial", markdown);
    assert.deepEqual(files(), before);
    printed();
  });

  it("compares with what is deployed, and ends with 3 where no change is expected", async () => {
    // A platform that `up` asks nothing of: Incus need not run.
    writeFileSync(box.stackFile, "config:\n  webinfra:platform: none\n");
    await up(json(site(["web-1"], 1)), "trial", { config: [] });
    configure("");
    printed();
    configure("  webinfra:replicas: 0\n");
    const options = { ...markdown, expectNoChanges: true };
    assert.equal(await preview(json(site(["web-1", "web-2"], 1)), "trial", options), exitCode.notAsExpected);
    const text = printed();
    assert.match(text, /^\| create \| `webinfra:index:Host` \| `web-2` \| {2}\|$/m);
    assert.match(text, /^\| critical \| `single-copy-of-data` \| `db-1` \| /m);
    assert.match(text, /^Gone: .*`spof-web-server`/m);
    assert.ok(!text.includes("#### Cost"));
  });

  it("is printed though the preview fails, with the words of a mistake and not those of a defect", async () => {
    const mistake = () => Promise.reject(new pulumi.RunError("webinfra:web is 99: should be at most 16"));
    await assert.rejects(preview(json(mistake), "trial", markdown), { name: "UserError" });
    assert.match(printed(), /^### `trial`: failed\b[^]*^```text\nwebinfra:web is 99: should be at most 16\n```$/m);
    const defect = () => Promise.reject(new TypeError("token abc is not a function"));
    await assert.rejects(preview(json(defect), "trial", markdown));
    const text = printed();
    assert.match(text, /^\*\*The preview failed\.\*\* The job's log says more\.$/m);
    assert.ok(!text.includes("token abc"));
  });

  for (const other of ["--json", "--diff"]) {
    it(`is not to be had with ${other}`, async () => {
      const line = commandLine({ context: () => Promise.reject(new Error("not reached")), exit: () => undefined });
      for (const command of line.commands) {
        command.configureOutput({ writeErr: () => undefined });
      }
      await assert.rejects(
        line.parseAsync(["node", "webinfra", "preview", "--markdown", other]),
        /cannot be used with option/,
      );
    });
  }
});
