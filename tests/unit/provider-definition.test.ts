import assert from "node:assert/strict";
import { definition } from "../../provider/definition";

const made = { host: "db-1", machine: "i-1", definition: "a" };

describe("provider: what a host with data was made from", () => {
  const warnings: string[] = [];
  const context = {
    signal: new AbortController().signal,
    status: () => undefined,
    warn: (message: string) => void warnings.push(message),
  };
  beforeEach(() => warnings.splice(0));

  it("is remembered as long as the machine is the same: another definition changes nothing, and is warned of each time", async () => {
    const { outs } = await definition.create(made, context);
    for (const wanted of ["b", "c"]) {
      const { changes, replaces } = await definition.diff(outs, { ...made, definition: wanted }, context);
      assert.deepEqual({ changes, replaces }, { changes: false, replaces: [] });
    }
    const text =
      "db-1 runs an older definition: it holds data, so an update leaves it as it is. " +
      "Settings that changed reach it when the machine is replaced on purpose";
    assert.deepEqual(warnings, [text, text]);
  });

  it("is silent when it is the same", async () => {
    const { outs } = await definition.create(made, context);
    assert.equal((await definition.diff(outs, made, context)).changes, false);
    assert.deepEqual(warnings, []);
  });

  it("is another one with another machine", async () => {
    const { outs } = await definition.create(made, context);
    const next = { ...made, machine: "i-2", definition: "b" };
    assert.deepEqual((await definition.diff(outs, next, context)).replaces, ["machine"]);
    assert.deepEqual((await definition.create(next, context)).outs, next);
  });
});
