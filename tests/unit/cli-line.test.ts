import assert from "node:assert/strict";
import { commandLine } from "../../cli/main";

/** What a command line asks the process for: it goes no further. */
class Asked extends Error {
  constructor(
    readonly json: boolean,
    readonly about: string,
  ) {
    super("asked");
  }
}

async function asked(...args: readonly string[]): Promise<{ json: boolean; stack: string }> {
  const line = commandLine({ context: (json, stack) => Promise.reject(new Asked(json, stack)), exit: () => undefined });
  try {
    await line.parseAsync(["node", "webinfra", ...args]);
  } catch (error) {
    if (error instanceof Asked) {
      return { json: error.json, stack: error.about };
    }
    throw error;
  }
  throw new Error(`not asked by: ${args.join(" ")}`);
}

describe("command line: options that a command and one of its own have both", () => {
  const ways: Record<string, readonly string[]> = {
    "after the last word": ["database", "promote", "db-2", "--stack", "prod", "--json"],
    "in its midst": ["database", "promote", "--json", "-s", "prod", "db-2"],
    "before the command of its own": ["database", "--stack", "prod", "--json", "promote", "db-2"],
    "one here, one there": ["database", "--json", "promote", "--stack=prod", "db-2"],
  };
  for (const [where, args] of Object.entries(ways)) {
    it(`count ${where}`, async () => {
      assert.deepEqual(await asked(...args), { json: true, stack: "prod" });
    });
  }

  it("are off when nobody gave them", async () => {
    assert.deepEqual(await asked("database", "promote", "db-2"), { json: false, stack: "dev" });
    assert.deepEqual(await asked("database"), { json: false, stack: "dev" });
  });

  it("count for every command of a command's own, after its name and before", async () => {
    const program = commandLine({ context: () => Promise.reject(new Error("not reached")), exit: () => undefined });
    let tried = 0;
    for (const outer of program.commands) {
      for (const inner of outer.commands) {
        const words = inner.registeredArguments.filter(({ required }) => required).map(() => "x=1");
        if (!inner.options.some(({ long }) => long === "--stack")) {
          continue;
        }
        const json = inner.options.some(({ long }) => long === "--json");
        const given = ["--stack", "prod", ...(json ? ["--json"] : [])];
        assert.deepEqual(await asked(outer.name(), inner.name(), ...words, ...given), { json, stack: "prod" });
        if (outer.options.some(({ long }) => long === "--stack")) {
          assert.deepEqual(await asked(outer.name(), "--stack", "prod", inner.name(), ...words), {
            json: false,
            stack: "prod",
          });
        }
        tried += 1;
      }
    }
    assert.ok(tried > 1);
  });

  it("and a stack that is named twice, and differently, is refused", async () => {
    await assert.rejects(asked("status", "dev", "--stack", "prod"), {
      message: "the stack is named twice, and differently: --stack prod, and dev",
    });
  });
});
