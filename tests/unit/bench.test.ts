import assert from "node:assert/strict";
import { plan } from "../bench/bench";
import { quantile } from "../bench/measure";

describe("the benchmark", () => {
  it("measures all groups on a stack of its own, unless told otherwise", () => {
    const all = new Set(["presets", "requests", "cost", "lag", "rotation", "switchover"]);
    assert.deepEqual(plan([]), { stack: undefined, json: undefined, wanted: all });
    assert.deepEqual(plan(["--stack", "dev", "--json", "f.json", "--only", "lag,requests", "--skip", "lag"]), {
      stack: "dev",
      json: "f.json",
      wanted: new Set(["requests"]),
    });
    assert.equal(plan(["--help"]), "help");
  });

  it("names the groups when there is none of a name", () => {
    for (const option of ["--only", "--skip"]) {
      assert.throws(() => plan([option, "lag,speed"]), {
        message: `${option}: there is no group "speed"; there are: presets, requests, cost, lag, rotation, switchover`,
      });
    }
  });

  it("takes a quantile that is one of the values", () => {
    assert.equal(quantile([3, 1, 2], 0.5), 2);
    assert.equal(quantile([5, 4, 3, 2, 1], 0.99), 5);
    assert.equal(quantile([7], 0), 7);
    assert.ok(Number.isNaN(quantile([], 0.5)));
  });
});
