import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { promote } from "../../cli/commands/database";
import { exec } from "../../cli/commands/exec";
import { status } from "../../cli/commands/status";
import { replace } from "../../cli/engine/replace";
import { lastPlatform } from "../../cli/engine/site";
import { stackFacts } from "../../cli/engine/stack";
import {
  applyOverrides,
  checkStackName,
  mergeSettings,
  parseOverride,
  relocateProject,
  sourceFile,
} from "../../cli/engine/stackfile";
import { type Sandbox, sandbox } from "../support/cli";

describe("cli: --config", () => {
  for (const [argument, expected] of [
    ["topology=split-tiers", { key: "webinfra:topology", path: [], value: "split-tiers" }],
    ["web=4", { key: "webinfra:web", path: [], value: 4 }],
    ["domain=a=b", { key: "webinfra:domain", path: [], value: "a=b" }],
    ["app.directory=../shop", { key: "webinfra:app", path: ["directory"], value: "../shop" }],
    ["hosts[0].name=web-1", { key: "webinfra:hosts", path: ["0", "name"], value: "web-1" }],
    ["aws:region=eu-central-1", { key: "aws:region", path: [], value: "eu-central-1" }],
    ['network={"cidr":"10.9.0.0/24"}', { key: "webinfra:network", path: [], value: { cidr: "10.9.0.0/24" } }],
    ['domain="123"', { key: "webinfra:domain", path: [], value: "123" }],
    ["monitoring=true", { key: "webinfra:monitoring", path: [], value: true }],
    ["version=1.10.0", { key: "webinfra:version", path: [], value: "1.10.0" }],
    ["empty=", { key: "webinfra:empty", path: [], value: "" }],
  ] as const) {
    it(`reads ${argument}`, () => {
      assert.deepEqual(parseOverride(argument), expected);
    });
  }

  it("refuses what is not key=value", () => {
    assert.throws(() => parseOverride("topology"), {
      name: "UserError",
      message: "--config topology: not of the form key=value, such as topology=split-tiers or app.directory=../shop",
    });
  });

  it("refuses broken JSON", () => {
    assert.throws(
      () => parseOverride("network={cidr"),
      /^UserError: --config network=\{cidr: the value looks like JSON but is not/,
    );
  });

  it("sets values inside objects and lists and leaves the rest and the argument alone", () => {
    const config = { "webinfra:app": { port: 8080, environment: { A: "1" } }, "webinfra:hosts": [{ name: "a" }] };
    const before = structuredClone(config);
    const result = applyOverrides(config, [
      parseOverride("app.environment.B=2"),
      parseOverride("hosts[1].name=b"),
      parseOverride("web=3"),
    ]);
    assert.deepEqual(result, {
      "webinfra:app": { port: 8080, environment: { A: "1", B: 2 } },
      "webinfra:hosts": [{ name: "a" }, { name: "b" }],
      "webinfra:web": 3,
    });
    assert.deepEqual(config, before);
  });
});

describe("cli: commands for hosts", () => {
  let box: Sandbox;
  beforeEach(() => (box = sandbox()));
  afterEach(() => box.remove());

  const refused = (command: string) => ({
    name: "UserError",
    message: `${command} knows the hosts of platform incus only; the stack "trial" is on aws: docs/platforms.md says what to do there`,
  });

  it("say of a stack on a cloud that they cannot enter its hosts", async () => {
    writeFileSync(box.stackFile, "config:\n  webinfra:platform: aws\n");
    const context = box.context();
    await assert.rejects(status(context, "trial"), refused("status"));
    await assert.rejects(promote(context, "db-2", { stack: "trial" }), refused("promote"));
    await assert.rejects(replace(context, "trial", "db-2", { config: [] }), refused("replace"));
    await assert.rejects(exec(context, "trial", "web-1", ["true"]), refused("this command"));
  });

  it("take a stack without a file for one on this machine", () => {
    const context = box.context();
    assert.equal(lastPlatform(context, stackFacts(context, "nobody")), "incus");
  });
});

describe("cli: the stack's file", () => {
  let box: Sandbox;
  beforeEach(() => (box = sandbox()));
  afterEach(() => box.remove());

  it("keeps the salt and secrets of the work copy, and takes everything else from the repository", () => {
    const workCopy = {
      encryptionsalt: "v1:salt",
      config: { "webinfra:web": 9, "webinfra:secrets": { password: { secure: "v1:x" } } },
    };
    assert.deepEqual(mergeSettings({ config: { "webinfra:web": 2 } }, workCopy, []), {
      encryptionsalt: "v1:salt",
      config: { "webinfra:web": 2, "webinfra:secrets": { password: { secure: "v1:x" } } },
    });
  });

  it("takes the repository's salt and secrets when it has some", () => {
    const source = { encryptionsalt: "v1:theirs", config: { "webinfra:secrets": { secure: "v1:theirs" } } };
    const workCopy = { encryptionsalt: "v1:ours", config: { "webinfra:secrets": { secure: "v1:ours" } } };
    assert.deepEqual(mergeSettings(source, workCopy, []), source);
  });

  it("makes plugin paths absolute, says where the program is, and drops the backend", () => {
    const project = relocateProject(
      "name: webinfra\nbackend: {url: 's3://x'}\nplugins: {providers: [{name: webinfra, path: ./provider}]}\n",
      "/repo",
    );
    assert.deepEqual(parse(project), {
      name: "webinfra",
      main: "/repo",
      plugins: { providers: [{ name: "webinfra", path: "/repo/provider" }] },
    });
  });

  it("names the stacks there are when the one asked for has no file", () => {
    assert.throws(() => sourceFile({ root: box.root, home: box.home, stack: "nope" }), {
      name: "UserError",
      message:
        `there is no stack "nope": ${join(box.root, "Pulumi.nope.yaml")} does not exist. Stacks: trial; ` +
        "copy one of their files, or give one with --config-file",
    });
  });

  it("suggests the stack that was meant", () => {
    assert.throws(
      () => sourceFile({ root: box.root, home: box.home, stack: "trail" }),
      /^UserError: there is no stack "trail" \(did you mean "trial"\?\): /,
    );
  });

  it("says that a --config-file does not exist", () => {
    assert.throws(() => sourceFile({ root: box.root, home: box.home, stack: "trial", given: "/no/such.yaml" }), {
      message: "--config-file /no/such.yaml: there is no such file",
    });
  });

  it("refuses names that would leave their folder", () => {
    assert.throws(() => checkStackName("../prod"), {
      message:
        'the stack\'s name "../prod" cannot be used: it is letters, digits, dashes, dots and underscores, such as dev',
    });
  });
});
