/** What can run under a user's own Node runs under the oldest one that `engines` allows. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import semver from "semver";
import { z } from "zod";
import source from "../../index";
import { platformNames } from "../../platforms/schema";
import { temporaryHome } from "../support/home";
import { askedOn } from "../support/recorded-program";

const run = promisify(execFile);
const repository = resolve(__dirname, "../..");
const read = (file: string): unknown => JSON.parse(readFileSync(join(repository, file), "utf8"));

const engines = z.object({ engines: z.object({ node: z.string() }) }).parse(read("package.json")).engines.node;
const oldest = engines.replace(/^>=/, "");

describe("the oldest Node", function () {
  // Above what its download may take.
  this.timeout(300_000);
  temporaryHome();
  const node = join(repository, "tests", "oldest-node", "node_modules", ".bin", "node");
  const running = async (...args: readonly string[]) =>
    (await run(node, args, { cwd: repository, maxBuffer: 2 ** 26 })).stdout;
  before(() => run("bash", [join(repository, "setup", "oldest-node.sh")]));

  it("is the one that the dependencies need, and no newer one", () => {
    assert.match(engines, /^>=\d+\.\d+\.\d+$/);
    const enginesSchema = z.union([
      z.object({ node: z.string().optional() }),
      z.array(z.string()).transform(() => ({})),
    ]);
    const lockSchema = z.object({
      packages: z.record(
        z.string(),
        z.object({
          dev: z.boolean().optional(),
          engines: enginesSchema.default({}).pipe(z.object({ node: z.string().optional() })),
        }),
      ),
    });
    const ranges = Object.entries(lockSchema.parse(read("package-lock.json")).packages).flatMap(
      ([
        place,
        {
          dev,
          engines: { node: range },
        },
      ]) => (place === "" || dev === true || range === undefined ? [] : [new semver.Range(range)]),
    );
    assert.ok(ranges.length > 100);
    // Where each range, or a part of it, begins: the oldest that all of them allow is among these.
    const beginnings = ranges.flatMap(({ set }) =>
      set.flatMap((part) => semver.minVersion(part.map(({ value }) => value).join(" ")) ?? []),
    );
    const [least] = beginnings.filter((one) => ranges.every((range) => range.test(one))).sort(semver.compare);
    assert.equal(oldest, least?.version);
  });

  it("is the one that is tested with", async () => {
    assert.equal((await running("--version")).trim(), `v${oldest}`);
  });

  it("runs the command", async () => {
    assert.match(await running("launch/command.cjs", "--help"), /^Usage: \S*webinfra /);
    const review = ["launch/command.cjs", "review", "prod", "--json"];
    const { stdout } = await run(process.execPath, review, { cwd: repository });
    assert.deepEqual(JSON.parse(await running(...review)), JSON.parse(stdout));
  });

  it("runs the program, which asks for the same", async () => {
    const asked = z
      .record(z.string(), z.unknown())
      .parse(JSON.parse(await running("--import", "tsx", "tests/support/recorded-program.ts")));
    assert.deepEqual(Object.keys(asked), [...platformNames]);
    for (const platform of platformNames) {
      // As JSON has it, without what is undefined.
      const ours: unknown = JSON.parse(JSON.stringify(await askedOn(platform, source)));
      assert.deepEqual(asked[platform], ours, platform);
    }
  });
});
