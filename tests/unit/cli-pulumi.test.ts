import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import * as pulumi from "@pulumi/pulumi";
import { down } from "../../cli/engine/down";
import { preview } from "../../cli/engine/preview";
import { setSecret } from "../../cli/engine/secrets";
import { parseOverride } from "../../cli/engine/stackfile";
import { readLocks, stacksInDirectory } from "../../cli/engine/state";
import { up } from "../../cli/engine/up";
import { readLastRun } from "../../cli/engine/workfolder";
import { exitCode } from "../../cli/errors";
import { forgetPromises, type Sandbox, sandbox, stackFileText } from "../support/cli";

const program = () => {
  const config = new pulumi.Config("webinfra");
  new pulumi.ComponentResource("webinfra:index:Host", "web-1", {});
  return Promise.resolve({
    url: "http://10.77.0.5",
    topology: config.require("topology"),
    password: pulumi.secret("correct horse"),
  });
};

// With the real Pulumi CLI and a program that makes nothing.
describe("cli: with the Pulumi CLI", function () {
  this.timeout(60_000);
  let box: Sandbox;
  before(() => (box = sandbox()));
  beforeEach(forgetPromises);
  after(() => box.remove());
  const none = { config: [] };
  const state = () => join(box.home, "state");

  it("brings a stack up, prints one JSON text with no secret in it, and leaves the committed file alone", async () => {
    const result = await up(box.context({ json: true, program }), "trial", {
      config: [parseOverride("topology=split-tiers")],
    });
    assert.deepEqual(JSON.parse(box.stdout()), result);
    assert.equal(result.url, "http://10.77.0.5");
    assert.deepEqual(result.outputs, { url: "http://10.77.0.5", topology: "split-tiers", password: "[secret]" });
    assert.deepEqual(result.changes, { create: 2 });
    assert.deepEqual(readLastRun(box.home, "trial").overrides, [parseOverride("topology=split-tiers")]);
    assert.ok(!(box.stdout() + box.stderr()).includes("correct horse"));
    assert.equal(readFileSync(box.stackFile, "utf8"), stackFileText);
    assert.deepEqual(readdirSync(box.root).sort(), ["Pulumi.trial.yaml", "Pulumi.yaml"]);
  });

  it("forgets an override after its run, keeps the salt, and removes the lock of a killed run", async () => {
    const copy = readFileSync(join(box.home, "stacks", "trial", "Pulumi.trial.yaml"), "utf8");
    assert.match(copy, /topology: dedicated-databases/);
    assert.match(copy, /^encryptionsalt: v1:/m);
    const locks = join(state(), ".pulumi", "locks", "organization", "webinfra", "trial");
    mkdirSync(locks, { recursive: true });
    // No process has this number: it is above what Linux gives.
    const lock = { pid: 2 ** 22 + 1, username: "ada", hostname: hostname(), timestamp: "2026-01-02T03:04:05Z" };
    writeFileSync(join(locks, "dead.json"), JSON.stringify(lock));
    const result = await up(box.context({ program }), "trial", none);
    assert.equal(result.outputs["topology"], "dedicated-databases");
    assert.match(box.stdout(), /an earlier run was killed: removing its lock\n/);
    assert.match(
      box.stdout(),
      /takes them back: topology from split-tiers to dedicated-databases\nto keep them: `webinfra config set --stack trial topology=split-tiers`\n/,
    );
    assert.deepEqual(readLocks(state(), "webinfra", "trial"), []);
  });

  it("sees no change in a second preview, and says with its exit code when there is one", async () => {
    const options = { ...none, expectNoChanges: true };
    assert.equal(await preview(box.context({ program }), "trial", options), exitCode.ok);
    const more = async () => {
      new pulumi.ComponentResource("webinfra:index:Host", "web-2", {});
      return program();
    };
    assert.equal(await preview(box.context({ program: more }), "trial", options), exitCode.notAsExpected);
    assert.match(box.stdout(), / {2}\+ create web-2 \[webinfra:index:Host\]\n1 resource would change\n$/);
  });

  it("sets secrets where they stay: in the stack's folder, or in a file that holds its own key", async () => {
    const secret = (value: string): { readonly input: PassThrough; readonly output: PassThrough } => {
      const input = new PassThrough();
      input.end(`${value}\n`);
      return { input, output: new PassThrough() };
    };
    const copy = (): string => readFileSync(join(box.home, "stacks", "trial", "Pulumi.trial.yaml"), "utf8");
    const names = (text: string): string[] =>
      [...text.matchAll(/^ {4}(\w+):\n {6}secure: v1:/gm)].map(([, name = ""]) => name);
    await setSecret(box.context(), "trial", "FIRST", undefined, secret("correct horse"));
    assert.equal(readFileSync(box.stackFile, "utf8"), stackFileText);
    assert.deepEqual(names(copy()), ["FIRST"]);
    // A team commits the key's salt: then the file holds the secrets.
    const [salt = ""] = /^encryptionsalt: .*\n/m.exec(copy()) ?? [];
    const [own = ""] = /^ {2}webinfra:secrets:\n(?: {4}.*\n)+/m.exec(copy()) ?? [];
    writeFileSync(box.stackFile, `${salt}${stackFileText}${own}`);
    await setSecret(box.context(), "trial", "SECOND", undefined, secret("battery staple"));
    assert.deepEqual(names(readFileSync(box.stackFile, "utf8")), ["FIRST", "SECOND"]);
    await preview(box.context({ program }), "trial", none);
    assert.deepEqual(names(copy()), ["FIRST", "SECOND"]);
    assert.doesNotMatch(
      box.stdout() + box.stderr() + copy() + readFileSync(box.stackFile, "utf8"),
      /correct horse|battery/,
    );
    writeFileSync(box.stackFile, stackFileText);
  });

  it("tells a mistake in the configuration in its own words alone", async () => {
    const mistaken = () => Promise.reject(new pulumi.RunError("webinfra:web is 0: should be at least 1"));
    await assert.rejects(up(box.context({ program: mistaken }), "trial", none), {
      name: "UserError",
      message: "webinfra:web is 0: should be at least 1",
    });
  });

  it("takes the stack down, and says so when there is none", async () => {
    const { seconds: _, ...result } = await down(box.context(), "trial", {});
    assert.deepEqual(result, { stack: "trial", existed: true, kept: [] });
    assert.match(box.stdout(), /the stack "trial" is down/);
    await down(box.context(), "trial", { deleteData: true, yes: true });
    assert.deepEqual(stacksInDirectory(state(), "webinfra"), []);
    assert.equal(existsSync(join(box.home, "stacks", "trial")), false);
    assert.equal(existsSync(join(state(), ".pulumi", "backups", "webinfra", "trial")), false);
    assert.equal(readFileSync(box.stackFile, "utf8"), stackFileText);
    await down(box.context(), "trial", {});
    assert.match(box.stdout(), /there is no stack "trial" to take down\n$/);
    assert.equal((await down(box.context(), "trail", {})).existed, false);
    assert.match(box.stdout(), /there is no stack "trail" to take down \(did you mean "trial"\?\)\n$/);
  });
});
