import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { parse } from "yaml";
import { getConfig, setConfig, unsetConfig } from "../../cli/commands/config";
import { parseCount } from "../../cli/commands/scale";
import { validate } from "../../cli/commands/validate";
import { agreeTo, losses } from "../../cli/engine/consequences";
import { editedText } from "../../cli/engine/edit";
import { forThisRunLines, takenBackLines } from "../../cli/engine/onerun";
import { lockedElsewhere } from "../../cli/engine/operate";
import type { PlannedStep } from "../../cli/engine/progress";
import { readSecret, setSecret } from "../../cli/engine/secrets";
import { overrideText, parseOverride, settingsIn, valueAt } from "../../cli/engine/stackfile";
import { fingerprintOf, readLastRun, writeLastRun } from "../../cli/engine/workfolder";
import { table, wrapped } from "../../cli/terminal/format";
import { keyProblems, sectionProblems } from "../../config/keys";
import { configSchema } from "../../config/schema";
import { type Sandbox, sandbox } from "../support/cli";

const text = `# the whole site
config:
  webinfra:platform: incus # on this machine
  # how many
  webinfra:web: 2
  webinfra:mysql:
    memoryMiB: 512 # small
`;

describe("cli: changing a stack's file", () => {
  it("changes what is asked and leaves every other character", () => {
    assert.equal(editedText(text, [parseOverride("web=3")]), text.replace("web: 2", "web: 3"));
    assert.equal(editedText(text, [parseOverride("mysql.memoryMiB=1024")]), text.replace("512", "1024"));
    assert.equal(editedText(text, []), text);
  });

  it("adds what is not there, below what it belongs to", () => {
    assert.equal(
      editedText(text, [parseOverride("app.directory=../shop")]),
      `${text}  webinfra:app:\n    directory: ../shop\n`,
    );
    assert.equal(editedText(text, [parseOverride("mysql.volumeGiB=20")]), `${text}    volumeGiB: 20\n`);
    assert.equal(editedText("", [parseOverride("web=3")]), "config:\n  webinfra:web: 3\n");
    assert.equal(editedText("config:\n", [parseOverride("web=3")]), "config:\n  webinfra:web: 3\n");
  });

  it("takes keys out", () => {
    const without = editedText(text, [{ ...parseOverride("mysql.memoryMiB="), value: undefined }]);
    assert.deepEqual(parse(without), {
      config: { "webinfra:platform": "incus", "webinfra:web": 2, "webinfra:mysql": {} },
    });
  });

  it("writes texts that readers of YAML 1.1 take for texts, and values of any shape", () => {
    const edited = editedText("config: {}\n", [
      parseOverride('domain="no"'),
      parseOverride('network={"cidr":"10.9.0.0/24"}'),
    ]);
    assert.match(edited, /domain: "no"/);
    assert.deepEqual(parse(edited), {
      config: { "webinfra:domain": "no", "webinfra:network": { cidr: "10.9.0.0/24" } },
    });
  });

  it("keeps line breaks as they are, and fills a mapping that is empty", () => {
    assert.equal(
      editedText("config:\r\n  webinfra:web: 2\r\n", [parseOverride("web=3")]),
      "config:\r\n  webinfra:web: 3\r\n",
    );
    assert.equal(
      editedText("config:\n  webinfra:app:\n", [parseOverride("app.directory=/x")]),
      "config:\n  webinfra:app:\n    directory: /x\n",
    );
  });

  it("refuses what it cannot change without changing more", () => {
    const refused = (content: string, change: string, message: string | RegExp): void => {
      assert.throws(() => editedText(content, [parseOverride(change)]), { name: "UserError", message });
    };
    refused(
      "config:\n  webinfra:web: &n 2\n  webinfra:replicas: *n\n",
      "web=3",
      "web has an anchor (&n), and other keys would change with it: change it by hand",
    );
    refused("- a\n", "web=3", "the stack's file cannot be changed: it is no mapping of keys to values");
    refused("config: [\n", "web=3", /^the stack's file cannot be changed: Flow sequence/);
    refused("a: 1\n---\nb: 2\n", "web=3", /^the stack's file cannot be changed: Source contains multiple documents/);
    refused(
      "config:\n  webinfra:web: 2\n",
      "web.x=1",
      "web.x=1: web holds no keys of its own in this file: change it by hand",
    );
  });

  it("can be said on a command line, whatever the value", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z][A-Za-z]{0,8}$/),
        fc.array(fc.oneof(fc.stringMatching(/^[a-z]\w{0,5}$/), fc.nat(20).map(String)), { maxLength: 3 }),
        fc
          .jsonValue({ noUnicodeString: false })
          // JSON cannot say -0.
          .map((value): unknown => JSON.parse(JSON.stringify(value)))
          .filter((value) => value !== null && !/e[+-]\d/.test(JSON.stringify(value))),
        (name, path, value) => {
          const override = { key: `webinfra:${name}`, path, value };
          assert.deepEqual(parseOverride(overrideText(override)), JSON.parse(JSON.stringify(override)));
          // What is written is what is read.
          assert.deepEqual(
            valueAt(settingsIn(editedText("config: {}\n", [override]), "x").config ?? {}, override),
            JSON.parse(JSON.stringify(value)),
          );
        },
      ),
    );
  });
});

