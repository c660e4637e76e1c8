import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { env, exportLines, pathWith } from "../../cli/commands/env";
import { shellWord } from "../../cli/terminal/shell-word";
import { chooseBackend, passphraseFile, prepareHome, stateDirectory } from "../../cli/engine/backend";
import { channelDirectory, stackFacts } from "../../cli/engine/stack";
import { findPulumiRoot, languageFolder, ownLanguageHost, pathFor, plainPulumi } from "../../cli/engine/pulumi";
import { webinfraHome } from "../../config/home";
import { type Sandbox, sandbox, stackFileText } from "../support/cli";

describe("cli: where the state is", () => {
  let box: Sandbox;
  beforeEach(() => (box = sandbox()));
  afterEach(() => box.remove());
  const choose = (more: Record<string, string> = {}) =>
    chooseBackend({ ...box.context().environment, ...more }, box.root);

  it("is a folder of our own, with a generated passphrase, when the user chose nothing", () => {
    const backend = choose();
    assert.equal(backend.kind, "own");
    assert.deepEqual(backend.environment, {
      PULUMI_BACKEND_URL: `file://${box.home}/state`,
      PULUMI_CONFIG_PASSPHRASE_FILE: `${box.home}/passphrase`,
    });
  });

  it("is where PULUMI_BACKEND_URL says", () => {
    const backend = choose({ PULUMI_BACKEND_URL: "s3://states" });
    assert.deepEqual(backend, { kind: "user", url: "s3://states", reason: "PULUMI_BACKEND_URL", environment: {} });
  });

  it("is where Pulumi.yaml says, and PULUMI_BACKEND_URL goes before it", () => {
    writeFileSync(join(box.root, "Pulumi.yaml"), "name: webinfra\nbackend: {url: 'gs://project'}\n");
    assert.equal(choose().url, "gs://project");
    assert.equal(choose({ PULUMI_BACKEND_URL: "s3://states" }).url, "s3://states");
  });

  it("is where the user is logged in", () => {
    writeFileSync(join(box.directory, "credentials.json"), '{"current": "https://api.pulumi.com"}');
    const backend = choose();
    assert.equal(backend.kind, "user");
    assert.equal(backend.url, "https://api.pulumi.com");
  });

  it("is our own in a shell that has the variables of `webinfra env`", () => {
    assert.equal(choose(choose().environment).kind, "own");
  });

  it("leaves a passphrase of the user's in force", () => {
    for (const given of [{ PULUMI_CONFIG_PASSPHRASE: "" }, { PULUMI_CONFIG_PASSPHRASE_FILE: "/x" }]) {
      assert.deepEqual(choose(given).environment, { PULUMI_BACKEND_URL: `file://${box.home}/state` });
    }
  });

  it("knows the folder of a file backend", () => {
    assert.equal(stateDirectory("file:///a/b?no_tmp_dir=true"), "/a/b");
    assert.equal(stateDirectory("https://api.pulumi.com"), undefined);
  });

  it("makes the home for the user alone, and the passphrase once", () => {
    prepareHome(box.home, choose());
    const file = passphraseFile(box.home);
    const first = readFileSync(file, "utf8");
    assert.match(first, /^[\w-]{43}\n$/);
    prepareHome(box.home, choose());
    assert.equal(readFileSync(file, "utf8"), first);
    assert.equal(statSync(box.home).mode & 0o777, 0o700);
    assert.equal(statSync(join(box.home, "state")).mode & 0o777, 0o700);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it("does not invent a new passphrase for secrets that were encrypted with a lost one", () => {
    prepareHome(box.home, choose());
    rmSync(passphraseFile(box.home));
    mkdirSync(join(box.home, "state", ".pulumi", "stacks"), { recursive: true });
    assert.throws(() => prepareHome(box.home, choose()), {
      message:
        `${box.home}/passphrase is missing, but ${box.home}/state holds stacks whose secrets were encrypted with it; ` +
        "put the file back, or move the state folder away to start anew",
    });
  });

  it("is ~/.webinfra by default", () => {
    assert.match(webinfraHome({}), /\/\.webinfra$/);
  });
});

describe("cli: env", () => {
  let box: Sandbox;
  beforeEach(() => (box = sandbox()));
  afterEach(() => box.remove());

  it("quotes for the shell", () => {
    assert.equal(shellWord("/a/b-c"), "/a/b-c");
    assert.equal(shellWord("/it's here"), "'/it'\\''s here'");
  });

  it("prints export lines and what they hold for", () => {
    const lines = ['# plain pulumi for the stack "dev" alone: eval "$(webinfra env --stack dev)"', "export A='/x y'"];
    assert.deepEqual(exportLines("dev", { A: "/x y" }, []), lines);
    assert.deepEqual(exportLines("dev", { A: "/x y" }, ["/opt/p/bin", "/it's/bin"]), [
      ...lines,
      `case $PATH in '/opt/p/bin:/it'\\''s/bin':*) ;; *) export PATH='/opt/p/bin:/it'\\''s/bin':"$PATH" ;; esac`,
    ]);
  });

  it("puts folders before the shell's own, once", () => {
    const lines = exportLines("dev", {}, ["/a b/bin", "/c/bin"]).join("\n");
    const evaluate = (script: string): string =>
      execFileSync("sh", ["-c", `${script}\nprintf %s "$PATH"`], { env: { PATH: "/usr/bin:/bin" }, encoding: "utf8" });
    assert.equal(evaluate(lines), "/a b/bin:/c/bin:/usr/bin:/bin");
    assert.equal(evaluate(`${lines}\n${lines}`), "/a b/bin:/c/bin:/usr/bin:/bin");
  });

  it("puts them before the caller's for a program, without what the command's own start put there", () => {
    assert.equal(pathWith(["/a/bin"], "/x/node_modules/.bin:/usr/bin", "/x/node_modules/webinfra"), "/a/bin:/usr/bin");
    assert.equal(pathWith(["/a/bin"], "/repo/node_modules/.bin:/usr/bin:/a/bin:/bin", "/repo"), "/a/bin:/usr/bin:/bin");
    assert.equal(pathWith(["/a/bin"], "/usr/bin", "/repo"), "/a/bin:/usr/bin");
  });

  it("gives a program the same variables, and PATH", () => {
    const context = box.context({ json: true });
    const variables = env(context, "trial");
    const { PATH, ...printed } = z.record(z.string(), z.string()).parse(JSON.parse(box.stdout()));
    assert.deepEqual(printed, variables);
    const { folders } = plainPulumi(context.environment)!;
    assert.equal(PATH, pathWith(folders, context.environment["PATH"] ?? "", context.packageFolder));
  });

  it("prints how the shell finds Pulumi and what that needs", () => {
    env(box.context(), "trial");
    const { folders } = plainPulumi(box.context().environment)!;
    assert.ok(box.stdout().includes(`\ncase $PATH in ${folders.join(":")}:*) ;;`), box.stdout());
  });

  it("names the stack, its place, the passphrase's file and the stack file; never the passphrase", () => {
    assert.deepEqual(env(box.context(), "trial"), {
      PULUMI_BACKEND_URL: `file://${box.home}/state`,
      PULUMI_CONFIG_PASSPHRASE_FILE: `${box.home}/passphrase`,
      PULUMI_STACK: "trial",
      PULUMI_OPTION_CONFIG_FILE: `${box.home}/stacks/trial/Pulumi.trial.yaml`,
    });
    assert.ok(!box.stdout().includes(readFileSync(passphraseFile(box.home), "utf8").trim()));
    assert.equal(readFileSync(box.stackFile, "utf8"), stackFileText);
  });
});

describe("cli: where the channel is", () => {
  let box: Sandbox;
  beforeEach(() => (box = sandbox()));
  afterEach(() => box.remove());

  /** What is found of the stack "trial", whose state has its channel in this folder. */
  const found = (directory: string) => {
    const facts = stackFacts(box.context(), "trial");
    const resources = [
      { urn: "u", type: "webinfra:channel:Pointer", inputs: { directory, key: "pointers/primary.json" } },
    ];
    const folder = join(box.home, "state", ".pulumi", "stacks", facts.project);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "trial.json"), JSON.stringify({ checkpoint: { latest: { resources } } }));
    writeFileSync(passphraseFile(box.home), "word");
    return { directory: channelDirectory(facts), variable: env(box.context(), "trial")["WEBINFRA_CHANNEL"] };
  };
  const own = (): string => join(box.home, "channels", "trial");

  it("is below WEBINFRA_HOME for a stack that is new", () => {
    assert.equal(channelDirectory(stackFacts(box.context(), "trial")), own());
  });

  it("stays where the machines of a stack mount it, and plain pulumi is told so", () => {
    const first = join(box.directory, "first", "channels", "trial");
    mkdirSync(first, { recursive: true });
    assert.deepEqual(found(first), { directory: first, variable: first });
    mkdirSync(own(), { recursive: true });
    assert.deepEqual(found(own()), { directory: own(), variable: undefined });
  });

  it("is below WEBINFRA_HOME where the recorded one is gone, or is no stack's channel: that would be deleted", () => {
    assert.deepEqual(found(join(box.directory, "gone", "channels", "trial")), {
      directory: own(),
      variable: undefined,
    });
    assert.deepEqual(found(box.directory), { directory: own(), variable: undefined });
  });
});

