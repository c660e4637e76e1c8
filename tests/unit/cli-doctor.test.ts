import assert from "node:assert/strict";
import { chmodSync, copyFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { doctor, type DoctorReport } from "../../cli/doctor";
import { findingLines, ok, type Outcome, problem, runChecks, skipped } from "../../cli/doctor/check";
import {
  judgeBakedImages,
  judgeDependencies,
  judgeDisk,
  judgeHome,
  judgeImage,
  judgeIncus,
  judgeIncusError,
  judgeMemory,
  judgeNode,
  judgePassphrase,
  judgePlainPulumi,
  judgePlugin,
  judgePool,
  judgeProject,
  judgePulumi,
} from "../../cli/doctor/machine";
import { judgeConfig, judgeDefinitions, judgeHosts, judgeNetwork, judgeRuns } from "../../cli/doctor/stack";
import { parseDeployment } from "../../cli/engine/state";
import { exitCode } from "../../cli/errors";
import { type Answered, report } from "../../operations/status";
import { type Sandbox, sandbox } from "../support/cli";
import { hostState } from "../support/state";

/** `detail | remedy` of a problem; the detail alone of everything else. */
function told(outcome: Outcome): string {
  return outcome.state === "problem" ? `${outcome.detail} | ${outcome.remedy}` : `${outcome.state}: ${outcome.detail}`;
}

const needs = { hosts: 5, databases: 2, databaseBytes: 512 * 2 ** 20 };
const baked = (fingerprint: string) => ({ fingerprint, hash: "h", madeAt: 0, maxAgeDays: 7, bytes: 0.9 * 2 ** 30 });
const passphrase = { file: "/h/passphrase", mode: 0o100600, used: true, stacks: true };
const network = { stack: "dev", present: undefined, configured: undefined, taken: [] };
const lan = [{ cidr: "10.77.0.0/24", by: "the interface eth1 of this machine" }];
const features = {
  "features.images": "true",
  "features.profiles": "true",
  "features.storage.volumes": "true",
  "features.networks": "false",
};
const lock = { pid: 4242, username: "ada", hostname: "here", timestamp: "2026-01-02T03:04:05Z" };
const pendingState = parseDeployment({
  pending_operations: [{ type: "creating", resource: { urn: "u", type: "webinfra:incus:Machine" } }],
});

describe("cli: doctor, the machine", () => {
  const cases: readonly (readonly [string, Outcome, string])[] = [
    ["Node", judgeNode("24.1.0", ">=22.9.0"), "ok: 24.1.0"],
    ["a Node that is just new enough", judgeNode("22.10.0", ">=22.9.0"), "ok: 22.10.0"],
    [
      "an old Node",
      judgeNode("22.8.1", ">=22.9.0"),
      "22.8.1 runs this, and webinfra needs 22.9.0 or newer | run `npm run setup`, which brings one with the dependencies, " +
        "and start the command as `./webinfra`",
    ],
    [
      "dependencies without an optional one of another system",
      judgeDependencies(
        { "": {}, "node_modules/a": { version: "1.0.0" }, "node_modules/b-mac": { version: "1.0.0", optional: true } },
        { "node_modules/a": { version: "1.0.0" } },
      ),
      "ok: 2 packages, as the lock file says",
    ],
    [
      "no dependencies",
      judgeDependencies({ "node_modules/a": {} }, undefined),
      "they are not installed | run `npm ci`",
    ],
    [
      "other dependencies",
      judgeDependencies(
        Object.fromEntries(["a", "@s/b", "c", "d"].map((name) => [`node_modules/${name}`, { version: "2.0.0" }])),
        { "node_modules/a": { version: "1.0.0" } },
      ),
      "they differ from package-lock.json: a is 1.0.0 and should be 2.0.0; @s/b is missing and should be 2.0.0; " +
        "c is missing and should be 2.0.0, and 1 more | run `npm ci`",
    ],
    ["Pulumi", judgePulumi("3.256.0", "3.256.0"), "ok: 3.256.0"],
    ["no Pulumi", judgePulumi(undefined, "3.256.0"), "it is not installed | run `npm run setup`"],
    [
      "another Pulumi",
      judgePulumi("3.1.0", "3.256.0"),
      "it is 3.1.0, and the SDK that the program uses is 3.256.0 | run `npm run setup`, which installs 3.256.0",
    ],
    [
      "plain pulumi with the official CLI",
      judgePlainPulumi("dev", { ownLanguageHost: false }, true),
      'ok: works after `eval "$(webinfra env --stack dev)"`, with Pulumi\'s own language host',
    ],
    [
      "plain pulumi with a CLI that was built",
      judgePlainPulumi("dev", { ownLanguageHost: true }, true),
      'ok: works after `eval "$(webinfra env --stack dev)"`, with the language host of this repository: ' +
        "this CLI was built without Pulumi's own",
    ],
    [
      "plain pulumi without any language host",
      judgePlainPulumi("dev", { ownLanguageHost: true }, false),
      "this Pulumi CLI was built without a language host, and language/bin/pulumi-language-nodejs is missing or may not be executed | " +
        "restore it: `git checkout -- language`, `chmod +x language/bin/pulumi-language-nodejs`",
    ],
    ["plain pulumi without Pulumi", judgePlainPulumi("dev", undefined, true), "skipped: there is no Pulumi CLI"],
    ["the plugin", judgePlugin("provider/p", true, true), "ok: provider/p"],
    [
      "no plugin",
      judgePlugin("provider/p", false, true),
      "provider/p is missing or may not be executed | restore it: `git checkout -- provider`, `chmod +x provider/p`",
    ],
    [
      "a plugin that nobody names",
      judgePlugin("provider/p", true, false),
      "Pulumi.yaml does not name it | restore `plugins.providers` there: `git checkout -- Pulumi.yaml`",
    ],
    ["the home", judgeHome("/h", 0o40700), "ok: /h is yours alone"],
    ["no home yet", judgeHome("/h", undefined), "ok: /h is made by the first `webinfra up`"],
    [
      "an open home",
      judgeHome("/h", 0o40755),
      "/h has the mode 0755: other users of this machine can look into it | chmod 700 /h",
    ],
    ["the passphrase", judgePassphrase(passphrase), "ok: /h/passphrase is yours alone"],
    [
      "a passphrase of the user's",
      judgePassphrase({ ...passphrase, used: false }),
      "skipped: your own backend or passphrase is in use",
    ],
    [
      "an open passphrase",
      judgePassphrase({ ...passphrase, mode: 0o100644 }),
      "/h/passphrase has the mode 0644: other users of this machine can read it | chmod 600 /h/passphrase",
    ],
    [
      "no passphrase yet",
      judgePassphrase({ ...passphrase, mode: undefined, stacks: false }),
      "ok: made by the first `webinfra up`",
    ],
    [
      "a lost passphrase",
      judgePassphrase({ ...passphrase, mode: undefined }),
      "/h/passphrase is missing, and the secrets of the stacks in the state folder were encrypted with it | put the file " +
        "back from a copy; without it, move the state folder away and start anew",
    ],
    [
      "no Incus",
      judgeIncusError("absent", "", "/s"),
      "nothing answers at /s: it is not installed, or does not run | run `npm run setup`; or start its service: " +
        "`sudo systemctl start incus`",
    ],
    [
      "an Incus that refuses",
      judgeIncusError("denied", "", "/s"),
      "this user may not use it at /s | join its group: `sudo usermod -aG incus-admin $USER`, and log in again",
    ],
    [
      "an Incus that fails",
      judgeIncusError("timeout", "no answer within 30 s", "/s"),
      "no answer within 30 s | look at its log: `journalctl -u incus`; restart it: `sudo systemctl restart incus`",
    ],
    ["Incus", judgeIncus("6.0.4"), "ok: version 6.0.4"],
    [
      "an old Incus",
      judgeIncus("0.7"),
      "its version is 0.7, and webinfra needs 6.0 or newer | upgrade Incus with your system's packages",
    ],
    ["the project", judgeProject("webinfra", features), "ok: webinfra"],
    ["no project", judgeProject("webinfra", undefined), 'there is no project "webinfra" | run `npm run setup`'],
    [
      "somebody else's project",
      judgeProject("webinfra", { ...features, "features.networks": "true" }),
      'the project "webinfra" was made by somebody else: features.networks is true | set them while the project is empty: ' +
        "`incus project set webinfra features.networks=false`",
    ],
    ["the pool", judgePool("webinfra", "btrfs"), "ok: webinfra (btrfs)"],
    ["no pool", judgePool("webinfra", undefined), 'there is no storage pool "webinfra" | run `npm run setup`'],
    ["the image", judgeImage("i", "abc", "abc"), "ok: i"],
    ["no image", judgeImage("i", undefined, "abc"), 'there is no image "i" | run `npm run setup`'],
    [
      "an old image",
      judgeImage("i", "", "abc"),
      'the image "i" was made by an older recipe than this checkout\'s | run `npm run setup`, which makes it anew',
    ],
    ["no images with packages", judgeBakedImages({ images: [], useless: [] }), "ok: made by `webinfra up`"],
    [
      "images with packages",
      judgeBakedImages({ images: [baked("a".repeat(64)), baked("b")], useless: [] }),
      "ok: 2 with packages, 1.8 GiB",
    ],
    [
      "images of no use",
      judgeBakedImages({ images: [baked("a".repeat(64)), baked("b")], useless: [baked("a".repeat(64))] }),
      "ok: 2 with packages, 1.8 GiB; 1 of no use any more, 0.9 GiB: `webinfra up` deletes them when it makes the next, " +
        "`incus image delete aaaaaaaaaaaa --project webinfra` now",
    ],
    ["disk", judgeDisk(5 * 2 ** 30, needs), "ok: 5.0 GiB free"],
    [
      "too little disk",
      judgeDisk(2 ** 30, needs),
      "1.0 GiB free, and 5 more hosts may take 5.0 GiB | free some: `incus list --all-projects` and `incus storage info " +
        "webinfra` show what takes it; or ask for fewer hosts (webinfra:web, webinfra:replicas)",
    ],
    ["memory for hosts that run", judgeMemory(0, { ...needs, hosts: 0, databases: 0 }), "ok: 0.0 GiB free"],
    [
      "too little memory",
      judgeMemory(2 ** 29, { ...needs, hosts: 1, databases: 1 }),
      "0.5 GiB free, and 1 more host may take 0.8 GiB | end other programs, or ask for less: fewer hosts (webinfra:web, " +
        "webinfra:replicas), less webinfra:mysql.memoryMiB",
    ],
  ];
  for (const [what, outcome, expected] of cases) {
    it(`judges ${what}`, () => assert.equal(told(outcome), expected));
  }
});

describe("cli: doctor, the stack", () => {
  const machine = {
    host: "web-1",
    machine: "m",
    roles: ["webServer"],
    running: true,
    address: "10.77.0.9",
  };
  const facts = { stack: "dev", platform: "incus", topology: null, url: null };
  const hosts = (machines: Answered) => judgeHosts(report(facts, machines), machines);
  const healthy = hostState();
  const ofDefinition = (definition: string, wanted: string) =>
    judgeDefinitions(report(facts, [[machine, { ...healthy, definition }]], new Map([["web-1", wanted]])));
  const cases: readonly (readonly [string, Outcome, string])[] = [
    ["a configuration", judgeConfig("/r/Pulumi.dev.yaml", []), "ok: /r/Pulumi.dev.yaml"],
    [
      "a bad configuration",
      judgeConfig("/r/Pulumi.dev.yaml", ["webinfra:web is 0: should be …", "webinfra:x is …"]),
      "/r/Pulumi.dev.yaml has 2 problems:\nwebinfra:web is 0: should be …\nwebinfra:x is … | correct the file; " +
        "docs/configuration.md describes every key",
    ],
    ["no earlier run", judgeRuns("dev", [], undefined), "ok: no run was killed"],
    [
      "a run that goes on",
      judgeRuns("dev", [lock], pendingState, () => false),
      "ok: process 4242 of ada on here is changing the stack now",
    ],
    [
      "a killed run",
      judgeRuns("dev", [lock], pendingState, () => true),
      "a run was killed and left its lock and 1 unfinished step | `webinfra up --stack dev` clears that and repairs",
    ],
    ["a network to be", judgeNetwork({ ...network, taken: lan }), "ok: 10.77.1.0/24"],
    ["the stack's network", judgeNetwork({ ...network, present: "10.77.3.0/24", taken: lan }), "ok: 10.77.3.0/24"],
    [
      "a network in the way of another",
      judgeNetwork({ ...network, present: "10.77.0.0/24", taken: lan }),
      "the stack's network 10.77.0.0/24 overlaps with the interface eth1 of this machine, which has 10.77.0.0/24: answers " +
        "may get lost | take the other away; or `webinfra down --stack dev`, set webinfra:network.cidr to a free subnet, and " +
        "`webinfra up --stack dev`",
    ],
    [
      "a network that is to move",
      judgeNetwork({ ...network, present: "10.77.3.0/24", configured: "10.9.0.0/24" }),
      "webinfra:network.cidr is 10.9.0.0/24, and the stack's network has 10.77.3.0/24, which it keeps while machines use " +
        "it | set it back to 10.77.3.0/24, or `webinfra down --stack dev` first",
    ],
    [
      "a configured network that is taken",
      judgeNetwork({ ...network, configured: "10.77.0.0/16", taken: lan }),
      "webinfra:network.cidr is 10.77.0.0/16, and the interface eth1 of this machine has 10.77.0.0/24 | leave it out to " +
        "have a free one chosen, or set it to one, such as 10.77.1.0/24",
    ],
    ["no hosts", hosts([]), "skipped: the stack is not up; `webinfra up --stack dev` makes its hosts"],
    ["healthy hosts", hosts([[machine, healthy]]), "ok: 1 host, healthy"],
    [
      "an ill host",
      hosts([[machine, { ...healthy, healthy: false, error: "nginx is down" }]]),
      "web-1 is not healthy: nginx is down | `webinfra logs web-1 --stack dev` shows its journal; `webinfra up --stack dev " +
        "--refresh` repairs",
    ],
    [
      "a host that is gone",
      hosts([[{ ...machine, gone: true, running: false }, { silent: "its machine is gone" }]]),
      "web-1 is not healthy: its machine is gone | `webinfra up --stack dev` makes it again",
    ],
    [
      "databases without a primary",
      hosts([[{ ...machine, roles: ["database"] }, healthy]]),
      "no database takes writes | `webinfra status --stack dev` shows the databases",
    ],
    [
      "definitions without hosts",
      judgeDefinitions(report(facts, [])),
      "skipped: the stack is not up; `webinfra up --stack dev` makes its hosts",
    ],
    [
      "the definition of the last update",
      ofDefinition("a", "a"),
      "ok: every host was made from the definition of the last `webinfra up`",
    ],
    [
      "an older definition",
      ofDefinition("a", "b"),
      "made from an older definition than the last `webinfra up` wanted: web-1 | nothing, if the change can wait; " +
        "`webinfra replace web-1 --stack dev` makes it anew from it",
    ],
  ];
  for (const [what, outcome, expected] of cases) {
    it(`judges ${what}`, () => assert.equal(told(outcome), expected));
  }
});

describe("cli: doctor", () => {
  it("goes on after a check that throws", async () => {
    const checks = [
      { name: "a", run: () => Promise.reject(new Error("broken")) },
      { name: "b", run: () => ok("fine") },
    ];
    assert.deepEqual(await runChecks(checks), [
      { name: "a", state: "problem", detail: "broken", remedy: "see the text above" },
      { name: "b", state: "ok", detail: "fine" },
    ]);
  });

  it("prints a line a check, and what to do", () => {
    assert.deepEqual(
      findingLines([
        { name: "Node", ...ok("24.1.0") },
        { name: "hosts", ...problem("a\nb", "c") },
        { name: "image", ...skipped("Incus does not answer") },
      ]),
      [
        "  ok       Node: 24.1.0",
        "  PROBLEM  hosts: a\n           b",
        "           do: c",
        "  -        image: Incus does not answer",
        "1 problem",
      ],
    );
    assert.deepEqual(findingLines([]), ["all is well"]);
  });

  describe("in a repository, with no Incus", function () {
    this.timeout(60_000);
    const repository = join(__dirname, "..", "..");
    let box: Sandbox;
    before(() => {
      box = sandbox();
      for (const file of ["package.json", "package-lock.json", "Pulumi.yaml"]) {
        copyFileSync(join(repository, file), join(box.root, file));
      }
      mkdirSync(join(box.root, "node_modules"));
      const installed = join("node_modules", ".package-lock.json");
      copyFileSync(join(repository, installed), join(box.root, installed));
      mkdirSync(join(box.root, "provider"));
      cpSync(
        join(repository, "provider", "pulumi-resource-webinfra"),
        join(box.root, "provider", "pulumi-resource-webinfra"),
      );
      mkdirSync(box.home, { mode: 0o700 });
    });
    after(() => box.remove());
    const look = async () => {
      const context = box.context({ json: true });
      const before = box.stdout().length;
      const code = await doctor(
        { ...context, environment: { ...context.environment, INCUS_SOCKET: join(box.directory, "none") } },
        "trial",
      );
      const { checks, ...rest } = JSON.parse(box.stdout().slice(before)) as DoctorReport;
      return { ...rest, code, checks: new Map(checks.map((check) => [check.name, check])) };
    };

    it("says what is wrong, in JSON, and with its exit code", async () => {
      writeFileSync(box.stackFile, "config:\n  webinfra:platform: incus\n  webinfra:wbe: 2\n");
      chmodSync(box.home, 0o755);
      const { code, well, checks } = await look();
      assert.equal(code, exitCode.notAsExpected);
      assert.equal(well, false);
      assert.deepEqual(checks.get("Incus"), {
        name: "Incus",
        ...judgeIncusError("absent", "", join(box.directory, "none")),
      });
      assert.equal(checks.get("image")?.detail, "Incus does not answer");
      assert.match(
        checks.get("configuration")?.detail ?? "",
        /webinfra:wbe is no key that webinfra knows: did you mean web\?$/,
      );
      assert.equal(checks.get("WEBINFRA_HOME")?.remedy, `chmod 700 ${box.home}`);
      assert.equal(checks.get("npm dependencies")?.state, "ok");
      assert.equal(checks.get("provider plugin")?.state, "ok");
    });

    it("says that all is well where nothing is wrong, and skips what another platform does not need", async () => {
      writeFileSync(box.stackFile, "config:\n  webinfra:platform: aws\n");
      chmodSync(box.home, 0o700);
      const { code, well, checks } = await look();
      assert.deepEqual([code, well], [exitCode.ok, true], JSON.stringify([...checks.values()]));
      assert.equal(checks.get("Incus")?.detail, "the stack is on aws");
    });
  });
});