describe("cli: config", () => {
  let box: Sandbox;
  beforeEach(() => {
    box = sandbox();
    writeFileSync(box.stackFile, text);
  });
  afterEach(() => box.remove());
  const choice = { stack: "trial" };

  it("set writes the file, keeps its mode, and says what is next", async () => {
    chmodSync(box.stackFile, 0o640);
    await setConfig(box.context(), ["web=3", "domain=shop.example.com"], choice);
    assert.equal(
      readFileSync(box.stackFile, "utf8"),
      `${text.replace("web: 2", "web: 3")}  webinfra:domain: shop.example.com\n`,
    );
    assert.equal(statSync(box.stackFile).mode & 0o777, 0o640);
    assert.equal(
      box.stdout(),
      `${box.stackFile} says web=3, domain=shop.example.com now; \`webinfra up --stack trial\` makes it so\n`,
    );
    await setConfig(box.context(), ["web=3"], choice);
    assert.match(box.stdout(), /says so already\n$/);
  });

  it("set writes nothing that would not be sound", async () => {
    await assert.rejects(
      setConfig(box.context(), ["web=0"], choice),
      /webinfra:web is "0": should be a whole number from 1 to 100/,
    );
    await assert.rejects(
      setConfig(box.context(), ["wbe=3"], choice),
      /webinfra:wbe is no key that webinfra knows: did you mean web\?/,
    );
    await assert.rejects(setConfig(box.context(), ["secrets.TOKEN=plain"], choice), {
      message:
        "webinfra:secrets is set with `webinfra secrets set API_TOKEN`, which asks for the value and encrypts it: an argument could be read by others",
    });
    await assert.rejects(setConfig(box.context(), ["web"], choice), {
      message: "web: not of the form key=value, such as topology=split-tiers or app.directory=../shop",
    });
    assert.equal(readFileSync(box.stackFile, "utf8"), text);
  });

  it("unset takes keys out", async () => {
    await unsetConfig(box.context(), ["web"], choice);
    assert.equal(readFileSync(box.stackFile, "utf8"), text.replace("  # how many\n  webinfra:web: 2\n", ""));
    await unsetConfig(box.context(), ["web"], choice);
    await assert.rejects(unsetConfig(box.context(), ["web=3"], choice), {
      message: "web=3: a key has no value here, such as in web or app.directory",
    });
    assert.match(
      box.stdout(),
      /says nothing of web any more; `webinfra up --stack trial` makes it so\n.* says nothing of it\n$/,
    );
  });

  it("get prints what holds, defaults included", async () => {
    await getConfig(box.context(), "web", choice);
    await getConfig(box.context(), "mysql.memoryMiB", choice);
    await getConfig(box.context(), "domain", choice);
    assert.equal(box.stdout(), "2\n512\nwww.foobar.com\n");
    await assert.rejects(getConfig(box.context(), "wbe", choice), {
      message: 'wbe is not set, and has no default (did you mean "web"?)',
    });
  });

  it("changes the file that the stack was brought up from, where that is elsewhere", async () => {
    const elsewhere = join(box.directory, "shop.yaml");
    writeFileSync(elsewhere, text);
    writeLastRun(box.home, "shop", { configFile: elsewhere, overrides: [] });
    await setConfig(box.context(), ["web=3"], { stack: "shop" });
    assert.match(readFileSync(elsewhere, "utf8"), /web: 3/);
  });
});