describe("cli: the Pulumi CLI", () => {
  describe("plain, runs the program", () => {
    const host = "pulumi-language-nodejs";
    const plain = (path: string, ...files: readonly string[]) =>
      plainPulumi({ HOME: "/h", PATH: path }, (file) => files.includes(file));
    const cli = "/opt/pulumi/bin/pulumi";

    it("with Pulumi's own language host and a Node that is new enough for it", () => {
      const node = dirname(process.execPath);
      for (const official of [`/opt/pulumi/bin/${host}`, `/usr/local/bin/${host}`]) {
        assert.deepEqual(plain("/usr/local/bin:/opt/pulumi/bin", cli, official), {
          folders: ["/opt/pulumi/bin", node],
          ownLanguageHost: false,
        });
      }
    });

    it("with ours where there is none, also in a shell that has ours already", () => {
      const ours = { folders: ["/opt/pulumi/bin", languageFolder], ownLanguageHost: true };
      assert.deepEqual(plain("/opt/pulumi/bin", cli, ownLanguageHost), ours);
      assert.deepEqual(plain(`${languageFolder}:/opt/pulumi/bin`, cli, ownLanguageHost), ours);
    });

    it("and no language host of ours comes into what webinfra itself runs", () => {
      const own = ["/opt/pulumi/bin", dirname(process.execPath), resolve(languageFolder, "../../policy/bin")];
      assert.equal(pathFor(cli, `/a:${languageFolder}:/b`), [...own, "/a", "/b"].join(":"));
    });

    it("not at all where there is no CLI", () => {
      assert.equal(plain("/usr/bin"), undefined);
    });
  });

  it("is the one that set-up installed, else one on PATH that is no npm shim", () => {
    const environment = { HOME: "/h", PATH: "/repo/node_modules/.bin:/opt/pulumi/bin" };
    assert.match(findPulumiRoot(environment, () => true) ?? "", /^\/h\/\.pulumi\/versions\/\d/);
    assert.equal(
      findPulumiRoot(environment, (path) => path === "/opt/pulumi/bin/pulumi"),
      "/opt/pulumi",
    );
    assert.equal(
      findPulumiRoot(environment, (path) => path.startsWith("/repo")),
      undefined,
    );
  });
});
