/** A project of the user's own, which has this package among its dependencies. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { version as sdkVersion } from "@pulumi/pulumi/version";
import { parse } from "yaml";
import { z } from "zod";
import { configOf } from "../../cli/engine/configuration";
import {
  init,
  installedPackage,
  platformNamed,
  projectFiles,
  projectNameFor,
  writeProject,
} from "../../cli/engine/init";
import { runOwnProgram } from "../../cli/engine/program";
import { stackFacts } from "../../cli/engine/stack";
import { projectName, settingsIn } from "../../cli/engine/stackfile";
import { commandLine } from "../../cli/main";
import { projectOf } from "../../cli/project";
import { surroundingsOf, withRunnableHints } from "../../cli/terminal/hints";
import { UserError } from "../../core/errors";
import { platformNames } from "../../platforms/schema";
import { sandbox } from "../support/cli";

const repository = resolve(__dirname, "../..");

describe("own project", () => {
  let folder: string;
  beforeEach(() => (folder = realpathSync(mkdtempSync(join(tmpdir(), "webinfra-own-")))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Makes a project that this package is installed into. @param modules whether with its dependencies, too */
  const install = (): string => {
    const place = join(folder, "shop");
    mkdirSync(join(place, "node_modules", "@pulumi"), { recursive: true });
    symlinkSync(repository, join(place, "node_modules", "webinfra"));
    symlinkSync(
      join(repository, "node_modules", "@pulumi", "pulumi"),
      join(place, "node_modules", "@pulumi", "pulumi"),
    );
    return place;
  };

  describe("is found", () => {
    it("as the nearest folder with a Pulumi.yaml, when the package is installed", () => {
      const installed = join(folder, "mono", "node_modules", "webinfra");
      mkdirSync(join(folder, "mono", "shop", "deep"), { recursive: true });
      writeFileSync(join(folder, "mono", "shop", "Pulumi.yaml"), "name: shop\n");
      const shop = { folder: join(folder, "mono", "shop"), own: true };
      assert.deepEqual(projectOf(installed, join(folder, "mono", "shop", "deep")), shop);
      assert.deepEqual(projectOf(installed, join(folder, "mono", "shop")), shop);
    });

    it("as the folder that it is installed into, where there is none yet", () => {
      const installed = join(folder, "shop", "node_modules", "webinfra");
      assert.deepEqual(projectOf(installed, folder), { folder: join(folder, "shop"), own: true });
    });

    it("as the repository, from wherever that is called", () => {
      writeFileSync(join(folder, "Pulumi.yaml"), "name: other\n");
      assert.deepEqual(projectOf("/src/webinfra", folder), { folder: "/src/webinfra", own: false });
    });

    it("or is told to be made", () => {
      assert.throws(() => projectName(folder), {
        message: `${folder} is no project yet: it has no Pulumi.yaml; \`webinfra init\` writes it`,
      });
    });
  });

  it("has hints that can be pasted", () => {
    const packageFolder = join(folder, "shop", "node_modules", "webinfra");
    const at = (directory: string) =>
      surroundingsOf({
        packageFolder,
        project: { folder: join(folder, "shop"), own: true },
        environment: { PATH: "/bin" },
        directory: join(folder, directory),
      });
    const shown = (text: string, directory = "shop"): string =>
      withRunnableHints(text, { ...at(directory), stack: "prod", onStacks: new Set(["up"]) });
    assert.equal(shown("`webinfra up`"), "`npx webinfra up --stack prod`");
    assert.equal(shown("`npm run setup`"), "`npx webinfra setup`");
    assert.equal(shown("`bash setup/teardown.sh`"), "`bash node_modules/webinfra/setup/teardown.sh`");
    assert.equal(shown("`npm ci`"), "`npm ci`");
    mkdirSync(join(folder, "shop", "app"), { recursive: true });
    assert.equal(shown("`npm ci`", "shop/app"), "`(cd .. && npm ci)`");
    assert.equal(shown("`bash setup/teardown.sh`", "shop/app"), "`bash ../node_modules/webinfra/setup/teardown.sh`");
  });

  describe("as init writes it", () => {
    const files = (platform: (typeof platformNames)[number], app = "") =>
      projectFiles({
        app,
        platform,
        folder: join(folder, "My Shop!"),
        packageFolder: join(folder, "My Shop!", "node_modules", "webinfra"),
        templates: repository,
      });

    for (const platform of platformNames) {
      it(`has stacks that are sound: ${platform}`, () => {
        const written = files(platform);
        const stacks = Object.keys(written).filter((name) => /^Pulumi\..+\.yaml$/.test(name));
        assert.deepEqual(stacks, platform === "incus" ? ["Pulumi.dev.yaml"] : ["Pulumi.dev.yaml", "Pulumi.prod.yaml"]);
        const platforms = stacks.map((name) => configOf(settingsIn(written[name] ?? "", name)).platform);
        assert.deepEqual(platforms, platform === "incus" ? ["incus"] : ["incus", platform]);
        for (const name of stacks) {
          assert.equal(configOf(settingsIn(written[name] ?? "", name)).app.directory, "node_modules/webinfra/app/dist");
          assert.match(
            written[name] ?? "",
            /^# yaml-language-server: \$schema=node_modules\/webinfra\/schema\/stack\.schema\.json$/m,
          );
          assert.match(written[name] ?? "", /node_modules\/webinfra\/docs\/configuration\.md describes every key/);
        }
      });

      it(`has workflows whose actions are those of this repository, and whose commands there are: ${platform}`, async () => {
        const written = files(platform);
        const names = Object.keys(written).filter((name) => name.startsWith(".github/"));
        assert.equal(names.length, platform === "incus" ? 1 : 2);
        const own = [".github/workflows", ".github/actions/prepare"]
          .flatMap((place) => readdirSync(join(repository, place)).map((name) => join(repository, place, name)))
          .map((file) => readFileSync(file, "utf8"))
          .join("\n");
        const stepSchema = z.object({ uses: z.string().optional(), run: z.string().optional() });
        const workflowSchema = z.object({ jobs: z.record(z.string(), z.object({ steps: z.array(stepSchema) })) });
        for (const name of names) {
          const { jobs } = workflowSchema.parse(parse(written[name] ?? ""));
          const steps = Object.values(jobs).flatMap(({ steps: all }) => all);
          assert.ok(steps.length > 3);
          for (const { uses, run } of steps) {
            assert.ok(uses === undefined || own.includes(`uses: ${uses}`), `${name}: ${uses ?? ""}`);
            for (const [, words = ""] of (run ?? "").matchAll(/^ *npx webinfra ([^>\n]*)/gm)) {
              const line = commandLine({ context: () => Promise.reject(new Error("parsed")), exit: () => undefined });
              await assert.rejects(line.parseAsync(["node", "webinfra", ...words.trim().split(" ")]), {
                message: "parsed",
              });
            }
          }
        }
        const preview = written[".github/workflows/preview.yml"] ?? "";
        assert.equal(/AWS_ROLE \}\}/.test(preview), platform === "aws");
        assert.equal(/DIGITALOCEAN_TOKEN \}\}/.test(preview), platform === "digitalocean");
        assert.equal(preview.includes(`pulumi-version: ${sdkVersion}`), platform !== "incus");
      });
    }

    it("has its name from its folder", () => {
      assert.equal(z.object({ name: z.string() }).parse(parse(files("incus")["Pulumi.yaml"] ?? "")).name, "my-shop");
      assert.equal(projectNameFor("/x/--"), "site");
      assert.equal(projectNameFor("/x/Läden_24"), "l-den-24");
    });

    it("starts an application of the user's by the file that it has", () => {
      const app = (file?: string) => {
        const place = join(folder, "My Shop!", "web");
        mkdirSync(place, { recursive: true });
        if (file !== undefined) {
          writeFileSync(join(place, file), "");
        }
        const text = files("incus", "web")["Pulumi.dev.yaml"] ?? "";
        rmSync(place, { recursive: true });
        return z.object({ config: z.record(z.string(), z.unknown()) }).parse(parse(text)).config["webinfra:app"];
      };
      assert.deepEqual(app("app.py"), { directory: "web", packages: ["python3"], start: "/usr/bin/python3 app.py" });
      assert.deepEqual(app("server.js"), { directory: "web", packages: ["nodejs"], start: "/usr/bin/node server.js" });
      assert.deepEqual(app(), { directory: "web" });
    });

    it("keeps what may be there before, and writes nothing where something else is in the way", () => {
      writeFileSync(join(folder, ".gitignore"), "mine\n");
      const made = { ".gitignore": "ours\n", "index.ts": "", ".github/workflows/check.yml": "" };
      assert.deepEqual(writeProject(folder, made), ["index.ts", ".github/workflows/check.yml"]);
      assert.equal(readFileSync(join(folder, ".gitignore"), "utf8"), "mine\n");
      rmSync(join(folder, ".github"), { recursive: true });
      assert.throws(
        () => writeProject(folder, made),
        new UserError(`${folder} has index.ts already: nothing was written`),
      );
      assert.equal(existsSync(join(folder, ".github")), false);
    });

    it("says what is wrong before it writes", async () => {
      assert.throws(() => installedPackage(folder, repository), {
        message: `webinfra is not installed in ${folder}: run \`npm install --save-exact webinfra\` there first, or give the path of a package that \`npm pack\` made`,
      });
      assert.throws(() => platformNamed("asw"), {
        message: 'there is no platform "asw" (did you mean "aws"?): should be one of incus, aws, digitalocean',
      });
      const place = install();
      const box = sandbox();
      try {
        const { output } = box.context();
        await assert.rejects(init(output, place, repository, { app: "web", yes: true }), {
          message: `--app web: there is no such folder in ${place}`,
        });
        await init(output, place, repository, { yes: true });
        assert.deepEqual(readdirSync(place).sort(), [
          ".github",
          ".gitignore",
          "Pulumi.dev.yaml",
          "Pulumi.yaml",
          "index.ts",
          "node_modules",
          "tsconfig.json",
        ]);
        assert.match(
          box.stdout(),
          /^wrote index\.ts\n[^]*next: `webinfra setup`, which gets this machine ready, and `webinfra up`\n$/m,
        );
      } finally {
        box.remove();
      }
    });
  });

  describe("has a program", () => {
    const program = async (text: string, environment: Readonly<Record<string, string>> = {}) => {
      const place = existsSync(join(folder, "shop")) ? join(folder, "shop") : install();
      writeFileSync(join(place, "Pulumi.yaml"), "name: shop\nmain: index.ts\n");
      writeFileSync(join(place, "index.ts"), text);
      const outputs = await runOwnProgram(place, environment);
      assert.deepEqual(readdirSync(join(place, "node_modules", ".cache", "webinfra")), []);
      return outputs;
    };

    it("whose exports are the outputs, or what they return when they are a function", async () => {
      assert.deepEqual({ ...(await program("export const a: number = 1;")) }, { a: 1 });
      assert.deepEqual(await program("export = () => ({ b: 2 });"), { b: 2 });
      assert.deepEqual(await program("export default async () => ({ c: 3 });"), { c: 3 });
    });

    it("which runs anew each time, with its own packages, files and place", async () => {
      mkdirSync(join(install(), "lib"));
      writeFileSync(join(folder, "shop", "lib", "place.ts"), "export const place = __dirname;");
      const text = `
        import * as pulumi from "@pulumi/pulumi";
        import { place } from "./lib/place";
        let runs = 0;
        export = () => ({ runs: ++runs, place, here: __dirname, same: pulumi.Output === (globalThis as any).theOutput });
      `;
      Object.assign(globalThis, { theOutput: (await import("@pulumi/pulumi")).Output });
      const expected = { runs: 1, place: join(folder, "shop", "lib"), here: join(folder, "shop"), same: true };
      assert.deepEqual(await program(text), expected);
      assert.deepEqual(await program(text), expected);
      Reflect.deleteProperty(globalThis, "theOutput");
    });

    it("which sees the variables of its run, and of no other", async () => {
      const text =
        "export = (given: NodeJS.ProcessEnv) => ({ seen: process.env.WEBINFRA_TEST_RUN, given: given.WEBINFRA_TEST_RUN });";
      assert.deepEqual(await program(text, { WEBINFRA_TEST_RUN: "x" }), { seen: "x", given: "x" });
      assert.equal(process.env["WEBINFRA_TEST_RUN"], undefined);
    });

    it("whose errors are told as its own, with their place", async () => {
      process.setSourceMapsEnabled(true);
      const place = join(folder, "shop");
      const thrown = async (text: string): Promise<string> => {
        const error: unknown = await program(text).catch((reason: unknown) => reason);
        assert.ok(error instanceof UserError);
        return error.message;
      };
      const told = await thrown('const a = 1;\nthrow new Error("mine");');
      assert.ok(told.startsWith(`the program of ${place} failed: Error: mine\n`), told);
      assert.ok(told.includes(`${join(place, "index.ts")}:2:7`), told);
      assert.equal(await thrown('throw "a word";'), `the program of ${place} failed: a word`);
      assert.match(
        await thrown('import a from "no-such-package";\nexport = a;'),
        /failed: Error: Cannot find module 'no-such-package'/,
      );
    });

    it("whose own message for the user stays as it is", async () => {
      const text = 'import { RunError } from "@pulumi/pulumi";\nthrow new RunError("mine");';
      await assert.rejects(program(text), { message: "mine" });
    });

    it("in the usual ways of modules: a place of its own, a first line for the shell", async () => {
      const text = `#!/usr/bin/env node
        import { dirname } from "node:path";
        import { fileURLToPath } from "node:url";
        const __filename = fileURLToPath(import.meta.url);
        const __dirname = dirname(__filename);
        export default { own: __dirname, other: import.meta.dirname };
      `;
      const place = join(folder, "shop");
      assert.deepEqual(await program(text), { own: place, other: place });
    });

    it("and says what is wrong with it", async () => {
      const place = install();
      await assert.rejects(program("export = () => 3;"), {
        message: `${join(place, "index.ts")} exports no outputs: it should end with \`export = () => site.outputs\``,
      });
      await assert.rejects(program("const a = 1;\nconst = 2;"), {
        message: `the program of ${place} cannot be read:\n  - index.ts:2:7: Expected identifier but found "="`,
      });
      rmSync(join(place, "index.ts"));
      await assert.rejects(runOwnProgram(place, {}), {
        message: `${place} has no program: ${join(place, "index.ts")} does not exist; \`webinfra init\` writes it`,
      });
    });

    it("that is refused with an SDK of its own", async () => {
      const place = install();
      const own = join(place, "node_modules", "@pulumi", "pulumi");
      rmSync(own);
      mkdirSync(own);
      writeFileSync(join(own, "package.json"), JSON.stringify({ name: "@pulumi/pulumi", version: "3.1.0" }));
      await assert.rejects(program("export = () => ({});"), {
        message: `the project's @pulumi/pulumi is 3.1.0, and webinfra works with ${sdkVersion}: run \`npm install --save-exact @pulumi/pulumi@${sdkVersion}\``,
      });
    });
  });

  it("does not touch the stack of another project, whose machines have the same names", () => {
    const box = sandbox();
    try {
      const work = join(box.home, "stacks", "trial");
      mkdirSync(work, { recursive: true });
      writeFileSync(join(work, "Pulumi.yaml"), "name: shop\nmain: /src/shop\n");
      // It is down: nobody's machines are in the way.
      assert.equal(stackFacts(box.context(), "trial").project, "webinfra");
      const state = join(box.home, "state", ".pulumi", "stacks", "shop");
      mkdirSync(state, { recursive: true });
      const holding = (...types: readonly string[]): void => {
        const resources = types.map((type) => ({ urn: `urn:pulumi:trial::shop::${type}::x`, type }));
        writeFileSync(join(state, "trial.json"), JSON.stringify({ version: 3, checkpoint: { latest: { resources } } }));
      };
      // It was only previewed.
      holding("pulumi:pulumi:Stack");
      assert.equal(stackFacts(box.context(), "trial").project, "webinfra");
      holding("pulumi:pulumi:Stack", "webinfra:incus:Machine");
      assert.throws(() => stackFacts(box.context(), "trial"), {
        message:
          'the stack "trial" on this machine is that of the project "shop" (/src/shop), and two with one name would have the same machines: ' +
          "name this one otherwise, such as `webinfra up --stack webinfra-trial --config-file Pulumi.trial.yaml`, or take that one down there",
      });
    } finally {
      box.remove();
    }
  });
});