describe("cli: keys that nobody reads", () => {
  it("are named with the nearest right one", () => {
    assert.deepEqual(keyProblems(["web", "wbe", "nonsense", "webinfa:web", "WebInfra:web", "digitalocaen:token"]), [
      "web has no namespace: should be webinfra:web",
      "wbe has no namespace: did you mean webinfra:web?",
      "nonsense has no namespace: should have one, such as webinfra:web",
      "webinfa:web is read by nobody: did you mean webinfra:web?",
      "WebInfra:web is read by nobody: did you mean webinfra:web?",
      "digitalocaen:token is read by nobody: did you mean digitalocean:token?",
    ]);
    assert.deepEqual(sectionProblems(["confg", "webinfra:web", "zzz"]), [
      "confg is no section of a stack file: did you mean config?",
      "webinfra:web stands beside config: should stand below it",
      "zzz is no section of a stack file: known are config, encryptionsalt, encryptedkey, secretsprovider, environment",
    ]);
  });

  it("are not those of ours, of Pulumi, or of a provider of the user's own", () => {
    const keys = Object.keys(configSchema.shape).map((name) => `webinfra:${name}`);
    assert.deepEqual(
      keyProblems([...keys, "aws:region", "pulumi:tags", "tls:x", "gcp:project", "cloudflare:apiToken"]),
      [],
    );
  });

  it("are refused wherever a file is read or a value is given", () => {
    assert.throws(() => settingsIn("confg: {}\nconfig: {web: 4}\n", "Pulumi.dev.yaml"), {
      name: "UserError",
      message:
        "Pulumi.dev.yaml has keys that nobody reads:\n  - confg is no section of a stack file: did you mean config?\n" +
        "  - web has no namespace: should be webinfra:web",
    });
    assert.throws(() => parseOverride("webinfa:web=4"), {
      name: "UserError",
      message: "--config webinfa:web=4: webinfa:web is read by nobody: did you mean webinfra:web?",
    });
  });
});

describe("cli: validate", () => {
  let box: Sandbox;
  beforeEach(() => (box = sandbox()));
  afterEach(() => box.remove());

  it("says of every file whether it is sound, and why not", () => {
    const good = join(box.directory, "good.yaml");
    writeFileSync(good, "config:\n  webinfra:platform: incus\n");
    writeFileSync(box.stackFile, "config:\n  webinfra:platform: incus\n  webinfra:web: 0\n  webinfra:wbe: 1\n");
    assert.equal(validate(box.context(), [good]), 0);
    assert.equal(validate(box.context(), []), 1);
    assert.equal(
      box.stdout(),
      `${good}: sound\n${box.stackFile}: 2 problems\n` +
        '  - webinfra:web is "0": should be a whole number from 1 to 100\n' +
        "  - webinfra:wbe is no key that webinfra knows: did you mean web?\n",
    );
    writeFileSync(box.stackFile, "config: [");
    assert.equal(validate(box.context({ json: true }), [box.stackFile, join(box.directory, "none.yaml")]), 1);
    assert.match(box.stdout(), /cannot be read as YAML/);
    assert.match(box.stdout(), /none\.yaml cannot be read: ENOENT/);
    writeFileSync(box.stackFile, "config: &a\n  webinfra:app: *a\n");
    assert.equal(validate(box.context(), []), 1);
  });
});

