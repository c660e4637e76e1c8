import assert from "node:assert/strict";
import { join } from "node:path";
import { check, resolveConfig } from "prettier";
import { plan } from "../bench/bench";
import { quantile } from "../bench/measure";
import { performancePage } from "../bench/page";

describe("the benchmark", () => {
  it("measures all groups on a stack of its own, unless told otherwise", () => {
    const all = new Set(["presets", "commands", "idle", "requests", "cost", "lag", "rotation", "scale", "switchover"]);
    assert.deepEqual(plan([]), { stack: undefined, json: undefined, page: false, wanted: all });
    assert.deepEqual(
      plan(["--stack", "dev", "--json", "f.json", "--only", "lag,requests", "--skip", "lag", "--page"]),
      {
        stack: "dev",
        json: "f.json",
        page: true,
        wanted: new Set(["requests"]),
      },
    );
    assert.equal(plan(["--help"]), "help");
  });

  it("names the groups when there is none of a name", () => {
    for (const option of ["--only", "--skip"]) {
      assert.throws(() => plan([option, "lag,speed"]), {
        message: `${option}: there is no group "speed"; there are: presets, commands, idle, requests, cost, lag, rotation, scale, switchover`,
      });
    }
  });

  it("writes a page that the format check takes", async () => {
    const facts = {
      at: "2026-11-26T12:00:00Z",
      commit: "abc1234",
      processors: 2,
      processor: "Some CPU",
      memoryGiB: 24,
    };
    const figures = [
      { name: "up of dedicated-databases from nothing", value: 35.678, unit: "s" },
      { name: "page: failed", value: 0, unit: "requests" },
      { name: "never", value: NaN, unit: "s" },
    ];
    const page = await performancePage(facts, figures);
    assert.match(
      page,
      /^# Performance\n\nWritten by `npm run bench -- --page` on 2026-11-26, commit abc1234, on 2 processors \(Some CPU\) with\n24 GiB/,
    );
    assert.match(page, /^\| up of dedicated-databases from nothing \| +35\.7 \| s +\|$/m);
    assert.match(page, /^\| page: failed +\| +0 \| requests \|$/m);
    assert.match(page, /^\| never +\| not measured \| s +\|$/m);
    const options = await resolveConfig(join(__dirname, "../../docs/performance.md"));
    assert.ok(await check(page, { ...options, parser: "markdown" }));
  });

  it("takes a quantile that is one of the values", () => {
    assert.equal(quantile([3, 1, 2], 0.5), 2);
    assert.equal(quantile([5, 4, 3, 2, 1], 0.99), 5);
    assert.equal(quantile([7], 0), 7);
    assert.ok(Number.isNaN(quantile([], 0.5)));
  });
});
