import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const path = join(__dirname, "agent_test.py");
const agent = join(__dirname, "..", "..", "agent");

/** The tests of agent_test.py by the class that they stand in. */
const tests = [...readFileSync(path, "utf8").matchAll(/^class (\w+)\(|^ {4}def test_(\w+)/gm)].reduce<
  readonly { readonly group: string; readonly name: string }[]
>((found, [, group, name]) => {
  const within = group ?? found.at(-1)?.group ?? "";
  return [...found, { group: within, name: name ?? "" }];
}, []);

describe("agent: the database program", () => {
  const results = new Map<string, string | null>();
  before(() => {
    const { stdout, stderr, status } = spawnSync("python3", ["-B", path], { encoding: "utf8", timeout: 60_000 });
    assert.equal(status, 0, stderr);
    for (const line of stdout.trimEnd().split("\n")) {
      const { name, problem } = JSON.parse(line) as { readonly name: string; readonly problem: string | null };
      results.set(name, problem);
    }
  });

  for (const { group, name } of tests.filter((test) => test.name !== "")) {
    it(`${group.toLowerCase()}: ${name.replaceAll("_", " ")}`, () => {
      const problem = results.get(`${group}.test_${name}`);
      if (problem !== null) assert.fail(problem ?? "it did not run");
    });
  }

  it("need nothing but Python's own library and pymysql", () => {
    const known =
      /^(http|json|os|pathlib|ssl|sys|time|threading|traceback|hashlib|subprocess|concurrent|socket|urllib|pymysql)(\.|$)/;
    for (const name of readdirSync(agent).filter((file) => file.endsWith(".py"))) {
      const text = readFileSync(join(agent, name), "utf8");
      assert.ok(text.startsWith("#!/usr/bin/python3\n"), name);
      const modules = [...text.matchAll(/^ *import ([\w.]+)|^from ([\w.]+) import /gm)].map(([, a, b]) => a ?? b ?? "");
      assert.ok(modules.length > 3);
      assert.deepEqual(
        modules.filter((one) => !known.test(one)),
        [],
        name,
      );
    }
  });
});