describe("cli: values for one run", () => {
  const config = { "webinfra:web": 2, "webinfra:app": { directory: "a" } };
  const given = [parseOverride("web=3"), parseOverride("app.directory=b c"), parseOverride("replicas=0")];

  it("are said to be so, with the line that keeps them", () => {
    assert.deepEqual(forThisRunLines(config, given, []), [
      "for this run alone: web=3, app.directory=b c, replicas=0; the next `webinfra up` takes that back",
      "to keep it: `webinfra config set web=3 'app.directory=b c' replicas=0`",
    ]);
    assert.deepEqual(forThisRunLines(config, [parseOverride("web=2")], []), []);
  });

  it("are taken back by the next run, which says so, unless it is given them, too, or the file says so by now", () => {
    assert.deepEqual(
      takenBackLines(
        config,
        given,
        [parseOverride("replicas=0")],
        ["--stack", "shop", "--config-file", "my site.yaml"],
      ),
      [
        "the last run was given values for itself alone, and this one takes them back: web from 3 to 2; app.directory from b c to a",
        "to keep them: `webinfra config set --stack shop --config-file 'my site.yaml' web=3 'app.directory=b c'`",
      ],
    );
    assert.deepEqual(takenBackLines({ ...config, "webinfra:web": 3 }, given.slice(0, 1), [], []), []);
    assert.deepEqual(
      takenBackLines(config, [parseOverride("replicas=0")], [], [])[0]?.endsWith("replicas from 0 to not set"),
      true,
    );
    assert.deepEqual(takenBackLines(config, [], [], []), []);
  });

  it("may take keys out, too, which is kept by taking them out of the file", () => {
    const hosts = { key: "webinfra:hosts", path: [], value: undefined };
    assert.deepEqual(
      forThisRunLines({ "webinfra:hosts": [] }, [hosts, parseOverride("topology=split-tiers")], []).at(-1),
      "to keep it: `webinfra config unset hosts && webinfra config set topology=split-tiers`",
    );
  });

  it("are noted with the stack", () => {
    const box = sandbox();
    try {
      assert.deepEqual(readLastRun(box.home, "trial"), { overrides: [] });
      const overrides = [parseOverride("web=3"), { key: "webinfra:hosts", path: [], value: undefined }];
      writeLastRun(box.home, "trial", { configFile: "/a.yaml", overrides, fingerprint: "f" });
      assert.deepEqual(readLastRun(box.home, "trial"), { configFile: "/a.yaml", overrides, fingerprint: "f" });
      // What was cut off says nothing, and is in nobody's way.
      writeFileSync(join(box.home, "stacks", "trial", "last-run.json"), "{");
      assert.deepEqual(readLastRun(box.home, "trial"), { overrides: [] });
    } finally {
      box.remove();
    }
  });

  it("are told apart by the program with all that it reads, the whole configuration, and the state that they left", () => {
    const box = sandbox();
    try {
      const script = join(box.root, "host", "launcher.py");
      mkdirSync(dirname(script));
      writeFileSync(script, "one");
      const facts = { root: box.root, home: box.home, config, state: { url: "file:///s", text: "s" } };
      const one = fingerprintOf(facts);
      assert.equal(fingerprintOf({ ...facts, config: structuredClone(config) }), one);
      for (const other of [
        { ...facts, config: { ...config, "webinfra:web": 3 } },
        { ...facts, home: "/other" },
        { ...facts, state: { url: "file:///s", text: "t" } },
        { ...facts, state: { url: "file:///t", text: "s" } },
      ]) {
        assert.notEqual(fingerprintOf(other), one);
      }
      // Documents and tests make no machine.
      mkdirSync(join(box.root, "docs"));
      writeFileSync(join(box.root, "docs", "a.md"), "");
      assert.equal(fingerprintOf(facts), one);
      writeFileSync(script, "other");
      assert.notEqual(fingerprintOf(facts), one);
      assert.equal(fingerprintOf({ ...facts, state: undefined }), undefined);
    } finally {
      box.remove();
    }
  });
});

describe("cli: what an update takes away", () => {
  const step = (op: string, type: string, name: string): PlannedStep => ({ op, type, name, diff: [] });
  const plan = [
    step("delete", "webinfra:incus:Machine", "web-2"),
    step("replace", "aws:ec2/instance:Instance", "web-1"),
    step("discard", "webinfra:incus:Volume", "db-2-data"),
    step("delete", "webinfra:channel:Object", "web-2-settings"),
    step("delete", "webinfra:index:Host", "web-2"),
    step("replace", "aws:s3/bucketObjectv2:BucketObjectv2", "package"),
    step("delete", "aws:s3/bucket:Bucket", "channel"),
    step("create", "webinfra:incus:Machine", "web-3"),
    step("update", "webinfra:incus:Machine", "lb-1"),
    step("delete", "cloudflare:index/record:Record", "mine"),
  ];

  it("is what somebody might miss: machines, volumes, and what is not ours", () => {
    assert.deepEqual(
      losses(plan).map(({ name }) => name),
      ["web-2", "web-1", "db-2-data", "channel", "mine"],
    );
  });

  it("needs --yes where nobody can be asked", async () => {
    const box = sandbox();
    try {
      await assert.rejects(agreeTo(losses(plan).slice(0, 2), box.context().output, false), {
        name: "UserError",
        message:
          "nothing was changed: this update deletes or replaces 2 resources (web-2 and web-1), and there is no terminal to ask at: give --yes to go ahead",
      });
      assert.equal(
        box.stdout(),
        "this update deletes or replaces:\n  - delete web-2 [webinfra:incus:Machine]\n  ± replace web-1 [aws:ec2/instance:Instance]\n",
      );
    } finally {
      box.remove();
    }
  });

  it("waits for no lock that is elsewhere, and says whose it is", () => {
    const said =
      "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n" +
      "  s3://state/.pulumi/locks/x.json: created by ada@laptop (pid 4242) at 2026-01-02T03:04:05Z";
    assert.equal(
      lockedElsewhere("prod", said),
      'the stack "prod" is being changed by another run (ada@laptop (pid 4242) at 2026-01-02T03:04:05Z): run this again when that has ended. ' +
        'If it cannot be running any more, `eval "$(webinfra env --stack prod)" && pulumi cancel --yes` removes its lock',
    );
    assert.match(
      lockedElsewhere("prod", "[409] Conflict: Another update is currently in progress.") ?? "",
      /by another run: run this again/,
    );
    assert.equal(lockedElsewhere("prod", "error: something else"), undefined);
  });
});

describe("cli: scale", () => {
  it("takes counts that there are", () => {
    assert.deepEqual(parseCount("replicas=0", parseCount("web=3")), ["web=3", "replicas=0"]);
    assert.throws(() => parseCount("wbe=3"), {
      message: 'There is no count "wbe" (did you mean "web"?); keys: web, appServers, replicas.',
    });
    assert.throws(() => parseCount("web"), {
      message: "It must be a key and how many, such as web=3; keys: web, appServers, replicas.",
    });
  });
});

describe("cli: secrets", () => {
  it("are read from the standard input, or asked for without being shown", async () => {
    const piped = new PassThrough();
    piped.end("s3cret\n");
    assert.equal(await readSecret("TOKEN", { input: piped, output: new PassThrough() }), "s3cret");
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const output = new PassThrough();
    const asked = readSecret("TOKEN", { input, output });
    input.write("s3cret\n");
    assert.equal(await asked, "s3cret");
    const shown = String(output.read());
    assert.match(shown, /^TOKEN \(not shown\): /);
    const left = Object.assign(new PassThrough(), { isTTY: true });
    const given = readSecret("TOKEN", { input: left, output: new PassThrough() });
    left.end();
    await assert.rejects(given, { name: "InterruptedError", message: "nothing was set" });
    assert.doesNotMatch(shown, /s3cret/);
  });

  it("need a name and a value", async () => {
    const box = sandbox();
    const empty = (): PassThrough => {
      const input = new PassThrough();
      input.end("\n");
      return input;
    };
    try {
      const source = { input: empty(), output: new PassThrough() };
      const odd = new PassThrough();
      odd.end("a\u0000b");
      await assert.rejects(setSecret(box.context(), "trial", "TOKEN", undefined, { ...source, input: odd }), {
        message: "nothing was set: TOKEN holds a control character, which an environment variable cannot",
      });
      await assert.rejects(setSecret(box.context(), "trial", "A B", undefined, source), {
        message:
          'the secret\'s name "A B" cannot be used: it is letters, digits, dashes and underscores, such as API_TOKEN',
      });
      await assert.rejects(setSecret(box.context(), "trial", "TOKEN", undefined, source), {
        message: "nothing was set: no value was given for TOKEN",
      });
    } finally {
      box.remove();
    }
  });
});

describe("cli: tables", () => {
  const rows = [
    ["HOST", "ADDRESS", "WHAT"],
    ["web-1", "10.77.0.12", "being set up: starting Nginx with a configuration"],
  ];

  it("put below each other what has no room beside", () => {
    assert.deepEqual(table(rows, { width: 45, heading: true }), [
      "HOST   ADDRESS     WHAT",
      "web-1  10.77.0.12  being set up: starting",
      "                   Nginx with a configuration",
    ]);
    assert.deepEqual(table(rows, { width: 30, heading: true }), [
      "web-1",
      "    10.77.0.12",
      "    being set up: starting",
      "    Nginx with a configuration",
    ]);
  });

  it("never are wider than the terminal, but for a word that is", () => {
    for (let width = 20; width < 90; width++) {
      for (const line of table(rows, { width, heading: true })) {
        assert.ok(line.length <= Math.max(width, 17), `${String(width)}: ${line}`);
      }
    }
  });

  it("take no columns for colours", () => {
    const red = "\u001b[31mx\u001b[39m";
    assert.deepEqual(
      table([
        [red, "1"],
        ["yy", "2"],
      ]),
      [`${red}   1`, "yy  2"],
    );
    assert.deepEqual(wrapped("a bb ccc", 4), ["a bb", "ccc"]);
  });
});
